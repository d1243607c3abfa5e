"""What happens when several people do the same thing at the same instant, in one process or in many."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.races.crowds import STAGES, WORKERS, Crowd, gathered, successes

from coproauth import (
    ActivationRefused,
    EmailAlreadyRegistered,
    LoginRefused,
    NotAllowed,
    Refused,
    ResetRefused,
    SessionRefused,
    SignedIn,
    SwitchRefused,
    Throttled,
)
from coproauth.core.accounts import Contact
from coproauth.testing import Sandbox
from coproauth.testing.sandbox import PASSWORD, cheap_policy

pytestmark = pytest.mark.no_cover

ROUNDS = int(os.environ.get("COPROAUTH_RACE_ROUNDS", "1"))
JEANNE = "jeanne@example.fr"
OTHER_PASSWORD = "encore une girafe bleue"
OTHER_PORTFOLIO = "portfolio-2"


@pytest.fixture(params=range(ROUNDS), ids=lambda number: f"round{number}", autouse=True)
def _round(request: pytest.FixtureRequest) -> object:
    """Every race is run that often, each time with nothing left of the last."""
    return request.param


@pytest.fixture(params=STAGES, ids="-".join)
def crowd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Crowd]:
    """People in front of each kind of database, as threads and as processes."""
    with gathered(request.param, request, tmp_path) as crowd:
        yield crowd


@pytest.fixture
def town(crowd: Crowd) -> Sandbox:
    """The installation that they are in front of."""
    return crowd.town()


def proven_code(town: Sandbox, contact: Contact, email: str, *, password: str = PASSWORD) -> tuple[str, str]:
    """Return a contact's code, and the digits that prove an address for it."""
    code = town.code_for(contact)
    with pytest.raises(Refused):
        town.auth.activation.activate(code=code, email=email, password=password, source=town.source)
    return code, town.digits_for(email)


def opens_something(town: Sandbox, code: str) -> bool:
    """Whether a code can be used."""
    try:
        town.auth.activation.preview(code, source=town.source)
    except ActivationRefused:
        return False
    return True


def is_open(town: Sandbox, answer: object) -> bool:
    """Whether an answer is a session that still holds."""
    if not isinstance(answer, SignedIn):
        return False
    try:
        town.auth.login.session(answer.token)
    except SessionRefused:
        return False
    return True


def accounts_shown(town: Sandbox, answers: list[SignedIn | Refused | None]) -> set[str]:
    """Return the ids of the accounts that the sessions among the answers show now."""
    tokens = [answer.token for answer in answers if is_open(town, answer) and isinstance(answer, SignedIn)]
    return {account.id for token in tokens for account in town.auth.login.session(token).accounts}


def test_a49_d17_one_code_opens_one_login(crowd: Crowd, town: Sandbox) -> None:
    """Of fifty people who activate with one code, one succeeds; the others come second (A-49, D-17)."""
    code, digits = proven_code(town, town.contact(), JEANNE)

    answers = crowd.together(
        lambda _: town.auth.activation.activate(
            code=code, email=JEANNE, password=PASSWORD, email_code=digits, source=town.source
        )
    )

    (winner,) = successes(answers)
    assert {type(answer) for answer in answers} == {SignedIn, EmailAlreadyRegistered}
    assert len(town.auth.login.sessions(winner.token)) == 1
    assert town.log_in(JEANNE).session.accounts == winner.session.accounts


def test_one_code_is_added_to_one_of_many_sessions(crowd: Crowd, town: Sandbox) -> None:
    """Of eight logins that type the same code, one gets the account."""
    tokens = [town.activate(town.contact(), f"person{number}@example.fr").token for number in range(8)]
    code = town.code_for(town.contact(condominium="Les Pins"))

    answers = crowd.together(
        lambda number: town.auth.activation.link(tokens[number], code=code, source=town.source), of=8
    )

    assert len(successes(answers)) == 1
    assert {type(answer) for answer in answers} == {SignedIn, ActivationRefused}


