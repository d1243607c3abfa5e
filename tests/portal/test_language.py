"""The choice of a language in the middle of a form: what was typed is still there, in the other language."""

from __future__ import annotations

import re
from html import unescape

import pytest
from httpx2 import Response
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient
from tests.portal.conftest import Browser

from coproauth.integrations.starlette import WebAuth
from coproauth.portal import create_portal
from coproauth.portal.refusals import CARRIED, Fault, write_faults
from coproauth.portal.visits import Page
from coproauth.portal.words import load_texts
from coproauth.testing.sandbox import PASSWORD, PORTAL_URL, Sandbox

JEANNE = "jeanne@example.fr"


def _choose(browser: Browser, answer: Response, locale: str) -> str:
    """Press the button of a language on a page whose form was refused, and return the page that follows."""
    fields = dict(re.findall(r'name="([^"]+)"(?: type="\w+")? value="([^"]*)"', answer.text))
    del fields["locale"]
    (action,) = re.findall(r'id="entry" method="post" action="([^"]+)"', answer.text)
    return browser.send(action, {name: unescape(value) for name, value in fields.items()} | {"locale": locale}).text


@pytest.mark.parametrize(
    ("path", "typed"),
    [
        ("/login", {"email": JEANNE}),
        ("/forgotten-password", {"email": JEANNE}),
        ("/activate", {"code": "K7QM-4T"}),
        ("/activate/login", {"code": "K7QM-4T2X-9RWD-HB6N", "email": JEANNE}),
        (
            "/activate/proof",
            {"code": "K7QM-4T2X-9RWD-HB6N", "email": JEANNE, "typed_before": "as signed", "email_code": "12"},
        ),
    ],
)
def test_what_was_typed_is_shown_in_the_other_language(browser: Browser, path: str, typed: dict[str, str]) -> None:
    """No field is lost but the passwords, which no page ever contains; the next page is in that language, too."""
    answer = browser.post(path, locale="en", password=PASSWORD, new_password=PASSWORD, **typed)

    assert answer.status_code == 200
    assert '<html lang="en">' in answer.text
    assert all(f'value="{value}"' in answer.text for value in typed.values())
    assert PASSWORD not in answer.text
    assert '<html lang="en">' in browser.get("/forgotten-password").text


@pytest.mark.parametrize(
    ("path", "typed"), [("/accounts/add", {"code": "K7QM-4T"}), ("/profile/email", {"new_email": "marc@example.fr"})]
)
def test_it_is_shown_to_who_is_logged_in(sandbox: Sandbox, browser: Browser, path: str, typed: dict[str, str]) -> None:
    """The forms behind the login keep what was typed, too."""
    sandbox.activate(sandbox.contact(), JEANNE)
    browser.log_in(JEANNE, PASSWORD)

    answer = browser.post(path, locale="en", current_password=PASSWORD, **typed)

    assert '<html lang="en">' in answer.text
    assert all(f'value="{value}"' in answer.text for value in typed.values())


@pytest.mark.parametrize("typed", ["", PASSWORD])
def test_a_password_that_it_empties_is_asked_for_again(browser: Browser, typed: str) -> None:
    """No page holds a password: the field says that it has to be typed again, if it was."""
    told = load_texts("en")["form.retype_password"]

    page = browser.post("/login", locale="en", email=JEANNE, password=typed).text

    assert (f'<p class="hint" id="password-hint">{told}</p>' in page) == bool(typed)
    assert ('aria-describedby="password-hint"' in page) == bool(typed)
    assert told not in browser.post("/login", email=JEANNE, password=PASSWORD).text


