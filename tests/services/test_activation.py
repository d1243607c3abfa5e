"""Activation: every outcome of the contract, and the cases of the domain around it."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from datetime import timedelta

import attrs
import pytest

from coproauth import (
    ActivationPreview,
    ActivationRefused,
    Contact,
    EmailAlreadyRegistered,
    EmailProofRequired,
    InvalidInput,
    LoginRefused,
    Manager,
    NotAllowed,
    PasswordChangeRequired,
    PasswordRejected,
    Refused,
    ResetRefused,
    SessionRefused,
    SignedIn,
    Throttled,
)
from coproauth.adapters.memory import MemoryDirectory
from coproauth.core.messages import (
    AccountAddedMessage,
    AccountRemovedMessage,
    ActivationNoticeMessage,
    EmailProofMessage,
)
from coproauth.testing.sandbox import PASSWORD, cheap_policy
from coproauth.testing.town import JEANNE, Town, refusal_of

_PAUL = "paul@example.fr"
_OTHER = "trois pommes sur un nuage"
_UNKNOWN = "0000-0000-0000-0000"


def _activate(
    town: Town, code: str, *, email: str = JEANNE, password: str = PASSWORD, email_code: str | None = None
) -> SignedIn:
    return town.auth.activation.activate(
        code=code, email=email, password=password, email_code=email_code, source=town.source
    )


class TestIssue:
    """A manager issues codes for the contacts of his own portfolio."""

    def test_the_letter_gets_all_it_needs(self, town: Town) -> None:
        """Code, person and last day are returned; the code works and lives for thirty days."""
        contact = town.contact()

        issued = town.auth.activation.issue(contact.id, by=town.manager_of(contact))

        assert issued.contact == contact
        assert issued.expires_at == town.clock.now() + timedelta(days=30)
        assert town.auth.activation.preview(issued.code, source=town.source).contact_name == contact.name

    def test_issuing_again_revokes_the_former_code(self, town: Town) -> None:
        """D-06: a lost letter is worthless at once."""
        contact = town.contact()
        lost = town.code_for(contact)

        printed_again = town.code_for(contact)

        assert refusal_of(lambda: _activate(town, lost)) == (ActivationRefused, "unknown_code")
        assert town.activate_with(printed_again, JEANNE).session.email == JEANNE

    @pytest.mark.parametrize("portfolio_id", ["portfolio-2", "", None])
    def test_another_portfolios_contact_looks_like_none(self, town: Town, portfolio_id: str) -> None:
        """D-04: not his, no portfolio at all, and no such contact are one refusal."""
        stranger = Manager(id="manager-2", portfolio_id=portfolio_id)
        issue = town.auth.activation.issue

        assert refusal_of(lambda: issue(town.contact().id, by=stranger)) == (NotAllowed, "not_allowed")
        assert refusal_of(lambda: issue("contact-99", by=stranger)) == (NotAllowed, "not_allowed")

    def test_every_contact_without_login_gets_a_code(self, town: Town) -> None:
        """issue_all prints one letter for each person who is not activated yet."""
        building = town.directory.add_condominium(name="Les Lilas", portfolio_id="portfolio-1")
        people = [
            town.directory.add_contact(town.directory.add_account(building.id, label="Lot").id, name=name)
            for name in ("Jeanne Roche", "Paul Roche", "Ali Benali")
        ]
        town.activate(people[1], _PAUL)

        issued = town.auth.activation.issue_all(building.id, by=town.manager)

        assert [letter.contact for letter in issued] == [people[0], people[2]]
        assert len({letter.code for letter in issued}) == 2

    def test_a_condominium_that_is_not_the_managers_looks_like_none(self, town: Town) -> None:
        """D-04: another portfolio's, an empty and an unknown condominium are one refusal."""
        theirs = town.contact(portfolio_id="portfolio-2").account.condominium_id
        empty = town.directory.add_condominium(name="Vide", portfolio_id="portfolio-1").id

        for wanted in (theirs, empty, "condominium-99"):
            answer = refusal_of(lambda: town.auth.activation.issue_all(wanted, by=town.manager))  # noqa: B023
            assert answer == (NotAllowed, "not_allowed")


