"""Attacks on the portal from its neighbourhood: planted cookies, forged hops, hostile text."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from starlette.requests import Request
from starlette.testclient import TestClient
from tests.attacks.pathways import OTHER
from tests.portal.conftest import Browser
from tests.town import JEANNE

from coproauth import Source
from coproauth.core.tokens import TOKEN_MAX_LENGTH
from coproauth.integrations.starlette import WebAuth
from coproauth.portal import create_portal
from coproauth.testing.sandbox import PASSWORD, PORTAL_URL, Sandbox

MALLORY = "mallory@example.org"


class TestNeighbour:
    """Another host under the same domain can plant cookies for it, but none of a name that the portal reads."""

    def test_x14_a_planted_step_makes_nobody_choose_the_password_of_another(
        self, sandbox: Sandbox, browser: Browser
    ) -> None:
        """The choice after a temporary password is bound to the very host: a victim's code goes to no other login."""
        theirs = sandbox.contact("Mallory")
        sandbox.activate(theirs, MALLORY)
        planted = self._choice(sandbox, theirs.id)
        for name in ("coproauth_link", "__Secure-coproauth_link", "coproauth_link_choose-password"):
            browser.client.cookies.set(name, planted, domain="app.example.fr", path="/choose-password")

        code = sandbox.code_for(sandbox.contact())

        answer = browser.post("/choose-password", new_password=OTHER, code=code)

        assert answer.headers["location"] == "/login"
        assert "__Host-coproauth_session" not in browser.client.cookies
        assert sandbox.auth.activation.preview(code, source=sandbox.source).contact_name == "Jeanne Roche"

    def _choice(self, sandbox: Sandbox, contact_id: str) -> str:
        temporary = sandbox.auth.password_reset.set_password(contact_id, by=sandbox.manager).password
        thief = Browser(TestClient(create_portal(sandbox.auth), base_url=PORTAL_URL))
        thief.log_in(MALLORY, temporary)
        (token,) = [
            value for name, value in thief.client.cookies.items() if name == "__Host-coproauth_link_choose-password"
        ]
        return token

    @pytest.mark.parametrize("name", ["coproauth_session", "__Secure-coproauth_session", "__host-coproauth_session"])
    def test_x14_a_session_is_read_from_its_own_cookie_alone(
        self, sandbox: Sandbox, browser: Browser, name: str
    ) -> None:
        """A stranger's session under a name that a neighbour may set logs nobody in."""
        token = sandbox.activate(sandbox.contact("Mallory"), MALLORY).token
        browser.client.headers["cookie"] = f"{name}={token}"

        assert browser.get("/").headers["location"] == "/login"

    def test_x14_a_planted_form_secret_protects_no_form(self, sandbox: Sandbox, browser: Browser) -> None:
        """What a neighbour knows of his own form does not fit the forms of this host."""
        thief = Browser(TestClient(create_portal(sandbox.auth), base_url=PORTAL_URL))
        known = thief.form_token()
        secret = thief.client.cookies["__Host-coproauth_form"]
        for name in ("coproauth_form", "__Secure-coproauth_form"):
            browser.client.cookies.set(name, secret, domain="app.example.fr", path="/")

        assert browser.send("/login", {"form_token": known, "email": JEANNE, "password": PASSWORD}).status_code == 403

    def test_x29_a_link_of_another_login_says_so_and_logs_nobody_in(self, sandbox: Sandbox, browser: Browser) -> None:
        """A victim who is sent through it is told whose password it sets, keeps his own, and acts for nobody else."""
        sandbox.activate(sandbox.contact(), JEANNE)
        sandbox.activate(sandbox.contact("Mallory"), MALLORY)
        sandbox.auth.password_reset.request(email=MALLORY, source=sandbox.source)
        browser.get(f"/reset/{sandbox.reset_token_for(MALLORY)}")

        page = browser.get("/reset").text
        answer = browser.post("/reset", new_password=OTHER)

        assert MALLORY in page
        assert answer.headers["location"] == "/login"
        assert browser.get("/").headers["location"] == "/login"
        assert sandbox.log_in(JEANNE).session.email == JEANNE

    def test_x25_links_plant_no_more_than_a_server_takes(self, sandbox: Sandbox, browser: Browser) -> None:
        """A browser that was sent through the longest addresses there are is not locked out by its own cookies."""
        sandbox.activate(sandbox.contact(), JEANNE)
        browser.log_in(JEANNE, PASSWORD)
        for path in ("reset", "email"):
            for size in (TOKEN_MAX_LENGTH, TOKEN_MAX_LENGTH + 1, 10 * TOKEN_MAX_LENGTH):
                browser.get(f"/{path}/{'A' * size}")

        sent = browser.get("/").request.headers["cookie"]

        assert len(sent) < 8 * 1024 - TOKEN_MAX_LENGTH  # what nginx takes in one line, and room for a family's devices


