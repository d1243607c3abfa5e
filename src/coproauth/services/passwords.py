"""The one place that verifies and writes passwords."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime

import attrs

from coproauth.core.accounts import Contact
from coproauth.core.identities import Identity
from coproauth.core.messages import MailKind
from coproauth.core.password_policy import person_context, violations
from coproauth.errors import PasswordRejected, Throttled, Unavailable
from coproauth.policy import Policy
from coproauth.ports import BreachedPasswords, PasswordHasher, UnitOfWork
from coproauth.services.outgoing_mail import OutgoingMail

_log = logging.getLogger("coproauth.passwords")


@attrs.frozen(kw_only=True)
class Passwords:
    """Verifies with equal work, and writes so that nothing older opens anything.

    Attributes:
        site: the portal's address, whose words anyone would try there.
    """

    hasher: PasswordHasher
    policy: Policy
    mail: OutgoingMail
    breaches: BreachedPasswords | None
    site: str

    def fit(self, identity: Identity | None, password: str) -> bool:
        """Whether the password is the login's. One hash is computed whether or not there is such a login."""
        stored = identity.password_hash if identity else None
        fits = self.hasher.verify(password_hash=stored or self.hasher.decoy, password=password)
        return fits and stored is not None

    def renewed(self, identity: Identity, password: str) -> str | None:
        """Return a current hash of a password that fits; None if the login's is one, or while the hasher is busy.

        The password was right: that it could not be hashed once more is no reason to refuse it.
        """
        if identity.password_hash is None or not self.hasher.needs_rehash(identity.password_hash):
            return None
        try:
            return self.hasher.hash(password)
        except Throttled:
            return None

    def require_acceptable(self, password: str, *, email: str, contacts: Iterable[Contact]) -> None:
        """Let a new password pass.

        Raises:
            PasswordRejected: it is against the policy.
            Unavailable: whether it has leaked cannot be told, and the policy takes no new password without.
        """
        found = self.violations(password, email=email, contacts=contacts)
        if found:
            raise PasswordRejected(violations=found)

    def violations(
        self, password: str, *, email: str, contacts: Iterable[Contact], typed: Iterable[str] = ()
    ) -> tuple[str, ...]:
        """Return what is wrong with a new password; whether it has leaked is asked last, and only if nothing else is.

        ``typed`` is what else stands in the same form. To be called outside any unit of work: the answer may come over
        a network.

        Raises:
            Unavailable: whether it has leaked cannot be told, and the policy takes no new password without.
        """
        context = [*person_context(email, contacts), *typed, self.site]
        found = violations(password, context=context, policy=self.policy)
        return found or (("breached",) if self._has_leaked(password) else ())

    def _has_leaked(self, password: str) -> bool:
        try:
            return self.breaches is not None and self.breaches.is_breached(password)
        except Unavailable:
            if self.policy.breach_outage == "refuse":
                raise
            _log.warning("nobody could tell whether a new password has leaked; it was accepted")
            return False

    def write(
        self,
        work: UnitOfWork,
        identity: Identity,
        *,
        password_hash: str,
        notice: MailKind,
        temporary_until: datetime | None = None,
    ) -> Identity | None:
        """Replace the password of a login whose stamp is still as it was read; None, and nothing done, if it is not.

        What else changed since it was read, such as its last use, is kept.

        1. The stamp moves: every session, link and pending change made before is dead (ASVS V7.4.3, V6.6.2).
        2. The sessions are ended in the store as well.
        3. The owner is told (ASVS V6.3.7).
        """
        current = work.identities.get(identity.id)
        if not identity.is_still(current):
            return None
        changed = attrs.evolve(
            current,
            password_hash=password_hash,
            credential_stamp=identity.credential_stamp + 1,
            temporary_until=temporary_until,
        )
        if not work.identities.save(changed, expected_stamp=identity.credential_stamp):
            return None
        work.sessions.end_all(identity.id)
        self.mail.to_identity(work, notice, changed)
        return changed