class TestPreview:
    """The first onboarding screen shows the holder of a usable code whose it is."""

    def test_it_names_condominium_and_person(self, town: Town) -> None:
        """And nothing else, and consumes nothing."""
        code = town.code_for(town.contact("Ali Benali", condominium="Le Moulin"))

        for _ in range(3):
            preview = town.auth.activation.preview(code, source=town.source)
            assert preview == ActivationPreview(condominium_name="Le Moulin", contact_name="Ali Benali")

    def test_a_code_that_cannot_be_used_shows_nothing(self, town: Town) -> None:
        """Malformed, unknown, used, and expired codes are refused as by activate."""
        used, expired = town.code_for(town.contact()), town.code_for(town.contact())
        town.activate_with(used, JEANNE)
        town.later(days=30)

        answers = [
            refusal_of(lambda: town.auth.activation.preview(code, source=town.source))  # noqa: B023
            for code in ("", _UNKNOWN, used, expired)
        ]

        assert answers == [
            (ActivationRefused, "unknown_code"),
            (ActivationRefused, "unknown_code"),
            (ActivationRefused, "code_already_used"),
            (ActivationRefused, "code_expired"),
        ]


class TestCodeThatOpensNothing:
    """A code that is malformed, unknown, revoked or expired is refused, whatever else is typed."""

    @pytest.mark.parametrize("email", [JEANNE, _PAUL, "no address"])
    @pytest.mark.parametrize("password", [PASSWORD, "x", _OTHER])
    @pytest.mark.parametrize("email_code", [None, "123456"])
    def test_no_e_mail_or_password_changes_the_answer(
        self, town: Town, email: str, password: str, email_code: str | None
    ) -> None:
        """A guess at codes learns nothing about e-mails, and costs no hash."""
        town.move_in(JEANNE)
        expired = town.code_for(town.contact())
        town.later(days=30)
        town.hasher.seen.clear()

        def attempt(code: str) -> tuple[type[Refused], str]:
            return refusal_of(lambda: _activate(town, code, email=email, password=password, email_code=email_code))

        assert attempt("FR23-R1AV-ZZEQ-KSGH") == (ActivationRefused, "unknown_code")
        assert attempt(_UNKNOWN) == (ActivationRefused, "unknown_code")
        assert attempt(expired) == (ActivationRefused, "code_expired")
        assert town.hasher.seen == []

    def test_a_contact_that_was_removed_takes_its_code_along(self, town: Town) -> None:
        """D-34: removed between letter and activation, the code reads as unknown."""
        contact = town.contact()
        code = town.code_for(contact)
        town.directory.remove_contact(contact.id)

        assert refusal_of(lambda: _activate(town, code)) == (ActivationRefused, "unknown_code")

    def test_a_code_works_until_its_last_second(self, town: Town) -> None:
        """A-46: expiry is decided at use."""
        code = town.code_for(town.contact())
        town.later(days=30, seconds=-1)

        assert town.activate_with(code, JEANNE).session.email == JEANNE


class TestUsedCode:
    """A used code leads its own login to the login page, and everyone else nowhere."""

    @pytest.mark.parametrize("password", [PASSWORD, _OTHER, "x"])
    def test_the_login_that_used_it_is_told_that_it_exists(self, town: Town, password: str) -> None:
        """S5: "Un compte existe déjà avec cette adresse email", with any password."""
        code = town.code_for(town.contact())
        town.activate_with(code, JEANNE)

        assert refusal_of(lambda: _activate(town, code, password=password)) == (
            EmailAlreadyRegistered,
            "email_already_registered",
        )

    @pytest.mark.parametrize("email", [_PAUL, "no address"])
    def test_everyone_else_is_told_that_it_was_used(self, town: Town, email: str) -> None:
        """D-09: the second member of the household needs a letter of its own."""
        code = town.code_for(town.contact())
        town.activate_with(code, JEANNE)

        assert refusal_of(lambda: _activate(town, code, email=email)) == (ActivationRefused, "code_already_used")

    def test_a_clock_going_back_revives_nothing_used(self, town: Town) -> None:
        """D-25: what was used stays used."""
        code = town.code_for(town.contact())
        town.activate_with(code, JEANNE)
        town.later(hours=-2)

        assert refusal_of(lambda: _activate(town, code, email=_PAUL)) == (ActivationRefused, "code_already_used")


