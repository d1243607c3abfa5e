"""The e-mail that somebody typed, kept for the page that asks for it next: never in an address (ASVS V14.2.1).

It is filled in once, and forgotten whenever somebody logs in or out: others use the same computer.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from contextlib import suppress

import attrs
from starlette.responses import Response

from coproauth.core.identities import EMAIL_MAX_LENGTH
from coproauth.portal.visits import Visit

_MAX_AGE = 600  # seconds


@attrs.frozen(kw_only=True)
class TypedAddress:
    """What fills in the e-mail of one page.

    Attributes:
        path: of the page; no other page reads it.
    """

    path: str

    def keep(self, visit: Visit, response: Response, email: str) -> Response:
        """Have the browser keep an e-mail for ten minutes."""
        octets = email.encode("utf-8", "replace")
        if 0 < len(octets) <= EMAIL_MAX_LENGTH:
            value = urlsafe_b64encode(octets).decode("ascii").rstrip("=")
            visit.portal.web.set_cookie(response, "email", value, path=visit.url(self.path), max_age=_MAX_AGE)
        return response

    def fill_in(self, visit: Visit) -> None:
        """Show the form as if the e-mail had been typed into it, unless another was."""
        kept = visit.portal.web.read_cookie(visit.request, "email", path=visit.url(self.path)) or ""
        with suppress(ValueError):
            visit.form.setdefault("email", urlsafe_b64decode(kept + "=" * (-len(kept) % 4)).decode("utf-8"))

    def drop(self, visit: Visit, response: Response) -> Response:
        """Have the browser forget it."""
        visit.portal.web.delete_cookie(response, "email", path=visit.url(self.path))
        return response


AT_LOGIN = TypedAddress(path="/login")
AT_RESET_REQUEST = TypedAddress(path="/forgotten-password")


def keep_typed(visit: Visit, response: Response, email: str) -> Response:
    """Have the browser keep an e-mail for either page, whichever is chosen."""
    return AT_LOGIN.keep(visit, AT_RESET_REQUEST.keep(visit, response, email), email)


def forget_typed(visit: Visit, response: Response) -> Response:
    """Have the browser forget whatever somebody typed before."""
    return AT_LOGIN.drop(visit, AT_RESET_REQUEST.drop(visit, response))
