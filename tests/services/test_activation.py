"""Activation: the code, the e-mail and the password, in the order of the public contract."""

from __future__ import annotations

import attrs
import pytest
from tests.town import JEANNE, Town, refusal_of

from coproauth import (
    ActivationRefused,
    EmailAlreadyRegistered,
    EmailProofRequired,
    InvalidInput,
    LoginRefused,
    PasswordChangeRequired,
    PasswordRejected,
    Refused,
    SignedIn,
    Throttled,
)
from coproauth.core.messages import (
    AccountAddedMessage,
    ActivationNoticeMessage,
    EmailProofMessage,
)
from coproauth.testing.sandbox import PASSWORD, cheap_policy

_PAUL = "paul@example.fr"
_OTHER = "trois pommes sur un nuage"
_UNKNOWN = "0000-0000-0000-0000"


def _activate(
    town: Town, code: str, *, email: str = JEANNE, password: str = PASSWORD, email_code: str | None = None
) -> SignedIn:
    return town.auth.activation.activate(
        code=code, email=email, password=password, email_code=email_code, source=town.source
    )


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

    def test_d34_a_contact_that_was_removed_takes_its_code_along(self, town: Town) -> None:
        """D-34: removed between letter and activation, the code reads as unknown."""
        contact = town.contact()
        code = town.code_for(contact)
        town.directory.remove_contact(contact.id)

        assert refusal_of(lambda: _activate(town, code)) == (ActivationRefused, "unknown_code")

    def test_a46_a_code_works_until_its_last_second(self, town: Town) -> None:
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
    def test_d09_everyone_else_is_told_that_it_was_used(self, town: Town, email: str) -> None:
        """D-09: the second member of the household needs a letter of its own."""
        code = town.code_for(town.contact())
        town.activate_with(code, JEANNE)

        assert refusal_of(lambda: _activate(town, code, email=email)) == (ActivationRefused, "code_already_used")

    def test_d25_a_clock_going_back_revives_nothing_used(self, town: Town) -> None:
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

    def test_neither_the_address_nor_the_code_is_a_password(self, town: Town) -> None:
        """Whoever has read the letter would guess them first."""
        code = town.code_for(town.contact())

        told = []
        for typed in (JEANNE, code):
            with pytest.raises(PasswordRejected) as refusal:
                _activate(town, code, password=typed)
            told.append(refusal.value.violations)

        assert told == [("context_word",)] * 2

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

    def test_a40_digits_are_for_one_address_only(self, town: Town) -> None:
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

    def test_d11_a_typo_in_the_address_costs_nothing(self, town: Town) -> None:
        """D-11: the proof never arrives, nothing is stored, and the address can be corrected."""
        contact = town.contact()
        code = town.code_for(contact)
        refusal_of(lambda: _activate(town, code, email="jeanne@exemple.fr"))

        town.activate_with(code, JEANNE)

        assert town.auth.login.identifier_of(contact.id) == JEANNE
        with pytest.raises(LoginRefused):
            town.log_in("jeanne@exemple.fr")

    def test_d03_a42_a_victims_address_needs_the_victims_mailbox(self, town: Town) -> None:
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

    def test_d05_the_person_on_the_file_is_told(self, town: Town) -> None:
        """D-05: a notice goes to the new login, and to the e-mail on the contact's file if it is another."""
        town.activate(town.contact(email="file@example.fr"), JEANNE)
        town.activate(town.contact(email="PAUL@example.fr"), _PAUL)

        assert [mail.to for mail in town.mail(ActivationNoticeMessage)] == [JEANNE, "file@example.fr", _PAUL]

    @pytest.mark.parametrize("email", [None, "", "no address", "a@x.fr,b@y.fr", "x" * 300])
    def test_d16_a_bad_address_on_the_file_does_no_harm(self, town: Town, email: str | None) -> None:
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

    def test_a11_a24_the_wrong_password_is_told_as_registered(self, town: Town) -> None:
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

    def test_d10_spouses_with_one_e_mail_share_a_login(self, town: Town) -> None:
        """D-10: the second activation asks for the existing password; both accounts are then reachable."""
        jeanne = town.contact()
        paul = town.directory.add_contact(jeanne.account.id, name="Paul Roche")
        town.activate(jeanne, JEANNE)
        code = town.code_for(paul)

        assert refusal_of(lambda: _activate(town, code, password=_OTHER))[0] is EmailAlreadyRegistered
        assert _activate(town, code).session.accounts == (jeanne.account,)
        assert town.auth.login.identifier_of(paul.id) == JEANNE

    def test_d08_a10_wrong_passwords_are_counted_on_code_and_login(self, town: Town) -> None:
        """D-08, A-10: after ten the code pauses, and so does the login's own door."""
        town.move_in()
        code = town.code_for(town.contact())
        for _ in range(10):
            refusal_of(lambda: _activate(town, code, password=_OTHER))

        assert refusal_of(lambda: _activate(town, code)) == (Throttled, "throttled")
        assert refusal_of(lambda: town.log_in(JEANNE)) == (Throttled, "throttled")
        town.later(seconds=30)
        assert len(_activate(town, code).session.accounts) == 2

    def test_a63_a_locked_login_is_locked_here_too(self, town: Town) -> None:
        """A-63: guesses at the login page are counted against the onboarding page."""
        town.move_in()
        code = town.code_for(town.contact())
        for _ in range(10):
            refusal_of(lambda: town.log_in(JEANNE, password=_OTHER))

        assert refusal_of(lambda: _activate(town, code)) == (Throttled, "throttled")

    def test_d01_nothing_is_linked_under_a_temporary_password(self, town: Town) -> None:
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

    def test_d13_a_buyers_code_does_not_attach_to_the_sellers_login(self, town: Town) -> None:
        """D-13: not without the seller's password."""
        seller = town.contact("Seller Roche")
        town.activate(seller, JEANNE)
        town.auth.activation.dissociate(seller.id, by=town.manager)
        buyer = town.directory.add_contact(seller.account.id, name="Buyer Durand")
        code = town.code_for(buyer)

        assert refusal_of(lambda: _activate(town, code, password=_OTHER))[0] is EmailAlreadyRegistered
        assert town.activate_with(code, _PAUL).session.active_account == seller.account
