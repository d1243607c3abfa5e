"""Chapter V1 of OWASP ASVS 5.0, encoding and sanitisation: what no other test was written for."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path
from urllib.parse import quote

import attrs
import pytest
from sqlalchemy import text
from starlette.testclient import TestClient
from tests.engines import adapters_on
from tests.portal.conftest import Browser
from tests.town import JEANNE, Town, refusal_of

from coproauth import (
    ActivationRefused,
    InvalidInput,
    LoginRefused,
    NotAllowed,
    Policy,
    SessionRefused,
    ThrottleRule,
)
from coproauth.core.activation_codes import ActivationCode
from coproauth.core.identities import EMAIL_MAX_LENGTH, EmailAddress
from coproauth.core.messages import ConfirmEmailMessage
from coproauth.core.password_policy import violations
from coproauth.portal import create_portal
from coproauth.testing.sandbox import PASSWORD, PORTAL_URL, Sandbox, cheap_policy

_NAUGHTY = Path(__file__).parents[2].parent / "shared" / "data" / "blns.json"
_MARKUP = (
    "<script>alert(1)</script>",
    "<ScRiPt src=//evil.example>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "<svg/onload=alert(1)>@example.fr",
    "</textarea><script>alert(1)</script>",
    "{{ 7 * 7 }}<b>",
)
_INJECTIONS = (
    "' OR 1=1--",
    "'; DELETE FROM coproauth_identities; --",
    '" OR ""="',
    "1); DROP TABLE coproauth_codes; --",
    "%",
    "_",
    "\\",
    "jeanne@example.fr' --",
    ":name %(name)s ? {0}",
)


def _unslowed() -> Policy:
    """A policy under which a thousand attempts reach what they are meant for."""
    free = attrs.evolve(Policy().throttle_source, free_attempts=100_000)
    rules: dict[str, ThrottleRule] = {
        field.name: free for field in attrs.fields(Policy) if isinstance(field.default, ThrottleRule)
    }
    return attrs.evolve(cheap_policy(), **rules)  # type: ignore[arg-type]


def _hostile(shortest: tuple[str, ...]) -> list[str]:
    """Return the given text, and the published list of naughty strings where it is at hand."""
    published = json.loads(_NAUGHTY.read_text("utf-8")) if _NAUGHTY.exists() else []
    return [*shortest, *(str(line) for line in published)]


@pytest.mark.no_cover
def test_v1_2_1_no_markup_that_is_typed_comes_back_as_markup() -> None:
    """On the pages of login, reset and onboarding; each answers as to any wrong value."""
    portal = create_portal(Sandbox.build(policy=_unslowed()).auth)
    browser = Browser(TestClient(portal, base_url=PORTAL_URL))
    token = browser.form_token()

    def answer(path: str, typed: str) -> tuple[int, str]:
        fields = {"email": typed, "code": typed, "password": "x", "form_token": token}
        found = browser.send(path, fields)
        return found.status_code, found.text

    for path in ("/login", "/forgotten-password", "/activate"):
        status, plain = answer(path, "harmless")
        for line in filter(re.compile(r"[<>\"'&]").search, _hostile(_MARKUP)):
            shown = answer(path, line)
            assert shown[0] in {status, 303}, (path, line)
            assert line not in shown[1] or line in plain, (path, line)


@pytest.mark.parametrize("local_part", ["o'neil", "a+b", "x&y", "q=1", "p/#", "100%", "{a}|b~"])
def test_v1_2_2_a_link_needs_no_escaping_whatever_it_carries(town: Town, local_part: str) -> None:
    """Its token is plain in an address, and what comes out of it is the e-mail that was typed."""
    address = f"{local_part}@example.fr"
    session = town.move_in().token
    town.auth.login.change_email(session, new_email=address, current_password=PASSWORD, source=town.source)
    token = town.mail(ConfirmEmailMessage, to=address)[-1].url.removeprefix(f"{PORTAL_URL}/email/")

    town.auth.login.confirm_email(token, source=town.source)

    assert quote(token, safe="") == token
    assert town.log_in(address).session.email == address


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_v1_2_4_no_text_is_ever_part_of_a_statement(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """As e-mail, password, code, contact or token, it is refused, and no row comes or goes."""
    with adapters_on(kind, request, tmp_path) as adapters:
        town = Sandbox.build(store=adapters.store, directory=adapters.directory, policy=_unslowed())
        town.activate(town.contact(), JEANNE)
        auth, source, by = town.auth, town.source, town.manager
        tables = ("identities", "links", "codes", "sessions", "outbox", "contacts")

        def rows() -> list[int]:
            with adapters.engine.connect() as connection:
                counts = [connection.execute(text(f"SELECT count(*) FROM coproauth_{name}")) for name in tables]  # noqa: S608
                return [int(count.scalar_one()) for count in counts]

        before = rows()
        for line in _INJECTIONS:
            answers = [
                refusal_of(partial(auth.login.log_in, email=line, password=line, source=source)),
                refusal_of(partial(auth.login.log_in, email=JEANNE, password=line, source=source)),
                refusal_of(partial(auth.activation.preview, line, source=source)),
                refusal_of(partial(auth.activation.issue, line, by=by)),
                refusal_of(partial(auth.activation.issue_all, line, by=by)),
                refusal_of(partial(auth.login.session, line)),
            ]
            assert [kind for kind, _ in answers] == [
                *(LoginRefused, LoginRefused, ActivationRefused, NotAllowed, NotAllowed, SessionRefused)
            ]
            assert auth.login.identifier_of(line) is None

        assert rows() == before
        assert town.log_in(JEANNE).token


@pytest.mark.parametrize("unit", ["a", "a.", "-", "a-", " ", "0", "é", "\u0301", "@", "a@", "xn--", "aA1!"])
def test_v1_3_12_no_text_of_the_longest_length_keeps_a_parser_busy(unit: str) -> None:
    """An expression that tries every way to part such text would not come back within the age of the world."""
    local, longest = (unit * EMAIL_MAX_LENGTH)[: EMAIL_MAX_LENGTH - 2], (unit * 1024)[:1024]

    for address in (f"{local}@", f"@{local}", f"a@{local}!"):
        assert refusal_of(partial(EmailAddress.parse, address))[0] is InvalidInput
    assert refusal_of(lambda: ActivationCode.parse((unit * 64)[:64]))[0] is ActivationRefused
    assert violations(longest, context=[longest], policy=Policy())
