"""Tokens that come by mail: out of the address bar at once, into a short-lived cookie of one page (ASVS V14.2.1)."""

from __future__ import annotations

import re
from datetime import timedelta

import attrs
from starlette.responses import Response

from coproauth.core.tokens import TOKEN_MAX_LENGTH
from coproauth.portal.visits import Visit
from coproauth.portal.words import seconds_of

_TOKEN = re.compile(rf"[A-Za-z0-9_.\-]{{1,{TOKEN_MAX_LENGTH}}}")


@attrs.frozen(kw_only=True)
class LinkCookie:
    """Where the token of one kind of link is kept.

    Attributes:
        path: of the page it is for; no other page reads it.
    """

    path: str
    role: str = "link"

    def follow(self, visit: Visit, token: str, *, lifetime: timedelta) -> Response:
        """Send the browser to the page, the token in its cookie."""
        return self.keep(visit, visit.redirect(self.path), token, lifetime=lifetime)

    def keep(self, visit: Visit, response: Response, token: str, *, lifetime: timedelta) -> Response:
        """Have the browser keep the token. What cannot be one is not kept."""
        value = token if _TOKEN.fullmatch(token) else "-"
        visit.portal.web.set_cookie(response, self.role, value, path=visit.url(self.path), max_age=seconds_of(lifetime))
        return response

    def token(self, visit: Visit) -> str:
        """Return the token; empty if the browser holds none."""
        return visit.portal.web.read_cookie(visit.request, self.role, path=visit.url(self.path)) or ""

    def drop(self, visit: Visit, response: Response) -> Response:
        """Have the browser forget the token."""
        visit.portal.web.delete_cookie(response, self.role, path=visit.url(self.path))
        return response