class TestNewLogin:
    """A new e-mail: an acceptable password, then the proof of the address, then the login."""

    def test_no_address_is_told_by_the_field(self, town: Town) -> None:
        """With a usable code, an address that is none is InvalidInput(field="email"); the code is kept."""
        code = town.code_for(town.contact())

        with pytest.raises(InvalidInput) as refusal:
            _activate(town, code, email="no address")

        assert (refusal.value.field, refusal.value.reason) == ("email", "malformed")
        assert town.activate_with(code, JEANNE).session.email == JEANNE

    def test_a_weak_password_is_told_with_every_violation(self, town: Town) -> None:
        """The person's own names count as known; the code is kept and no mail goes out."""
        code = town.code_for(town.contact("Ali Benali", condominium="Le Moulin"))

        with pytest.raises(PasswordRejected) as refusal:
            _activate(town, code, password="AliBenaliMoulin")

        assert refusal.value.violations == ("context_word",)
        assert town.mail(EmailProofMessage) == []
        assert town.activate_with(code, JEANNE).session.email == JEANNE

    def test_six_digits_go_to_the_address_and_nothing_is_stored(self, town: Town) -> None:
        """Before the proof there is no login: nothing to log in to, nothing hashed."""
        contact = town.contact()
        code = town.code_for(contact)

        answer = refusal_of(lambda: _activate(town, code))

        assert answer == (EmailProofRequired, "email_proof_required")
        assert town.digits_for(JEANNE).isdigit()
        assert town.hasher.seen == []
        assert town.auth.login.identifier_of(contact.id) is None

    def test_the_right_digits_open_the_account(self, town: Town) -> None:
        """The new login is logged in, with the contact's account active."""
        contact = town.contact()
        code = town.code_for(contact)
        refusal_of(lambda: _activate(town, code, email="Jeanne@Example.fr"))

        signed_in = _activate(town, code, email_code=f" {town.digits_for('Jeanne@example.fr')} ")

        assert signed_in.session.email == JEANNE
        assert signed_in.session.active_account == contact.account
        assert signed_in.session.accounts == (contact.account,)
        assert town.auth.login.session(signed_in.token) == signed_in.session
        assert town.auth.login.identifier_of(contact.id) == JEANNE

    def test_wrong_digits_open_nothing(self, town: Town) -> None:
        """The code is kept, and the right digits still work."""
        code = town.code_for(town.contact())
        refusal_of(lambda: _activate(town, code))
        right = town.digits_for(JEANNE)
        wrong = f"{(int(right) + 1) % 10**6:06}"

        assert refusal_of(lambda: _activate(town, code, email_code=wrong)) == (EmailProofRequired, "email_code_wrong")
        assert _activate(town, code, email_code=right).session.email == JEANNE

    def test_digits_are_for_one_address_only(self, town: Town) -> None:
        """A-40: the proof of one address is none of another."""
        code = town.code_for(town.contact())
        refusal_of(lambda: _activate(town, code))
        digits = town.digits_for(JEANNE)

        answer = refusal_of(lambda: _activate(town, code, email=_PAUL, email_code=digits))

        assert answer == (EmailProofRequired, "email_code_expired")

    def test_digits_are_too_old_after_ten_minutes(self, town: Town) -> None:
        """They are in time until the last second, and can be asked for again."""
        code = town.code_for(town.contact())
        refusal_of(lambda: _activate(town, code))
        digits = town.digits_for(JEANNE)
        town.later(minutes=10)

        answer = refusal_of(lambda: _activate(town, code, email_code=digits))

        assert answer == (EmailProofRequired, "email_code_expired")
        assert town.activate_with(code, JEANNE).session.email == JEANNE

    def test_digits_asked_for_again_void_the_former_ones(self, town: Town) -> None:
        """Only the last mail counts."""
        code = town.code_for(town.contact())
        refusal_of(lambda: _activate(town, code))
        first = town.digits_for(JEANNE)
        refusal_of(lambda: _activate(town, code))

        assert town.digits_for(JEANNE) != first
        assert refusal_of(lambda: _activate(town, code, email_code=first)) == (EmailProofRequired, "email_code_wrong")

    def test_digits_cannot_be_guessed(self, town: Town) -> None:
        """Ten wrong tries, and the code pauses; also the right digits must wait then."""
        code = town.code_for(town.contact())
        refusal_of(lambda: _activate(town, code))
        right = town.digits_for(JEANNE)
        wrong = f"{(int(right) + 1) % 10**6:06}"
        for _ in range(10):
            refusal_of(lambda: _activate(town, code, email_code=wrong))

        assert refusal_of(lambda: _activate(town, code, email_code=right)) == (Throttled, "throttled")

    def test_a_typo_in_the_address_costs_nothing(self, town: Town) -> None:
        """D-11: the proof never arrives, nothing is stored, and the address can be corrected."""
        contact = town.contact()
        code = town.code_for(contact)
        refusal_of(lambda: _activate(town, code, email="jeanne@exemple.fr"))

        town.activate_with(code, JEANNE)

        assert town.auth.login.identifier_of(contact.id) == JEANNE
        with pytest.raises(LoginRefused):
            town.log_in("jeanne@exemple.fr")

    def test_a_victims_address_needs_the_victims_mailbox(self, town: Town) -> None:
        """D-03, A-42: a manager with a code of his own gets no login under another's e-mail."""
        code = town.code_for(town.contact())
        refusal_of(lambda: _activate(town, code, email="victim@example.fr"))

        for guess in ("", "12345", "abcdef"):
            answer = refusal_of(lambda: _activate(town, code, email="victim@example.fr", email_code=guess))  # noqa: B023
            assert answer == (EmailProofRequired, "email_code_wrong")
        assert town.activate(town.contact(), "victim@example.fr").session.email == "victim@example.fr"

    def test_the_proof_can_be_switched_off(self) -> None:
        """Policy(require_email_proof=False) opens the login at the first call."""
        town = Town.found(policy=attrs.evolve(cheap_policy(), require_email_proof=False))

        signed_in = _activate(town, town.code_for(town.contact()))

        assert signed_in.session.email == JEANNE
        assert town.mail(EmailProofMessage) == []

    def test_the_person_on_the_file_is_told(self, town: Town) -> None:
        """D-05: a notice goes to the new login, and to the e-mail on the contact's file if it is another."""
        town.activate(town.contact(email="file@example.fr"), JEANNE)
        town.activate(town.contact(email="PAUL@example.fr"), _PAUL)

        assert [mail.to for mail in town.mail(ActivationNoticeMessage)] == [JEANNE, "file@example.fr", _PAUL]

    @pytest.mark.parametrize("email", [None, "", "no address", "a@x.fr,b@y.fr", "x" * 300])
    def test_a_bad_address_on_the_file_does_no_harm(self, town: Town, email: str | None) -> None:
        """D-16: what the host has on file may be anything."""
        assert town.activate(town.contact(email=email), JEANNE).session.email == JEANNE


