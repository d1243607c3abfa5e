"""The mailbox of the demonstration: what would have been sent, kept in memory and shown."""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Sequence

import attrs
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response

from coproauth.core.messages import Message
from coproauth.mail.rendering import RenderedMail, render
from coproauth.portal.visits import Page, Visit

_CAPACITY = 200  # messages; older ones are dropped
_URL = re.compile(r"(https?://\S+)")
_MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@attrs.frozen
class Letter:
    """A message that would have been sent."""

    number: int
    to: str
    mail: RenderedMail

    @property
    def parts(self) -> Sequence[str]:
        """The text, cut so that every second part is a link."""
        return _URL.split(self.mail.text)


class Mailbox:
    """A mailer that keeps what it is given; thread-safe."""

    def __init__(self) -> None:
        """Start empty."""
        self._lock = threading.Lock()
        self._letters: deque[Letter] = deque(maxlen=_CAPACITY)
        self._count = 0

    def send(self, message: Message) -> None:
        """Keep one message."""
        mail = render(message)
        with self._lock:
            self._count += 1
            self._letters.appendleft(Letter(self._count, message.to, mail))

    def letters(self) -> Sequence[Letter]:
        """Return what is kept, the latest first."""
        with self._lock:
            return list(self._letters)

    def pages(self) -> tuple[Page, ...]:
        """Return the pages that show it."""
        return (
            Page(path="/demo/mailbox", get=self._show_all),
            Page(path="/demo/mailbox/{number}", get=self._show_one),
            Page(path="/demo/mailbox/{number}/html", get=self._show_html),
        )

    def _show_all(self, visit: Visit) -> Response:
        return visit.render("demo/mailbox.html", letters=self.letters())

    def _show_one(self, visit: Visit) -> Response:
        return visit.render("demo/mail.html", letter=self._wanted(visit))

    def _show_html(self, visit: Visit) -> Response:
        """Show a message as a mail program would: its styles are inside, so it has a policy of its own."""
        letter = self._wanted(visit)
        return HTMLResponse(letter.mail.html, headers={"Content-Security-Policy": _MAIL_POLICY})

    def _wanted(self, visit: Visit) -> Letter:
        found = [letter for letter in self.letters() if str(letter.number) == visit.request.path_params["number"]]
        if not found:
            raise HTTPException(404)
        return found[0]
