"""Login: opening, checking and ending sessions, and what a logged-in person may change about the login."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from coproauth.core import login as core
from coproauth.core.accounts import parse_id
from coproauth.core.audit import Pathway
from coproauth.core.browsers import describe
from coproauth.core.devices import Device
from coproauth.core.identities import EmailAddress, Identity
from coproauth.core.messages import MailKind
from coproauth.core.password_policy import parse_password
from coproauth.core.sessions import Session, SessionRecord, SessionSummary, SessionView, SignedIn, is_live, summarize
from coproauth.core.sources import Source
from coproauth.core.throttling import device_key, login_key, mail_key, requests_key, sender_key, source_key
from coproauth.core.tokens import Purpose
from coproauth.errors import (
    InvalidInput,
    LoginRefused,
    PasswordChangeRequired,
    PasswordRejected,
    ReauthenticationRequired,
    Refused,
    ResetRefused,
    SessionRefused,
)
from coproauth.ports import UnitOfWork
from coproauth.services.attempts import Attempt
from coproauth.services.service import PasswordService


@attrs.frozen(kw_only=True)
class LoginService(PasswordService):
    """Logs in, answers who is logged in, logs out; changes password and e-mail."""

    def log_in(self, *, email: str, password: str, source: Source) -> SignedIn:
        """Open a session; the active account is the one used last, else the first.

        1. Types and lengths; what cannot be right is the common refusal.
        2. The throttle, before anything is looked up (ASVS V6.3.1): on source and login; on the browser instead, if it
           is one in which that login was opened before. That this was before the last change of the password shows
           only in what is looked up: then it counts as a stranger's, still before the password is tried.
        3. One password hash, of the login or of a decoy: the same work for every cause (ASVS V6.3.8).
        4. One atomic unit of work, only if the login is still as it was read. The owner is told of a new browser, and
           of many failures before (ASVS V6.3.5).

        Raises:
            LoginRefused: no such login, wrong password, an address that is none: one answer for all.
            PasswordChangeRequired: right, but a manager set the password.
            InvalidInput: e-mail or password is not a ``str``.
            Throttled: too many failures from this source or on this login; or too many passwords to hash (``busy``).
        """
        with self._attempts.by_person(Pathway.LOGGED_IN, source) as attempt:
            address, typed = self._parse_login(email, password)
            attempt.subject = self._pseudonym(address)
            device = self._admit_password(attempt, source, address.key)
            identity = self._look(lambda work: work.identities.by_email(address.key))
            attempt.subject = identity.id if identity else attempt.subject
            self._admit_stranger(attempt, source, address.key, device, identity)
            match core.decide_login(identity, password_fits=self._passwords.fit(identity, typed), at=self.clock.now()):
                case core.RefuseLogin():
                    raise LoginRefused
                case core.DemandNewPassword(identity):
                    attempt.acts(identity.id)
                    raise PasswordChangeRequired(token=self._sessions.change_token(identity))
                case core.OpenSession(identity):
                    attempt.acts(identity.id)
                    notice = self._notice(attempt, identity, source, device)
                    return self._open(attempt, identity, typed, source, notice)

    def session(self, session_token: str) -> Session:
        """Return who is logged in. The accounts are derived anew from the directory at every call.

        Raises:
            SessionRefused: the token is unknown, or its session ended, idle for too long, or too old.
        """
        return self._sessions.view(session_token).session

    def log_out(self, session_token: str) -> None:
        """End the session; one that has ended already is no error.

        Raises:
            SessionRefused: it cannot be the token of a session at all.
        """
        with self._attempts.by_session(Pathway.LOGGED_OUT) as attempt:
            digest = self._sessions.digest(session_token)
            attempt.subject = attempt.actor = self._sessions.owner(digest)
            self._conclude(attempt, lambda work: work.sessions.end(digest))

    def log_out_everywhere(self, session_token: str) -> None:
        """End every session of the login, this one included.

        Raises:
            SessionRefused: the session does not hold.
        """
        with self._attempts.by_session(Pathway.SESSIONS_ENDED) as attempt:
            view = self._sessions.view(session_token)
            attempt.acts(view.identity.id)
            self._conclude(attempt, lambda work: work.sessions.end_all(view.identity.id))

    def log_out_elsewhere(self, session_token: str) -> None:
        """End every other session of the login; this one goes on.

        Raises:
            SessionRefused: the session does not hold.
        """
        with self._attempts.by_session(Pathway.SESSIONS_ENDED) as attempt:
            view = self._sessions.view(session_token)
            attempt.acts(view.identity.id)
            self._conclude(
                attempt,
                lambda work: self._end_own(work, view.identity.id, lambda row: row.digest != view.record.digest),
            )

    def sessions(self, session_token: str) -> tuple[SessionSummary, ...]:
        """Return the login's sessions that hold, the latest first.

        Raises:
            SessionRefused: the session does not hold.
        """
        view = self._sessions.view(session_token)
        now = self.clock.now()
        records = self._look(lambda work: work.sessions.of(view.identity.id))
        live = [record for record in records if is_live(record, view.identity, at=now, policy=self.policy)]
        return tuple(summarize(record, current=view.record) for record in live)

    def end_session(self, session_token: str, *, handle: str) -> None:
        """End one of the login's own sessions by its handle; one that has ended already is no error.

        Raises:
            SessionRefused: the asking session does not hold.
            InvalidInput: the handle is none at all.
        """
        with self._attempts.by_session(Pathway.SESSIONS_ENDED) as attempt:
            view = self._sessions.view(session_token)
            attempt.acts(view.identity.id)
            wanted = parse_id(handle, field="handle")
            self._conclude(
                attempt, lambda work: self._end_own(work, view.identity.id, lambda row: row.handle == wanted)
            )

    def reauthenticate(self, session_token: str, *, password: str, source: Source) -> SignedIn:
        """Give the password again: a new session token, authenticated now; the old one is dead (ASVS V7.2.4).

        Raises:
            SessionRefused: the session does not hold.
            ReauthenticationRequired: this is not the password.
            Throttled: too many failures from this source or on this login; or too many passwords to hash (``busy``).
        """
        with self._attempts.by_person(Pathway.REAUTHENTICATED, source) as attempt:
            view = self._require_password(attempt, session_token, password, source, field="password")
            return self._conclude(attempt, lambda work: self._renew(work, view, source))

    def change_password(
        self, session_token: str, *, current_password: str, new_password: str, source: Source
    ) -> SignedIn:
        """Change the password: every other session and every link is dead, this browser gets a new session.

        Raises:
            SessionRefused: the session does not hold.
            ReauthenticationRequired: the current password is not the right one.
            PasswordRejected: the new one is against the policy.
            Throttled: too many failures from this source or on this login; or too many passwords to hash (``busy``).
        """
        with self._attempts.by_person(Pathway.PASSWORD_CHANGED, source) as attempt:
            chosen = parse_password(new_password, field="new_password", policy=self.policy)
            view = self._require_password(attempt, session_token, current_password, source, field="current_password")
            self._passwords.require_acceptable(chosen, email=view.identity.email, contacts=view.contacts)
            password_hash = self.hasher.hash(chosen)
            return self._conclude(
                attempt,
                lambda work: self._replace_password(
                    work,
                    view.identity,
                    password_hash,
                    source,
                    account_id=view.record.account_id,
                    overtaken=SessionRefused(),
                ),
            )

    def choose_password(self, token: str, *, new_password: str, source: Source) -> SignedIn:
        """Replace a password that a manager set by one's own, and log in.

        Raises:
            ResetRefused: the token of ``PasswordChangeRequired`` is not genuine, too old, or was used.
            PasswordRejected: the new password is against the policy, or is the temporary one; the token is kept.
            Throttled: too many failures from this source; or too many passwords to hash (``busy``).
        """
        with self._attempts.by_person(Pathway.PASSWORD_CHOSEN, source) as attempt:
            chosen = parse_password(new_password, field="new_password", policy=self.policy)
            attempt.admit(source_key(source, self.policy))
            identity, _ = self._links.resolve(Purpose.CHOOSE_PASSWORD, token)
            attempt.acts(identity.id)
            self._vouch(attempt, source, identity)
            if self._passwords.fit(identity, chosen):
                raise PasswordRejected(violations=("unchanged",))
            contacts = self._contacts_of(identity)
            self._passwords.require_acceptable(chosen, email=identity.email, contacts=contacts)
            password_hash = self.hasher.hash(chosen)
            return self._conclude(
                attempt,
                lambda work: self._replace_password(work, identity, password_hash, source, overtaken=ResetRefused()),
            )

    def change_email(self, session_token: str, *, new_email: str, current_password: str, source: Source) -> None:
        """Ask for another e-mail: a link goes to the new address, a notice to the present one.

        Nothing changes before the link is followed. An address that another login has gets no link; the answer and
        the notice are the same (ASVS V6.3.8).

        Raises:
            SessionRefused: the session does not hold.
            InvalidInput: the new address is none; with the right password, that it is the present one (``unchanged``).
            ReauthenticationRequired: this is not the password.
            Throttled: too many failures, or too many mails to that address; or too many passwords to hash (``busy``).
        """
        with self._attempts.by_person(Pathway.EMAIL_CHANGE_REQUESTED, source) as attempt:
            new = EmailAddress.parse(new_email, field="new_email")
            view = self._require_password(attempt, session_token, current_password, source, field="current_password")
            identity = view.identity
            if new.key == identity.email_key:
                raise InvalidInput(field="new_email", reason="unchanged")
            attempt.admit(
                requests_key(source, self.policy),
                sender_key(identity.id, self.policy),
                mail_key(MailKind.CONFIRM_EMAIL, new.key, self.policy),
            )
            self._conclude(attempt, lambda work: self._ask_confirmation(work, identity, new, source))

    def inspect_email(self, token: str) -> str:
        """Return the address that a link would make the login's e-mail. Consumes nothing, however often it is opened.

        Raises:
            ResetRefused: the link is not genuine, too old, was used or overtaken.
        """
        _, new_email = self._links.resolve(Purpose.CONFIRM_EMAIL, token)
        return EmailAddress.parse(new_email).address

    def confirm_email(self, token: str, *, source: Source) -> None:
        """Make the address that a link was sent to the login's e-mail; every session and other link is dead.

        Raises:
            ResetRefused: the link is not genuine, too old, was used or overtaken, or the address is taken by now.
            Throttled: too many failures from this source.
        """
        with self._attempts.by_person(Pathway.EMAIL_CHANGED, source) as attempt:
            attempt.admit(source_key(source, self.policy))
            identity, new_email = self._links.resolve(Purpose.CONFIRM_EMAIL, token)
            attempt.acts(identity.id)
            new = EmailAddress.parse(new_email)
            self._conclude(attempt, lambda work: self._replace_email(work, identity, new))

    def identifier_of(self, contact_id: str) -> str | None:
        """Return the e-mail a contact logs in with, to be printed on the call for funds; None if not activated.

        Raises:
            InvalidInput: the contact's id is none at all.
        """
        wanted = parse_id(contact_id, field="contact_id")
        identity = self._look(lambda work: work.identities.by_contact(wanted))
        return identity.email if identity else None

    def _parse_login(self, email: object, password: object) -> tuple[EmailAddress, str]:
        try:
            return EmailAddress.parse(email), parse_password(password, field="password", policy=self.policy)
        except InvalidInput as error:
            if error.reason == "wrong_type":
                raise
            raise LoginRefused from None

    def _notice(self, attempt: Attempt, identity: Identity, source: Source, device: Device | None) -> MailKind | None:
        """Return what the owner is told of a login; failures in this very browser are among those before it.

        Beyond ``Policy.throttle_mail`` nothing: who logs in without end holds up nobody's mail.
        """
        login = login_key(identity.email_key, self.policy)
        failures = attempt.counted(login, device_key(device, self.policy)) if device else attempt.counted(login)
        keeps_no_tokens = source.device_token is None
        is_known = keeps_no_tokens or (device is not None and device.knows(identity))
        notice = core.decide_notice(failures=failures, is_known=is_known, policy=self.policy)
        return notice if notice and attempt.may(mail_key(notice, identity.email_key, self.policy)) else None

    def _open(
        self, attempt: Attempt, identity: Identity, password: str, source: Source, notice: MailKind | None
    ) -> SignedIn:
        """Open a session, and end those that are too many with it."""
        renewed = self._passwords.renewed(identity, password)

        def step(work: UnitOfWork) -> SignedIn:
            return self._open_unchanged(work, identity, renewed, source, notice)

        return self._conclude(attempt, self._sessions.making_room(identity, step))

    def _open_unchanged(
        self, work: UnitOfWork, identity: Identity, renewed: str | None, source: Source, notice: MailKind | None
    ) -> SignedIn:
        """Open a session, and keep the renewed hash, if the password is still the one that was verified."""
        current = work.identities.get(identity.id)
        if not identity.is_still(current):
            raise LoginRefused
        if notice is not None:
            self._mail.to_identity(work, notice, current, browser=describe(source.user_agent))
        kept = attrs.evolve(current, password_hash=renewed or current.password_hash)
        return self._sessions.open(work, kept, source=source)

    def _end_own(self, work: UnitOfWork, identity_id: str, is_meant: Callable[[SessionRecord], bool]) -> None:
        for record in work.sessions.of(identity_id):
            if is_meant(record):
                work.sessions.end(record.digest)

    def _renew(self, work: UnitOfWork, view: SessionView, source: Source) -> SignedIn:
        identity = self._sessions.end(work, view)
        return self._sessions.open(work, identity, source=source, account_id=view.record.account_id)

    def _replace_password(
        self,
        work: UnitOfWork,
        identity: Identity,
        password_hash: str,
        source: Source,
        *,
        account_id: str | None = None,
        overtaken: Refused,
    ) -> SignedIn:
        """Write a password and open a session under it; refused if the login changed meanwhile."""
        changed = self._passwords.write(work, identity, password_hash=password_hash, notice=MailKind.PASSWORD_CHANGED)
        if changed is None:
            raise overtaken
        return self._sessions.open(work, changed, source=source, account_id=account_id)

    def _ask_confirmation(self, work: UnitOfWork, identity: Identity, new: EmailAddress, source: Source) -> None:
        is_taken = work.identities.by_email(new.key) is not None
        # The link to a taken address is nobody's, so it is void: queued all the same, as the same work (ASVS V6.3.8).
        confirmed = None if is_taken else identity
        self._mail.to_address(work, MailKind.CONFIRM_EMAIL, new.address, locale=source.locale, identity=confirmed)
        self._mail.to_identity(work, MailKind.EMAIL_CHANGE_REQUESTED, identity)

    def _replace_email(self, work: UnitOfWork, identity: Identity, new: EmailAddress) -> None:
        current = work.identities.get(identity.id)
        if not identity.is_still(current):
            raise ResetRefused
        stamp = identity.credential_stamp + 1
        changed = attrs.evolve(current, email=new.address, email_key=new.key, credential_stamp=stamp)
        if not work.identities.save(changed, expected_stamp=identity.credential_stamp):
            raise ResetRefused
        work.sessions.end_all(identity.id)
        self._mail.to_identity(work, MailKind.EMAIL_CHANGED, identity)

    def _require_password(
        self, attempt: Attempt, session_token: str, password: object, source: Source, *, field: str
    ) -> SessionView:
        """Return what is behind a session once its owner has given the password again (ASVS V7.5.1)."""
        view = self._sessions.view(session_token)
        attempt.acts(view.identity.id)
        self._admit_password_of(attempt, source, view.identity)
        typed = parse_password(password, field=field, policy=self.policy)
        if not self._passwords.fit(view.identity, typed):
            raise ReauthenticationRequired
        return view
