"""Activation: issuing, linking to a session, dissociating, and what happens meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from datetime import timedelta

import attrs
import pytest
from tests.town import JEANNE, Town, refusal_of

from coproauth import (
    ActivationPreview,
    ActivationRefused,
    Contact,
    EmailAlreadyRegistered,
    Manager,
    NotAllowed,
    Refused,
    ResetRefused,
    SessionRefused,
    SignedIn,
)
from coproauth.adapters.memory import MemoryDirectory
from coproauth.core.messages import (
    AccountRemovedMessage,
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


class TestIssue:
    """A manager issues codes for the contacts of his own portfolio."""

    def test_the_letter_gets_all_it_needs(self, town: Town) -> None:
        """Code, person and last day are returned; the code works and lives for thirty days."""
        contact = town.contact()

        issued = town.auth.activation.issue(contact.id, by=town.manager_of(contact))

        assert issued.contact == contact
        assert issued.expires_at == town.clock.now() + timedelta(days=30)
        assert town.auth.activation.preview(issued.code, source=town.source).contact_name == contact.name

    def test_d06_issuing_again_revokes_the_former_code(self, town: Town) -> None:
        """D-06: a lost letter is worthless at once."""
        contact = town.contact()
        lost = town.code_for(contact)

        printed_again = town.code_for(contact)

        assert refusal_of(lambda: _activate(town, lost)) == (ActivationRefused, "unknown_code")
        assert town.activate_with(printed_again, JEANNE).session.email == JEANNE

    @pytest.mark.parametrize("portfolio_id", ["portfolio-2", "", None])
    def test_d04_another_portfolios_contact_looks_like_none(self, town: Town, portfolio_id: str) -> None:
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

    def test_d04_a_condominium_that_is_not_the_managers_looks_like_none(self, town: Town) -> None:
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

    def test_x22_a_contact_that_logs_in_elsewhere_moves(self, town: Town) -> None:
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

    def test_d05_d12_everything_ends_at_once(self, town: Town) -> None:
        """D-05, D-12: the account is out of reach, the login stays as an orphan and is told."""
        contact = town.contact()
        signed_in = town.activate(contact, JEANNE)

        town.auth.activation.dissociate(contact.id, by=town.manager)

        assert refusal_of(lambda: town.auth.login.session(signed_in.token))[0] is SessionRefused
        assert town.log_in(JEANNE).session.accounts == ()
        assert town.auth.login.identifier_of(contact.id) is None
        assert [mail.to for mail in town.mail(AccountRemovedMessage)] == [JEANNE]

    def test_d12_other_contacts_of_the_login_stay(self, town: Town) -> None:
        """D-12: only this contact is taken off."""
        kept = town.move_in().session.accounts
        contact = town.contact()
        town.activate(contact, JEANNE)

        town.auth.activation.dissociate(contact.id, by=town.manager)

        assert town.log_in(JEANNE).session.accounts == kept

    def test_d12_a_code_that_is_out_is_revoked(self, town: Town) -> None:
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

    def test_d04_only_within_the_portfolio(self, town: Town) -> None:
        """D-04: another's contact and none look alike, and nothing happens."""
        contact = town.contact(portfolio_id="portfolio-2")
        signed_in = town.activate(contact, JEANNE)

        for contact_id in (contact.id, "contact-99"):
            with pytest.raises(NotAllowed) as refusal:
                town.auth.activation.dissociate(contact_id, by=town.manager)
            assert refusal.value.reason == "not_allowed"
        assert town.auth.login.session(signed_in.token).email == JEANNE

    def test_d12_heirs_have_codes_of_their_own(self, town: Town) -> None:
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

    def test_d23_the_former_managers_codes_and_rights_end(self) -> None:
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

    def test_d17_a49_one_code_many_calls(self, town: Town) -> None:
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
    def test_d18_two_codes_one_new_e_mail(self, town: Town, password: str) -> None:
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

    def test_a54_a_contact_removed_in_the_middle_is_not_linked(self, town: Town) -> None:
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

    def test_a48_a_code_is_void_on_another_portal(self, town: Town) -> None:
        """A-48: the same store and keys under another address find no code."""
        code = town.code_for(town.contact())
        other = town.another_server(portal_url="https://other.example.fr")

        answer = refusal_of(lambda: other.activation.preview(code, source=town.source))

        assert answer == (ActivationRefused, "unknown_code")

    def test_d28_a_code_from_before_the_epoch_is_void(self, town: Town) -> None:
        """D-28: after a backup was restored, the operator raises the epoch."""
        signed_in = town.move_in()
        code, link = town.code_for(town.contact()), town.reset_token()
        restored = town.another_server(policy=attrs.evolve(cheap_policy(), epoch=1))

        assert refusal_of(lambda: restored.activation.preview(code, source=town.source))[0] is ActivationRefused
        assert refusal_of(lambda: restored.login.session(signed_in.token))[0] is SessionRefused
        assert refusal_of(lambda: restored.password_reset.inspect(link))[0] is ResetRefused

    def test_d26_a_code_survives_the_rotation_of_keys(self, town: Town) -> None:
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