class TestExplanations:
    """Why a form was refused is told in the other language, too."""

    @pytest.mark.parametrize(
        ("path", "typed", "told"),
        [
            ("/login", {"email": JEANNE}, "Enter your password."),
            ("/login", {"email": JEANNE, "password": "wrong"}, "three possible causes"),
            ("/forgotten-password", {"email": "jeanne"}, "Enter a complete email address"),
            ("/activate", {"code": "K7QM"}, "An activation code has sixteen characters."),
            (
                "/activate/login",
                {"code": "CODE", "email": "x@example.fr", "new_password": "court"},
                "at least 15 characters",
            ),
            (
                "/activate/login",
                {"code": "CODE", "email": JEANNE, "new_password": "wrong"},
                "An account already",
            ),
            ("/activate/proof", {"code": "CODE", "email": JEANNE, "email_code": "12"}, "Enter a password."),
        ],
    )
    def test_of_who_is_not_logged_in(
        self, sandbox: Sandbox, browser: Browser, path: str, typed: dict[str, str], told: str
    ) -> None:
        """Beside the field or above the form, however often the language is changed."""
        sandbox.activate(sandbox.contact(), JEANNE)
        code = sandbox.code_for(sandbox.contact())
        refused = browser.post(path, **{name: code if value == "CODE" else value for name, value in typed.items()})

        english = _choose(browser, refused, "en")

        assert refused.status_code == 422
        assert told not in refused.text
        assert told in english

    @pytest.mark.parametrize(
        ("path", "typed", "told"),
        [
            ("/accounts/add", {"code": "AAAA"}, "An activation code has sixteen characters."),
            ("/profile/email", {"new_email": "x", "current_password": PASSWORD}, "Enter a complete email address"),
            ("/profile/password", {"current_password": "x", "new_password": "court"}, "not your present password"),
            ("/profile/password", {"current_password": PASSWORD, "new_password": "court"}, "at least 15 characters"),
        ],
    )
    def test_of_who_is(self, sandbox: Sandbox, browser: Browser, path: str, typed: dict[str, str], told: str) -> None:
        """On the pages behind the login, too."""
        sandbox.activate(sandbox.contact(), JEANNE)
        browser.log_in(JEANNE, PASSWORD)

        assert told in _choose(browser, browser.post(path, **typed), "en")

    def test_of_a_new_password(self, sandbox: Sandbox, browser: Browser) -> None:
        """By a link, where it names each rule."""
        sandbox.activate(sandbox.contact(), JEANNE)
        browser.post("/forgotten-password", email=JEANNE)
        browser.get(f"/reset/{sandbox.reset_token_for(JEANNE)}")
        refused = browser.post("/reset", new_password="1234")

        assert "at least 15 characters" in _choose(browser, refused, "en")

    def test_it_goes_back_and_forth(self, sandbox: Sandbox, browser: Browser) -> None:
        """A wait is told in each language."""
        sandbox.activate(sandbox.contact(), JEANNE)
        for _ in range(10):
            browser.log_in(JEANNE, "wrong")
        refused = browser.log_in(JEANNE, "wrong")
        assert refused.status_code == 429

        english = browser.post("/login", locale="en", faults=_faults_of(refused.text), email=JEANNE)
        french = browser.post("/login", locale="fr", faults=_faults_of(english.text), email=JEANNE)

        assert "Too many attempts" in english.text
        assert "Trop d\N{RIGHT SINGLE QUOTATION MARK}essais" in french.text

    def test_it_ends_with_the_next_attempt(self, sandbox: Sandbox, browser: Browser) -> None:
        """What was wrong before is not said of what was typed since."""
        refused = browser.post("/activate", code="K7QM")
        code = sandbox.code_for(sandbox.contact(condominium="Les Lilas"))

        page = browser.post("/activate", faults=_faults_of(refused.text), code=code)

        assert "Les Lilas" in page.text
        assert 'role="alert"' not in page.text

    @pytest.mark.parametrize(
        "text",
        [
            '[["refused.login_refused", null]]',
            '[["refused.login_refused", null, null, 0, "x", "y", "z"]]',
            '[["refused.gone", null, null, 0]]',
            '[{"key": "refused.login_refused", "depth": 1}]',
        ],
    )
    def test_what_another_release_carried_is_left_out(self, sandbox: Sandbox, browser: Browser, text: str) -> None:
        """It was signed under the keys of today, in another shape."""
        carried = f"{text}.{WebAuth(sandbox.auth).sign('faults', text)}"

        page = browser.post("/login", locale="en", faults=carried, email=JEANNE)

        assert page.status_code == 200
        assert 'role="alert"' not in page.text
        assert f'value="{JEANNE}"' in page.text

    @pytest.mark.parametrize(
        "gone", [Fault(key="refused.gone"), Fault(key="refused.login_refused", also="refused.gone")]
    )
    def test_a_sentence_that_there_is_no_more_is_left_out(
        self, sandbox: Sandbox, browser: Browser, gone: Fault
    ) -> None:
        """Another release may have other texts."""
        text = write_faults([gone, Fault(key="missing.password", field="password")])
        carried = f"{text}.{WebAuth(sandbox.auth).sign(CARRIED, text)}"

        page = browser.post("/login", locale="en", faults=carried, email=JEANNE)

        assert "Enter your password." in page.text

    @pytest.mark.parametrize("faults", ["x", '[["login.title", null, null, 0]].forged', "[.é", '["\ud800"].x'])
    def test_a_page_tells_nothing_that_none_has_told(self, browser: Browser, faults: str) -> None:
        """What is not signed by the portal is left out."""
        page = browser.send(
            "/login",
            {"form_token": browser.form_token(), "locale": "en", "faults": faults.encode("utf-8", "replace").decode()},
        )

        assert page.status_code == 200
        assert 'role="alert"' not in page.text


