"""One address is one login, however it is spelled, on every database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.engines import EVERYWHERE, adapters_on

from coproauth import EmailAlreadyRegistered, InvalidInput, LoginRefused, UnknownAddressMessage
from coproauth.testing import Sandbox

OTHER = "trois pommes sur un nuage"


@pytest.fixture(params=EVERYWHERE)
def town(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Sandbox]:
    """An installation on each technology in turn."""
    with adapters_on(request.param, request, tmp_path) as adapters:
        yield Sandbox.build(store=adapters.store, directory=adapters.directory)


@pytest.mark.parametrize(
    ("stored", "typed"),
    [
        ("jeanne@example.fr", "JEANNE@Example.FR"),
        ("jeanne@faß.de", "jeanne@xn--fa-hia.de"),
        ("jeanne@bücher.example.com", "Jeanne@BÜCHER.example.com"),
        ("jeanne@bücher.example.com", "jeanne@bu\u0308cher.example.com"),
    ],
)
def test_a23_two_spellings_of_one_address_are_one_login(town: Sandbox, stored: str, typed: str) -> None:
    """Whoever spells it in another way finds the login taken, and opens it with its own password alone."""
    town.activate(town.contact(), stored)
    code = town.code_for(town.contact(condominium="Les Pins"))

    with pytest.raises(EmailAlreadyRegistered):
        town.auth.activation.activate(code=code, email=typed, password=OTHER, source=town.source)

    assert len(town.activate_with(code, typed).session.accounts) == 2


@pytest.mark.parametrize(
    ("stored", "typed"),
    [
        ("jeanne@faß.de", "jeanne@fass.de"),
        ("jeanne@example.fr", "jeanné@example.fr"),
        ("kelvin@example.fr", "\u212aelvin@example.fr"),
        ("jeanne@example.fr", "jeanne@exam\u0440le.fr"),
        ("jeanne@example.fr", "jeanne+x@example.fr"),
        ("jeanne@example.fr", "jeanne@example.fr."),
    ],
)
def test_a12_a23_a_look_alike_is_no_spelling(town: Sandbox, stored: str, typed: str) -> None:
    """It opens no login of another, and its reset goes nowhere near it."""
    town.activate(town.contact(), stored)
    sent = len(town.mail_to(stored))

    with pytest.raises(LoginRefused):
        town.log_in(typed)
    with suppress(InvalidInput):
        town.auth.password_reset.request(email=typed, source=town.source)

    assert len(town.mail_to(stored)) == sent
    assert all(isinstance(mail, UnknownAddressMessage) for mail in town.mailer.sent if mail.to != stored)