class TestExistingLogin:
    """The e-mail of an existing login: its own password adds the account, nothing else does."""

    def test_the_right_password_adds_the_account(self, town: Town) -> None:
        """S7: the new account is active, the others are there, and a notice tells of it."""
        first = town.move_in().session.active_account
        second = town.contact(condominium="Le Moulin")

        signed_in = _activate(town, town.code_for(second))

        assert signed_in.session.accounts == (first, second.account)
        assert signed_in.session.active_account == second.account
        assert [mail.condominium_name for mail in town.mail(AccountAddedMessage, to=JEANNE)] == ["Le Moulin"]

    def test_the_wrong_password_is_told_as_registered(self, town: Town) -> None:
        """A-11, A-24: the code is kept, and the login's password is unchanged."""
        town.move_in()
        code = town.code_for(town.contact())

        answer = refusal_of(lambda: _activate(town, code, password=_OTHER))

        assert answer == (EmailAlreadyRegistered, "email_already_registered")
        assert town.log_in(JEANNE).session.email == JEANNE
        assert len(_activate(town, code).session.accounts) == 2

    def test_the_policy_for_new_passwords_has_no_say(self, town: Town) -> None:
        """A weak wrong password is answered like any wrong one."""
        town.move_in()
        code = town.code_for(town.contact())

        assert refusal_of(lambda: _activate(town, code, password="x"))[0] is EmailAlreadyRegistered

    def test_spouses_with_one_e_mail_share_a_login(self, town: Town) -> None:
        """D-10: the second activation asks for the existing password; both accounts are then reachable."""
        jeanne = town.contact()
        paul = town.directory.add_contact(jeanne.account.id, name="Paul Roche")
        town.activate(jeanne, JEANNE)
        code = town.code_for(paul)

        assert refusal_of(lambda: _activate(town, code, password=_OTHER))[0] is EmailAlreadyRegistered
        assert _activate(town, code).session.accounts == (jeanne.account,)
        assert town.auth.login.identifier_of(paul.id) == JEANNE

    def test_wrong_passwords_are_counted_on_code_and_login(self, town: Town) -> None:
        """D-08, A-10: after ten the code pauses, and so does the login's own door."""
        town.move_in()
        code = town.code_for(town.contact())
        for _ in range(10):
            refusal_of(lambda: _activate(town, code, password=_OTHER))

        assert refusal_of(lambda: _activate(town, code)) == (Throttled, "throttled")
        assert refusal_of(lambda: town.log_in(JEANNE)) == (Throttled, "throttled")
        town.later(seconds=30)
        assert len(_activate(town, code).session.accounts) == 2

    def test_a_locked_login_is_locked_here_too(self, town: Town) -> None:
        """A-63: guesses at the login page are counted against the onboarding page."""
        town.move_in()
        code = town.code_for(town.contact())
        for _ in range(10):
            refusal_of(lambda: town.log_in(JEANNE, password=_OTHER))

        assert refusal_of(lambda: _activate(town, code)) == (Throttled, "throttled")

    def test_nothing_is_linked_under_a_temporary_password(self, town: Town) -> None:
        """D-01: the right temporary password leads to the choice of another; the code is kept."""
        contact = town.contact()
        town.activate(contact, JEANNE)
        code = town.code_for(town.contact())
        temporary = town.auth.password_reset.set_password(contact.id, by=town.manager).password

        with pytest.raises(PasswordChangeRequired) as refusal:
            _activate(town, code, password=temporary)

        own = town.auth.login.choose_password(refusal.value.token, new_password=_OTHER, source=town.source)
        assert len(own.session.accounts) == 1
        assert len(_activate(town, code, password=_OTHER).session.accounts) == 2

    def test_an_orphan_finds_its_way_back(self, town: Town) -> None:
        """S6: reset by mail, then the code with the same e-mail and the new password."""
        contact = town.contact()
        town.activate(contact, JEANNE)
        town.directory.remove_condominium(contact.account.condominium_id)
        code = town.code_for(town.contact(condominium="Le Moulin"))
        assert refusal_of(lambda: _activate(town, code, password=_OTHER))[0] is EmailAlreadyRegistered

        town.auth.password_reset.redeem(town.reset_token(), new_password=_OTHER, source=town.source)

        session = _activate(town, code, password=_OTHER).session
        assert [account.condominium_name for account in session.accounts] == ["Le Moulin"]

    def test_a_buyers_code_does_not_attach_to_the_sellers_login(self, town: Town) -> None:
        """D-13: not without the seller's password."""
        seller = town.contact("Seller Roche")
        town.activate(seller, JEANNE)
        town.auth.activation.dissociate(seller.id, by=town.manager)
        buyer = town.directory.add_contact(seller.account.id, name="Buyer Durand")
        code = town.code_for(buyer)

        assert refusal_of(lambda: _activate(town, code, password=_OTHER))[0] is EmailAlreadyRegistered
        assert town.activate_with(code, _PAUL).session.active_account == seller.account