def test_d18_two_codes_with_one_new_address_open_one_login(crowd: Crowd, town: Sandbox) -> None:
    """One creates the login, the other is added to it or told that it exists, and keeps its code (D-18)."""
    contacts = [town.contact(condominium=f"Résidence {number}") for number in range(2)]
    passwords = [PASSWORD, OTHER_PASSWORD]
    proven = [proven_code(town, contacts[number], JEANNE, password=passwords[number]) for number in range(2)]

    answers = crowd.together(
        lambda number: town.auth.activation.activate(
            code=proven[number][0],
            email=JEANNE,
            password=passwords[number],
            email_code=proven[number][1],
            source=town.source,
        ),
        of=2,
    )

    assert {type(answer) for answer in answers} == {SignedIn, EmailAlreadyRegistered}
    first = [isinstance(answer, SignedIn) for answer in answers].index(True)
    both = town.activate_with(proven[1 - first][0], JEANNE, password=passwords[first]).session.accounts
    assert set(both) == {contact.account for contact in contacts}


def test_managers_leave_one_standing_code(crowd: Crowd, town: Sandbox) -> None:
    """However many codes are issued for a contact at the same instant, all but one are revoked."""
    contact = town.contact()

    issued = crowd.together(lambda _: town.code_for(contact), of=10)

    codes = successes(issued)
    assert len(codes) == 10
    assert [opens_something(town, code) for code in codes].count(True) == 1


def test_a26_a49_a_reset_link_works_once(crowd: Crowd, town: Sandbox) -> None:
    """Of fifty people who follow one link, one sets the password (A-26, A-49)."""
    town.activate(town.contact(), JEANNE)
    town.auth.password_reset.request(email=JEANNE, source=town.source)
    token = town.reset_token_for(JEANNE)
    passwords = [f"girafe numéro {number} au bord de l'eau" for number in range(WORKERS)]

    answers = crowd.together(
        lambda number: town.auth.password_reset.redeem(token, new_password=passwords[number], source=town.source)
    )

    assert [type(answer) for answer in answers].count(ResetRefused) == WORKERS - 1
    assert town.log_in(JEANNE, password=passwords[answers.index(None)]).session.email == JEANNE


def test_a_session_is_replaced_once(crowd: Crowd, town: Sandbox) -> None:
    """Of fifty switches with one token, one gets the new token."""
    lilas, pins = town.contact(condominium="Les Lilas"), town.contact(condominium="Les Pins")
    town.activate(lilas, JEANNE)
    token = town.activate(pins, JEANNE).token

    answers = crowd.together(lambda _: town.auth.accounts.switch(token, account_id=lilas.account.id))

    assert len(successes(answers)) == 1
    assert {type(answer) for answer in answers} == {SignedIn, SessionRefused}


def test_a53_nobody_gets_another_s_session(crowd: Crowd, town: Sandbox) -> None:
    """Two logins each of twelve people cross, and each token is its owner's (A-53)."""
    emails = [f"person{number}@example.fr" for number in range(12)]
    for email in emails:
        town.activate(town.contact(), email)
    owners = [*emails, *emails]

    answers = crowd.together(lambda number: town.log_in(owners[number]), of=len(owners))

    assert [town.auth.login.session(signed_in.token).email for signed_in in successes(answers)] == owners


def test_a50_of_many_guesses_at_once_ten_reach_a_verdict(crowd: Crowd) -> None:
    """The throttle counts before it looks: the right password sent as the eleventh waits, too (A-50)."""
    town = crowd.town(policy=cheap_policy())
    town.activate(town.contact(), JEANNE)

    def guess_four_times(_: int) -> list[type[Refused]]:
        return [verdict_of(town, "not the right one") for _ in range(4)]

    verdicts = [verdict for four in successes(crowd.together(guess_four_times)) for verdict in four]

    assert (verdicts.count(LoginRefused), verdicts.count(Throttled)) == (10, 4 * WORKERS - 10)
    with pytest.raises(Throttled):
        town.log_in(JEANNE)
    town.later(seconds=30)
    assert town.log_in(JEANNE).session.email == JEANNE


def verdict_of(town: Sandbox, guess: str) -> type[Refused]:
    """Return the kind of refusal that a guessed password is answered with."""
    with pytest.raises(Refused) as refusal:
        town.log_in(JEANNE, password=guess)
    return refusal.type


def test_a_password_change_leaves_no_session_of_before(crowd: Crowd, town: Sandbox) -> None:
    """Logins that run while the password is reset end up refused or dead, unless they came first and died with it."""
    town.activate(town.contact(), JEANNE)
    town.auth.password_reset.request(email=JEANNE, source=town.source)
    token = town.reset_token_for(JEANNE)

    def act(number: int) -> SignedIn | None:
        if number:
            return town.log_in(JEANNE)
        town.auth.password_reset.redeem(token, new_password=OTHER_PASSWORD, source=town.source)
        return None

    answers = crowd.together(act, of=8)

    assert answers[0] is None
    assert [is_open(town, answer) for answer in answers] == [False] * 8


