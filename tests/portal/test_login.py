"""The pages of login: its one refusal, the way from a temporary password, logout and language."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import attrs
import pytest
from starlette.testclient import TestClient
from tests.portal.conftest import Browser
from tests.town import Town

from coproauth.adapters.argon2 import Argon2Hasher
from coproauth.adapters.hashing_gate import HashingGate
from coproauth.policy import Policy, ThrottleRule
from coproauth.portal import create_portal
from coproauth.testing.sandbox import PASSWORD, PORTAL_URL, Sandbox, cheap_policy

JEANNE = "jeanne@example.fr"
CHOSEN = "quatre nuages violets"


def test_right_credentials_lead_home(sandbox: Sandbox, browser: Browser) -> None:
    """The home page shows the condominium at the avatar."""
    sandbox.activate(sandbox.contact(condominium="Les Lilas"), JEANNE)

    answer = browser.log_in(JEANNE, PASSWORD)

    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert '<span class="account__name">Les Lilas</span>' in browser.get("/").text
    assert browser.get("/login").headers["location"] == "/"


def _without(page: str, email: str) -> str:
    return page.replace(f'value="{email}"', "")


@pytest.mark.parametrize("email", [JEANNE, "unknown@example.fr", "no address"])
def test_every_cause_gets_one_page(sandbox: Sandbox, browser: Browser, email: str) -> None:
    """Not activated, wrong password and wrong address read the same, with the three causes and their remedies."""
    sandbox.activate(sandbox.contact(), JEANNE)

    answer = browser.log_in(email, "not the password")

    assert answer.status_code == 422
    assert answer.text.count("<li><strong>") == 3
    for way in ('href="/activate"', 'href="/forgotten-password"', "tirets compris", "appel de fonds"):
        assert way in answer.text
    assert _without(answer.text, email) == _without(browser.log_in("z@z.fr", "x").text, "z@z.fr")


@pytest.mark.parametrize(
    ("email", "password", "missing"),
    [
        ("", "", ["email", "password"]),
        ("", PASSWORD, ["email"]),
        (JEANNE, "", ["password"]),
        ("z@z.fr", "", ["password"]),
    ],
)
def test_a_field_left_empty_is_told(
    sandbox: Sandbox, browser: Browser, email: str, password: str, missing: list[str]
) -> None:
    """Beside the field, whoever has a login; nothing was tried, so no cause of a refusal is listed."""
    sandbox.activate(sandbox.contact(), JEANNE)

    answer = browser.log_in(email, password)

    assert answer.status_code == 422
    assert [name for name in ("email", "password") if f'id="{name}-error"' in answer.text] == missing
    assert "<li><strong>" not in answer.text


def test_who_tries_too_often_is_told_how_long_to_wait() -> None:
    """The page says it, and so does the header, with the status for it."""
    rule = ThrottleRule(free_attempts=1, first_delay=timedelta(seconds=90), longest_delay=timedelta(hours=1))
    sandbox = Sandbox.build(policy=attrs.evolve(cheap_policy(), throttle_login=rule))
    slow = Browser(TestClient(create_portal(sandbox.auth), base_url=PORTAL_URL))
    slow.log_in(JEANNE, "guess")

    answer = slow.log_in(JEANNE, "guess")

    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "90"
    assert "2 minutes" in answer.text
    assert "pas possible</h2>" in answer.text


def test_who_is_beyond_the_limit_is_shown_the_ways_in() -> None:
    """After a hundred failures no wait is told, which would be one of weeks, but what helps at once."""
    rule = attrs.evolve(Policy().throttle_login, free_attempts=1, limit=2, longest_delay=timedelta(seconds=30))
    sandbox = Sandbox.build(policy=attrs.evolve(cheap_policy(), throttle_login=rule))
    shut = Browser(TestClient(create_portal(sandbox.auth), base_url=PORTAL_URL, headers={"accept-language": "fr"}))
    shut.log_in(JEANNE, "guess")
    sandbox.clock.advance(timedelta(seconds=30))
    shut.log_in(JEANNE, "guess")

    answer = shut.log_in(JEANNE, "guess")

    assert answer.status_code == 429
    assert "Demandez un lien avec « Mot de passe oublié »" in answer.text.replace("\N{NO-BREAK SPACE}", " ")
    assert 'href="/forgotten-password"' in answer.text


def test_who_comes_in_a_rush_is_told_when_to_come_back() -> None:
    """Not that there were too many attempts: it is somebody's first."""
    gate = HashingGate(at_once=1, waiting=0, patience=timedelta(seconds=5))
    town = Town.found()
    town.hasher.inner = Argon2Hasher(cheap_policy().argon2, gate=gate)
    busy = Browser(TestClient(create_portal(town.auth), base_url=PORTAL_URL, headers={"accept-language": "en"}))

    with gate.place():
        answer = busy.log_in(JEANNE, "guess")

    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "5"
    assert "Many people are logging in just now. Please wait 5 seconds" in answer.text