class TestLink:
    """A logged-in person adds an account with just its code."""

    def test_the_account_is_added_and_active(self, town: Town) -> None:
        """S7: a new session token; the old one is dead."""
        former = town.move_in()
        second = town.contact()

        signed_in = town.auth.activation.link(former.token, code=town.code_for(second), source=town.source)

        assert signed_in.session.active_account == second.account
        assert signed_in.session.accounts == (*former.session.accounts, second.account)
        assert town.auth.login.session(signed_in.token) == signed_in.session
        assert refusal_of(lambda: town.auth.login.session(former.token))[0] is SessionRefused

    def test_a_code_that_cannot_be_used_changes_nothing(self, town: Town) -> None:
        """Malformed, unknown, expired and used codes are refused; the session holds."""
        signed_in = town.move_in()
        used, expired = town.code_for(town.contact()), town.code_for(town.contact())
        town.activate_with(used, _PAUL)
        policy = attrs.evolve(cheap_policy(), session_idle=timedelta(days=30), session_lifetime=timedelta(days=30))
        patient = town.another_server(policy=policy)
        signed_in = patient.login.log_in(email=JEANNE, password=PASSWORD, source=town.source)
        town.later(days=30, seconds=-1)

        def answer(code: str) -> tuple[type[Refused], str]:
            return refusal_of(lambda: patient.activation.link(signed_in.token, code=code, source=town.source))

        assert answer("") == (ActivationRefused, "unknown_code")
        assert answer(_UNKNOWN) == (ActivationRefused, "unknown_code")
        assert answer(used) == (ActivationRefused, "code_already_used")
        assert patient.login.session(signed_in.token).email == JEANNE
        assert town.auth.activation.preview(expired, source=town.source).contact_name

    def test_an_expired_code_is_refused(self, town: Town) -> None:
        """Expiry is decided at use here, too."""
        code = town.code_for(town.contact())
        town.later(days=30)
        token = town.move_in().token

        answer = refusal_of(lambda: town.auth.activation.link(token, code=code, source=town.source))

        assert answer == (ActivationRefused, "code_expired")

    def test_without_a_session_no_code_is_looked_at(self, town: Town) -> None:
        """The session is asked for first, so that nothing is told about the code."""
        code = town.code_for(town.contact())

        answer = refusal_of(lambda: town.auth.activation.link("x" * 43, code=code, source=town.source))

        assert answer == (SessionRefused, "session_refused")

    def test_a_contact_that_logs_in_elsewhere_moves(self, town: Town) -> None:
        """A code issued anew for an activated contact takes it off its former login, whose sessions end."""
        contact = town.contact()
        former = town.activate(contact, JEANNE)
        paul = town.move_in(_PAUL)

        town.auth.activation.link(paul.token, code=town.code_for(contact), source=town.source)

        assert town.auth.login.identifier_of(contact.id) == _PAUL
        assert refusal_of(lambda: town.auth.login.session(former.token))[0] is SessionRefused
        assert [mail.to for mail in town.mail(AccountRemovedMessage)] == [JEANNE]


