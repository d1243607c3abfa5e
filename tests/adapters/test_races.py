"""What happens when several people do the same thing at the same instant."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

import pytest
from tests.engines import Adapters

from coproauth import (
    ActivationRefused,
    EmailAlreadyRegistered,
    LoginRefused,
    Refused,
    ResetRefused,
    SessionRefused,
    SignedIn,
    Throttled,
)
from coproauth.testing import Sandbox
from coproauth.testing.machines import patient_policy
from coproauth.testing.sandbox import PASSWORD

T = TypeVar("T")
THREADS = 32
JEANNE = "jeanne@example.fr"
OTHER_PASSWORD = "encore une girafe bleue"


@pytest.fixture
def town(adapters: Adapters) -> Sandbox:
    """A town whose throttle does not hide the race."""
    return Sandbox.build(store=adapters.store, directory=adapters.directory, policy=patient_policy())


def together(call: Callable[[int], T], *, threads: int = THREADS) -> list[T | Refused]:
    """Return what each thread's call answered, all begun at once; anything but a refusal is raised."""
    barrier = threading.Barrier(threads)
    answers: list[T | Refused] = []
    failures: list[BaseException] = []

    def run(number: int) -> None:
        barrier.wait()
        try:
            answers.append(call(number))
        except Refused as refused:
            answers.append(refused)
        except BaseException as failure:  # noqa: BLE001 - told by the thread that waits
            failures.append(failure)

    workers = [threading.Thread(target=run, args=[number]) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert failures == []
    return answers


def successes(answers: list[T | Refused]) -> list[T]:
    """Return the answers that are no refusals."""
    return [answer for answer in answers if not isinstance(answer, Refused)]


def test_one_code_opens_one_login(town: Sandbox) -> None:
    """Of thirty-two people who activate with one code, one succeeds; the others come second (A-49, D-17)."""
    code = town.code_for(town.contact())
    emails = [f"person{number}@example.fr" for number in range(THREADS)]
    for email in emails:
        with pytest.raises(Refused):
            town.auth.activation.activate(code=code, email=email, password=PASSWORD, source=town.source)
    digits = town.digits_for(emails[-1])

    answers = together(
        lambda _: town.auth.activation.activate(
            code=code, email=emails[-1], password=PASSWORD, email_code=digits, source=town.source
        )
    )

    assert len(successes(answers)) == 1
    assert {type(answer) for answer in answers} == {SignedIn, EmailAlreadyRegistered}
    assert town.log_in(emails[-1]).session.accounts == successes(answers)[0].session.accounts


def test_one_code_is_added_to_one_of_many_sessions(town: Sandbox) -> None:
    """Of eight logins that type the same code, one gets the account."""
    tokens = [town.activate(town.contact(), f"person{number}@example.fr").token for number in range(8)]
    code = town.code_for(town.contact(condominium="Les Pins"))

    answers = together(
        lambda number: town.auth.activation.link(tokens[number], code=code, source=town.source), threads=8
    )

    assert len(successes(answers)) == 1
    assert {type(answer) for answer in answers} == {SignedIn, ActivationRefused}


def test_two_codes_with_one_new_address_open_one_login(town: Sandbox) -> None:
    """One creates the login, the other is added to it or told that it exists, and keeps its code (D-18)."""
    contacts = [town.contact(condominium=f"Résidence {number}") for number in range(2)]
    codes = [town.code_for(contact) for contact in contacts]
    passwords = [PASSWORD, OTHER_PASSWORD]
    digits = []
    for code, password in zip(codes, passwords, strict=True):
        with pytest.raises(Refused):
            town.auth.activation.activate(code=code, email=JEANNE, password=password, source=town.source)
        digits.append(town.digits_for(JEANNE))

    answers = together(
        lambda number: town.auth.activation.activate(
            code=codes[number],
            email=JEANNE,
            password=passwords[number],
            email_code=digits[number],
            source=town.source,
        ),
        threads=2,
    )

    assert {type(answer) for answer in answers} == {SignedIn, EmailAlreadyRegistered}
    (winner,) = successes(answers)
    first = int(winner.session.accounts == (contacts[1].account,))
    both = town.activate_with(codes[1 - first], JEANNE, password=passwords[first]).session.accounts
    assert set(both) == {contact.account for contact in contacts}


def test_a_reset_link_works_once(town: Sandbox) -> None:
    """Of thirty-two people who follow one link, one sets the password (A-26, A-49)."""
    town.activate(town.contact(), JEANNE)
    town.auth.password_reset.request(email=JEANNE, source=town.source)
    token = town.reset_token_for(JEANNE)

    answers = together(
        lambda number: town.auth.password_reset.redeem(
            token, new_password=f"girafe numéro {number} au bord de l'eau", source=town.source
        )
    )

    assert [type(answer) for answer in answers].count(ResetRefused) == THREADS - 1
    assert successes(answers) == [None]


def test_a_session_is_replaced_once(town: Sandbox) -> None:
    """Of thirty-two switches with one token, one gets the new token."""
    lilas, pins = town.contact(condominium="Les Lilas"), town.contact(condominium="Les Pins")
    town.activate(lilas, JEANNE)
    token = town.activate(pins, JEANNE).token

    answers = together(lambda _: town.auth.accounts.switch(token, account_id=lilas.account.id))

    assert len(successes(answers)) == 1
    assert {type(answer) for answer in answers} == {SignedIn, SessionRefused}


def test_nobody_gets_another_s_session(town: Sandbox) -> None:
    """Twelve people log in at once, and each token is its owner's (A-53)."""
    emails = [f"person{number}@example.fr" for number in range(12)]
    for email in emails:
        town.activate(town.contact(), email)

    answers = successes(together(lambda number: town.log_in(emails[number]), threads=12))

    assert sorted(town.auth.login.session(signed_in.token).email for signed_in in answers) == sorted(emails)


def test_of_many_guesses_at_once_ten_reach_a_verdict(adapters: Adapters) -> None:
    """The throttle counts before it looks: the right password sent as the eleventh waits, too (A-50)."""
    town = Sandbox.build(store=adapters.store, directory=adapters.directory)
    town.activate(town.contact(), JEANNE)

    answers = together(lambda _: town.log_in(JEANNE, password="not the right one"))

    verdicts = [type(answer) for answer in answers]
    assert (verdicts.count(LoginRefused), verdicts.count(Throttled)) == (10, THREADS - 10)
    with pytest.raises(Throttled):
        town.log_in(JEANNE)
    town.later(seconds=30)
    assert town.log_in(JEANNE).session.email == JEANNE


def test_a_password_change_leaves_no_session_of_before(town: Sandbox) -> None:
    """Logins that run while the password is reset end up refused or dead, unless they came first and died with it."""
    town.activate(town.contact(), JEANNE)
    town.auth.password_reset.request(email=JEANNE, source=town.source)
    token = town.reset_token_for(JEANNE)

    def act(number: int) -> SignedIn | None:
        if number:
            return town.log_in(JEANNE)
        town.auth.password_reset.redeem(token, new_password=OTHER_PASSWORD, source=town.source)
        return None

    answers = successes(together(act, threads=8))

    for signed_in in filter(None, answers):
        with pytest.raises(SessionRefused):
            town.auth.login.session(signed_in.token)
