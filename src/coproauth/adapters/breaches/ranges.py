"""Leaked passwords behind a server that is told five hex digits, and no password."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

import attrs

from coproauth.adapters.breaches.digests import digest_of
from coproauth.core.portal_urls import is_plain_url
from coproauth.errors import ConfigurationError, Unavailable

_TOLD = 5  # hex digits: what the protocol tells of a digest; about one in a million passwords shares them
_LINE = re.compile(rb"([0-9A-Fa-f]{35}):(\d{1,15})")
_LARGEST = 2**19  # bytes; the public list has some 2 000 lines of 40 bytes for each range
_HEADERS = {"Add-Padding": "true", "Accept-Encoding": "identity", "User-Agent": "coproauth"}
_OK = 200


def _plain(url: object) -> str:
    if not isinstance(url, str) or not is_plain_url(url):
        raise ConfigurationError("the url of ranges must be a plain https:// address (http:// on loopback only)")
    return url.rstrip("/")


def _positive(_: object, __: object, timeout: timedelta) -> None:
    if timeout <= timedelta(0):
        raise ConfigurationError("the timeout of ranges must be longer than nothing")


def _or_default(given: ssl.SSLContext | None) -> ssl.SSLContext:
    return given or ssl.create_default_context()


@attrs.frozen(kw_only=True)
class RangeBreaches:
    """Asks a server for all leaked passwords whose SHA-1 begins alike, and looks among them; thread-safe.

    This is the k-anonymity range protocol of Pwned Passwords, which others speak, too. Redirects are not followed, and
    no proxy is asked.

    Raises:
        ConfigurationError: the address is no plain ``https://`` one (``http://`` on loopback only), or no time is left.

    Attributes:
        url: of all ranges, without the five digits.
        timeout: how long a connection may take, and then all that is said over it.
        ssl_context: which certificates are trusted; those of the operating system if not given.
    """

    url: str = attrs.field(converter=_plain)
    timeout: timedelta = attrs.field(default=timedelta(seconds=2), validator=_positive)
    ssl_context: ssl.SSLContext = attrs.field(default=None, repr=False, converter=_or_default)

    def is_breached(self, password: str) -> bool:
        """Whether the server lists the password.

        1. Five hex digits of its SHA-1 leave this machine, and nothing else of it.
        2. Padding is asked for, so that the length of an answer tells nobody on the way which range it is; what was
           seen 0 times is padding.
        3. Time and size are bounded, whatever the server does; an answer that is cut off is none, nor one that does
           not say beforehand where it ends.

        Raises:
            Unavailable: there is no answer, not in time, or not one of this protocol (``breaches_away``).
        """
        digest = digest_of(password)
        try:
            return _is_listed(self._range(digest[:_TOLD]), digest[_TOLD:].encode())
        except (OSError, HTTPException, ValueError) as error:
            raise Unavailable(reason="breaches_away") from error

    def _range(self, start: str) -> bytes:
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        is_encrypted = parts.scheme == "https"
        seconds = self.timeout.total_seconds()
        address = (host, parts.port or (443 if is_encrypted else 80))
        with socket.create_connection(address, timeout=seconds) as plain, _cut_off(plain, after=seconds):
            line = self.ssl_context.wrap_socket(plain, server_hostname=host) if is_encrypted else plain
            with closing(line), closing(HTTPConnection(host, address[1])) as connection:
                connection.sock = line
                connection.request("GET", f"{parts.path}/{start}", headers=_HEADERS)
                with closing(connection.getresponse()) as response:
                    answer = response.read(_LARGEST + 1) if response.status == _OK else None
        is_whole = response.chunked or response.length == 0  # of what was announced nothing is missing
        if answer is None or len(answer) > _LARGEST or not is_whole:
            raise ValueError("no answer of the protocol")
        return answer


@contextmanager
def _cut_off(line: socket.socket, *, after: float) -> Iterator[None]:
    """End a connection after some seconds, however slowly the other side goes on.

    Raises:
        TimeoutError: it was ended.
    """
    is_over = threading.Event()
    twin = line.dup()  # of the connection, whatever is wrapped around the first

    def end() -> None:
        is_over.set()
        with suppress(OSError):
            twin.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(after, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        twin.close()
    if is_over.is_set():
        raise TimeoutError


def _is_listed(answer: bytes, wanted: bytes) -> bool:
    lines = [_LINE.fullmatch(line) for line in answer.split()]
    if None in lines:
        raise ValueError("a line is no digest")
    return any(line and line[1].upper() == wanted and int(line[2]) > 0 for line in lines)
