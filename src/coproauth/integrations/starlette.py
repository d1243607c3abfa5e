"""The verbs a Starlette application needs around the services: cookies, forms, headers, source and id of a request.

Nothing here knows a page. Services are synchronous: call them from plain ``def`` endpoints, which Starlette runs in
its thread pool.
"""

from __future__ import annotations

import base64
import hmac
import ipaddress
import re
import secrets
from datetime import timedelta
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from coproauth.core.sessions import Session, SignedIn
from coproauth.core.sources import Source
from coproauth.core.tokens import TOKEN_BYTES, Purpose
from coproauth.errors import SessionRefused
from coproauth.facade import Coproauth
from coproauth.policy import LOCALES, Locale
from coproauth.services.correlation import correlated

FORM_TOKEN: Final = "form_token"  # noqa: S105 - the name of a field
FORM_MAX_OCTETS = 64 * 1024  # the longest password in percent notation, and a dozen short fields
FORM_MAX_FIELDS = 32
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

_HSTS = "max-age=31536000; includeSubDomains"  # one year; ASVS V3.4.1
_SAFE_METHODS = frozenset({"GET", "HEAD"})  # RFC 9110 §9.2.1, of those that a page answers
_FORM_TYPE = "application/x-www-form-urlencoded"
_LANGUAGES_MAX_LENGTH = 400  # characters of Accept-Language looked at