def _faults_of(page: str) -> str:
    return unescape(re.findall(r'name="faults" value="([^"]+)"', page)[0])


def test_the_code_goes_on_to_the_next_step(sandbox: Sandbox, browser: Browser) -> None:
    """Onboarding is gone on with in the other language, from the step it had come to."""
    code = sandbox.code_for(sandbox.contact(condominium="Les Lilas"))
    browser.post("/activate", code=code)

    second = browser.post("/activate/login", locale="en", code=code)

    assert "Les Lilas" in second.text
    assert "Continue" in second.text


def test_a_choice_of_language_sends_no_form(sandbox: Sandbox, browser: Browser) -> None:
    """Nobody is logged in, and no mail is asked for."""
    sandbox.activate(sandbox.contact(), JEANNE)
    before = sandbox.mail_to(JEANNE)

    browser.post("/login", locale="en", email=JEANNE, password=PASSWORD)
    browser.post("/forgotten-password", locale="en", email=JEANNE)

    assert browser.get("/").headers["location"] == "/login"
    assert sandbox.mail_to(JEANNE) == before


def test_a_language_that_there_is_not_is_none(sandbox: Sandbox, browser: Browser) -> None:
    """The form is taken as sent."""
    sandbox.activate(sandbox.contact(), JEANNE)

    assert browser.post("/login", locale="xx", email=JEANNE, password=PASSWORD).headers["location"] == "/"


@pytest.mark.parametrize("path", ["/login", "/activate", "/forgotten-password"])
def test_enter_sends_the_form_and_changes_no_language(browser: Browser, path: str) -> None:
    """The button that Enter presses is the first of the form's own: it must name no language."""
    page = browser.get(path).text

    first = page.split('form="entry"', 2)[1].split(">", 1)[0]

    assert "locale" not in first
    assert page.index('form="entry" class="unseen"') < page.index('name="locale"')


def test_nothing_that_was_typed_is_done(sandbox: Sandbox, browser: Browser) -> None:
    """Whoever is logged in keeps the accounts and the address as they were."""
    sandbox.activate(sandbox.contact(), JEANNE)
    browser.log_in(JEANNE, PASSWORD)

    browser.post("/accounts/add", locale="en", code=sandbox.code_for(sandbox.contact()))
    browser.post("/profile/email", locale="en", new_email="new@example.fr", current_password=PASSWORD)

    assert len(sandbox.log_in(JEANNE).session.accounts) == 1
    assert sandbox.mail_to("new@example.fr") == []


def test_an_orphan_still_reads_why_a_code_is_asked_for(sandbox: Sandbox, browser: Browser) -> None:
    """The page does not come back as one that speaks of the login's other accounts."""
    contact = sandbox.contact()
    sandbox.activate(contact, JEANNE)
    browser.log_in(JEANNE, PASSWORD)
    sandbox.directory.remove_condominium(contact.account.condominium_id)

    answer = browser.post("/accounts/add", locale="en", code="K7QM-4T")

    assert "<h1>No account: enter a code</h1>" in answer.text
    assert 'value="K7QM-4T"' in answer.text


def test_another_site_chooses_no_language(browser: Browser) -> None:
    """Without the form's token the page is refused, and the browser keeps its language."""
    assert browser.send("/activate", {"locale": "en", "code": "K7QM-4T"}).status_code == 403
    assert '<html lang="fr">' in browser.get("/activate").text


def test_a_page_of_the_host_may_have_a_field_of_that_name(sandbox: Sandbox) -> None:
    """Its form is sent, and no language is chosen by it."""
    page = Page(
        path="/letters",
        get=lambda _: PlainTextResponse("shown"),
        post=lambda visit: PlainTextResponse(f"printed in {visit.field('locale')}"),
    )
    app = create_portal(sandbox.auth, extra_pages=[page])
    browser = Browser(TestClient(app, base_url=PORTAL_URL, headers={"accept-language": "fr"}))

    answer = browser.post("/letters", locale="en")

    assert answer.text == "printed in en"
    assert '<html lang="fr">' in browser.get("/login").text
