"""``create_portal``: the pages as one ASGI application."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, tzinfo
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from coproauth.errors import Unavailable
from coproauth.facade import Coproauth
from coproauth.integrations.starlette import Correlation, SecurityHeaders, WebAuth
from coproauth.portal import account_switching, activation, desk, login, password_reset, profile
from coproauth.portal.overviews import OverviewOf
from coproauth.portal.visits import Page, Portal, Visit, error_page
from coproauth.services.correlation import current_correlation_id

_log = logging.getLogger("coproauth.portal")
_STATIC = Path(__file__).parent / "static"
_RETRY_AFTER = 60  # seconds; a database or a Redis that restarts is back by then
_OnError = Callable[[Request, Exception], Response]


def create_portal(
    auth: Coproauth,
    *,
    desk: desk.Desk | None = None,
    overview: OverviewOf | None = None,
    trusted_proxies: int = 0,
    correlation_header: str | None = None,
    time_zone: tzinfo | None = None,
    extra_pages: Sequence[Page] = (),
    tools: Sequence[tuple[str, str]] = (),
) -> Starlette:
    """Return the portal, to be served at the path of the library's ``portal_url``.

    Args:
        auth: the library.
        desk: how the host opens the manager's desk; without it the desk does not exist.
        overview: what the home page shows of an account, from the host.
        trusted_proxies: how many proxies of your own stand in front, each adding to ``X-Forwarded-For``.
        correlation_header: which one of a request has its id for the audit trail, if a proxy of your own always sets
            it; an id is drawn otherwise.
        time_zone: in which instants are told; that of Paris if not given.
        extra_pages: pages of the host, in the portal's dress.
        tools: links to them, as ``(path, key of the text)``.
    """
    portal = Portal(
        auth=auth,
        web=WebAuth(auth, trusted_proxies=trusted_proxies),
        base=urlsplit(auth.portal_url).path,
        overview=overview,
        time_zone=time_zone or _paris(),
        tools=tools,
    )
    return _serve(portal, _routes(portal, desk, extra_pages), correlation_header=correlation_header)


def _serve(portal: Portal, routes: Sequence[BaseRoute], *, correlation_header: str | None) -> Starlette:
    on_error = _error_handler(portal)
    app = Starlette(
        routes=routes,
        middleware=[
            Middleware(Correlation, header=correlation_header),
            Middleware(SecurityHeaders, https=portal.web.https),
            Middleware(_LastResort, on_error=on_error),
        ],
        exception_handlers={HTTPException: on_error},
    )
    app.router.redirect_slashes = False  # it would redirect to whatever host the request names
    return app


def _error_handler(portal: Portal) -> _OnError:
    """Return what answers an HTTP error, or an error that nobody expected, with a page of the portal."""

    def answer(request: Request, error: Exception) -> Response:
        outage = error.reason if isinstance(error, Unavailable) else None
        response = error_page(Visit(portal, request, form={}, back="/"), *_status_of(error), outage=outage)
        portal.web.keep_form_secret(request, response)
        return response

    return answer


def _status_of(error: Exception) -> tuple[int, Mapping[str, str] | None]:
    match error:
        case HTTPException(status_code=status, headers=headers):
            return status, headers
        case Unavailable():
            return 503, {"Retry-After": str(_RETRY_AFTER)}
        case _:
            return 500, None


def _routes(portal: Portal, chosen_desk: desk.Desk | None, extra_pages: Sequence[Page]) -> list[BaseRoute]:
    pages = (
        *account_switching.PAGES,
        *login.PAGES,
        *activation.PAGES,
        *password_reset.PAGES,
        *profile.PAGES,
        *desk.pages(chosen_desk),
        *extra_pages,
    )
    return [*(page.route(portal) for page in pages), Mount("/static", _Static(directory=_STATIC))]


class _Static(StaticFiles):
    """The stylesheet and the rest that is the same for everyone: kept by browsers, asked for again each time."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response


class _LastResort:
    """ASGI middleware: whatever went wrong is logged, and answered with a page that tells nothing (ASVS V16.5.4)."""

    def __init__(self, app: ASGIApp, *, on_error: _OnError) -> None:
        self._app = app
        self._on_error = on_error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_started = False

        async def watch(message: Message) -> None:
            nonlocal has_started
            has_started = True
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except Exception as error:
            if isinstance(error, Unavailable):
                # An outage is told once a page, not as a fault.
                _log.warning("a page must wait: %s (request %s)", error.reason, current_correlation_id())
            else:
                _log.exception("a page failed (request %s)", current_correlation_id())
            if has_started or scope["type"] != "http":
                raise
            await self._on_error(Request(scope), error)(scope, receive, send)


def _paris() -> tzinfo:
    try:
        return ZoneInfo("Europe/Paris")
    except ZoneInfoNotFoundError:  # a machine without the zones' data
        return UTC