async def read_form(request: Request) -> dict[str, str]:
    """Return the fields of a posted form, each a single value.

    Raises:
        HTTPException: 415 for another encoding, 413 beyond 64 KiB, 400 for a field given twice (ASVS V15.3.7), for
            more fields than any form has, and for octets that are no UTF-8.

    Starlette's ``request.form`` is not used: it needs another package, takes uploads that no page here asks for, reads
    an urlencoded body of any size, and of two values for one field silently lets the last one count.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_MAX_OCTETS:
            raise HTTPException(413)
    if not body:
        return {}
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM_TYPE:
        raise HTTPException(415)
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=FORM_MAX_FIELDS)
    except ValueError as error:
        raise HTTPException(400) from error
    form = dict(pairs)
    if len(form) != len(pairs):
        raise HTTPException(400)
    return form


class SecurityHeaders:
    """ASGI middleware: puts the headers on every answer that a browser must obey; an answer's own are kept."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        """Wrap an application; ``https`` also asks browsers never to come by plain HTTP again."""
        self._app = app
        self._headers = {
            "Content-Security-Policy": CONTENT_SECURITY_POLICY,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cache-Control": "no-store",
        } | ({"Strict-Transport-Security": _HSTS} if https else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                headers.add_vary_header("Cookie")
            await send(message)

        await self._app(scope, receive, send_with_headers)


class Correlation:
    """ASGI middleware: gives each request an id, which its audit events and the host's own log lines carry."""

    def __init__(self, app: ASGIApp, *, header: str | None = None) -> None:
        """Wrap an application.

        Args:
            app: what answers.
            header: which one of the request has the id, if a proxy of your own always sets it; one is drawn otherwise.
                Never one that a browser can set: it could have its attempts look like another's.
        """
        self._app = app
        self._header = header

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        given = Headers(scope=scope).get(self._header) if self._header and "headers" in scope else None
        with correlated(given or secrets.token_hex(16)):
            await self._app(scope, receive, send)


class WebAuth:
    """Keeps a browser's session in a cookie and protects its forms.

    Attributes:
        auth: the library.
        https: whether the portal's address is one of https.
        session_cookie: the name of the session's cookie.
    """

    def __init__(self, auth: Coproauth, *, trusted_proxies: int = 0) -> None:
        """Wire the verbs.

        Args:
            auth: the library.
            trusted_proxies: how many proxies of your own stand in front, each adding to ``X-Forwarded-For``.
        """
        address = urlsplit(auth.portal_url)
        self.auth = auth
        self.https = address.scheme == "https"
        self.session_cookie = self.cookie_name("session")
        self._anonymous_cookie = self.cookie_name("form")
        self._locale_cookie = self.cookie_name("locale")
        self._origin = _origin_of(address)
        self._trusted_proxies = trusted_proxies

    # Cookies

    def cookie_name(self, role: str, *, path: str = "/") -> str:
        """Return the name of a cookie of the whole site, or of one page.

        On https its prefix has browsers take it from this very host alone (ASVS V3.3.1): a neighbouring one, under the
        same domain, cannot plant another under that name. It forbids a path, so that the name tells the page.
        """
        prefix = "__Host-" if self.https else ""
        page = re.sub(r"[^A-Za-z0-9]+", "-", path).strip("-")
        return f"{prefix}coproauth_{role}" + (f"_{page}" if page else "")

    def set_cookie(
        self, response: Response, role: str, value: str, *, path: str = "/", max_age: int | None = None
    ) -> None:
        """Set a cookie that no script reads; ``max_age`` in seconds, None: until the browser is closed."""
        name = self.cookie_name(role, path=path)
        response.set_cookie(
            name,
            value,
            max_age=max_age,
            path=self._cookie_path(path),
            secure=self.https,
            httponly=True,
            samesite="lax",
        )

    def read_cookie(self, request: Request, role: str, *, path: str = "/") -> str | None:
        """Return the value of a cookie, or None."""
        return request.cookies.get(self.cookie_name(role, path=path)) or None

    def delete_cookie(self, response: Response, role: str, *, path: str = "/") -> None:
        """Have the browser forget a cookie."""
        name = self.cookie_name(role, path=path)
        response.delete_cookie(name, path=self._cookie_path(path), secure=self.https, httponly=True, samesite="lax")

    def _cookie_path(self, path: str) -> str:
        return "/" if self.https else path

    # Sessions

    def session_token(self, request: Request) -> str | None:
        """Return the token of the browser's session, whether or not it still holds."""
        adopted: str | None = getattr(request.state, "session_token", None)
        return adopted or self.read_cookie(request, "session")

    def adopt(self, request: Request, signed_in: SignedIn) -> None:
        """Take a session that was opened in this request for the browser's own, so that a page's forms are bound to it.

        The answer must ``remember`` it, too.
        """
        request.state.session_token = signed_in.token

    def session(self, request: Request) -> Session | None:
        """Return who is logged in, or None.

        Where ``Policy.session_view_lifetime`` is set, GET and HEAD believe the browser's signed view for so long, and
        the answer must ``keep_view``. A page that must know better asks ``LoginService.session``, as each POST does.
        """
        token = self.session_token(request)
        try:
            return self._session_behind(token, request) if token else None
        except SessionRefused:
            return None

    def keep_view(self, request: Request, response: Response) -> None:
        """Keep the signed view that ``session`` got from the store in this request, unless the answer drops it."""
        view: str | None = getattr(request.state, "session_view", None)
        own = f"{self.cookie_name('view')}="
        is_dropped = any(line.startswith(own) for line in response.headers.getlist("set-cookie"))
        if view is not None and not is_dropped:
            seconds = -(-self.auth.policy.session_view_lifetime // timedelta(seconds=1))
            self.set_cookie(response, "view", view, max_age=seconds)

    def drop_session(self, response: Response) -> None:
        """Have the browser forget the cookie of its session, and the signed view of it."""
        self.delete_cookie(response, "session")
        self._drop_view(response)

    def remember(self, response: Response, signed_in: SignedIn) -> None:
        """Keep a session that was opened, and that the browser is known; what protected the forms before is void."""
        self.set_cookie(response, "session", signed_in.token)
        self._drop_view(response)
        if signed_in.device_token is not None:
            lifetime = int(self.auth.policy.device_lifetime.total_seconds())
            self.set_cookie(response, "device", signed_in.device_token, max_age=lifetime)
        self.delete_cookie(response, "form")

    def forget(self, response: Response) -> None:
        """Have the browser forget its session, and whatever it keeps of the pages (ASVS V14.3.1).

        Its cookies are named one by one: ``"cookies"`` would also take those of the host's other software. That the
        browser is known stays: it opens nothing, and tells nobody whose login was opened here.
        """
        self.drop_session(response)
        response.headers["Clear-Site-Data"] = '"cache", "storage"'

    def _session_behind(self, token: str, request: Request) -> Session:
        if not self._has_views or request.method not in _SAFE_METHODS:
            return self.auth.login.session(token)
        viewed = self.auth.session_views.session(token, view=self.read_cookie(request, "view"))
        request.state.session_view = viewed.view
        return viewed.session

    @property
    def _has_views(self) -> bool:
        return bool(self.auth.policy.session_view_lifetime)

    def _drop_view(self, response: Response) -> None:
        if self._has_views:
            self.delete_cookie(response, "view")

    # Forms

    def form_token(self, request: Request) -> str:
        """Return what a form of this browser must carry: bound to its session, before login to a random cookie."""
        return self._form_tokens(request)[0]

    def keep_form_secret(self, request: Request, response: Response) -> None:
        """Set the random cookie that ``form_token`` was bound to, if the browser had none."""
        drawn = getattr(request.state, "form_secret", None)
        if drawn is not None:
            self.set_cookie(response, "form", drawn)

    def check_form(self, request: Request, form: dict[str, str]) -> None:
        """Let a posted form pass if a page of ours was what posted it (ASVS V3.5.1).

        1. The browser says where the form came from: any other site is refused, a neighbouring host too.
        2. The form carries the token of this very session or cookie.

        Raises:
            HTTPException: 403.
        """
        typed = form.get(FORM_TOKEN, "").encode("utf-8", "surrogatepass")
        fits = [hmac.compare_digest(token.encode(), typed) for token in self._form_tokens(request)]
        if not (self._is_same_origin(request) and any(fits)):
            raise HTTPException(403)

    def sign(self, role: str, value: str) -> str:
        """Return the text that proves a cookie of ours: for a host's small choices, never for a session."""
        return _encode(self.auth.keyring.macs(Purpose.FORM, "signed", role, value)[0])

    def is_signed(self, role: str, value: str, signature: str) -> bool:
        """Whether ``sign`` made the text, under any key."""
        macs = self.auth.keyring.macs(Purpose.FORM, "signed", role, value)
        return signature.isascii() and any(hmac.compare_digest(_encode(mac), signature) for mac in macs)

    def _form_tokens(self, request: Request) -> list[str]:
        session_token = self.session_token(request)
        bound_to = ("session", session_token) if session_token else ("anonymous", self._form_secret(request))
        return [_encode(mac) for mac in self.auth.keyring.macs(Purpose.FORM, *bound_to)]

    def _form_secret(self, request: Request) -> str:
        known: str | None = self.read_cookie(request, "form") or getattr(request.state, "form_secret", None)
        if known is None:
            known = request.state.form_secret = secrets.token_urlsafe(TOKEN_BYTES)
        return known

    def _is_same_origin(self, request: Request) -> bool:
        """Whether nothing says that another site posted this.

        Both headers must agree: ``Sec-Fetch-Site`` compares two sites without saying which, so a name that was made to
        point at this server passes it, and is told by its ``Origin``. A browser that is told to send no referrer sends
        ``Origin: null``; that says nothing, and where it does not send the other either, the token decides.
        """
        has_own_site = request.headers.get("sec-fetch-site", "none") in {"same-origin", "none"}
        return has_own_site and request.headers.get("origin", "null").lower() in {"null", self._origin}

    # Where a request comes from

    def source(self, request: Request) -> Source:
        """Return where a request comes from, for the services."""
        return Source(
            self._address(request),
            user_agent=request.headers.get("user-agent"),
            locale=self.locale(request),
            device_token=self.read_cookie(request, "device") or "",
        )

    def locale(self, request: Request) -> Locale:
        """Return the language chosen on the page, else the one the browser prefers, else the first."""
        chosen = self.read_cookie(request, "locale")
        return _preferred(request) if chosen not in LOCALES else chosen

    def _address(self, request: Request) -> str:
        """Return the client's address, from the socket or as one's own proxies wrote it down (ASVS V15.3.4).

        What the outermost trusted proxy added counts, never what stands left of it: that is the client's own tale.
        """
        socket_address = request.client.host if request.client else "unknown"
        if not self._trusted_proxies:
            return socket_address
        hops = ",".join(request.headers.getlist("x-forwarded-for")).split(",")
        if len(hops) < self._trusted_proxies:
            return socket_address
        return _parse_hop(hops[-self._trusted_proxies]) or socket_address


def _encode(mac: bytes) -> str:
    return base64.urlsafe_b64encode(mac).rstrip(b"=").decode("ascii")


def _parse_hop(hop: str) -> str | None:
    """Return the address in one entry of ``X-Forwarded-For``, without port or brackets; None if there is none."""
    text = hop.strip()
    host = text[1:].partition("]")[0] if text.startswith("[") else text
    for candidate in (host, host.partition(":")[0]):
        try:
            return str(ipaddress.ip_address(candidate))
        except ValueError:
            continue
    return None


def _preferred(request: Request) -> Locale:
    """Return the locale that ``Accept-Language`` weighs most; the first one on a tie, and where none is named."""
    weights: dict[str, float] = {}
    for entry in request.headers.get("accept-language", "")[:_LANGUAGES_MAX_LENGTH].split(","):
        tag, _, parameter = entry.strip().partition(";")
        language = tag.partition("-")[0].lower()
        weights[language] = max(weights.get(language, 0.0), _weight(parameter))
    best: Locale = LOCALES[0]
    for locale in LOCALES:
        if weights.get(locale, 0.0) > weights.get(best, 0.0):
            best = locale
    return best


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if not name:
        return 1.0
    return float(value) if name == "q" and value.replace(".", "", 1).isdecimal() else 0.0


def _origin_of(address: SplitResult) -> str:
    """Return the origin as browsers tell it: lower case, without the scheme's own port (RFC 6454 §6.1)."""
    own_port = {"https": 443, "http": 80}.get(address.scheme)
    netloc = address.netloc.lower()
    return f"{address.scheme}://{netloc.rpartition(':')[0] if address.port == own_port else netloc}"
