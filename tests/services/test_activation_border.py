"""What ``activate`` looks at, in which order, and what it costs."""

from __future__ import annotations

import pytest
from tests.town import JEANNE, Town

from coproauth import (
    ActivationRefused,
    EmailAlreadyRegistered,
    InvalidInput,
    NotAllowed,
    PasswordRejected,
    Refused,
    SignedIn,
)
from coproauth.core import password_policy
from coproauth.core.common_words import Lexicon, least_left
from coproauth.testing.sandbox import PASSWORD

LONG_EMAIL = "a" * 300 + "@example.fr"
LONG_PASSWORD = "x" * 5000
COSTLY_PASSWORD = "\ufdfa" * 4096  # each symbol folds to eighteen


def activate(town: Town, code: str, *, email: str = JEANNE, password: str = PASSWORD) -> SignedIn | Refused:
    """Return what the call answers."""
    try:
        return town.auth.activation.activate(code=code, email=email, password=password, source=town.source)
    except Refused as refused:
        return refused


@pytest.mark.parametrize("code", ["bad", "0000-0000-0000-0000", ""])
@pytest.mark.parametrize("email", [JEANNE, LONG_EMAIL, "", "\ud800"])
@pytest.mark.parametrize("password", [PASSWORD, LONG_PASSWORD, "", "\ud800", COSTLY_PASSWORD])
def test_a_code_that_opens_nothing_is_all_that_is_told(town: Town, code: str, email: str, password: str) -> None:
    """Whatever else was typed, the answer is about the code, and the password is not looked at."""
    answer = activate(town, code, email=email, password=password)

    assert isinstance(answer, ActivationRefused)
    assert answer.reason == "unknown_code"
    assert town.hasher.seen == []


def test_a_used_code_is_told_before_a_bad_address(town: Town) -> None:
    """The row of the used code comes before that of the e-mail."""
    code = town.code_for(town.contact())
    town.activate_with(code, JEANNE)

    answer = activate(town, code, email=LONG_EMAIL, password=LONG_PASSWORD)

    assert isinstance(answer, ActivationRefused)
    assert answer.reason == "code_already_used"


@pytest.mark.parametrize("email", [LONG_EMAIL, "", "jeanne@", "\ud800@example.fr"])
def test_with_a_usable_code_a_bad_address_is_told_before_the_password(town: Town, email: str) -> None:
    """The field is named, whatever is wrong with it."""
    answer = activate(town, town.code_for(town.contact()), email=email, password="short")

    assert isinstance(answer, InvalidInput)
    assert answer.field == "email"


@pytest.mark.parametrize(
    ("password", "violations"),
    [(LONG_PASSWORD, ("too_long",)), (COSTLY_PASSWORD, ("too_long",)), ("\ud800" * 20, ("malformed",))],
)
def test_a_new_login_s_impossible_password_is_rejected(town: Town, password: str, violations: tuple[str, ...]) -> None:
    """It is told like any other violation, and nothing is hashed."""
    answer = activate(town, town.code_for(town.contact()), password=password)

    assert isinstance(answer, PasswordRejected)
    assert answer.violations == violations
    assert town.hasher.seen == []


def test_an_impossible_password_does_not_fit_a_login_that_exists(town: Town) -> None:
    """It is the wrong password, and is not hashed."""
    town.activate(town.contact(), JEANNE)
    code = town.code_for(town.contact())
    town.hasher.seen.clear()

    assert isinstance(activate(town, code, password=LONG_PASSWORD), EmailAlreadyRegistered)
    assert town.hasher.seen == []


def test_only_letters_as_many_as_symbols_are_judged(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Symbols that fold to many letters do not make a check longer than the password."""
    judged: list[int] = []
    take_out = least_left

    def watched(text: str, *lexicons: Lexicon) -> int:
        judged.append(len(text))
        return take_out(text, *lexicons)

    monkeypatch.setattr(password_policy, "least_left", watched)

    activate(town, town.code_for(town.contact()), password="\ufdfa" * 1024)

    assert judged
    assert max(judged) <= 1024


class TestActivated:
    """A manager sees who of his own contacts has a login, and nothing else of it."""

    def test_d35_it_names_the_contacts_with_a_login(self, town: Town) -> None:
        """D-35: yes or no, for each contact of the condominium."""
        jeanne = town.contact()
        marc = town.directory.add_contact(jeanne.account.id, name="Marc Roche")
        town.activate(jeanne, JEANNE)

        activated = town.auth.activation.activated(jeanne.account.condominium_id, by=town.manager)

        assert activated == {jeanne.id}
        assert marc.id not in activated

    def test_d04_another_portfolio_s_condominium_looks_like_none(self, town: Town) -> None:
        """D-04: nothing shows about contacts that are not his."""
        theirs = town.contact(portfolio_id="portfolio-2")
        answers = []

        for condominium_id in (theirs.account.condominium_id, "none"):
            with pytest.raises(NotAllowed) as refused:
                town.auth.activation.activated(condominium_id, by=town.manager)
            answers.append(vars(refused.value))

        assert answers[0] == answers[1]


def test_dissociating_one_of_a_couple_on_one_login_tells_of_no_loss(town: Town) -> None:
    """The other's link keeps the account open, so no mail says that it was taken away."""
    jeanne = town.contact()
    marc = town.directory.add_contact(jeanne.account.id, name="Marc Roche")
    town.activate(jeanne, JEANNE)
    town.activate(marc, JEANNE)
    before = [type(mail) for mail in town.mail_to(JEANNE)]

    town.auth.activation.dissociate(marc.id, by=town.manager)

    assert [type(mail) for mail in town.mail_to(JEANNE)] == before
    assert town.log_in(JEANNE).session.accounts == (jeanne.account,)


def test_a54_a_contact_removed_in_the_middle_gets_no_temporary_password(town: Town) -> None:
    """A-54: a login that no longer has the contact is not the manager's to open."""
    jeanne = town.contact()
    town.activate(jeanne, JEANNE)
    town.hasher.meanwhile = lambda: town.directory.remove_contact(jeanne.id)

    with pytest.raises(NotAllowed):
        town.auth.password_reset.set_password(jeanne.id, by=town.manager)

    assert town.log_in(JEANNE).session.accounts == ()
