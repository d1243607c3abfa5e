"""The pages of the reset: one answer to every request, and a link that leaves the address bar at once."""

from __future__ import annotations

import pytest
from tests.portal.conftest import Browser

from coproauth.testing.sandbox import PASSWORD, Sandbox

JEANNE = "jeanne@example.fr"
PAUL = "paul@example.fr"
CHOSEN = "quatre nuages violets"


def test_known_and_unknown_addresses_get_one_answer(sandbox: Sandbox, browser: Browser) -> None:
    """The page never tells who has an account."""
    sandbox.activate(sandbox.contact(), JEANNE)

    answers = [browser.post("/forgotten-password", email=email) for email in (JEANNE, "unknown@example.fr")]

    assert [answer.headers["location"] for answer in answers] == ["/forgotten-password/sent"] * 2
    assert "une heure" in browser.get("/forgotten-password/sent").text


def test_what_is_no_address_is_told(browser: Browser) -> None:
    """A slip of the keyboard is mended on the page."""
    assert 'id="email-error"' in browser.post("/forgotten-password", email="jeanne").text
    assert "Saisissez votre adresse email" in browser.post("/forgotten-password").text


def test_the_link_sets_a_new_password_and_logs_nobody_in(sandbox: Sandbox, browser: Browser) -> None:
    """The token moves into a cookie of that page; only the form changes anything (ASVS V14.2.1, V7.6.2)."""
    sandbox.activate(sandbox.contact(), JEANNE)
    browser.post("/forgotten-password", email=JEANNE)
    token = sandbox.reset_token_for(JEANNE)

    followed = [browser.get(f"/reset/{token}") for _ in range(3)][-1]
    page = browser.get("/reset")
    empty = browser.post("/reset")
    weak = browser.post("/reset", new_password="court")
    done = browser.post("/reset", new_password=CHOSEN)

    assert followed.headers["location"] == "/reset"
    assert followed.headers["set-cookie"].startswith("__Host-coproauth_link_reset=")
    assert JEANNE in page.text
    assert token not in page.text
    assert "Saisissez un mot de passe" in empty.text
    assert "trop court" in weak.text
    assert done.headers["location"] == "/login"
    assert browser.get("/").headers["location"] == "/login"
    assert browser.log_in(JEANNE, CHOSEN).headers["location"] == "/"


def test_a_link_works_once(sandbox: Sandbox, browser: Browser) -> None:
    """Whoever opens it again is shown the way to a new one."""
    sandbox.activate(sandbox.contact(), JEANNE)
    browser.post("/forgotten-password", email=JEANNE)
    token = sandbox.reset_token_for(JEANNE)
    browser.get(f"/reset/{token}")
    browser.post("/reset", new_password=CHOSEN)

    browser.get(f"/reset/{token}")
    page = browser.get("/reset")

    assert "Ce lien ne fonctionne plus" in page.text
    assert 'href="/forgotten-password"' in page.text
    assert browser.log_in(JEANNE, PASSWORD).status_code == 422


def test_only_a_change_voids_a_link(sandbox: Sandbox, browser: Browser) -> None:
    """A second link leaves the first one working; a password changed meanwhile ends both, and the page says so."""
    contact = sandbox.contact()
    sandbox.activate(contact, JEANNE)
    browser.post("/forgotten-password", email=JEANNE)
    first = sandbox.reset_token_for(JEANNE)
    browser.post("/forgotten-password", email=JEANNE)
    browser.get(f"/reset/{first}")
    before = browser.get("/reset")
    sandbox.auth.password_reset.set_password(contact.id, by=sandbox.manager)

    browser.get(f"/reset/{first}")
    after = browser.get("/reset")

    assert 'name="new_password"' in before.text
    assert "a changé depuis son envoi" in after.text


def test_a_link_grows_too_old(sandbox: Sandbox, browser: Browser) -> None:
    """After its hour it says so."""
    sandbox.activate(sandbox.contact(), JEANNE)
    browser.post("/forgotten-password", email=JEANNE)
    browser.get(f"/reset/{sandbox.reset_token_for(JEANNE)}")
    sandbox.later(hours=2)

    assert "trop ancien" in browser.post("/reset", new_password=CHOSEN).text


@pytest.mark.parametrize("token", ["x", "x" * 3000, "%C3%A9", "a%22b", "a;b", "a/b", "%0d%0aX", "..%2f"])
def test_a_forged_link_is_merely_void(browser: Browser, token: str) -> None:
    """Whatever stands in the address, the answer is the page of a void link."""
    browser.get(f"/reset/{token}")

    assert "Ce lien ne fonctionne plus" in browser.get("/reset").text


