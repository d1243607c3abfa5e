"""Maintenance: removes what is no longer needed, and logins that nobody uses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import attrs

from coproauth.core.audit import Pathway
from coproauth.core.identities import Identity
from coproauth.core.maintenance import PurgeReport, Waste, cut_offs
from coproauth.core.messages import MailKind
from coproauth.ports import UnitOfWork
from coproauth.services.service import Service
from coproauth.services.units import persistently


@attrs.frozen(kw_only=True)
class Maintenance(Service):
    """Purges; to be run once a day, while everything else goes on."""

    def purge(self) -> PurgeReport:
        """Remove what is no longer needed, and return how much that was.

        1. Rows that are over, ``Policy.purge_batch`` in each transaction: nobody waits for long.
        2. Owners of logins that will soon have been unused for ``Policy.login_idle`` are warned, once. The mail is
           queued in the unit of work that notes the warning, and only if the login is unused still.
        3. Logins that were unused for that long, and whose owners were warned ``Policy.login_idle_warning`` ago, are
           removed: a mailbox that was given to another person opens nothing, and nothing is kept for longer than it
           is needed (GDPR art. 5(1)(e)).

        A log-in takes the warning back. Whatever cuts a purge off, the next one goes on; two at once do no harm.

        Raises:
            Unavailable: the store is away; what was removed stays removed.
        """
        with self._attempts.by_system(Pathway.PURGED):
            now = self.clock.now()
            removed = {waste: self._sweep(waste, before) for waste, before in cut_offs(self.policy, at=now).items()}
            return PurgeReport(
                removed=removed,
                logins_warned=self._warn_owners(now),
                logins_removed=self._remove_unused(now),
            )

    def _sweep(self, waste: Waste, before: datetime) -> int:
        limit = self.policy.purge_batch
        housekeeping = self.store.housekeeping()
        total = 0
        while True:
            deleted = persistently(lambda: housekeeping.sweep(waste, before=before, limit=limit), policy=self.policy)
            total += deleted
            if deleted < limit:
                return total

    def _warn_owners(self, now: datetime) -> int:
        before = now - (self.policy.login_idle - self.policy.login_idle_warning)

        def warn(identity: Identity) -> bool:
            return self._atomically(lambda work: self._warn(work, identity.id, before))

        return self._for_each_idle(warn, Pathway.IDLE_LOGIN_WARNED, before=before, warned_before=None)

    def _warn(self, work: UnitOfWork, identity_id: str, before: datetime) -> bool:
        """Queue the warning and note it, if the login is as unused as it was when it was found."""
        identity = work.identities.get(identity_id)
        if identity is None or identity.warned_at is not None or identity.last_login_at >= before:
            return False
        warned = attrs.evolve(identity, warned_at=self.clock.now())
        if not work.identities.save(warned, expected_stamp=identity.credential_stamp):
            return False
        self._mail.to_identity(work, MailKind.IDLE_WARNING, warned)
        return True

    def _remove_unused(self, now: datetime) -> int:
        before = now - self.policy.login_idle
        housekeeping = self.store.housekeeping()

        def remove(identity: Identity) -> bool:
            return persistently(
                lambda: housekeeping.remove_identity(identity.id, unless_used_since=before), policy=self.policy
            )

        warned_before = now - self.policy.login_idle_warning
        return self._for_each_idle(remove, Pathway.IDLE_LOGIN_REMOVED, before=before, warned_before=warned_before)

    def _for_each_idle(
        self, act: Callable[[Identity], bool], pathway: Pathway, *, before: datetime, warned_before: datetime | None
    ) -> int:
        """Act on every idle login, a batch at a time, and return on how many something was done.

        Whatever is done to a login, here or elsewhere meanwhile, takes it out of the next batch; a batch in which
        nothing could be done is the last one, so that no store can keep this going forever.
        """
        total = 0
        while True:
            batch = self._idle(before, warned_before)
            done = 0
            for identity in filter(act, batch):
                self._attempts.note(pathway, subject=identity.id)  # before the next, which may be cut off
                done += 1
            total += done
            if not done or len(batch) < self.policy.purge_batch:
                return total

    def _idle(self, before: datetime, warned_before: datetime | None) -> Sequence[Identity]:
        return persistently(
            lambda: self.store.housekeeping().idle_identities(
                before=before, warned_before=warned_before, limit=self.policy.purge_batch
            ),
            policy=self.policy,
        )
