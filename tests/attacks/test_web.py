"""The portal over HTTP: forged hosts and ways back, mail scanners, planted cookies, calls that are cut off."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
from collections.abc import Callable
from html.parser import HTMLParser

import httpx2
import pytest
import uvicorn
from tests.portal.conftest import Browser
from tests.servers import HOST
from tests.town import JEANNE, Town, refusal_of

from coproauth import ConfirmEmailMessage, ResetLinkMessage, SessionRefused
from coproauth.portal import create_portal
from coproauth.testing.sandbox import PASSWORD, PORTAL_URL, Sandbox

EVIL = "evil.example"
MARC = "marc@example.fr"
OTHER = "trois pommes sur un nuage"
_FORGED = {
    "host": EVIL,
    "x-forwarded-host": EVIL,
    "x-forwarded-proto": "http",
    "x-forwarded-port": "8080",
    "x-forwarded-prefix": f"//{EVIL}",
    "x-forwarded-server": EVIL,
    "x-original-url": f"https://{EVIL}/",
    "x-rewrite-url": f"https://{EVIL}/",
    "x-http-method-override": "GET",
    "forwarded": f"for=1.1.1.1;host={EVIL};proto=http",
    "referer": f"https://{EVIL}/",
}
_WAYS_BACK = ("next", "url", "base_url", "redirect", "redirect_to", "return_to", "continue", "host", "domain", "link")


def _links(sandbox: Sandbox) -> list[str]:
    sandbox.auth.deliver_mail()
    return [mail.url for mail in sandbox.mailer.sent if isinstance(mail, ResetLinkMessage)]


class TestHost:
    """The host of a link is the configured one."""

    @pytest.mark.parametrize("header", _FORGED)
    def test_a33_no_header_changes_where_a_link_leads(self, sandbox: Sandbox, browser: Browser, header: str) -> None:
        """Whatever a request says of hosts, the link stands under the address of the portal."""
        sandbox.activate(sandbox.contact(), JEANNE)
        fields = {"form_token": browser.form_token(), "email": JEANNE}

        answer = browser.send("/forgotten-password", fields, **{header: _FORGED[header]})

        assert answer.headers["location"] == "/forgotten-password/sent"
        (link,) = _links(sandbox)
        assert link.startswith(f"{PORTAL_URL}/reset/")
        assert EVIL not in answer.text + link

    def test_a33_a_forged_origin_is_not_even_answered(self, sandbox: Sandbox, browser: Browser) -> None:
        """A form from another origin is refused, and no mail leaves."""
        sandbox.activate(sandbox.contact(), JEANNE)
        fields = {"form_token": browser.form_token(), "email": JEANNE}

        assert browser.send("/forgotten-password", fields, origin=f"https://{EVIL}").status_code == 403
        assert _links(sandbox) == []

    def test_a33_an_absolute_address_in_the_request_line_changes_nothing(self, sandbox: Sandbox) -> None:
        """A server that is asked for another host's page as a proxy would be names that host nowhere."""
        with _Served(sandbox) as port:
            answers = [
                _raw(port, f"GET http://{EVIL}{path} HTTP/1.1\r\nHost: {EVIL}\r\nConnection: close\r\n\r\n")
                for path in ("/", "/login", "/login/", "/forgotten-password")
            ]

        assert all(answer.startswith("HTTP/1.1") for answer in answers)
        assert not any(EVIL in answer for answer in answers)

    @pytest.mark.parametrize("field", _WAYS_BACK)
    def test_a34_a_field_that_names_an_address_is_ignored(self, sandbox: Sandbox, browser: Browser, field: str) -> None:
        """In the form and in the query: neither the answer nor the mail knows it."""
        sandbox.activate(sandbox.contact(), JEANNE)
        fields = {"form_token": browser.form_token(), "email": JEANNE, field: f"https://{EVIL}/"}

        answer = browser.send(f"/forgotten-password?{field}=https%3A%2F%2F{EVIL}%2F", fields)

        assert answer.headers["location"] == "/forgotten-password/sent"
        assert [EVIL in link for link in _links(sandbox)] == [False]


class _Sources(HTMLParser):
    """Collects whatever a page would have a browser fetch or follow."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the addresses of one element."""
        del tag
        names = {"src", "href", "action", "formaction", "srcset", "data", "poster", "background", "ping"}
        self.found += [value for name, value in attrs if name in names and value]