def test_d01_a_temporary_password_and_a_link_from_elsewhere_exclude_each_other(crowd: Crowd, town: Sandbox) -> None:
    """A manager who sets a password never gets at an account of another portfolio, linked that instant (D-01)."""
    near, far = town.contact(), town.contact(condominium="Les Pins", portfolio_id=OTHER_PORTFOLIO)
    token = town.activate(near, JEANNE).token
    code = town.code_for(far)

    def act(number: int) -> object:
        if number:
            return town.auth.activation.link(token, code=code, source=town.source)
        return town.auth.password_reset.set_password(near.id, by=town.manager)

    answers = crowd.together(act, of=2)

    handed_over, linked = (not isinstance(answer, Refused) for answer in answers)
    assert handed_over != linked
    assert [type(answer) for answer in answers if isinstance(answer, Refused)] == [
        SessionRefused if handed_over else NotAllowed
    ]
    assert (town.auth.login.identifier_of(far.id) is not None) == linked


def test_a54_a_contact_taken_off_while_it_is_activated_opens_nothing(crowd: Crowd, town: Sandbox) -> None:
    """Whichever of activation and dissociation comes first, neither link nor session is left (A-54)."""
    contact = town.contact()
    code, digits = proven_code(town, contact, JEANNE)

    def act(number: int) -> SignedIn | None:
        if number:
            return town.auth.activation.activate(
                code=code, email=JEANNE, password=PASSWORD, email_code=digits, source=town.source
            )
        town.auth.activation.dissociate(contact.id, by=town.manager)
        return None

    answers = crowd.together(act, of=8)

    assert answers[0] is None
    assert town.auth.login.identifier_of(contact.id) is None
    assert [is_open(town, answer) for answer in answers] == [False] * 8


def test_a54_a_contact_deleted_while_it_is_activated_shows_nowhere(crowd: Crowd, town: Sandbox) -> None:
    """Once the host has deleted a contact, no session shows its account, however they met (A-54)."""
    contact = town.contact()
    code, digits = proven_code(town, contact, JEANNE)

    def act(number: int) -> SignedIn | None:
        if number:
            return town.auth.activation.activate(
                code=code, email=JEANNE, password=PASSWORD, email_code=digits, source=town.source
            )
        town.directory.remove_contact(contact.id)
        return None

    answers = crowd.together(act, of=8)

    assert answers[0] is None
    assert accounts_shown(town, answers) == set()


@pytest.mark.parametrize("removal", ["dissociated", "contact deleted", "condominium deleted"])
def test_a54_d19_an_account_that_goes_while_it_is_selected_is_not_shown(
    crowd: Crowd, town: Sandbox, removal: str
) -> None:
    """Logins and switches that meet the end of an account do not show it afterwards (A-54, D-19)."""
    lilas, pins = town.contact(condominium="Les Lilas"), town.contact(condominium="Les Pins")
    town.activate(lilas, JEANNE)
    town.activate(pins, JEANNE)
    tokens = [town.log_in(JEANNE).token for _ in range(4)]

    def act(number: int) -> SignedIn | None:
        if number == 0:
            remove(town, lilas, removal)
            return None
        if number <= len(tokens):
            return town.auth.accounts.switch(tokens[number - 1], account_id=lilas.account.id)
        return town.log_in(JEANNE)

    answers = crowd.together(act, of=8)

    assert {type(answer) for answer in answers} <= {type(None), SignedIn, SessionRefused, SwitchRefused, LoginRefused}
    assert accounts_shown(town, answers) <= {pins.account.id}
    assert town.log_in(JEANNE).session.accounts == (pins.account,)


def remove(town: Sandbox, contact: Contact, removal: str) -> None:
    """Take an account away from its login in one of the ways there are."""
    match removal:
        case "dissociated":
            town.auth.activation.dissociate(contact.id, by=town.manager)
        case "contact deleted":
            town.directory.remove_contact(contact.id)
        case _:
            town.directory.remove_condominium(contact.account.condominium_id)
