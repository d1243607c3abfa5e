"""Attacks on this product that a database could make possible."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.engines import EVERYWHERE, adapters_on
from tests.races.crowds import STAGES, Crowd, gathered

from coproauth import ActivationRefused, EmailProofRequired, Manager, NotAllowed, Refused, SignedIn, SwitchRefused
from coproauth.testing import Sandbox
from coproauth.testing.sandbox import PASSWORD, PORTFOLIO

JEANNE = "jeanne@example.fr"
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


@pytest.mark.parametrize("_round", range(_ROUNDS))
def test_x12_a_letter_that_is_replaced_while_it_is_used_works_before_or_not_at_all(crowd: Crowd, _round: int) -> None:
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
