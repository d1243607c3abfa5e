"""One attempt at one pathway: admitted by the throttle before anything is looked at, on record however it ends.

Counters and the record of a refusal or failure are kept outside the unit of work, so that they survive its roll-back.
The success of most pathways is on record with what it tells of, in one transaction, where the database allows it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import timedelta
from functools import cached_property

import attrs

from coproauth.core.accounts import ID_MAX_LENGTH, Manager, parse_id
from coproauth.core.audit import REASON_MAX_LENGTH, ActorKind, AuditEvent, Outcome, Pathway
from coproauth.core.sources import Source
from coproauth.core.text import clip
from coproauth.core.throttling import OnSuccess, ThrottleKey, is_limit_reached
from coproauth.errors import Refused, Throttled, Unavailable
from coproauth.ports import AuditSink, Clock, JoiningAudit, JoiningThrottle, SecretSource, Throttle, UnitOfWork
from coproauth.services.correlation import correlated, current_correlation_id
from coproauth.services.joining import joining_audit, joining_throttle


@attrs.define(kw_only=True)
class Attempt:
    """An attempt under way.

    Attributes:
        pathway: at what.
        actor_kind: who acts.
        actor: the id of who acts, once that is proven.
        source: where it comes from, if a browser says so.
        subject: whose login or contact it is about, once that is known.
        silenced: why it came to nothing although the answer is that of a success.
        throttle: where it is counted.
        audit: where its end is put on record.
        joining: the same two, the trail first, as far as they can be part of a unit of work.
        clock: tells when.
    """

    pathway: Pathway
    actor_kind: ActorKind
    actor: str | None = None
    source: Source | None = None
    subject: str | None = None
    silenced: str | None = None
    throttle: Throttle
    audit: AuditSink
    joining: tuple[JoiningAudit | None, JoiningThrottle | None]
    clock: Clock
    _is_recorded: bool = attrs.field(default=False, init=False)
    _is_settled: bool = attrs.field(default=False, init=False)
    _admitted: list[ThrottleKey] = attrs.field(factory=list, init=False)
    _vouched: list[ThrottleKey] = attrs.field(factory=list, init=False)

    def acts(self, identity_id: str) -> None:
        """Note whose login it is about, and that a secret has proven its owner to be the one who acts."""
        self.actor = self.subject = identity_id

    def admit(self, *keys: ThrottleKey) -> None:
        """Count the attempt on further keys; on none of them twice, and on none that an earlier one spares.

        Raises:
            Throttled: one of the keys must wait; ``reset_required`` if that is because its limit is reached.
        """
        new = [key for key in keys if key not in self._admitted and not self._is_spared(key)]
        wait = self.throttle.admit(new, at=self.clock.now()) if new else timedelta(0)
        if wait > timedelta(0):
            raise Throttled(retry_after=wait, reason="reset_required" if is_limit_reached(new, wait) else None)
        self._admitted += new

    def may(self, key: ThrottleKey) -> bool:
        """Count the attempt on a key; False, and the attempt goes on without what the key limits, if it must wait."""
        try:
            self.admit(key)
        except Throttled:
            return False
        return True

    def counted(self, *keys: ThrottleKey) -> int:
        """Return how many attempts are counted on some keys beside this one."""
        now = self.clock.now()
        return sum(self.throttle.counted(key, at=now) - (key in self._admitted) for key in keys)

    def vouch(self, key: ThrottleKey) -> None:
        """Have a key cleared if the attempt succeeds: it proves by other means to be the owner's."""
        if key not in self._vouched:
            self._vouched.append(key)

    def conclude(self, work: UnitOfWork) -> None:
        """Put the success on record, and give the attempt back, with the unit of work that a pathway ends with.

        What is not kept in the unit's database follows after it, by ``succeed``. A unit that is run again does it anew.
        """
        audit, throttle = self.joining
        self._is_recorded = audit is not None and audit.record_within(work, self._success())
        self._is_settled = (
            self._is_recorded  # what is not on record is not given back
            and throttle is not None
            and throttle.settle_within(work, forgive=self._no_guesses(), clear=self._cleared())
        )

    def succeed(self) -> None:
        """Put the success on record, then give the attempt back; neither, if that was done with the unit of work.

        Raises:
            Unavailable: ``outcome_unknown``: what was done is kept, and not on record.
        """
        if not self._is_recorded:
            try:
                self.record_success()
            except Unavailable as error:
                raise Unavailable(reason="outcome_unknown") from error
        if not self._is_settled:
            self._settle(forgive=self._no_guesses(), clear=self._cleared())

    def record_success(self) -> None:
        """Put the success on record.

        Raises:
            Unavailable: it could not be recorded.
        """
        self.audit.record(self._success())

    def refuse(self, refusal: Refused) -> None:
        """Put a refusal on record, then give the attempt back if nothing was guessed."""
        self.audit.record(self._event(Outcome.REFUSED, refusal.reason))
        if not refusal.is_guess:
            self._settle(forgive=[*self._no_guesses(), *self._owned()])

    def fail(self, error: Exception) -> None:
        """Put an unexpected error on record; the attempt stays counted (fail closed, ASVS V16.5.3)."""
        reason = error.reason if isinstance(error, Unavailable) else type(error).__name__
        self.audit.record(self._event(Outcome.FAILED, reason))

    def _is_spared(self, key: ThrottleKey) -> bool:
        """Whether a key spares it that was admitted earlier: the throttle compares those of one call only."""
        sparing = [earlier for earlier in self._admitted if earlier.name == key.spared_by]
        return bool(sparing) and key.is_spared_at(self.counted(*sparing))

    def _settle(self, *, forgive: Sequence[ThrottleKey], clear: Sequence[ThrottleKey] = ()) -> None:
        """If the counters are away by then, the attempt stays counted: the answer stands."""
        with suppress(Unavailable):
            self.throttle.settle(forgive=forgive, clear=clear)

    def _no_guesses(self) -> list[ThrottleKey]:
        return [key for key in self._admitted if key.on_success is OnSuccess.FORGIVE]

    def _owned(self) -> list[ThrottleKey]:
        return [key for key in self._admitted if key.on_success is OnSuccess.CLEAR]

    def _cleared(self) -> list[ThrottleKey]:
        """Return what a success proves to be the owner's."""
        owned = self._owned()
        return [*owned, *(key for key in self._vouched if key not in owned)]

    def _success(self) -> AuditEvent:
        return self._event(Outcome.REFUSED if self.silenced else Outcome.SUCCEEDED, self.silenced)

    def _event(self, outcome: Outcome, reason: str | None) -> AuditEvent:
        return AuditEvent(
            at=self.clock.now(),
            pathway=self.pathway,
            outcome=outcome,
            reason=None if reason is None else clip(reason, max_length=REASON_MAX_LENGTH),
            actor_kind=self.actor_kind,
            actor=None if self.actor is None else clip(self.actor, max_length=ID_MAX_LENGTH),
            subject=self.subject,
            address=self.source.address if self.source else None,
            user_agent=self.source.user_agent if self.source else None,
            correlation_id=current_correlation_id(),
        )