class TestDissociate:
    """A manager unlinks a contact: link, codes and sessions end in one step."""

    def test_everything_ends_at_once(self, town: Town) -> None:
        """D-05, D-12: the account is out of reach, the login stays as an orphan and is told."""
        contact = town.contact()
        signed_in = town.activate(contact, JEANNE)

        town.auth.activation.dissociate(contact.id, by=town.manager)

        assert refusal_of(lambda: town.auth.login.session(signed_in.token))[0] is SessionRefused
        assert town.log_in(JEANNE).session.accounts == ()
        assert town.auth.login.identifier_of(contact.id) is None
        assert [mail.to for mail in town.mail(AccountRemovedMessage)] == [JEANNE]

    def test_other_contacts_of_the_login_stay(self, town: Town) -> None:
        """D-12: only this contact is taken off."""
        kept = town.move_in().session.accounts
        contact = town.contact()
        town.activate(contact, JEANNE)

        town.auth.activation.dissociate(contact.id, by=town.manager)

        assert town.log_in(JEANNE).session.accounts == kept

    def test_a_code_that_is_out_is_revoked(self, town: Town) -> None:
        """D-12: the letter that is still in the post opens nothing."""
        contact = town.contact()
        code = town.code_for(contact)

        town.auth.activation.dissociate(contact.id, by=town.manager)

        assert refusal_of(lambda: _activate(town, code)) == (ActivationRefused, "unknown_code")

    def test_it_can_be_done_twice(self, town: Town) -> None:
        """A contact without login is no error."""
        contact = town.contact()
        town.activate(contact, JEANNE)

        town.auth.activation.dissociate(contact.id, by=town.manager)
        town.auth.activation.dissociate(contact.id, by=town.manager)

        assert len(town.mail(AccountRemovedMessage)) == 1

    def test_only_within_the_portfolio(self, town: Town) -> None:
        """D-04: another's contact and none look alike, and nothing happens."""
        contact = town.contact(portfolio_id="portfolio-2")
        signed_in = town.activate(contact, JEANNE)

        for contact_id in (contact.id, "contact-99"):
            with pytest.raises(NotAllowed) as refusal:
                town.auth.activation.dissociate(contact_id, by=town.manager)
            assert refusal.value.reason == "not_allowed"
        assert town.auth.login.session(signed_in.token).email == JEANNE

    def test_heirs_have_codes_of_their_own(self, town: Town) -> None:
        """D-12: heirs are new contacts on the account, each with a login of its own."""
        deceased = town.contact()
        town.activate(deceased, JEANNE)
        town.auth.activation.dissociate(deceased.id, by=town.manager)
        heirs = [town.directory.add_contact(deceased.account.id, name=name) for name in ("Paul Roche", "Lea Roche")]

        sessions = [town.activate(heir, f"heir{place}@example.fr").session for place, heir in enumerate(heirs)]

        assert [session.active_account for session in sessions] == [deceased.account, deceased.account]