class TestHops:
    """A client that writes down hops of its own stays who it is."""

    @pytest.mark.parametrize(
        ("headers", "proxies", "address"),
        [
            ([("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "203.0.113.9")], 1, "203.0.113.9"),
            ([("x-forwarded-for", "1.1.1.1, 2.2.2.2"), ("x-forwarded-for", "203.0.113.9")], 1, "203.0.113.9"),
            ([("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "203.0.113.9, 10.0.0.1")], 2, "203.0.113.9"),
            ([("x-forwarded-for", "1.1.1.1,,203.0.113.9")], 1, "203.0.113.9"),
            ([("x-forwarded-for", "203.0.113.9"), ("x-forwarded-for", "")], 1, "198.51.100.7"),
            ([("x-forwarded-for", "203.0.113.9;1.1.1.1")], 1, "198.51.100.7"),
            ([("x_forwarded_for", "1.1.1.1"), ("x-forwarded-for", "203.0.113.9")], 1, "203.0.113.9"),
            ([("x-real-ip", "1.1.1.1"), ("forwarded", "for=1.1.1.1"), ("client-ip", "1.1.1.1")], 1, "198.51.100.7"),
            ([("x-forwarded-for", "1.1.1.1")], 0, "198.51.100.7"),
        ],
    )
    def test_x15_the_last_hop_of_all_lines_counts(
        self, sandbox: Sandbox, headers: list[tuple[str, str]], proxies: int, address: str
    ) -> None:
        """Several lines of the header are one list: what the trusted proxy added stands last, in whichever line."""
        raw = [(name.encode(), value.encode()) for name, value in headers]
        request = Request({"type": "http", "headers": raw, "client": ("198.51.100.7", 4711)})

        assert WebAuth(sandbox.auth, trusted_proxies=proxies).source(request).address == address


class TestText:
    """Hostile text ends no header and becomes no markup."""

    @pytest.mark.parametrize(
        "tail",
        ["%0d%0aSet-Cookie:%20x=y", "%0aLocation:%20https://evil.example", "%00", "%e2%80%a8x", "%E5%98%8A%E5%98%8D"],
    )
    @pytest.mark.parametrize("path", ["/reset/", "/email/", "/desk/", "/"])
    def test_x16_no_address_splits_the_answer(self, browser: Browser, path: str, tail: str) -> None:
        """Whatever stands in a path, header lines are those of any other answer."""
        answer = browser.get(f"{path}abc{tail}")

        assert "x" not in browser.client.cookies
        assert answer.headers.get("location", "/login") in {"/reset", "/email", "/login"}
        assert not any(re.search(r"[\r\n\x00]", value) for _, value in answer.headers.multi_items())

    @pytest.mark.parametrize("field", ["email", "locale", "path", "code", "account_id"])
    def test_x16_no_field_splits_the_answer(self, browser: Browser, field: str) -> None:
        """Nor does what is posted."""
        hostile = "a\r\nSet-Cookie: x=y\r\n\r\n<script>"

        answers = [
            browser.post(path, **{field: hostile})
            for path in ("/login", "/locale", "/forgotten-password", "/activate", "/accounts/select")
        ]

        assert "x" not in browser.client.cookies
        assert not any("\n" in value for answer in answers for _, value in answer.headers.multi_items())

    def test_x17_what_a_browser_calls_itself_is_no_markup(
        self, sandbox: Sandbox, open_browser: Callable[[], Browser]
    ) -> None:
        """A stranger who knows the password does not run a script in the owner's list of sessions."""
        sandbox.activate(sandbox.contact("<b>Jeanne</b>", condominium="<img src=x onerror=alert(1)>"), JEANNE)
        hostile = Source("<svg/onload=alert(1)>", user_agent="<script>alert(1)</script>\x1b[2J\u202e")
        sandbox.auth.login.log_in(email=JEANNE, password=PASSWORD, source=hostile)
        owner = open_browser()
        owner.log_in(JEANNE, PASSWORD)

        pages = [owner.get(path).text for path in ("/", "/profile/sessions")]

        assert "alert(1)" in pages[1]
        assert not any(
            mark in page for page in pages for mark in ("<script>alert", "<svg", "<img src=x", "\x1b", "<b>J")
        )