class TestLink:
    """A mailed link gives its token to nobody but the page it is for."""

    def test_a35_the_token_leaves_the_address_and_no_page_sends_it_on(self, sandbox: Sandbox, browser: Browser) -> None:
        """The first answer redirects to a clean address, without a referrer; the page loads nothing from elsewhere."""
        sandbox.activate(sandbox.contact(), JEANNE)
        browser.post("/forgotten-password", email=JEANNE)
        token = sandbox.reset_token_for(JEANNE)

        first = browser.get(f"/reset/{token}")
        page = browser.get(first.headers["location"])

        assert (first.status_code, first.headers["location"], first.text) == (303, "/reset", "")
        assert first.headers["referrer-policy"] == page.headers["referrer-policy"] == "no-referrer"
        assert token not in page.text
        sources = _Sources()
        sources.feed(page.text)
        assert sources.found
        assert [one for one in sources.found if not re.match(r"(/(?!/)|#|mailto:)", one)] == []

    @pytest.mark.parametrize("kind", ["reset", "email"])
    def test_a38_d30_a_scanner_that_opens_a_link_uses_nothing_up(
        self, sandbox: Sandbox, open_browser: Callable[[], Browser], kind: str
    ) -> None:
        """GET, HEAD and OPTIONS, three times each and with the page behind them, and the link still works."""
        sandbox.activate(sandbox.contact(), JEANNE)
        browser, scanner = open_browser(), open_browser()
        path = _link_of(sandbox, browser, kind)
        for method in ("GET", "HEAD", "OPTIONS") * 3:
            scanner.client.request(method, path, follow_redirects=False)
            scanner.client.request(method, f"/{kind}", follow_redirects=False)

        browser.get(path)
        answer = browser.post(f"/{kind}", new_password=OTHER)

        assert answer.headers["location"] == "/login"
        new_login = (JEANNE, OTHER) if kind == "reset" else ("new@example.fr", PASSWORD)
        assert sandbox.log_in(new_login[0], password=new_login[1]).session.accounts

    def test_a38_no_page_that_acts_can_be_got(self, browser: Browser) -> None:
        """Where a form acts, the same address without one shows a page or is not answered at all."""
        acting = ["/logout", "/locale", "/accounts/select", "/profile/sessions/end", "/profile/sessions/end-all"]

        assert {browser.get(path).status_code for path in acting} == {405}

    @pytest.mark.parametrize("path", ["/reset", "/choose-password", "/email"])
    def test_a37_a_step_without_the_one_before_changes_nothing(
        self, sandbox: Sandbox, browser: Browser, path: str
    ) -> None:
        """Without the cookie of the link, with an empty one, and with one of another step, nothing is done."""
        sandbox.activate(sandbox.contact(), JEANNE)
        browser.post("/forgotten-password", email=JEANNE)
        token = sandbox.reset_token_for(JEANNE)
        cookies = ["", "-", "None"] if path == "/reset" else ["", token]

        for cookie in cookies:
            browser.client.cookies.set(f"__Host-coproauth_link_{path[1:]}", cookie, domain="app.example.fr", path="/")
            browser.post(path, new_password=OTHER)

        assert sandbox.log_in(JEANNE).session.email == JEANNE


def _link_of(sandbox: Sandbox, browser: Browser, kind: str) -> str:
    """Ask for a link of a kind, and return its path."""
    if kind == "reset":
        browser.post("/forgotten-password", email=JEANNE)
        return f"/reset/{sandbox.reset_token_for(JEANNE)}"
    browser.log_in(JEANNE, PASSWORD)
    browser.post("/profile/email", new_email="new@example.fr", current_password=PASSWORD)
    (mail,) = [mail for mail in sandbox.mail_to("new@example.fr") if isinstance(mail, ConfirmEmailMessage)]
    return mail.url.removeprefix(PORTAL_URL)


class TestSession:
    """A session belongs to whoever gave the password, and to nobody who planted or shared something."""

    @pytest.mark.parametrize("planted", ["a", "A" * 43, "0" * 64])
    def test_a75_a_planted_session_is_never_adopted(self, sandbox: Sandbox, browser: Browser, planted: str) -> None:
        """A cookie from before the login opens nothing, and the login brings another."""
        sandbox.activate(sandbox.contact(), JEANNE)
        browser.client.cookies.set("__Host-coproauth_session", planted, domain="app.example.fr", path="/")

        assert browser.get("/").headers["location"] == "/login"
        browser.client.cookies.set("__Host-coproauth_session", planted, domain="app.example.fr", path="/")
        answer = browser.log_in(JEANNE, PASSWORD)

        (cookie,) = [
            one for one in answer.headers.get_list("set-cookie") if one.startswith("__Host-coproauth_session=")
        ]
        assert not cookie.startswith(f"__Host-coproauth_session={planted};")
        assert refusal_of(lambda: sandbox.auth.login.session(planted))[0] is SessionRefused

    def test_a75_the_session_that_was_held_is_replaced_and_dead(self, sandbox: Sandbox, browser: Browser) -> None:
        """Whoever planted a session of his own in the browser does not share the one that is opened over it."""
        sandbox.activate(sandbox.contact(), JEANNE)
        sandbox.activate(sandbox.contact("Marc Dubois"), MARC)
        planted = sandbox.log_in(MARC).token
        browser.client.cookies.set("__Host-coproauth_session", planted, domain="app.example.fr", path="/")

        browser.log_in(JEANNE, PASSWORD)

        assert refusal_of(lambda: sandbox.auth.login.session(planted))[0] is SessionRefused

    def test_a53_a_call_that_is_cut_off_leaves_its_answer_to_nobody(self) -> None:
        """A login is cancelled while its password is hashed; whoever comes next gets his own session alone."""
        town = Town.found()
        for number, email in enumerate((JEANNE, MARC)):
            town.activate(town.contact(f"Person {number}"), email)

        homes, others = asyncio.run(_cut_off(town))

        assert [MARC in home and JEANNE not in home for home in homes] == [True] * 4
        assert others == []