class _MovedDirectory:
    """A directory whose condominiums have all gone over to another firm's portfolio."""

    def __init__(self, inner: MemoryDirectory, *, portfolio_id: str) -> None:
        self._inner = inner
        self._portfolio_id = portfolio_id

    def contact(self, contact_id: str) -> Contact | None:
        found = self._inner.contact(contact_id)
        return self._moved(found) if found else None

    def contacts(self, contact_ids: Collection[str]) -> Sequence[Contact]:
        return [self._moved(contact) for contact in self._inner.contacts(contact_ids)]

    def contacts_of(self, condominium_id: str) -> Sequence[Contact]:
        return [self._moved(contact) for contact in self._inner.contacts_of(condominium_id)]

    def _moved(self, contact: Contact) -> Contact:
        return attrs.evolve(contact, account=attrs.evolve(contact.account, portfolio_id=self._portfolio_id))


class TestAnotherManagerIsElected:
    """D-23: the condominium moves to another portfolio."""

    def test_the_former_managers_codes_and_rights_end(self) -> None:
        """His codes read as unknown, his actions are refused; the co-owner's login is untouched."""
        people = MemoryDirectory()
        building = people.add_condominium(name="Les Lilas", portfolio_id="old")
        jeanne, paul = (
            people.add_contact(people.add_account(building.id, label="Lot").id, name=name) for name in ("J", "P")
        )
        before = Town.found(directory=people)
        old = Manager(id="old", portfolio_id="old")
        signed_in = before.activate_with(before.auth.activation.issue(jeanne.id, by=old).code, JEANNE)
        code = before.auth.activation.issue(paul.id, by=old).code
        after = Town.found(store=before.store, directory=_MovedDirectory(people, portfolio_id="new"))

        assert refusal_of(lambda: _activate(after, code, email=_PAUL)) == (ActivationRefused, "unknown_code")
        assert refusal_of(lambda: after.auth.activation.issue(paul.id, by=old))[0] is NotAllowed
        assert refusal_of(lambda: after.auth.password_reset.send_link(jeanne.id, by=old))[0] is NotAllowed
        assert after.auth.login.session(signed_in.token).email == JEANNE


