"""A stateful machine that drives all four services at once and holds every answer against a plain model."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import attrs
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from coproauth.core.accounts import Contact, Manager
from coproauth.core.messages import ResetLinkMessage
from coproauth.core.sessions import SignedIn
from coproauth.errors import (
    ActivationRefused,
    EmailAlreadyRegistered,
    LoginRefused,
    NotAllowed,
    PasswordChangeRequired,
    ReauthenticationRequired,
    Refused,
    ResetRefused,
    SessionRefused,
    SwitchRefused,
)
from coproauth.policy import Policy, ThrottleRule
from coproauth.testing.model import Model, ModelCode, ModelLink, ModelLogin, ModelSession
from coproauth.testing.sandbox import PORTFOLIO, Sandbox, cheap_policy

EMAILS = ("jeanne@example.fr", "marc@example.fr")
PASSWORDS = ("une girafe sous la pluie", "encore une girafe bleue")
PORTFOLIOS = (PORTFOLIO, "portfolio-2")

emails = st.sampled_from(EMAILS)
passwords = st.sampled_from(PASSWORDS)
portfolios = st.sampled_from(PORTFOLIOS)
guesses = st.just(None) | passwords  # None: the right one, if there is one
managers = st.just(None) | portfolios  # None: the contact's own

R = TypeVar("R", bound=Refused)


def patient_policy() -> Policy:
    """Return the testing policy with a throttle and codes that outlast a machine."""
    patient = ThrottleRule(free_attempts=10**6, first_delay=timedelta(seconds=1), longest_delay=timedelta(seconds=1))
    return attrs.evolve(
        cheap_policy(),
        throttle_login=patient,
        throttle_device=patient,
        throttle_portal=patient,
        throttle_manager=patient,
        throttle_code=patient,
        throttle_source=patient,
        throttle_requests=patient,
        throttle_mail=patient,
        code_lifetime=timedelta(days=3650),
    )


class CoproauthMachine(RuleBasedStateMachine):
    """Calls the services in any order, as co-owners, managers and the host would."""

    contacts = Bundle("contacts")
    codes = Bundle("codes")
    sessions = Bundle("sessions")
    reset_tokens = Bundle("reset_tokens")

    def make_sandbox(self) -> Sandbox:
        """Return an empty town, patient with repeated attempts and without proofs of addresses."""
        return Sandbox.build(policy=attrs.evolve(patient_policy(), require_email_proof=False))

    def __init__(self) -> None:
        """Start with nobody in town."""
        super().__init__()
        self.town = self.make_sandbox()
        self.model = Model()

    @initialize(target=contacts)
    def found_the_town(self) -> object:
        """Three people move in before anything happens, two of them in one portfolio."""
        return multiple(*[self.move_in(PORTFOLIOS[place // 2]) for place in range(3)])

    @initialize(target=codes, contact=contacts)
    def print_a_letter(self, contact: Contact) -> object:
        """One of them is sent a letter."""
        return self.issue(contact, None)

    @rule(target=contacts, portfolio_id=portfolios)
    def move_in(self, portfolio_id: str) -> Contact:
        """A person appears on an account of their own."""
        contact = self.town.contact(portfolio_id=portfolio_id)
        self.model.contacts[contact.id] = contact
        return contact

    @rule(target=contacts, other=contacts)
    def join(self, other: Contact) -> Contact:
        """A second person appears on an account that is there."""
        if other.id not in self.model.contacts:
            return other
        contact = self.town.directory.add_contact(other.account.id, name="Marc Roche")
        self.model.contacts[contact.id] = contact
        return contact

    @rule(contact=contacts)
    def remove_condominium(self, contact: Contact) -> None:
        """The host deletes a condominium."""
        gone = contact.account.condominium_id
        self.town.directory.remove_condominium(gone)
        kept = self.model.contacts.items()
        self.model.contacts = {key: one for key, one in kept if one.account.condominium_id != gone}

    @rule(contact=contacts)
    def remove_contact(self, contact: Contact) -> None:
        """The host deletes a contact."""
        self.town.directory.remove_contact(contact.id)
        self.model.contacts.pop(contact.id, None)

    @rule(target=codes, contact=contacts, by=managers)
    def issue(self, contact: Contact, by: str | None) -> object:
        """A manager prints a letter; the former code of the contact is revoked."""
        manager = self._manager(contact, by)
        if not self._is_managed(contact, manager):
            self._expect(NotAllowed, lambda: self.town.auth.activation.issue(contact.id, by=manager))
            return multiple()
        issued = self.town.auth.activation.issue(contact.id, by=manager)
        for code in self.model.codes.values():
            code.is_revoked = code.is_revoked or code.contact.id == contact.id
        self.model.codes[issued.code] = ModelCode(issued.contact)
        return issued.code

    @rule(target=sessions, typed=codes, email=emails, guess=guesses)
    def activate(self, typed: str, email: str, guess: str | None) -> object:
        """Somebody goes through the onboarding."""
        code, login = self.model.codes[typed], self.model.login(email)
        password = self._password(login, guess)
        refusal = self.model.code_refusal(code)

        def call() -> SignedIn:
            return self.town.activate_with(typed, email, password=password)

        if refusal == "code_already_used" and login is not None and code.used_by is login:
            return self._refused(EmailAlreadyRegistered, call)
        if refusal is not None:
            assert self._expect(ActivationRefused, call).reason == refusal
            return multiple()
        if login is not None and login.password != password:
            return self._refused(EmailAlreadyRegistered, call)
        if login is not None and login.is_temporary:
            return self._refused(PasswordChangeRequired, call)
        if login is None:
            login = ModelLogin(email, password)
            self.model.logins.append(login)
        self.model.attach(code, login)
        return self._opened(call(), login, active_id=code.contact.account.id)

    @rule(target=sessions, contact=contacts, email=emails)
    def onboard(self, contact: Contact, email: str) -> object:
        """A letter is printed and used at once, with the right password."""
        code = self.issue(contact, None)
        return self.activate(code, email, None) if isinstance(code, str) else multiple()

    @rule(target=sessions, token=sessions, typed=codes)
    def link(self, token: str, typed: str) -> object:
        """A logged-in person types a code."""
        code, session = self.model.codes[typed], self.model.sessions[token]

        def call() -> SignedIn:
            return self.town.auth.activation.link(token, code=typed, source=self.town.source)

        if not session.is_live:
            return self._refused(SessionRefused, call)
        refusal = self.model.code_refusal(code)
        if refusal is not None:
            assert self._expect(ActivationRefused, call).reason == refusal
            return multiple()
        self.model.attach(code, session.login)
        session.is_live = False
        return self._opened(call(), session.login, active_id=code.contact.account.id)

    @rule(contact=contacts, by=managers)
    def dissociate(self, contact: Contact, by: str | None) -> None:
        """A manager takes a contact off its login."""
        manager = self._manager(contact, by)
        if not self._is_managed(contact, manager):
            self._expect(NotAllowed, lambda: self.town.auth.activation.dissociate(contact.id, by=manager))
            return
        self.town.auth.activation.dissociate(contact.id, by=manager)
        for code in self.model.codes.values():
            code.is_revoked = code.is_revoked or code.contact.id == contact.id
        login = self.model.login_of(contact.id)
        if login is not None:
            login.contact_ids.remove(contact.id)
            self.model.end_everything(login)

    @rule(target=sessions, email=emails, guess=guesses)
    def log_in(self, email: str, guess: str | None) -> object:
        """Somebody tries a password."""
        login = self.model.login(email)
        password = self._password(login, guess)

        def call() -> SignedIn:
            return self.town.log_in(email, password=password)

        if login is None or login.password != password:
            return self._refused(LoginRefused, call)
        if login.is_temporary:
            return self._refused(PasswordChangeRequired, call)
        signed_in = call()
        active = signed_in.session.active_account
        return self._opened(signed_in, login, active_id=active.id if active else None)

    @rule(token=sessions)
    def log_out(self, token: str) -> None:
        """Somebody logs out."""
        self.town.auth.login.log_out(token)
        self.model.sessions[token].is_live = False

    @rule(token=sessions)
    def log_out_everywhere(self, token: str) -> None:
        """Somebody ends all sessions."""
        session = self.model.sessions[token]
        if not session.is_live:
            self._expect(SessionRefused, lambda: self.town.auth.login.log_out_everywhere(token))
            return
        self.town.auth.login.log_out_everywhere(token)
        self.model.end_everything(session.login)

    @rule(target=sessions, token=sessions, contact=contacts)
    def switch(self, token: str, contact: Contact) -> object:
        """Somebody selects an account, perhaps another's."""
        session, wanted = self.model.sessions[token], contact.account

        def call() -> SignedIn:
            return self.town.auth.accounts.switch(token, account_id=wanted.id)

        if not session.is_live:
            return self._refused(SessionRefused, call)
        if wanted not in self.model.accounts(session.login):
            return self._refused(SwitchRefused, call)
        session.is_live = False
        return self._opened(call(), session.login, active_id=wanted.id)

    @rule(target=reset_tokens, email=emails)
    def request_reset(self, email: str) -> object:
        """Somebody forgot a password, or says so."""
        self.town.auth.password_reset.request(email=email, source=self.town.source)
        return self._link_mailed(self.model.login(email))

    @rule(target=reset_tokens, contact=contacts, by=managers)
    def send_link(self, contact: Contact, by: str | None) -> object:
        """A manager sends a reset link."""
        manager = self._manager(contact, by)
        login = self.model.login_of(contact.id)
        if login is None or not self._is_managed(contact, manager):
            return self._refused(NotAllowed, lambda: self.town.auth.password_reset.send_link(contact.id, by=manager))
        self.town.auth.password_reset.send_link(contact.id, by=manager)
        return self._link_mailed(login)

    @rule(token=reset_tokens, password=passwords)
    def redeem(self, token: str, password: str) -> None:
        """Somebody follows a reset link."""
        link = self.model.resets[token]

        def call() -> None:
            self.town.auth.password_reset.redeem(token, new_password=password, source=self.town.source)

        if not link.is_live:
            self._expect(ResetRefused, call)
            return
        call()
        self.model.change_password(link.login, password)

    @rule(target=sessions, contact=contacts, by=managers, chosen=passwords)
    def hand_over(self, contact: Contact, by: str | None, chosen: str) -> object:
        """A manager sets a password; its owner replaces it at the next login."""
        manager, login = self._manager(contact, by), self.model.login_of(contact.id)
        reach = self.model.accounts(login) if login else []
        if (
            login is None
            or not self._is_managed(contact, manager)
            or any(account.portfolio_id != manager.portfolio_id for account in reach)
        ):
            return self._refused(NotAllowed, lambda: self.town.auth.password_reset.set_password(contact.id, by=manager))
        temporary = self.town.auth.password_reset.set_password(contact.id, by=manager).password
        self.model.change_password(login, temporary, is_temporary=True)
        required = self._expect(PasswordChangeRequired, lambda: self.town.log_in(login.email, password=temporary))
        signed_in = self.town.auth.login.choose_password(required.token, new_password=chosen, source=self.town.source)
        self.model.change_password(login, chosen)
        active = signed_in.session.active_account
        return self._opened(signed_in, login, active_id=active.id if active else None)

    @rule(target=sessions, token=sessions, guess=guesses, new=passwords)
    def change_password(self, token: str, guess: str | None, new: str) -> object:
        """A logged-in person changes the password."""
        session = self.model.sessions[token]
        current = self._password(session.login, guess)

        def call() -> SignedIn:
            return self.town.auth.login.change_password(
                token, current_password=current, new_password=new, source=self.town.source
            )

        if not session.is_live:
            return self._refused(SessionRefused, call)
        if session.login.password != current:
            return self._refused(ReauthenticationRequired, call)
        active = self.model.active(session)
        signed_in = call()
        self.model.change_password(session.login, new)
        return self._opened(signed_in, session.login, active_id=active.id if active else None)

    @rule()
    def wait(self) -> None:
        """An hour and a day pass: every session has ended, every link is too old."""
        self.town.later(hours=25)
        for session in self.model.sessions.values():
            session.is_live = False
        for link in self.model.resets.values():
            link.is_live = False

    @invariant()
    def every_session_shows_what_the_model_says(self) -> None:
        """A live session shows its login's accounts of this moment; a dead one is refused."""
        for token, session in self.model.sessions.items():
            if not session.is_live:
                self._expect(SessionRefused, lambda token=token: self.town.auth.login.session(token))  # type: ignore[misc]
                continue
            shown = self.town.auth.login.session(token)
            assert shown.email == session.login.email
            assert list(shown.accounts) == self.model.accounts(session.login)
            assert shown.active_account == self.model.active(session)

    @invariant()
    def the_printed_identifier_is_the_login_s(self) -> None:
        """The call for funds names the e-mail of the contact's login, or none."""
        for contact_id in self.model.contacts:
            login = self.model.login_of(contact_id)
            assert self.town.auth.login.identifier_of(contact_id) == (login.email if login else None)

    def _password(self, login: ModelLogin | None, guess: str | None) -> str:
        return guess or (login.password if login else PASSWORDS[0])

    def _manager(self, contact: Contact, by: str | None) -> Manager:
        return Manager(id="manager", portfolio_id=by or contact.account.portfolio_id)

    def _is_managed(self, contact: Contact, manager: Manager) -> bool:
        return contact.id in self.model.contacts and contact.account.portfolio_id == manager.portfolio_id

    def _expect(self, kind: type[R], call: Callable[[], object]) -> R:
        """Return the refusal that a call must answer with."""
        try:
            answer = call()
        except kind as refused:
            return refused
        except Refused as refused:
            raise AssertionError(f"expected {kind.__name__}, not {refused!r}") from refused
        raise AssertionError(f"expected {kind.__name__}, not {answer!r}")

    def _refused(self, kind: type[Refused], call: Callable[[], object]) -> object:
        self._expect(kind, call)
        return multiple()

    def _opened(self, signed_in: SignedIn, login: ModelLogin, *, active_id: str | None) -> str:
        self.model.sessions[signed_in.token] = ModelSession(login, active_id)
        return signed_in.token

    def _link_mailed(self, login: ModelLogin | None) -> object:
        """Note the link that reached the login's own mailbox; nobody else may be sent one."""
        before = len(self.town.mailer.sent)
        self.town.auth.deliver_mail()
        links = [mail for mail in self.town.mailer.sent[before:] if isinstance(mail, ResetLinkMessage)]
        assert [mail.to for mail in links] == ([login.email] if login else [])
        if login is None:
            return multiple()
        token = links[0].url.rpartition("/")[2]
        self.model.resets[token] = ModelLink(login)
        return token