@pytest.mark.parametrize("email", [JEANNE, "élise@example.fr"])
def test_the_refused_login_fills_in_the_request(browser: Browser, email: str) -> None:
    """The e-mail is not typed twice, and stands in no address."""
    refused = browser.log_in(email, "forgotten")

    assert f'value="{email}"' in browser.get("/forgotten-password").text
    assert email not in refused.text.replace(f'value="{email}"', "")


def test_a_finished_reset_fills_in_the_login(sandbox: Sandbox, browser: Browser) -> None:
    """What is left to type is the new password."""
    sandbox.activate(sandbox.contact(), JEANNE)
    browser.post("/forgotten-password", email=JEANNE)
    browser.get(f"/reset/{sandbox.reset_token_for(JEANNE)}")
    browser.post("/reset", new_password=CHOSEN)

    assert f'value="{JEANNE}"' in browser.get("/login").text


def test_an_address_is_filled_in_once(sandbox: Sandbox, browser: Browser) -> None:
    """Whoever comes next to a shared computer reads nobody's."""
    sandbox.activate(sandbox.contact(), JEANNE)
    browser.post("/forgotten-password", email=JEANNE)
    browser.get(f"/reset/{sandbox.reset_token_for(JEANNE)}")
    browser.post("/reset", new_password=CHOSEN)
    browser.get("/login")

    assert JEANNE not in browser.get("/login").text


def test_after_a_reset_another_s_login_shows_no_address(sandbox: Sandbox, browser: Browser) -> None:
    """Though the page of the login was not opened meanwhile."""
    for email in (JEANNE, PAUL):
        sandbox.activate(sandbox.contact(), email)
    browser.post("/forgotten-password", email=JEANNE)
    browser.get(f"/reset/{sandbox.reset_token_for(JEANNE)}")
    browser.post("/reset", new_password=CHOSEN)

    browser.log_in(PAUL, PASSWORD)
    browser.post("/logout")

    assert JEANNE not in browser.get("/login").text


def test_whose_login_was_refused_is_forgotten_once_somebody_logs_in(sandbox: Sandbox, browser: Browser) -> None:
    """The request for a link shows the address to nobody but who typed it."""
    sandbox.activate(sandbox.contact(), PAUL)
    token = browser.form_token()
    browser.log_in(JEANNE, "forgotten")

    browser.send("/login", {"form_token": token, "email": PAUL, "password": PASSWORD})

    assert JEANNE not in browser.get("/forgotten-password").text


def _be_refused(browser: Browser, token: str) -> None:
    """Try Jeanne's login, and open no other page for it."""
    browser.send("/login", {"form_token": token, "email": JEANNE, "password": "forgotten"})


def test_it_is_forgotten_however_somebody_else_gets_in(sandbox: Sandbox, browser: Browser) -> None:
    """With a code, and with a password that the manager handed over, as by a log-in."""
    sandbox.activate(contact := sandbox.contact(), PAUL)
    code = sandbox.code_for(sandbox.contact())
    temporary = sandbox.auth.password_reset.set_password(contact.id, by=sandbox.manager).password
    token = browser.form_token()

    def send(path: str, **fields: str) -> None:
        _be_refused(browser, token)
        browser.send(path, {"form_token": token, **fields})

    send("/login", email=PAUL, password=temporary)
    send("/choose-password", new_password=CHOSEN)
    assert JEANNE not in browser.get("/forgotten-password").text

    browser.post("/logout")
    token = browser.form_token()
    send("/activate/login", code=code, email=PAUL, new_password=CHOSEN)
    assert JEANNE not in browser.get("/forgotten-password").text


def test_it_is_forgotten_by_who_ends_all_sessions(sandbox: Sandbox, browser: Browser) -> None:
    """That is a logout, too."""
    sandbox.activate(sandbox.contact(), PAUL)
    browser.log_in(PAUL, PASSWORD)
    token = browser.form_token()
    _be_refused(browser, token)

    browser.send("/profile/sessions/end-all", {"form_token": token})

    assert JEANNE not in browser.get("/forgotten-password").text


def test_it_is_forgotten_by_who_chooses_a_new_password(sandbox: Sandbox, browser: Browser) -> None:
    """Whose link it was is told to the login page alone."""
    sandbox.activate(sandbox.contact(), PAUL)
    browser.post("/forgotten-password", email=PAUL)
    browser.get(f"/reset/{sandbox.reset_token_for(PAUL)}")
    token = browser.form_token()
    _be_refused(browser, token)

    browser.send("/reset", {"form_token": token, "new_password": CHOSEN})

    assert JEANNE not in browser.get("/forgotten-password").text


@pytest.mark.parametrize("cookie", ["x", "_w", "===="])
def test_a_forged_address_fills_in_nothing(browser: Browser, cookie: str) -> None:
    """What was never kept is left out."""
    browser.client.headers["cookie"] = f"__Host-coproauth_email_forgotten-password={cookie}"

    assert browser.client.get("/login").status_code == 200
