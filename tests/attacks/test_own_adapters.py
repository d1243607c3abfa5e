"""Attacks on this product that a database could make possible."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.engines import EVERYWHERE, adapters_on
from tests.races.crowds import STAGES, Crowd, gathered

from coproauth import (
    ActivationRefused,
    ConfirmEmailMessage,
    EmailProofRequired,
    LoginRefused,
    Manager,
    NotAllowed,
    Refused,
    ResetRefused,
    SessionRefused,
    SignedIn,
    SwitchRefused,
)
from coproauth.testing import Sandbox
from coproauth.testing.sandbox import PASSWORD, PORTFOLIO

JEANNE = "jeanne@example.fr"
OTHER = "trois pommes sur un nuage"
_ROUNDS = int(os.environ.get("COPROAUTH_RACE_ROUNDS", "1"))


@pytest.fixture(params=EVERYWHERE)
def town(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Sandbox]:
    """An installation on each technology in turn."""
    with adapters_on(request.param, request, tmp_path) as adapters:
        yield Sandbox.build(store=adapters.store, directory=adapters.directory)


def _look_alikes(text: str) -> list[str]:
    """Return what a lax collation would take for a text: other case, spaces at the end, width, invisible marks."""
    wide = "".join(chr(ord(symbol) + 0xFEE0) if "!" <= symbol <= "~" else symbol for symbol in text)
    return [text.upper(), text.title(), f"{text} ", f" {text}", f"{text}\u200b", f"{text}\u00ad", wide, f"{text}%"]


def test_x10_an_id_that_a_lax_database_would_take_for_another_is_none(town: Sandbox) -> None:
    """Neither case nor spaces nor wide letters lead a manager to a contact, or a session to an account."""
    contact = town.contact()
    session = town.activate(contact, JEANNE).token

    for contact_id in set(_look_alikes(contact.id)) - {contact.id}:
        with pytest.raises(Refused):
            town.auth.password_reset.set_password(contact_id, by=town.manager)
        assert town.auth.login.identifier_of(contact_id) is None
    for account_id in set(_look_alikes(contact.account.id)) - {contact.account.id}:
        with pytest.raises(SwitchRefused):
            town.auth.accounts.switch(session, account_id=account_id)

    assert town.log_in(JEANNE).session.accounts == (contact.account,)


def test_x10_a_portfolio_that_looks_like_his_is_not_the_manager_s(town: Sandbox) -> None:
    """Two firms whose ids differ only for a computer are two firms."""
    contact = town.contact()

    for portfolio_id in set(_look_alikes(PORTFOLIO)) - {PORTFOLIO}:
        with pytest.raises(NotAllowed):
            town.auth.activation.issue(contact.id, by=Manager(id="manager-2", portfolio_id=portfolio_id))


@pytest.fixture(params=STAGES, ids="-".join)
def crowd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Crowd]:
    """People in front of each kind of database, as threads and as processes."""
    with gathered(request.param, request, tmp_path) as crowd:
        yield crowd


@pytest.fixture(params=range(_ROUNDS), ids=lambda number: f"round{number}", autouse=True)
def _round(request: pytest.FixtureRequest) -> object:
    """Every race is run that often, each time with nothing left of the last."""
    return request.param


def test_x12_a_letter_that_is_replaced_while_it_is_used_works_before_or_not_at_all(crowd: Crowd) -> None:
    """Of a code and its successor, one stands afterwards, and the contact has one login at most."""
    town = crowd.town()
    contact = town.contact()
    former = town.code_for(contact)
    with pytest.raises(EmailProofRequired):
        town.auth.activation.activate(code=former, email=JEANNE, password=PASSWORD, source=town.source)
    digits = town.digits_for(JEANNE)

    def act(number: int) -> str | SignedIn:
        if number:
            return town.auth.activation.activate(
                code=former, email=JEANNE, password=PASSWORD, email_code=digits, source=town.source
            )
        return town.code_for(contact)

    code, activated = crowd.together(act, of=2)

    assert isinstance(code, str)
    assert town.auth.activation.preview(code, source=town.source).contact_name == contact.name
    assert isinstance(activated, SignedIn | ActivationRefused)
    assert town.auth.login.identifier_of(contact.id) == (JEANNE if isinstance(activated, SignedIn) else None)
    with pytest.raises(ActivationRefused):
        town.auth.activation.preview(former, source=town.source)


def _confirmation(town: Sandbox, session: str, new_email: str) -> str:
    """Ask for another e-mail, and return the token of the link that confirms it."""
    town.auth.login.change_email(session, new_email=new_email, current_password=PASSWORD, source=town.source)
    links = [mail.url for mail in town.mail_to(new_email) if isinstance(mail, ConfirmEmailMessage)]
    return links[-1].rpartition("/")[2]


def test_x26_two_logins_that_confirm_one_address_at_once_do_not_share_it(crowd: Crowd) -> None:
    """One has it; the other keeps its own, and its session."""
    town = crowd.town()
    people = ["marc@example.fr", "paul@example.fr"]
    tokens = [_confirmation(town, town.activate(town.contact(), email).token, JEANNE) for email in people]

    answers = crowd.together(lambda number: town.auth.login.confirm_email(tokens[number], source=town.source), of=2)

    assert {type(answer) for answer in answers} == {type(None), ResetRefused}
    loser = people[1 - answers.index(None)]
    assert town.log_in(loser).session.email == loser
    assert len(town.log_in(JEANNE).session.accounts) == 1


def test_x27_of_a_reset_and_a_change_of_address_at_once_one_takes_effect(crowd: Crowd) -> None:
    """Whichever comes first voids the other: an intruder's change of address does not slip past the owner's reset."""
    town = crowd.town()
    session = town.activate(town.contact(), JEANNE).token
    confirmation = _confirmation(town, session, "mallory@example.org")
    town.auth.password_reset.request(email=JEANNE, source=town.source)
    link = town.reset_token_for(JEANNE)

    def act(number: int) -> None:
        if number:
            town.auth.login.confirm_email(confirmation, source=town.source)
        else:
            town.auth.password_reset.redeem(link, new_password=OTHER, source=town.source)

    reset, moved = crowd.together(act, of=2)

    assert {type(reset), type(moved)} == {type(None), ResetRefused}
    email, password = (JEANNE, OTHER) if reset is None else ("mallory@example.org", PASSWORD)
    assert town.log_in(email, password=password).session.email == email
    with pytest.raises(SessionRefused):
        town.auth.login.session(session)


def test_x28_whoever_logs_in_while_the_login_is_erased_has_nothing(crowd: Crowd) -> None:
    """Logins, and resets that are redeemed, meet the erasure: no session and no password is left of it."""
    town = crowd.town()
    contact = town.contact()
    town.activate(contact, JEANNE)
    town.auth.password_reset.request(email=JEANNE, source=town.source)
    link = town.reset_token_for(JEANNE)

    def act(number: int) -> SignedIn | None:
        if number == 0:
            town.auth.personal_data.erase(email=JEANNE)
        elif number == 1:
            town.auth.password_reset.redeem(link, new_password=OTHER, source=town.source)
        else:
            return town.log_in(JEANNE)
        return None

    answers = crowd.together(act, of=6)

    assert answers[0] is None
    for answer in answers:
        if isinstance(answer, SignedIn):
            with pytest.raises(SessionRefused):
                town.auth.login.session(answer.token)
    for password in (PASSWORD, OTHER):
        with pytest.raises(LoginRefused):
            town.log_in(JEANNE, password=password)
    assert town.auth.login.identifier_of(contact.id) is None