def test_a65_a_browser_that_was_used_before_is_not_slowed_by_strangers(
    sandbox: Sandbox, open_browser: Callable[[], Browser]
) -> None:
    """A-65: the owner logs in from his own browser while a stranger guesses; another one must wait."""
    sandbox.activate(sandbox.contact(), JEANNE)
    own, strange, new = open_browser(), open_browser(), open_browser()
    own.log_in(JEANNE, PASSWORD)
    own.post("/logout")

    guesses = [strange.log_in(JEANNE, "guess").status_code for _ in range(11)]
    answers = [new.log_in(JEANNE, PASSWORD).status_code, own.log_in(JEANNE, PASSWORD).status_code]

    assert guesses == [422] * 10 + [429]
    assert answers == [429, 303]


def test_a_temporary_password_leads_to_the_choice_of_ones_own(sandbox: Sandbox, browser: Browser) -> None:
    """The token stays out of the address; the new password opens the portal, a weak one is told why not."""
    contact = sandbox.contact()
    sandbox.activate(contact, JEANNE)
    temporary = sandbox.auth.password_reset.set_password(contact.id, by=sandbox.manager)

    asked = browser.log_in(JEANNE, temporary.password)
    empty = browser.post("/choose-password")
    weak = browser.post("/choose-password", new_password="court")
    same = browser.post("/choose-password", new_password=temporary.password)
    chosen = browser.post("/choose-password", new_password=CHOSEN)

    assert "Saisissez un mot de passe" in empty.text
    assert asked.status_code == 200
    assert f'value="{JEANNE}" autocomplete="username"' in asked.text
    assert asked.headers["set-cookie"].startswith("__Host-coproauth_link_choose-password=")
    assert temporary.password not in asked.text
    assert "trop court" in weak.text
    assert "encore le mot de passe provisoire" in same.text
    assert chosen.headers["location"] == "/"
    assert "Votre mot de passe est enregistré." in browser.get("/").text


def test_choosing_without_the_step_before_leads_back_to_it(browser: Browser) -> None:
    """The page does not exist for whoever has not just given a temporary password."""
    assert browser.get("/choose-password").headers["location"] == "/login"
    assert browser.post("/choose-password", new_password=CHOSEN).headers["location"] == "/login"


def test_logging_out_twice_is_no_error(sandbox: Sandbox, browser: Browser) -> None:
    """The second time leads to the login page as well."""
    sandbox.activate(sandbox.contact(), JEANNE)
    browser.log_in(JEANNE, PASSWORD)

    assert [browser.post("/logout").headers["location"] for _ in range(2)] == ["/login", "/login"]
    assert "Votre session est fermée." in browser.get("/login").text
    assert "Votre session est fermée." not in browser.get("/login").text


@pytest.mark.parametrize(
    ("accepted", "language"),
    [("en-GB,en;q=0.9,fr;q=0.5", "en"), ("de", "fr"), ("fr-CA", "fr"), ("fr;q=0.1,en;q=0.2", "en")],
)
def test_the_browsers_language_is_followed(browser: Browser, accepted: str, language: str) -> None:
    """French comes first; English where it is preferred."""
    assert f'<html lang="{language}">' in browser.get("/login", **{"accept-language": accepted}).text


def test_password_managers_are_helped(browser: Browser) -> None:
    """Fields say what they are for, hide the password, and forbid no pasting (ASVS V6.2.6, V6.2.7)."""
    page = browser.get("/login").text

    assert 'type="email" value="" autocomplete="username"' in page
    assert 'type="password" autocomplete="current-password"' in page
    assert "onpaste" not in page