@attrs.frozen(kw_only=True)
class Attempts:
    """Opens attempts."""

    throttle: Throttle
    audit: AuditSink
    clock: Clock
    secrets: SecretSource

    def by_person(self, pathway: Pathway, source: object) -> AbstractContextManager[Attempt]:
        """Run a pathway's block as one attempt of somebody at a browser.

        Raises:
            InvalidInput: the source is none.
        """
        return self._run(pathway, ActorKind.PERSON, source=Source.require(source))

    def by_session(self, pathway: Pathway) -> AbstractContextManager[Attempt]:
        """Run a pathway's block as one attempt of whoever shows a session; from where is not asked."""
        return self._run(pathway, ActorKind.PERSON)

    def by_manager(self, pathway: Pathway, manager: object) -> AbstractContextManager[Attempt]:
        """Run a pathway's block as one attempt of a manager; whether he may is decided inside."""
        return self._run(pathway, ActorKind.MANAGER, actor=manager.id if isinstance(manager, Manager) else None)

    def by_operator(self, pathway: Pathway, operator: object) -> AbstractContextManager[Attempt]:
        """Run a pathway's block as one attempt of who runs the installation; None if nobody says who that is.

        Raises:
            InvalidInput: the operator's id is none at all.
        """
        acting = None if operator is None else parse_id(operator, field="operator")
        return self._run(pathway, ActorKind.OPERATOR, actor=acting)

    def by_system(self, pathway: Pathway) -> AbstractContextManager[Attempt]:
        """Run a pathway's block as one attempt of the library itself."""
        return self._run(pathway, ActorKind.SYSTEM)

    def note(self, pathway: Pathway, *, subject: str) -> None:
        """Put on record what an attempt of the library's own did to one login of many.

        Raises:
            Unavailable: it could not be recorded.
        """
        self._attempt(pathway, ActorKind.SYSTEM, subject=subject).record_success()

    @contextmanager
    def _run(
        self, pathway: Pathway, actor_kind: ActorKind, *, actor: str | None = None, source: Source | None = None
    ) -> Iterator[Attempt]:
        """Run a pathway's block as one attempt.

        Whatever a guesser would collect stays counted, and so does an unexpected error; every other answer is given
        back. Each end is recorded once, with the request's id or one drawn for it; where nobody knows whether a unit of
        work was kept, its success may be on record beside that.

        Raises:
            Unavailable: the end could not be recorded; ``outcome_unknown`` if it was a success.
        """
        attempt = self._attempt(pathway, actor_kind, actor=actor, source=source)
        with correlated(current_correlation_id() or self.secrets.token_bytes(16).hex()):
            try:
                yield attempt
            except Refused as refusal:
                attempt.refuse(refusal)
                raise
            except Exception as error:
                attempt.fail(error)
                raise
            attempt.succeed()

    def _attempt(
        self,
        pathway: Pathway,
        actor_kind: ActorKind,
        *,
        actor: str | None = None,
        subject: str | None = None,
        source: Source | None = None,
    ) -> Attempt:
        return Attempt(
            pathway=pathway,
            actor_kind=actor_kind,
            actor=actor,
            subject=subject,
            source=source,
            throttle=self.throttle,
            audit=self.audit,
            joining=self._joining,
            clock=self.clock,
        )

    @cached_property
    def _joining(self) -> tuple[JoiningAudit | None, JoiningThrottle | None]:
        return joining_audit(self.audit), joining_throttle(self.throttle)
