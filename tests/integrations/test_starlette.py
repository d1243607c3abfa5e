"""The verbs for Starlette, without the portal."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import attrs
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from coproauth import Coproauth, LoginRefused, Session
from coproauth.adapters.memory import MemoryDirectory, MemoryMailer, MemoryStore
from coproauth.integrations.starlette import Correlation, WebAuth
from coproauth.testing.sandbox import Sandbox, cheap_policy

JEANNE = "jeanne@example.fr"


def _request(*, client: str | None = "198.51.100.7", method: str = "GET", **headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    return Request({"type": "http", "method": method, "headers": raw, "client": (client, 1234) if client else None})


def _loopback() -> WebAuth:
    auth = Coproauth(
        store=MemoryStore(),
        directory=MemoryDirectory(),
        mailer=MemoryMailer(),
        secret_keys=["sandbox-key-of-at-least-32-bytes-0123456789"],
        portal_url="http://127.0.0.1:8000",
        policy=cheap_policy(),
    )
    return WebAuth(auth)


class TestSource:
    """Where a request comes from is told by the socket, or by one's own proxies (ASVS V15.3.4)."""

    @pytest.mark.parametrize(
        ("proxies", "forwarded", "address"),
        [
            (0, "203.0.113.9", "198.51.100.7"),
            (1, "203.0.113.9", "203.0.113.9"),
            (1, "1.1.1.1, 203.0.113.9", "203.0.113.9"),
            (2, "1.1.1.1, 203.0.113.9, 10.0.0.1", "203.0.113.9"),
            (2, "10.0.0.1", "198.51.100.7"),
            (1, "", "198.51.100.7"),
            (1, "203.0.113.9:4711", "203.0.113.9"),
            (1, "[2001:db8::1]:4711", "2001:db8::1"),
            (1, "2001:db8::1", "2001:db8::1"),
            (1, "unknown", "198.51.100.7"),
            (1, "203.0.113.9, nonsense\x80", "198.51.100.7"),
        ],
    )
    def test_only_ones_own_proxies_are_believed(self, proxies: int, forwarded: str, address: str) -> None:
        """What stands left of them is the client's tale; what cannot be read falls back to the socket."""
        web = WebAuth(Sandbox.build().auth, trusted_proxies=proxies)

        assert web.source(_request(x_forwarded_for=forwarded)).address == address

    def test_a_socket_without_address_is_one_source(self) -> None:
        """A server behind a Unix socket counts all its requests together, and fails none."""
        assert _loopback().source(_request(client=None)).address == "unknown"

    def test_browser_and_language_are_noted(self) -> None:
        """They come along for the list of sessions and for the mail."""
        source = _loopback().source(_request(user_agent="Browser/1", accept_language="en"))

        assert (source.user_agent, source.locale) == ("Browser/1", "en")

    @pytest.mark.parametrize("accepted", ["", "*", ";;;", "en;q=x", "en;q=0", "fr,en", "q=1", ",,,", "en;level=1"])
    def test_the_first_language_is_the_answer_to_nonsense(self, accepted: str) -> None:
        """Whatever a browser sends, there is a language."""
        assert _loopback().locale(_request(accept_language=accepted)) == "fr"


class TestSession:
    """A session is kept in a cookie and read back from it."""

    def test_a_session_is_kept_and_read_back(self) -> None:
        """The token goes into the cookie; who is logged in comes out of it."""
        sandbox = Sandbox.build()
        web = WebAuth(sandbox.auth)
        signed_in = sandbox.activate(sandbox.contact(), JEANNE)
        response = Response()

        web.remember(response, signed_in)
        cookie = response.headers["set-cookie"].partition(";")[0]

        assert cookie == f"__Host-coproauth_session={signed_in.token}"
        assert web.session(_request(cookie=cookie)) == signed_in.session

    @pytest.mark.parametrize(
        "cookie", ["", "__Host-coproauth_session=", "__Host-coproauth_session=x", "coproauth_session=x"]
    )
    def test_what_is_no_session_is_nobody(self, cookie: str) -> None:
        """No cookie, an empty one and an unknown one are all nobody."""
        assert WebAuth(Sandbox.build().auth).session(_request(cookie=cookie)) is None

    def test_on_loopback_cookies_work_without_https(self) -> None:
        """The prefix and Secure would make a browser drop them."""
        response = Response()

        _loopback().set_cookie(response, "session", "token")

        assert response.headers["set-cookie"] == "coproauth_session=token; HttpOnly; Path=/; SameSite=lax"


