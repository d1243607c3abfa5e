"""The pages of the person who is logged in: accounts, sessions, password, e-mail."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from tests.portal.conftest import Browser

from coproauth.core.messages import ConfirmEmailMessage, MailKind
from coproauth.testing.sandbox import PASSWORD, Sandbox

JEANNE = "jeanne@example.fr"
NEW = "jeanne.roche@example.fr"
CHOSEN = "quatre nuages violets"


@pytest.mark.parametrize("path", ["/", "/accounts/add", "/profile/sessions", "/profile/password", "/profile/email"])
def test_nothing_is_shown_to_strangers(browser: Browser, path: str) -> None:
    """Every page of a person leads to the login page."""
    assert browser.get(path).headers["location"] == "/login"


def test_selecting_an_account_shows_it(sandbox: Sandbox, browser: Browser) -> None:
    """The menu lists the other accounts; selecting one changes avatar and page, under a new token."""
    lilas, pins = sandbox.contact(condominium="Les Lilas"), sandbox.contact(condominium="Les Pins")
    sandbox.activate(lilas, JEANNE)
    sandbox.activate(pins, JEANNE)
    browser.log_in(JEANNE, PASSWORD)
    token = browser.client.cookies["__Host-coproauth_session"]

    browser.post("/accounts/select", account_id=lilas.account.id)

    assert "<h1>Les Lilas</h1>" in browser.get("/").text
    assert browser.client.cookies["__Host-coproauth_session"] != token


@pytest.mark.parametrize("account_id", ["", "nowhere", "x" * 300])
def test_an_account_that_is_not_his_is_refused(sandbox: Sandbox, browser: Browser, account_id: str) -> None:
    """The session stays as it was, and a notice says so once."""
    sandbox.activate(sandbox.contact(), JEANNE)
    browser.log_in(JEANNE, PASSWORD)

    browser.post("/accounts/select", account_id=account_id)

    assert "Ce compte ne peut pas être sélectionné." in browser.get("/").text
    assert "Ce compte ne peut pas être sélectionné." not in browser.get("/").text


def test_another_session_is_ended(sandbox: Sandbox, open_browser: Callable[[], Browser]) -> None:
    """The list names this browser and ends any other one."""
    sandbox.activate(sandbox.contact(), JEANNE)
    one, other = open_browser(), open_browser()
    other.log_in(JEANNE, PASSWORD)
    one.log_in(JEANNE, PASSWORD)
    handles = re.findall(r'name="handle" value="(\w+)"', one.get("/profile/sessions").text)

    for handle in handles:
        one.post("/profile/sessions/end", handle=handle)

    assert "Ce navigateur" in one.get("/profile/sessions").text
    assert other.get("/").headers["location"] == "/login"
    assert "Votre session a pris fin" in other.get("/login").text


def test_ending_a_session_that_has_ended_keeps_ones_own(sandbox: Sandbox, open_browser: Callable[[], Browser]) -> None:
    """A list that was opened too long ago logs nobody out of the browser it is shown in."""
    sandbox.activate(sandbox.contact(), JEANNE)
    one, other = open_browser(), open_browser()
    other.log_in(JEANNE, PASSWORD)
    one.log_in(JEANNE, PASSWORD)
    (stale, *_) = re.findall(r'name="handle" value="(\w+)"', one.get("/profile/sessions").text)
    one.post("/profile/sessions/end", handle=stale)

    answer = one.post("/profile/sessions/end", handle=stale)

    assert answer.headers["location"] == "/profile/sessions"
    assert "Ce navigateur" in one.get("/profile/sessions").text


def test_who_has_no_session_ends_none(sandbox: Sandbox, open_browser: Callable[[], Browser]) -> None:
    """Whose own session does not hold is led to the login page, and the dead cookie is dropped."""
    sandbox.activate(sandbox.contact(), JEANNE)
    one, other = open_browser(), open_browser()
    other.log_in(JEANNE, PASSWORD)
    one.log_in(JEANNE, PASSWORD)
    (handle, *_) = re.findall(r'name="handle" value="(\w+)"', one.get("/profile/sessions").text)
    other.post("/profile/sessions/end-all")

    answer = one.post("/profile/sessions/end", handle=handle)

    assert answer.headers["location"] == "/login"
    assert "__Host-coproauth_session" not in one.client.cookies


def test_all_other_sessions_are_ended(sandbox: Sandbox, open_browser: Callable[[], Browser]) -> None:
    """The browser at hand stays logged in, and is then the only one: there is nothing more to end."""
    sandbox.activate(sandbox.contact(), JEANNE)
    one, other = open_browser(), open_browser()
    for browser in (one, other):
        browser.log_in(JEANNE, PASSWORD)

    answer = one.post("/profile/sessions/end-others")

    page = one.get("/profile/sessions").text
    assert answer.headers["location"] == "/profile/sessions"
    assert "Vos autres sessions sont fermées." in page
    assert "Ce navigateur" in page
    assert "Fermer toutes les autres" not in page
    assert other.get("/profile/sessions").headers["location"] == "/login"


def test_all_sessions_are_ended(sandbox: Sandbox, open_browser: Callable[[], Browser]) -> None:
    """This browser's too."""
    sandbox.activate(sandbox.contact(), JEANNE)
    one, other = open_browser(), open_browser()
    one.log_in(JEANNE, PASSWORD)
    other.log_in(JEANNE, PASSWORD)

    one.post("/profile/sessions/end-all")

    assert [who.get("/").headers["location"] for who in (one, other)] == ["/login", "/login"]