class TestRaces:
    """Of calls at the same instant, one succeeds and the others read as if they came second."""

    def test_one_code_many_calls(self, town: Town) -> None:
        """D-17, A-49: one login, one session, and for the others the used code's answer."""
        code = town.code_for(town.contact())
        refusal_of(lambda: _activate(town, code))
        digits = town.digits_for(JEANNE)
        barrier = threading.Barrier(10)
        answers: list[object] = []

        def attempt() -> None:
            barrier.wait()
            try:
                answers.append(_activate(town, code, email_code=digits))
            except Refused as refusal:
                answers.append(type(refusal))

        threads = [threading.Thread(target=attempt) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        (winner,) = [answer for answer in answers if isinstance(answer, SignedIn)]
        assert [answer for answer in answers if answer is not winner] == [EmailAlreadyRegistered] * 9
        assert len(town.auth.login.sessions(winner.token)) == 1

    @pytest.mark.parametrize("password", [PASSWORD, _OTHER])
    def test_two_codes_one_new_e_mail(self, town: Town, password: str) -> None:
        """D-18: the second is linked if its password is the one now stored, else told, and its code is kept."""
        one, other = town.code_for(town.contact()), town.code_for(town.contact())
        for code in (one, other):
            refusal_of(lambda: _activate(town, code))  # noqa: B023
        mails = [mail.code for mail in town.mail(EmailProofMessage, to=JEANNE)]
        town.hasher.meanwhile = lambda: _activate(town, one, email_code=mails[0])

        def second() -> SignedIn:
            return _activate(town, other, password=password, email_code=mails[1])

        if password == PASSWORD:
            assert len(second().session.accounts) == 2
        else:
            assert refusal_of(second)[0] is EmailAlreadyRegistered
            assert len(_activate(town, other).session.accounts) == 2

    def test_a_code_revoked_in_the_middle_opens_nothing(self, town: Town) -> None:
        """What was read is read again before anything is written."""
        contact = town.contact()
        code = town.code_for(contact)
        refusal_of(lambda: _activate(town, code))
        digits = town.digits_for(JEANNE)
        town.hasher.meanwhile = lambda: town.code_for(contact)

        answer = refusal_of(lambda: _activate(town, code, email_code=digits))

        assert answer == (ActivationRefused, "unknown_code")
        assert town.auth.login.identifier_of(contact.id) is None

    def test_a_contact_removed_in_the_middle_is_not_linked(self, town: Town) -> None:
        """A-54: no session and no link to a deleted contact."""
        contact = town.contact()
        code = town.code_for(contact)
        refusal_of(lambda: _activate(town, code))
        digits = town.digits_for(JEANNE)
        town.hasher.meanwhile = lambda: town.directory.remove_contact(contact.id)

        assert refusal_of(lambda: _activate(town, code, email_code=digits)) == (ActivationRefused, "unknown_code")

    def test_a_password_changed_in_the_middle_is_asked_for_again(self, town: Town) -> None:
        """A password that was right when it was checked, and is not when it is used, links nothing."""
        signed_in = town.move_in()
        code = town.code_for(town.contact())
        town.hasher.meanwhile = lambda: town.auth.login.change_password(
            signed_in.token, current_password=PASSWORD, new_password=_OTHER, source=town.source
        )

        assert refusal_of(lambda: _activate(town, code))[0] is EmailAlreadyRegistered


class TestOtherPortal:
    """A code of one portal is none on another."""

    def test_a_code_is_void_on_another_portal(self, town: Town) -> None:
        """A-48: the same store and keys under another address find no code."""
        code = town.code_for(town.contact())
        other = town.another_server(portal_url="https://other.example.fr")

        answer = refusal_of(lambda: other.activation.preview(code, source=town.source))

        assert answer == (ActivationRefused, "unknown_code")

    def test_a_code_from_before_the_epoch_is_void(self, town: Town) -> None:
        """D-28: after a backup was restored, the operator raises the epoch."""
        signed_in = town.move_in()
        code, link = town.code_for(town.contact()), town.reset_token()
        restored = town.another_server(policy=attrs.evolve(cheap_policy(), epoch=1))

        assert refusal_of(lambda: restored.activation.preview(code, source=town.source))[0] is ActivationRefused
        assert refusal_of(lambda: restored.login.session(signed_in.token))[0] is SessionRefused
        assert refusal_of(lambda: restored.password_reset.inspect(link))[0] is ResetRefused

    def test_a_code_survives_the_rotation_of_keys(self, town: Town) -> None:
        """D-26: with both keys it works; with the old key dropped it does not; sessions survive either way."""
        signed_in = town.move_in()
        code, link = town.code_for(town.contact()), town.reset_token()
        old, new = "a key for tests and nothing else, 0123456789", "another key for tests, 9876543210 zyxwv"
        both, dropped = (town.another_server(secret_keys=keys) for keys in ([old, new], [new]))

        assert both.activation.preview(code, source=town.source).contact_name
        assert both.password_reset.inspect(link).email == JEANNE
        assert refusal_of(lambda: dropped.activation.preview(code, source=town.source))[0] is ActivationRefused
        assert refusal_of(lambda: dropped.password_reset.inspect(link))[0] is ResetRefused
        assert dropped.login.session(signed_in.token).email == JEANNE