class TestView:
    """Where the policy says so, a signed view beside the session spares pages that only show something the store."""

    _POLICY = attrs.evolve(cheap_policy(), session_view_lifetime=timedelta(milliseconds=1500))

    def _page(self, web: WebAuth, cookie: str, *, method: str = "GET") -> tuple[Session | None, list[str]]:
        """Answer a request as a host does: who is logged in, and the cookies that are set."""
        request, response = _request(method=method, cookie=cookie), Response()
        session = web.session(request)
        web.keep_view(request, response)
        return session, response.headers.getlist("set-cookie")

    def _moved_in(self) -> tuple[Sandbox, WebAuth, str]:
        sandbox = Sandbox.build(policy=self._POLICY)
        signed_in = sandbox.activate(sandbox.contact(), JEANNE)
        return sandbox, WebAuth(sandbox.auth), f"__Host-coproauth_session={signed_in.token}"

    def test_it_is_kept_like_the_session_and_dropped_by_the_browser_in_time(self) -> None:
        """Out of reach of scripts, other sites and other hosts; for its lifetime, in whole seconds."""
        _, web, cookie = self._moved_in()

        (kept,) = self._page(web, cookie)[1]

        name, _, attributes = kept.partition("=")
        assert name == "__Host-coproauth_view"
        assert attributes.partition("; ")[2] == "HttpOnly; Max-Age=2; Path=/; SameSite=lax; Secure"

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_a_page_that_shows_something_believes_it(self, method: str) -> None:
        """It is told the same, gets no further cookie, and is told so still when the session has just ended."""
        sandbox, web, cookie = self._moved_in()
        session, (kept,) = self._page(web, cookie)
        sandbox.auth.login.log_out(cookie.partition("=")[2])

        assert self._page(web, f"{cookie}; {kept.partition(';')[0]}", method=method) == (session, [])

    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "get"])
    def test_whatever_may_write_asks_the_store(self, method: str) -> None:
        """An ended session is nobody at once; one that holds gets no view."""
        sandbox, web, cookie = self._moved_in()
        session, (kept,) = self._page(web, cookie)
        both = f"{cookie}; {kept.partition(';')[0]}"

        assert self._page(web, both, method=method) == (session, [])
        sandbox.auth.login.log_out(cookie.partition("=")[2])

        assert self._page(web, both, method=method) == (None, [])

    def test_it_is_over_after_its_lifetime(self) -> None:
        """Whatever the browser still sends."""
        sandbox, web, cookie = self._moved_in()
        _, (kept,) = self._page(web, cookie)
        sandbox.auth.login.log_out(cookie.partition("=")[2])
        sandbox.later(milliseconds=1500)

        assert self._page(web, f"{cookie}; {kept.partition(';')[0]}") == (None, [])

    def test_alone_it_is_nobody(self) -> None:
        """Without the cookie of the session, or beside another's."""
        sandbox, web, cookie = self._moved_in()
        view = self._page(web, cookie)[1][0].partition(";")[0]
        marc = sandbox.activate(sandbox.contact(), "marc@example.fr")

        seen, _ = self._page(web, f"__Host-coproauth_session={marc.token}; {view}")

        assert self._page(web, view) == (None, [])
        assert self._page(web, f"__Host-coproauth_session=x; {view}") == (None, [])
        assert seen == marc.session

    def test_a_session_that_was_opened_in_this_request_is_not_the_views(self) -> None:
        """A page that goes on as somebody else shows that one."""
        sandbox, web, cookie = self._moved_in()
        view = self._page(web, cookie)[1][0].partition(";")[0]
        marc = sandbox.activate(sandbox.contact(), "marc@example.fr")
        request = _request(method="GET", cookie=f"{cookie}; {view}")
        web.adopt(request, marc)

        assert web.session(request) == marc.session

    def test_it_leaves_the_browser_with_its_session(self) -> None:
        """Another session, and none any more: log-in, switch, log-out."""
        sandbox, web, _ = self._moved_in()
        signed_in, dropped = sandbox.log_in(JEANNE), []
        for change in (lambda answer: web.remember(answer, signed_in), web.forget, web.drop_session):
            response = Response()
            change(response)
            dropped.append([line for line in response.headers.getlist("set-cookie") if "_view=" in line])

        (gone,) = {line for lines in dropped for line in lines}
        assert list(map(len, dropped)) == [1, 1, 1]
        assert "Max-Age=0" in gone

    def test_an_answer_that_drops_it_does_not_give_it_back(self) -> None:
        """A page that looks who is logged in and then logs out leaves nothing to read in the browser."""
        _, web, cookie = self._moved_in()
        request, response = _request(method="GET", cookie=cookie), Response()
        web.session(request)

        web.forget(response)
        web.keep_view(request, response)

        assert len([line for line in response.headers.getlist("set-cookie") if "_view=" in line]) == 1

    def test_by_default_there_is_none(self) -> None:
        """ASVS V7.4.1: no cookie is set, dropped or believed; an ended session is nobody at once."""
        sandbox = Sandbox.build()
        web, viewing = WebAuth(sandbox.auth), WebAuth(Sandbox.build(store=sandbox.store, policy=self._POLICY).auth)
        signed_in, response = sandbox.activate(sandbox.contact(), JEANNE), Response()
        cookie = f"__Host-coproauth_session={signed_in.token}"
        view = self._page(viewing, cookie)[1][0].partition(";")[0]

        web.remember(response, signed_in)
        web.forget(response)

        assert self._page(web, f"{cookie}; {view}") == (signed_in.session, [])
        assert "_view" not in str(response.headers)
        sandbox.auth.login.log_out(signed_in.token)
        assert self._page(web, f"{cookie}; {view}") == (None, [])