async def _cut_off(town: Town) -> tuple[list[str], list[str]]:
    """Cancel Jeanne's login in the middle, four times; return Marc's pages, and the pages of who never logged in."""
    app = create_portal(town.auth)
    homes, others = [], []
    for _ in range(4):
        async with _client(app) as jeanne, _client(app) as marc, _client(app) as nobody:
            fields = {"email": JEANNE, "password": PASSWORD, "form_token": await _form_token(jeanne)}
            begun, go_on = asyncio.Event(), threading.Event()
            loop = asyncio.get_running_loop()
            town.hasher.meanwhile = _pausing(lambda: loop.call_soon_threadsafe(begun.set), go_on)  # noqa: B023
            login = asyncio.create_task(jeanne.post("/login", data=fields))
            await begun.wait()
            login.cancel()
            go_on.set()
            await asyncio.gather(login, return_exceptions=True)
            fields = {"email": MARC, "password": PASSWORD, "form_token": await _form_token(marc)}
            await marc.post("/login", data=fields)
            homes.append((await marc.get("/profile/email")).text)
            others += [page.text for client in (nobody, jeanne) if (page := await client.get("/")).status_code == 200]
    return homes, others


def _pausing(tell: Callable[[], object], go_on: threading.Event) -> Callable[[], object]:
    def pause() -> None:
        tell()
        assert go_on.wait(timeout=30)

    return pause


def _client(app: object) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=PORTAL_URL)  # type: ignore[arg-type]


async def _form_token(client: httpx2.AsyncClient) -> str:
    found = re.search(r'name="form_token" value="([^"]+)"', (await client.get("/forgotten-password")).text)
    assert found
    return found[1]


class TestWaysBack:
    """No redirect leads off the site, whatever names a way back."""

    TARGETS = (
        "https://evil.example",
        "//evil.example",
        "\\\\evil.example",
        "\\\\\\evil.example",
        "/////evil.example",
        "/\t/evil.example",
        "/\\evil.example",
        "/%09/evil.example",
        "/%5cevil.example",
        "/%2f%2fevil.example",
        "https:///evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "/\u3002evil.example",
        "/login?next=//evil.example",
        "/;@evil.example",
        "http:evil.example",
    )

    @pytest.mark.parametrize("target", TARGETS, ids=ascii)
    def test_a81_no_field_and_no_referrer_is_a_way_back(self, sandbox: Sandbox, browser: Browser, target: str) -> None:
        """Login, logout, selection and switch of language end where they always do."""
        contact = sandbox.contact()
        sandbox.activate(contact, JEANNE)
        ways: dict[str, str] = dict.fromkeys(("next", "path", "redirect", "return_to"), target)
        referrer = {"referer": target if target.isascii() and target.isprintable() else "https://evil.example"}

        answers = [
            self._send(browser, "/login", {"email": JEANNE, "password": PASSWORD, **ways}, referrer),
            self._send(browser, "/accounts/select", {"account_id": contact.account.id, **ways}, referrer),
            self._send(browser, "/locale", {"locale": "fr", **ways}, referrer),
            self._send(browser, "/logout", ways, referrer),
        ]

        assert [answer.headers["location"] for answer in answers] == ["/", "/", "/", "/login"]

    def _send(self, browser: Browser, path: str, fields: dict[str, str], headers: dict[str, str]) -> httpx2.Response:
        return browser.send(path, {"form_token": browser.form_token(), **fields}, **headers)


class _Served:
    """The portal of a sandbox on loopback."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._listener = socket.create_server((HOST, 0))
        config = uvicorn.Config(
            create_portal(sandbox.auth), log_level="warning", access_log=False, ws="none", lifespan="off"
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._listener]})

    def __enter__(self) -> int:
        self._thread.start()
        port: int = self._listener.getsockname()[1]
        return port

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._listener.close()


def _raw(port: int, request: str) -> str:
    """Send octets, and return all that comes back."""
    with socket.create_connection((HOST, port), timeout=30) as connection:
        connection.sendall(request.encode("latin-1"))
        answer = b""
        while octets := connection.recv(65_536):
            answer += octets
    return answer.decode("utf-8")
