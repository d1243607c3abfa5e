"""Forms that act once: a page that is loaded again must not do again what it shows."""

from __future__ import annotations

import hmac
import secrets

import attrs
from starlette.responses import Response

from coproauth.portal.visits import Visit

_ID_BYTES = 16


@attrs.frozen
class OneTimeForm:
    """A form whose id the browser keeps in a cookie of its one page until the form is sent.

    It stops an accident, not an attack: whoever may send the form may also open its page again.

    Attributes:
        path: of the page that shows the form and takes it.
    """

    path: str

    def show(self, visit: Visit, template: str, **context: object) -> Response:
        """Answer with the page of the form. Two windows show one form."""
        form_id = self._kept(visit) or secrets.token_urlsafe(_ID_BYTES)
        context |= {"form_path": self.path, "form_id": form_id}
        response = visit.render(template, status=200, faults=(), headers=None, **context)
        visit.portal.web.set_cookie(response, "once", form_id, path=visit.url(self.path))
        return response

    def is_first(self, visit: Visit) -> bool:
        """Whether the form was not sent before."""
        kept = self._kept(visit)
        return kept is not None and hmac.compare_digest(kept.encode(), visit.field("form_id").encode())

    def spend(self, visit: Visit, response: Response) -> Response:
        """Have the browser forget the form: sent again, it is no first one."""
        visit.portal.web.delete_cookie(response, "once", path=visit.url(self.path))
        return response

    def _kept(self, visit: Visit) -> str | None:
        return visit.portal.web.read_cookie(visit.request, "once", path=visit.url(self.path))
