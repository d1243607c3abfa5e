"""Password reset: by the person, through a mailed link; by the manager's hand, within its short reach."""

from __future__ import annotations

from datetime import datetime

import attrs

from coproauth.core import password_reset as core
from coproauth.core.accounts import Contact, Manager
from coproauth.core.audit import Pathway
from coproauth.core.identities import EmailAddress, Identity
from coproauth.core.messages import MailKind
from coproauth.core.password_policy import draw_password, parse_password
from coproauth.core.password_reset import ResetLink, TemporaryPassword
from coproauth.core.sources import Source
from coproauth.core.throttling import login_key, mail_key, requests_key, source_key
from coproauth.core.tokens import Purpose
from coproauth.errors import NotAllowed, ResetRefused
from coproauth.ports import UnitOfWork
from coproauth.services.service import PasswordService


@attrs.frozen(kw_only=True)
class PasswordResetService(PasswordService):
    """Sends reset links, redeems them, and sets temporary passwords."""

    def request(self, *, email: str, source: Source) -> None:
        """Have a reset link sent. Same work and same answer whether or not the address is known (ASVS V6.3.8).

        1. One look-up and one queued mail in either case; what is sent, and whether it can be, shows in no answer.
        2. An unknown address gets a mail that says so, and what to do.
        3. Beyond ``Policy.throttle_mail`` an address gets no more, silently (a stranger must not flood a mailbox).

        Raises:
            InvalidInput: the address cannot be one.
            Throttled: too many requests from this source.
        """
        with self._attempts.by_person(Pathway.RESET_REQUESTED, source) as attempt:
            address = EmailAddress.parse(email)
            attempt.subject = self._pseudonym(address)
            attempt.admit(requests_key(source, self.policy))
            if not attempt.may(mail_key(MailKind.RESET_LINK, address.key, self.policy)):
                attempt.silenced = "throttled"
                return
            # Looked up as at a log-in, where nothing is locked and a miss reads as much as a hit (ASVS V6.3.8).
            # Should the login change before its mail is sent, its stamp moves: the mail is void, and never goes out.
            identity = self._look(lambda work: work.identities.by_email(address.key))
            attempt.subject = identity.id if identity else attempt.subject
            self._conclude(attempt, lambda work: self._queue_link(work, address, identity, source))

    def inspect(self, token: str) -> ResetLink:
        """Return what the page of a reset link shows. Consumes nothing, however often it is opened.

        Raises:
            ResetRefused: the link is not genuine, too old, or was used.
        """
        identity, _ = self._links.resolve(Purpose.RESET, token)
        return ResetLink(email=identity.email)

    def redeem(self, token: str, *, new_password: str, source: Source) -> None:
        """Set a new password. Every session and every other link is dead; no session opens.

        Raises:
            ResetRefused: the link is not genuine, too old, or was used; of simultaneous calls one succeeds.
            PasswordRejected: the password is against the policy; the link is kept.
            InvalidInput: the password is not a ``str``, or far too long.
            Throttled: too many failures from this source; or too many passwords to hash (``busy``): the link is kept.
        """
        with self._attempts.by_person(Pathway.PASSWORD_RESET, source) as attempt:
            chosen = parse_password(new_password, field="new_password", policy=self.policy)
            attempt.admit(source_key(source, self.policy))
            identity, _ = self._links.resolve(Purpose.RESET, token)
            attempt.acts(identity.id)
            self._vouch(attempt, source, identity)
            self._passwords.require_acceptable(chosen, email=identity.email, contacts=self._contacts_of(identity))
            password_hash = self.hasher.hash(chosen)
            self._conclude(attempt, lambda work: self._replace_password(work, identity, password_hash))

    def send_link(self, contact_id: str, *, by: Manager) -> None:
        """Have a reset link sent to the e-mail of the contact's login, never to the one on the contact's file.

        Raises:
            NotAllowed: no such contact, not within the manager's portfolio, or without a login.
            Throttled: the manager does more than people do.
        """
        with self._attempts.by_manager(Pathway.RESET_LINK_SENT, by) as attempt:
            contact = self._managed(attempt, contact_id, by)
            self._conclude(attempt, lambda work: self._queue_link_of(work, contact))

    def set_password(self, contact_id: str, *, by: Manager, new_password: str | None = None) -> TemporaryPassword:
        """Set a password to hand over; it must be changed at the next login. Generated when none is given.

        Sessions and links of the login are dead, and its owner is told.

        Raises:
            NotAllowed: no such contact, not within the manager's portfolio, without a login; or
                ``reset_link_only``: the login is not wholly within the manager's reach, for whatever cause.
            PasswordRejected: the given password is against the policy.
            Throttled: the manager does more than people do; or too many passwords to hash (``busy``).
        """
        with self._attempts.by_manager(Pathway.TEMPORARY_PASSWORD_SET, by) as attempt:
            contact = self._managed(attempt, contact_id, by)
            password = self._temporary_password(new_password)
            identity, contacts = self._look(lambda work: self._reachable(work, contact, by))
            attempt.vouch(login_key(identity.email_key, self.policy))  # what was guessed at is no password any more
            self._passwords.require_acceptable(password, email=identity.email, contacts=contacts)
            password_hash = self.hasher.hash(password)
            expires_at = self.clock.now() + self.policy.temporary_password_lifetime
            self._conclude(
                attempt,
                lambda work: self._hand_over(work, contact, by, password_hash=password_hash, expires_at=expires_at),
            )
            return TemporaryPassword(password=password, expires_at=expires_at)

    def _queue_link(self, work: UnitOfWork, address: EmailAddress, identity: Identity | None, source: Source) -> None:
        if identity is None:
            self._mail.to_address(work, MailKind.UNKNOWN_ADDRESS, address.address, locale=source.locale)
        else:
            self._mail.to_address(work, MailKind.RESET_LINK, identity.email, locale=source.locale, identity=identity)

    def _replace_password(self, work: UnitOfWork, identity: Identity, password_hash: str) -> None:
        notice = MailKind.PASSWORD_CHANGED
        if self._passwords.write(work, identity, password_hash=password_hash, notice=notice) is None:
            raise ResetRefused

    def _queue_link_of(self, work: UnitOfWork, contact: Contact) -> None:
        identity = work.identities.by_contact(contact.id)
        if identity is None:
            raise NotAllowed(reason="not_activated")
        self._mail.to_identity(work, MailKind.RESET_LINK, identity)

    def _hand_over(
        self, work: UnitOfWork, contact: Contact, manager: Manager, *, password_hash: str, expires_at: datetime
    ) -> None:
        identity, _ = self._reachable(work, contact, manager)
        changed = self._passwords.write(
            work,
            identity,
            password_hash=password_hash,
            notice=MailKind.TEMPORARY_PASSWORD_SET,
            temporary_until=expires_at,
        )
        if changed is None:
            raise NotAllowed(reason="reset_link_only")

    def _temporary_password(self, given: object) -> str:
        if given is not None:
            return parse_password(given, field="new_password", policy=self.policy)
        return draw_password(self.secrets.token_bytes, policy=self.policy)

    def _reachable(self, work: UnitOfWork, contact: Contact, manager: Manager) -> tuple[Identity, tuple[Contact, ...]]:
        """Return the login of a contact, with all its contacts, if the manager may set its password."""
        identity = work.identities.by_contact(contact.id)
        linked = work.links.contacts_of(identity.id) if identity else ()
        contacts = tuple(self.directory.contacts(linked))
        decision = core.decide_hand_over(identity, contacts, contact=contact, manager=manager)
        if isinstance(decision, core.RefuseHandOver):
            raise NotAllowed(reason=decision.reason)
        return decision.identity, contacts
