"""What every page of the portal keeps to, whatever it shows: headers, cookies, forms, addresses."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from inspect import getfile
from pathlib import Path

import attrs
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route
from starlette.testclient import TestClient
from tests.portal.conftest import Browser

from coproauth import integrations, portal
from coproauth.adapters.memory import MemoryDirectory
from coproauth.core.messages import ConfirmEmailMessage
from coproauth.errors import SessionRefused, Unavailable
from coproauth.portal import Desk, create_portal
from coproauth.testing.sandbox import PASSWORD, PORTAL_URL, Sandbox, cheap_policy

JEANNE = "jeanne@example.fr"
_SHARED = Path(__file__).parents[2].parent / "shared" / "data" / "open_redirect_wordlist.txt"
ELSEWHERE = (
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/%2fevil.example",
    "/%5cevil.example",
    "///evil.example",
    "/.evil.example",
    "https:evil.example",
    "javascript:alert(1)",
    "/login\r\nLocation: https://evil.example",
    "/\tevil.example",
    "/@evil.example",
    "",
)


def _routes(app: Starlette) -> list[Route]:
    return [route for route in app.routes if isinstance(route, Route)]


def _paths() -> list[str]:
    sandbox = Sandbox.build()
    desk = Desk(manager=lambda _: None, condominiums=lambda _: ())
    app = create_portal(sandbox.auth, desk=desk)
    paths = [re.sub(r"\{[^}]+\}", "x", route.path) for route in _routes(app)]
    return [*paths, "/static/portal.css", "/static/none", "/nowhere", "/desk//"]


class TestHeaders:
    """Every answer carries the headers that a browser must obey (ASVS V3.4, V14.3.2)."""

    @pytest.mark.parametrize("path", _paths())
    @pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
    def test_a83_every_answer_carries_them(self, browser: Browser, method: str, path: str) -> None:
        """Pages, redirects, refusals and errors alike are sent with the whole set."""
        headers = browser.client.request(method, path, follow_redirects=False).headers

        assert headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert "Cookie" in headers["vary"]
        assert headers["cache-control"] == (
            "no-cache" if path == "/static/portal.css" and method == "GET" else "no-store"
        )
        policy = dict(rule.strip().split(" ", 1) for rule in headers["content-security-policy"].split(";"))
        assert policy["default-src"] == policy["object-src"] == policy["base-uri"] == "'none'"
        assert policy["frame-ancestors"] == "'none'"
        assert policy["form-action"] == policy["script-src"] == policy["style-src"] == "'self'"

    def test_no_other_site_is_let_in(self, browser: Browser) -> None:
        """A request from another site gets no leave to read the answer."""
        answer = browser.get("/login", origin="https://evil.example")

        assert "access-control-allow-origin" not in answer.headers

    def test_a_failing_page_tells_nothing(self, sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
        """An unexpected error is logged, and answered by a page without any trace, headers included."""

        def fail(_: Request) -> None:
            raise RuntimeError("the secret cause")

        desk = Desk(manager=fail, condominiums=lambda _: ())
        portal = create_portal(sandbox.auth, desk=desk, correlation_header="x-request-id")
        client = TestClient(portal, base_url=PORTAL_URL)

        answer = client.get("/desk", headers={"x-request-id": "request-1"})

        assert answer.status_code == 500
        assert "Un problème de notre côté" in answer.text
        assert "vérifiez avant de recommencer" in answer.text
        assert "secret cause" not in answer.text
        assert "Traceback" not in answer.text
        assert answer.headers["cache-control"] == "no-store"
        assert "a page failed (request request-1)" in caplog.text

    def test_an_outage_asks_to_come_back(self, sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
        """Nothing is wrong with the request, and nobody is told that his password is: 503, and when to try again."""

        def be_away(_: Request) -> None:
            raise Unavailable(reason="store_away")

        desk = Desk(manager=be_away, condominiums=lambda _: ())
        client = TestClient(create_portal(sandbox.auth, desk=desk), base_url=PORTAL_URL)

        answer = client.get("/desk")

        assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
        assert "Un instant" in answer.text
        assert "store_away" in caplog.text
        assert "Traceback" not in caplog.text

    def test_what_may_have_been_kept_is_not_called_lost(self, sandbox: Sandbox) -> None:
        """Where the connection broke during the commit, one looks before one types it again."""

        def lose_the_answer(_: Request) -> None:
            raise Unavailable(reason="outcome_unknown")

        desk = Desk(manager=lose_the_answer, condominiums=lambda _: ())
        client = TestClient(create_portal(sandbox.auth, desk=desk), base_url=PORTAL_URL)

        answer = client.get("/desk")

        assert answer.status_code == 503
        assert "a peut-être été enregistré" in answer.text
        assert "Rien de ce que vous avez saisi" not in answer.text


def _roles_in_the_code() -> set[str]:
    """Return the second argument of whatever sets a cookie: for which role, as it is written there."""
    files = [file for part in (integrations, portal) for file in Path(getfile(part)).parent.glob("*.py")]
    nodes = [node for file in files for node in ast.walk(ast.parse(file.read_text("utf-8")))]
    calls = [node for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    return {ast.unparse(call.args[1]) for call in calls if ast.unparse(call.func).endswith(".set_cookie")}


class TestCookies:
    """Cookies are held to their attributes by the browser (ASVS V3.3)."""

    @pytest.fixture
    def sandbox(self, directory: MemoryDirectory) -> Sandbox:
        """An installation whose pages believe signed views, too: one more cookie."""
        policy = attrs.evolve(cheap_policy(), session_view_lifetime=timedelta(seconds=20))
        return Sandbox.build(directory=directory, policy=policy)

    @pytest.fixture
    def cookies(self, sandbox: Sandbox, manager_browser: Browser) -> Sequence[str]:
        """Whatever is said of a cookie, to keep it or to forget it, on a walk through the portal."""
        browser, contact = manager_browser, sandbox.contact()
        said: list[str] = []
        browser.client.event_hooks = {"response": [lambda answer: said.extend(answer.headers.get_list("set-cookie"))]}
        sandbox.activate(contact, JEANNE)
        browser.get("/login")
        browser.post("/locale", locale="en", path="/")
        browser.log_in(JEANNE, "not the password")
        browser.log_in(JEANNE, PASSWORD)
        browser.get("/")
        browser.get(f"/desk/contacts/{contact.id}/password")
        browser.post("/logout")
        browser.get("/login")
        temporary = sandbox.auth.password_reset.set_password(contact.id, by=sandbox.manager)
        browser.log_in(JEANNE, temporary.password)
        assert browser.post("/choose-password", new_password="quatre nuages violets").status_code == 303
        browser.get("/reset/some-token")
        browser.get("/email/some-token")
        return said

    def test_every_cookie_is_out_of_reach_of_scripts_and_other_sites(self, cookies: Sequence[str]) -> None:
        """HttpOnly, Secure and SameSite=Lax are said of each, and a Domain of none."""
        for cookie in cookies:
            attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
            assert {"httponly", "secure", "samesite=lax"} <= attributes, cookie
            assert not any(attribute.startswith("domain") for attribute in attributes), cookie
            assert len(cookie) < 4096

    def test_names_bind_cookies_to_this_very_host(self, cookies: Sequence[str]) -> None:
        """Every cookie is named __Host-, and has what browsers ask of that name."""
        for cookie in cookies:
            assert cookie.startswith("__Host-"), cookie
            assert "Path=/;" in f"{cookie};", cookie

    def test_every_cookie_that_the_code_sets_is_met_on_the_walk(self, cookies: Sequence[str]) -> None:
        """One that is new is held to the same, or the walk is not long enough."""
        kept = {cookie.partition("=")[0] for cookie in cookies if "Max-Age=0" not in cookie}

        met = {name.removeprefix("__Host-coproauth_").partition("_")[0] for name in kept}

        links, by_whose_hand = {"self.role"}, {"value"}  # a link's role is a variable; and what sets them all
        assert _roles_in_the_code() == {repr(role) for role in met - {"link"}} | links | by_whose_hand

    def test_the_session_token_is_nowhere_but_in_its_cookie(self, sandbox: Sandbox, browser: Browser) -> None:
        """No page and no other header contains the token of the session."""
        sandbox.activate(sandbox.contact(), JEANNE)
        answer = browser.log_in(JEANNE, PASSWORD)
        token = browser.client.cookies["__Host-coproauth_session"]

        pages = [browser.get(path) for path in ("/", "/profile/sessions", "/profile/password", "/accounts/add")]

        assert token not in answer.text + answer.headers["location"]
        assert not any(token in page.text or token in str(page.headers) for page in pages)

    def test_logging_out_clears_the_browser(self, sandbox: Sandbox, browser: Browser) -> None:
        """The session ends on the server, its cookie goes, and what was cached is cleared (ASVS V14.3.1)."""
        sandbox.activate(sandbox.contact(), JEANNE)
        browser.log_in(JEANNE, PASSWORD)
        token = browser.client.cookies["__Host-coproauth_session"]

        answer = browser.post("/logout")
        browser.client.cookies.set("__Host-coproauth_session", token, domain="app.example.fr")

        assert answer.headers["clear-site-data"] == '"cache", "storage"'
        assert browser.get("/").headers["location"] == "/login"


class TestForms:
    """A form counts only if a page of ours, in this very session, posted it (ASVS V3.5.1)."""

    @pytest.mark.parametrize(
        "path", [path for path in _paths() if not path.startswith(("/static", "/nowhere", "/desk//"))]
    )
    def test_a_post_without_token_does_nothing(self, browser: Browser, path: str) -> None:
        """Each form is refused without its token; pages without a form cannot be posted to."""
        assert browser.send(path, {}).status_code in {403, 405}

    def test_a_token_of_one_session_is_void_in_another(
        self, sandbox: Sandbox, open_browser: Callable[[], Browser]
    ) -> None:
        """What protects the forms of one browser opens none in another."""
        sandbox.activate(sandbox.contact(), JEANNE)
        one, other = open_browser(), open_browser()
        one.log_in(JEANNE, PASSWORD)
        other.log_in(JEANNE, PASSWORD)

        answer = other.send("/logout", {"form_token": one.form_token()})

        assert answer.status_code == 403
        assert other.get("/").status_code == 200

    def test_a82_the_token_from_before_login_is_dead_after_it(self, sandbox: Sandbox, browser: Browser) -> None:
        """Logging in replaces what protects the forms."""
        sandbox.activate(sandbox.contact(), JEANNE)
        before = browser.form_token()
        browser.log_in(JEANNE, PASSWORD)

        assert browser.send("/logout", {"form_token": before}).status_code == 403
        assert browser.form_token() != before

    @pytest.mark.parametrize(
        ("headers", "status"),
        [
            ({"sec-fetch-site": "cross-site"}, 403),
            ({"sec-fetch-site": "same-site"}, 403),
            ({"sec-fetch-site": "same-origin", "origin": "null"}, 422),
            ({"sec-fetch-site": "same-origin", "origin": "https://app.example.fr"}, 422),
            ({"sec-fetch-site": "same-origin", "origin": "https://evil.example"}, 403),
            ({"sec-fetch-site": "none", "origin": "https://app.example.fr:8443"}, 403),
            ({"sec-fetch-site": "cross-site", "origin": "null"}, 403),
            ({"origin": "https://evil.example"}, 403),
            ({"origin": "http://app.example.fr"}, 403),
            ({"origin": "https://app.example.fr"}, 422),
            ({"origin": "null"}, 422),
            ({}, 422),
        ],
    )
    def test_a82_a_form_from_another_site_is_refused_with_its_token_too(
        self, browser: Browser, headers: dict[str, str], status: int
    ) -> None:
        """What the browser says of the origin counts beside the token; a login that is merely wrong gets 422."""
        fields = {"form_token": browser.form_token(), "email": JEANNE, "password": "wrong"}

        assert browser.send("/login", fields, **headers).status_code == status

    def test_a17_a_field_given_twice_is_refused(self, browser: Browser) -> None:
        """No handler has to choose which of two values was meant (ASVS V15.3.7)."""
        body = f"form_token={browser.form_token()}&email=a%40example.fr&email=b%40example.fr&password=x"
        form = {"content-type": "application/x-www-form-urlencoded"}

        assert browser.client.post("/login", content=body, headers=form).status_code == 400

    @pytest.mark.parametrize(
        ("content", "media_type", "status"),
        [
            (b"x=" + b"y" * 65_536, "application/x-www-form-urlencoded", 413),
            (b"x=%ff", "application/x-www-form-urlencoded", 400),
            (b"\xff=1", "application/x-www-form-urlencoded", 400),
            (b"&".join(b"f%d=1" % number for number in range(40)), "application/x-www-form-urlencoded", 400),
            (b"{}", "application/json", 415),
            (b'{"email": "a@example.fr", "x": "="}', "text/plain", 415),
            (b"email=a%40example.fr", "text/plain; charset=utf-8", 415),
            (b"email=a%40example.fr", "", 415),
            (b"--x--", "multipart/form-data; boundary=x", 415),
        ],
    )
    def test_a82_what_is_no_small_form_is_refused(
        self, browser: Browser, content: bytes, media_type: str, status: int
    ) -> None:
        """Size, encoding and number of fields are bounded before anything is looked at."""
        answer = browser.client.post("/login", content=content, headers={"content-type": media_type})

        assert answer.status_code == status

    def test_fields_that_no_page_has_are_ignored(self, sandbox: Sandbox, browser: Browser) -> None:
        """An invented field changes nothing."""
        sandbox.activate(sandbox.contact(), JEANNE)

        answer = browser.post("/login", email=JEANNE, password=PASSWORD, is_admin="1", next="https://evil.example")

        assert answer.headers["location"] == "/"


class TestAddresses:
    """No redirect leads off the site, and reading changes nothing."""

    @pytest.mark.parametrize("target", ELSEWHERE)
    def test_a81_the_language_switch_leads_nowhere_else(self, browser: Browser, target: str) -> None:
        """Whatever is posted as the way back, the browser stays on this site (ASVS V3.7.2)."""
        assert browser.post("/locale", locale="en", path=target).headers["location"] == "/"

    def test_a81_the_language_switch_withstands_a_word_list(self, browser: Browser) -> None:
        """Each known trick ends on this site, whether it is posted as the way back or asked for as an address."""
        if not _SHARED.exists():
            pytest.skip("the published lists of hostile addresses are not part of this repository")

        for line in _SHARED.read_text("utf-8").splitlines():
            location = browser.post("/locale", locale="fr", path=line).headers["location"]
            assert re.fullmatch(r"/([\w-][\w.~-]*(/[\w-][\w.~-]*)*)?", location), (line, location)
            asked = browser.client.get(PORTAL_URL + line, follow_redirects=False)
            assert asked.headers.get("location", "/").startswith("/"), line
            assert not asked.headers.get("location", "/").startswith("//"), line

    def test_a33_the_host_of_a_request_is_never_used(self, browser: Browser) -> None:
        """A forged Host shows up in no redirect and on no page."""
        answers = [browser.get(path, host="evil.example") for path in ("/", "/login", "/login/", "//evil.example")]

        assert not any("evil" in answer.headers.get("location", "") + answer.text for answer in answers)

    def test_a_path_of_ones_own_is_come_back_to(self, browser: Browser) -> None:
        """The switch shows the page that was open, in the language chosen."""
        answer = browser.post("/locale", locale="en", path="/forgotten-password")

        assert answer.headers["location"] == "/forgotten-password"
        assert '<html lang="en">' in browser.get("/forgotten-password").text

    def test_d30_opening_every_page_changes_nothing(self, sandbox: Sandbox, manager_browser: Browser) -> None:
        """A scanner that follows every address there is leaves session, accounts and mail as they were (D-30)."""
        contact = sandbox.contact()
        sandbox.activate(contact, JEANNE)
        manager_browser.log_in(JEANNE, PASSWORD)
        sent = len(sandbox.mail_to(JEANNE))
        before = manager_browser.get("/").text

        for path in _paths():
            manager_browser.get(path.replace("/x", f"/{contact.id}"))
        manager_browser.get(f"/desk/condominiums/{contact.account.condominium_id}")

        assert manager_browser.get("/").text == before
        assert len(sandbox.mail_to(JEANNE)) == sent
        assert sandbox.auth.login.identifier_of(contact.id) == JEANNE

    @pytest.mark.parametrize("typed", ["<script>alert(1)</script>@x.fr", '"><img src=x onerror=alert(1)>', "'; --"])
    def test_what_is_typed_comes_back_escaped(self, browser: Browser, typed: str) -> None:
        """A value is shown again as text, never as markup (ASVS V1.2.1)."""
        pages = [
            browser.post("/login", email=typed, password="x").text,
            browser.post("/forgotten-password", email=typed).text,
            browser.post("/activate", code=typed).text,
        ]

        assert not any("<script>alert" in page or "<img src=x" in page for page in pages)


class TestFormerSession:
    """Whoever comes into a browser that is logged in leaves no session of the former one behind (ASVS V7.2.4)."""

    MARC = "marc@example.fr"

    @pytest.fixture
    def former(self, sandbox: Sandbox, browser: Browser) -> str:
        """The token of the session of Jeanne, which the browser holds; Marc has a login, too."""
        sandbox.activate(sandbox.contact(), JEANNE)
        sandbox.activate(sandbox.contact("Marc Dubois"), self.MARC)
        browser.log_in(JEANNE, PASSWORD)
        return browser.client.cookies["__Host-coproauth_session"]

    def _holds(self, sandbox: Sandbox, token: str) -> bool:
        try:
            sandbox.auth.login.session(token)
        except SessionRefused:
            return False
        return True

    def test_a_login_ends_it(self, sandbox: Sandbox, browser: Browser, former: str) -> None:
        """The login page is refused to nobody, so the session that it replaces is ended."""
        browser.log_in(self.MARC, PASSWORD)

        assert not self._holds(sandbox, former)
        assert self._holds(sandbox, browser.client.cookies["__Host-coproauth_session"])

    def test_a_reset_ends_it(self, sandbox: Sandbox, browser: Browser, former: str) -> None:
        """The password of another login is reset in this browser."""
        browser.post("/forgotten-password", email=self.MARC)
        browser.get(f"/reset/{sandbox.reset_token_for(self.MARC)}")

        browser.post("/reset", new_password="quatre nuages violets")

        assert not self._holds(sandbox, former)

    def test_the_confirmation_of_an_email_ends_it(
        self, sandbox: Sandbox, browser: Browser, former: str, open_browser: Callable[[], Browser]
    ) -> None:
        """The link of another login's new address is opened in this browser."""
        other = open_browser()
        other.log_in(self.MARC, PASSWORD)
        other.post("/profile/email", new_email="marc.dubois@example.fr", current_password=PASSWORD)
        (link,) = (mail for mail in sandbox.mail_to("marc.dubois@example.fr") if isinstance(mail, ConfirmEmailMessage))
        browser.get(link.url.removeprefix(PORTAL_URL))

        browser.post("/email")

        assert not self._holds(sandbox, former)

    def test_the_choice_of_a_password_ends_it(self, sandbox: Sandbox, browser: Browser, former: str) -> None:
        """A temporary password of another login is replaced in this browser."""
        contact = sandbox.contact("Luc Petit")
        sandbox.activate(contact, "luc@example.fr")
        temporary = sandbox.auth.password_reset.set_password(contact.id, by=sandbox.manager)
        browser.log_in("luc@example.fr", temporary.password)

        browser.post("/choose-password", new_password="quatre nuages violets")

        assert not self._holds(sandbox, former)

    def test_an_activation_ends_it(self, sandbox: Sandbox, browser: Browser, former: str) -> None:
        """Another login takes a second code in this browser."""
        code = sandbox.code_for(sandbox.contact("Marc Dubois", condominium="Les Pins"))

        browser.post("/activate/login", code=code, email=self.MARC, new_password=PASSWORD)

        assert not self._holds(sandbox, former)
