"""Forms that come twice, as by a double click where no script holds the second one back.

The second is answered as the first, and nothing is done for it. A service does what it must do once by itself, whoever
asks: this keeps a person from being told that the first click has used the code or the link. One process knows of it.
"""

from __future__ import annotations

import hmac
import secrets
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from datetime import datetime, timedelta

import attrs
from starlette.responses import Response

from coproauth.ports import Clock

_MOMENT = timedelta(seconds=5)  # as long as portal.js holds a form back
_KEPT_MAX = 1000  # answers; the oldest go first
_LEAST_REFUSAL = 400  # status; RFC 9110 §15.5


@attrs.frozen
class Answer:
    """How a form was answered.

    Attributes:
        opened: the token of the session that it opened, if one.
    """

    response: Response = attrs.field(repr=False)
    opened: str | None = attrs.field(default=None, repr=False)


@attrs.frozen(eq=False)
class _Sent:
    """A form that was sent."""

    at: datetime
    answer: Future[Answer] = attrs.field(factory=Future)


class Repeats:
    """The forms of the last moment, and how they were answered; thread-safe."""

    def __init__(self, *, clock: Clock) -> None:
        """Start with none."""
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._sent: dict[bytes, _Sent] = {}  # the oldest first

    def name(self, path: str, form: Mapping[str, str]) -> bytes:
        """Return what equal forms have in common, whatever browser sends them. It tells nothing of what was typed."""
        told = repr((path, sorted(form.items()))).encode("ascii", "backslashreplace")
        return hmac.digest(self._key, told, "sha256")

    def opened_by(self, name: bytes) -> str | None:
        """Return the token of the session that a form opened a moment ago, if it did."""
        with self._lock:
            self._forget_old()
            sent = self._sent.get(name)
        return sent.answer.result().opened if sent and sent.answer.done() and not sent.answer.exception() else None

    def once(self, name: bytes, do: Callable[[], Answer]) -> Response:
        """Answer a form, and do what it asks for unless an equal one came a moment ago: then wait for its answer.

        What was refused, or went wrong, may be sent again at once.
        """
        mine = _Sent(self._clock.now())
        with self._lock:
            self._forget_old()
            sent = self._sent.setdefault(name, mine)
        if sent is mine:
            self._settle(mine.answer, do)
            if mine.answer.exception() or mine.answer.result().response.status_code >= _LEAST_REFUSAL:
                self._forget(name)
        return sent.answer.result().response

    def _settle(self, answer: Future[Answer], do: Callable[[], Answer]) -> None:
        try:
            answer.set_result(do())
        except BaseException as error:  # noqa: BLE001 - raised to whoever waits for the answer
            answer.set_exception(error)

    def _forget(self, name: bytes) -> None:
        with self._lock:
            self._sent.pop(name, None)

    def _forget_old(self) -> None:
        oldest = self._clock.now() - _MOMENT
        while self._sent:
            name = next(iter(self._sent))
            if self._sent[name].at > oldest and len(self._sent) < _KEPT_MAX:
                return
            del self._sent[name]