class TestDevice:
    """That a browser is known outlives its session."""

    def test_a_login_makes_the_browser_known(self) -> None:
        """The token goes into a cookie of its own, for half a year, and comes back with the source."""
        sandbox = Sandbox.build()
        web = WebAuth(sandbox.auth)
        signed_in = sandbox.activate(sandbox.contact(), JEANNE)
        response = Response()

        web.remember(response, signed_in)

        cookie = f"__Host-coproauth_device={signed_in.device_token}"
        attributes = "HttpOnly; Max-Age=15552000; Path=/; SameSite=lax; Secure"
        assert f"{cookie}; {attributes}" in response.headers.getlist("set-cookie")
        assert web.source(_request(cookie=cookie)).device_token == signed_in.device_token

    def test_a_browser_without_the_cookie_has_none_yet(self) -> None:
        """That is said, so that the services know that a host of this kind keeps them."""
        assert _loopback().source(_request()).device_token == ""

    def test_forgetting_the_session_leaves_the_browser_known(self) -> None:
        """It opens nothing, and who logs out is the owner."""
        response = Response()

        WebAuth(Sandbox.build().auth).forget(response)

        assert "device" not in str(response.headers)


class TestSignature:
    """A host's small choices can be signed."""

    def test_a_signature_fits_its_role_and_value_alone(self) -> None:
        """Another role, another value and text that is no signature do not fit."""
        web = _loopback()
        signature = web.sign("choice", "blue")

        assert web.is_signed("choice", "blue", signature)
        assert not web.is_signed("choice", "red", signature)
        assert not web.is_signed("other", "blue", signature)
        assert not web.is_signed("choice", "blue", "")
        assert not web.is_signed("choice", "blue", "é")

    def test_a_signature_is_no_form_token(self) -> None:
        """Whatever role is signed for, the result protects no form."""
        web = WebAuth(Sandbox.build().auth)
        request = _request(cookie="__Host-coproauth_session=token")

        assert web.form_token(request) != web.sign("session", "token")


class TestOrigin:
    """A browser tells an origin without the scheme's own port (RFC 6454 §6.1)."""

    @pytest.mark.parametrize(
        ("portal_url", "origin"),
        [
            ("https://app.example.fr:443", "https://app.example.fr"),
            ("https://APP.example.fr", "https://app.example.fr"),
            ("https://app.example.fr:8443/portail", "https://app.example.fr:8443"),
            ("http://127.0.0.1:80", "http://127.0.0.1"),
            ("http://[::1]:8000", "http://[::1]:8000"),
        ],
    )
    def test_a_form_of_our_own_passes_however_the_address_is_spelled(self, portal_url: str, origin: str) -> None:
        """The default port may stand in the configured address, and letters may be capitals."""
        auth = Coproauth(
            store=MemoryStore(),
            directory=MemoryDirectory(),
            mailer=MemoryMailer(),
            secret_keys=["sandbox-key-of-at-least-32-bytes-0123456789"],
            portal_url=portal_url,
            policy=cheap_policy(),
        )
        web = WebAuth(auth)
        request = _request(cookie=f"{web.cookie_name('form')}=anything", sec_fetch_site="same-origin", origin=origin)

        web.check_form(request, {"form_token": web.form_token(request)})


def _answer(web: WebAuth, **options: str) -> TestClient:
    """Serve one page that tries a wrong password."""

    def page(request: Request) -> Response:
        with suppress(LoginRefused):
            web.auth.login.log_in(email=JEANNE, password="x", source=web.source(request))
        return Response()

    middleware = [Middleware(Correlation, **options)]
    return TestClient(Starlette(routes=[Route("/", page)], middleware=middleware))


class TestCorrelation:
    """Each request has an id, which is on record with what it tries."""

    def test_each_request_has_one_of_its_own(self) -> None:
        """Also in the thread pool that a plain page runs in; what a browser says of it counts for nothing."""
        town = Sandbox.build()
        client = _answer(WebAuth(town.auth))

        for _ in range(2):
            client.get("/", headers={"x-request-id": "forged"})

        first, second = (event.correlation_id for event in town.audit.events)
        assert first != second
        assert first is not None
        assert len(first) == 32

    def test_the_id_of_a_proxy_is_taken_from_the_header_that_is_named(self) -> None:
        """So that its log and the trail can be joined; where it is missing, an id is drawn."""
        town = Sandbox.build()
        client = _answer(WebAuth(town.auth), header="X-Request-ID")

        client.get("/", headers={"x-request-id": "4bf92f3577b34da6"})
        client.get("/")

        first, second = (event.correlation_id for event in town.audit.events)
        assert first == "4bf92f3577b34da6"
        assert second is not None
        assert len(second) == 32