def test_the_password_is_changed(sandbox: Sandbox, browser: Browser) -> None:
    """The current one is asked for; this browser stays logged in."""
    sandbox.activate(sandbox.contact(), JEANNE)
    browser.log_in(JEANNE, PASSWORD)

    wrong = browser.post("/profile/password", current_password="wrong", new_password=CHOSEN)
    right = browser.post("/profile/password", current_password=PASSWORD, new_password=CHOSEN)

    assert 'id="current_password-error"' in wrong.text
    assert right.headers["location"] == "/"
    assert browser.get("/").status_code == 200
    assert sandbox.log_in(JEANNE, password=CHOSEN).session.email == JEANNE


def test_d14_d30_the_email_is_changed_once_the_new_one_confirms(sandbox: Sandbox, browser: Browser) -> None:
    """Opening the link changes nothing; the button does, and every session ends (D-14, D-30)."""
    sandbox.activate(sandbox.contact(), JEANNE)
    browser.log_in(JEANNE, PASSWORD)
    browser.post("/profile/email", new_email=NEW, current_password=PASSWORD)
    (url,) = [mail.url for mail in sandbox.mail_to(NEW) if isinstance(mail, ConfirmEmailMessage)]

    followed = browser.get(url.removeprefix("https://app.example.fr"))
    page = browser.get("/email")
    assert sandbox.log_in(JEANNE).session.email == JEANNE
    done = browser.post("/email")

    assert followed.headers["location"] == "/email"
    assert "Confirmer ma nouvelle adresse" in page.text
    assert f'<strong class="address">{NEW}</strong>' in page.text
    assert done.headers["location"] == "/login"
    assert f'value="{NEW}"' in browser.get("/login").text
    assert browser.log_in(NEW, PASSWORD).headers["location"] == "/"
    assert "Ce lien ne fonctionne plus" in browser.post("/email").text


def test_a_link_that_was_used_shows_no_address(sandbox: Sandbox, browser: Browser) -> None:
    """There is nothing left to confirm."""
    sandbox.activate(sandbox.contact(), JEANNE)
    browser.log_in(JEANNE, PASSWORD)
    browser.post("/profile/email", new_email=NEW, current_password=PASSWORD)
    (url,) = [mail.url for mail in sandbox.mail_to(NEW) if isinstance(mail, ConfirmEmailMessage)]
    path = url.removeprefix("https://app.example.fr")
    browser.get(path)
    browser.post("/email")

    browser.get(path)
    page = browser.get("/email").text

    assert "Ce lien ne fonctionne plus" in page
    assert NEW not in page


def test_notices_come_in_the_language_of_the_last_login(sandbox: Sandbox, browser: Browser) -> None:
    """The page of the address says so; whoever chose English before logging in is written to in English."""
    sandbox.activate(sandbox.contact(), JEANNE)
    browser.post("/login", locale="en")
    browser.log_in(JEANNE, PASSWORD)

    page = browser.get("/profile/email").text
    browser.post("/profile/password", current_password=PASSWORD, new_password=CHOSEN)

    assert "in that of your last login" in page
    assert [mail.locale for mail in sandbox.mail_to(JEANNE) if mail.kind is MailKind.PASSWORD_CHANGED] == ["en"]


def test_a_bad_address_or_password_is_told(sandbox: Sandbox, browser: Browser) -> None:
    """Each beside its field."""
    sandbox.activate(sandbox.contact(), JEANNE)
    browser.log_in(JEANNE, PASSWORD)

    page = browser.post("/profile/email", new_email="x", current_password=PASSWORD).text

    assert 'id="new_email-error"' in page
    assert "<h2>À corriger</h2>" in page
    assert 'id="current_password-error"' in browser.post("/profile/email", new_email=NEW, current_password="x").text


@pytest.mark.parametrize("typed", [JEANNE, " Jeanne@Example.FR "])
def test_ones_own_address_is_told_to_be_that(sandbox: Sandbox, browser: Browser, typed: str) -> None:
    """No link was sent, and none is spoken of; no notice of a change is sent either."""
    sandbox.activate(sandbox.contact(), JEANNE)
    browser.log_in(JEANNE, PASSWORD)
    before = sandbox.mail_to(JEANNE)

    answer = browser.post("/profile/email", new_email=typed, current_password=PASSWORD)

    assert answer.status_code == 422
    assert "déjà votre adresse" in answer.text
    assert 'id="new_email-error"' in answer.text
    assert sandbox.mail_to(JEANNE) == before


def test_another_s_address_is_answered_like_a_free_one(sandbox: Sandbox, browser: Browser) -> None:
    """Nobody learns who else has a login."""
    sandbox.activate(sandbox.contact(), JEANNE)
    sandbox.activate(sandbox.contact("Marc Dubois"), "marc@example.fr")
    browser.log_in(JEANNE, PASSWORD)

    taken, free = (
        browser.post("/profile/email", new_email=email, current_password=PASSWORD) for email in ("marc@example.fr", NEW)
    )

    assert (taken.status_code, taken.headers["location"]) == (303, "/")
    assert free.headers["location"] == taken.headers["location"]
