"""One attempt at one pathway: admitted by the throttle before anything is looked at, on record however it ends.

Counters and audit events are kept outside the unit of work, so that they survive its roll-back.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import timedelta

import attrs

from coproauth.core.accounts import Manager
from coproauth.core.audit import AuditEvent, Outcome, Pathway
from coproauth.core.sources import Source
from coproauth.core.throttling import OnSuccess, ThrottleKey
from coproauth.errors import Refused, Throttled, Unavailable
from coproauth.ports import AuditSink, Clock, Throttle


@attrs.define(kw_only=True)
class Attempt:
    """An attempt under way.

    Attributes:
        subject: whose login or contact it is about, once that is known.
        silenced: why it came to nothing although the answer is that of a success.
    """

    subject: str | None = None
    silenced: str | None = None
    throttle: Throttle
    clock: Clock
    _admitted: list[ThrottleKey] = attrs.field(factory=list, init=False)
    _vouched: list[ThrottleKey] = attrs.field(factory=list, init=False)

    def admit(self, *keys: ThrottleKey) -> None:
        """Count the attempt on further keys; on none of them twice.

        Raises:
            Throttled: one of the keys must wait.
        """
        new = [key for key in keys if key not in self._admitted]
        wait = self.throttle.admit(new, at=self.clock.now()) if new else timedelta(0)
        if wait > timedelta(0):
            raise Throttled(retry_after=wait)
        self._admitted += new

    def may(self, key: ThrottleKey) -> bool:
        """Count the attempt on a key whose wait must show in no answer; on record it is a refusal all the same."""
        try:
            self.admit(key)
        except Throttled as throttled:
            self.silenced = throttled.reason
            return False
        return True

    def vouch(self, key: ThrottleKey) -> None:
        """Have a key cleared if the attempt succeeds: it proves by other means to be the owner's."""
        if key not in self._vouched:
            self._vouched.append(key)

    def settle(self, *, succeeded: bool) -> None:
        """Give the attempt back: it was no guess. A success also clears what it proves to be the owner's.

        If the counters are away by then, it stays counted: the answer stands.
        """
        keep = {OnSuccess.CLEAR, OnSuccess.KEEP} if succeeded else {OnSuccess.KEEP}
        forgiven = [key for key in self._admitted if key.on_success not in keep]
        owned = [key for key in self._admitted if key.on_success is OnSuccess.CLEAR]
        cleared = [*owned, *(key for key in self._vouched if key not in owned)]
        with suppress(Unavailable):
            self.throttle.settle(forgive=forgiven, clear=cleared if succeeded else [])


@attrs.frozen(kw_only=True)
class Attempts:
    """Opens attempts."""

    throttle: Throttle
    audit: AuditSink
    clock: Clock

    def by_person(self, pathway: Pathway, source: object) -> AbstractContextManager[Attempt]:
        """Run a pathway's block as one attempt of somebody at a browser.

        Raises:
            InvalidInput: the source is none.
        """
        return self.on(pathway, source=Source.require(source))

    def by_manager(self, pathway: Pathway, manager: object) -> AbstractContextManager[Attempt]:
        """Run a pathway's block as one attempt of a manager; whether he may is decided inside."""
        return self.on(pathway, manager=manager if isinstance(manager, Manager) else None)

    @contextmanager
    def on(
        self, pathway: Pathway, *, source: Source | None = None, manager: Manager | None = None
    ) -> Iterator[Attempt]:
        """Run a pathway's block as one attempt.

        Whatever a guesser would collect stays counted, and so does an unexpected error (fail closed, ASVS V16.5.3);
        every other answer is given back. Each end is recorded once.

        Raises:
            Unavailable: the end could not be recorded; ``outcome_unknown`` if it was a success.
        """
        attempt = Attempt(throttle=self.throttle, clock=self.clock)

        def record(outcome: Outcome, reason: str | None = None) -> None:
            self.audit.record(
                AuditEvent(
                    at=self.clock.now(),
                    pathway=pathway,
                    outcome=outcome,
                    reason=reason,
                    actor=manager.id if manager else None,
                    subject=attempt.subject,
                    address=source.address if source else None,
                )
            )

        try:
            yield attempt
        except Refused as refusal:
            record(Outcome.REFUSED, refusal.reason)
            if not refusal.is_guess:
                attempt.settle(succeeded=False)
            raise
        except Exception as error:
            record(Outcome.FAILED, type(error).__name__)
            raise
        try:
            record(Outcome.REFUSED if attempt.silenced else Outcome.SUCCEEDED, attempt.silenced)
        except Unavailable as error:  # what was done is kept, and not on record
            raise Unavailable(reason="outcome_unknown") from error
        attempt.settle(succeeded=True)
