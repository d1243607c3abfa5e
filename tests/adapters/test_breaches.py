"""Lists of leaked passwords: a real server of ranges on loopback, and real files."""

from __future__ import annotations

import hashlib
import logging
import socket
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st
from tests.post import shown_by, trusting

from coproauth import ConfigurationError, Unavailable
from coproauth.adapters.breaches import FileBreaches, RangeBreaches
from coproauth.ports import BreachedPasswords
from coproauth.testing.contracts import KnownLeaks, Law, check_breached_passwords, laws_of_breached_passwords

LEAKED = ("sous le grand catalpa", "Motdepasse-2026", "p\u00e9lican \U0001f99c", "x")
CANARY = "le canari de la mine chante"
BRIEFLY = timedelta(milliseconds=150)

each_law = pytest.mark.parametrize("law", laws_of_breached_passwords(), ids=str)


def _sha1(password: str) -> str:
    return hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()


def _range(start: str, *, times: int = 3) -> bytes:
    """Return what a server of the leaked passwords answers for a range, padding included."""
    listed = [f"{_sha1(password)[5:]}:{times}" for password in LEAKED if _sha1(password).startswith(start)]
    return "\r\n".join([*listed, *(f"{number:035X}:0" for number in range(800))]).encode()


class _Answers(BaseHTTPRequestHandler):
    """Notes what it is asked, and answers as the test wants."""

    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Ranges)
        server.seen.append((self.path, dict(self.headers)))
        server.answer(self)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - so called there
        """Be silent."""


class Ranges(ThreadingHTTPServer):
    """A server of ranges on loopback.

    Attributes:
        seen: path and headers of each request.
        answer: writes the answer.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.seen: list[tuple[str, Mapping[str, str]]] = []
        self.answer: Callable[[Any], None] = lambda request: respond(request, _range(request.path[-5:]))
        self.url = f"http://127.0.0.1:{self.server_port}/range"

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are no errors here."""


def respond(
    request: BaseHTTPRequestHandler, body: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> None:
    """Write a whole answer."""
    request.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
        request.send_header(name, value)
    request.end_headers()
    request.wfile.write(body)


@contextmanager
def serving(server: Ranges) -> Iterator[Ranges]:
    """Serve until the block ends."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def ranges() -> Iterator[Ranges]:
    """A server that knows the leaked passwords."""
    with serving(Ranges()) as server:
        yield server


def refusal_of(breaches: BreachedPasswords) -> Unavailable:
    """Return what is raised instead of an answer."""
    with pytest.raises(Unavailable) as outage:
        breaches.is_breached(LEAKED[0])
    return outage.value


class TestRanges:
    """The range protocol: five hex digits out, a list of endings in."""

    @each_law
    def test_the_laws_are_kept(self, law: Law[KnownLeaks]) -> None:
        """A server of ranges is a list of leaked passwords."""

        @contextmanager
        def known() -> Iterator[KnownLeaks]:
            with serving(Ranges()) as server:
                yield KnownLeaks(RangeBreaches(url=server.url), LEAKED)

        law.check(known)

    def test_five_hex_digits_leave_and_nothing_else(self, ranges: Ranges) -> None:
        """Neither the password nor the rest of its digest is in any request; padding is asked for."""
        RangeBreaches(url=f"{ranges.url}/").is_breached(CANARY)

        ((path, headers),) = ranges.seen
        assert path == f"/range/{_sha1(CANARY)[:5]}"
        assert headers["Add-Padding"] == "true"
        assert set(headers) == {"Host", "Add-Padding", "Accept-Encoding", "User-Agent"}
        assert _sha1(CANARY)[5:10] not in str(headers).upper()

    def test_the_password_is_in_no_error_and_no_log(self, ranges: Ranges, caplog: pytest.LogCaptureFixture) -> None:
        """A failure tells what went wrong, and not about what."""
        caplog.set_level(logging.DEBUG)
        ranges.answer = lambda request: respond(request, b"", status=500)
        breaches = RangeBreaches(url=ranges.url)

        with pytest.raises(Unavailable) as outage:
            breaches.is_breached(CANARY)

        told = "".join(traceback.format_exception(outage.value)) + caplog.text + repr(breaches)
        assert not [secret for secret in (CANARY, _sha1(CANARY)[:6]) if secret in told]

    def test_padding_is_no_leak(self, ranges: Ranges) -> None:
        """What was seen 0 times stands there to make every answer long."""
        ranges.answer = lambda request: respond(request, _range(request.path[-5:], times=0))

        assert RangeBreaches(url=ranges.url).is_breached(LEAKED[0]) is False

    def test_small_letters_are_hex_digits_too(self, ranges: Ranges) -> None:
        """A mirror may write them so."""
        ranges.answer = lambda request: respond(request, _range(request.path[-5:]).lower())

        assert RangeBreaches(url=ranges.url).is_breached(LEAKED[0]) is True

    @pytest.mark.parametrize(
        ("body", "headers"),
        [
            (b"<html>Maintenance</html>", {}),
            (b"0" * 35, {}),
            (b"0" * 35 + b":-1", {}),
            (b"0" * 40 + b":1", {}),
            (b"\x1f\x8b\x08\x00", {"Content-Encoding": "gzip"}),
            (b"0" * 34 + b"1:0\n" * 20_000, {}),
            ((b"0" * 35 + b":0\r\n") * 20_000, {}),
            (b"cut off", {"Content-Length": "100"}),
        ],
        ids=["page", "no count", "negative", "whole digests", "zipped", "garbage", "huge", "cut off"],
    )
    def test_what_is_no_answer_of_the_protocol_is_none(
        self, ranges: Ranges, body: bytes, headers: dict[str, str]
    ) -> None:
        """Garbage, a huge answer, and one that is cut off tell nothing."""

        def answer(request: BaseHTTPRequestHandler) -> None:
            respond(request, body, headers=headers)
            request.close_connection = True

        ranges.answer = answer

        assert refusal_of(RangeBreaches(url=ranges.url)).reason == "breaches_away"

    def test_an_answer_that_is_cut_off_after_a_line_is_none(self, ranges: Ranges) -> None:
        """Whoever sits on the line could otherwise have it end before the line that tells."""
        ranges.answer = lambda request: respond(request, b"0" * 35 + b":1\r\n", headers={"Content-Length": "100"})

        assert refusal_of(RangeBreaches(url=ranges.url)).reason == "breaches_away"

    def test_an_answer_that_does_not_say_where_it_ends_is_none(self, ranges: Ranges) -> None:
        """Nobody could tell whether it was cut off."""

        def answer(request: BaseHTTPRequestHandler) -> None:
            request.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n" + b"0" * 35 + b":1\r\n")

        ranges.answer = answer

        assert refusal_of(RangeBreaches(url=ranges.url)).reason == "breaches_away"

    @pytest.mark.parametrize(("end", "is_whole"), [(b"0\r\n\r\n", True), (b"", False)], ids=["whole", "cut off"])
    def test_an_answer_may_come_in_chunks(self, ranges: Ranges, end: bytes, is_whole: bool) -> None:  # noqa: FBT001
        """The last of which says that it is."""

        def answer(request: BaseHTTPRequestHandler) -> None:
            lines = _range(request.path[-5:])
            head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            request.wfile.write(head + f"{len(lines):x}\r\n".encode() + lines + b"\r\n" + end)

        ranges.answer = answer

        if is_whole:
            assert RangeBreaches(url=ranges.url).is_breached(LEAKED[0])
        else:
            assert refusal_of(RangeBreaches(url=ranges.url)).reason == "breaches_away"

    @pytest.mark.parametrize("status", [204, 301, 302, 404, 429, 500, 503])
    def test_another_status_is_no_answer(self, ranges: Ranges, status: int) -> None:
        """Redirects, too: they are not followed."""
        location = f"{ranges.url}/elsewhere"
        ranges.answer = lambda request: respond(request, b"", status=status, headers={"Location": location})

        assert refusal_of(RangeBreaches(url=ranges.url)).reason == "breaches_away"
        assert len(ranges.seen) == 1

    def test_a_silent_server_is_given_up(self, ranges: Ranges) -> None:
        """It takes the request, and says nothing until the client hangs up."""
        hung_up = threading.Event()

        def answer(request: BaseHTTPRequestHandler) -> None:
            request.connection.recv(1)
            hung_up.set()

        ranges.answer = answer

        assert refusal_of(RangeBreaches(url=ranges.url, timeout=BRIEFLY)).reason == "breaches_away"
        assert hung_up.wait(10)

    @pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\n\r\n"], ids=["headers", "body"])
    def test_a_server_that_trickles_is_given_up(self, ranges: Ranges, head: bytes) -> None:
        """Each byte comes in time, and there is no end of them: the whole answer has one time limit."""
        hung_up = threading.Event()

        def answer(request: BaseHTTPRequestHandler) -> None:
            line = request.connection
            line.settimeout(BRIEFLY.total_seconds() / 10)
            line.sendall(head)
            try:
                while not hung_up.is_set():
                    line.sendall(b"0")
                    try:
                        if line.recv(1) == b"":
                            hung_up.set()
                    except TimeoutError:
                        continue
            except OSError:
                hung_up.set()

        ranges.answer = answer

        assert refusal_of(RangeBreaches(url=ranges.url, timeout=BRIEFLY)).reason == "breaches_away"
        assert hung_up.wait(10)

    def test_a_server_that_is_not_there_is_an_outage(self) -> None:
        """Nobody listens."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]

        assert refusal_of(RangeBreaches(url=f"http://127.0.0.1:{port}")).reason == "breaches_away"

    def test_certificates_are_verified(self) -> None:
        """Whoever trusts the authority gets an answer, whoever does not asks nothing."""
        authority = trustme.CA()
        server = Ranges()
        server.socket = shown_by(authority, name="localhost").wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
        url = f"https://localhost:{server.server_port}/range"

        with serving(server):
            known = RangeBreaches(url=url, ssl_context=trusting(authority)).is_breached(LEAKED[0])
            refusal = refusal_of(RangeBreaches(url=url))

        assert known is True
        assert refusal.reason == "breaches_away"
        assert len(server.seen) == 1

    @pytest.mark.parametrize(
        "url", ["http://ranges.example.fr", "https://", "https://a@b.example", "https://a.example/?q", "ftp://a", "", 7]
    )
    def test_an_address_that_is_not_safe_is_refused(self, url: Any) -> None:
        """Plain HTTP on loopback only, and nothing that could point elsewhere."""
        with pytest.raises(ConfigurationError):
            RangeBreaches(url=url)

    def test_no_time_is_refused(self) -> None:
        """A wait of nothing would never be answered."""
        with pytest.raises(ConfigurationError):
            RangeBreaches(url="https://ranges.example.fr", timeout=timedelta(0))


def _write(path: Path, passwords: tuple[str, ...], *, end: str = "\n", last: str = "\n", count: str = ":7") -> Path:
    lines = end.join(sorted(_sha1(password) + count for password in passwords))
    path.write_bytes((lines + (last if lines else "")).encode())
    return path


class TestFile:
    """A file of digests, sorted, searched by halves."""

    @each_law
    def test_the_laws_are_kept(self, law: Law[KnownLeaks], tmp_path: Path) -> None:
        """A file is a list of leaked passwords."""
        breaches = FileBreaches(_write(tmp_path / "leaks", LEAKED))

        @contextmanager
        def known() -> Iterator[KnownLeaks]:
            yield KnownLeaks(breaches, LEAKED)

        law.check(known)

    @pytest.mark.parametrize("end", ["\n", "\r\n"])
    @pytest.mark.parametrize("is_ended", [True, False])
    @pytest.mark.parametrize("count", ["", ":1", ":52256179"])
    def test_every_line_is_found(self, tmp_path: Path, end: str, is_ended: bool, count: str) -> None:  # noqa: FBT001
        """First and last among them, with either end of line, with and without one at the end, with a count or not."""
        leaked = tuple(f"password number {number}" for number in range(200))
        breaches = FileBreaches(_write(tmp_path / "leaks", leaked, end=end, last=end if is_ended else "", count=count))

        assert [password for password in leaked if not breaches.is_breached(password)] == []
        assert [number for number in range(200) if breaches.is_breached(f"other {number}")] == []

    @given(st.sets(st.integers(0, 40), max_size=40))
    def test_exactly_what_is_in_it_is_found(self, tmp_path_factory: pytest.TempPathFactory, numbers: set[int]) -> None:
        """Any number of lines, none among them."""
        path = _write(tmp_path_factory.getbasetemp() / "some", tuple(map(str, numbers)))
        breaches = FileBreaches(path)

        assert {number for number in range(41) if breaches.is_breached(str(number))} == numbers

    def test_small_letters_are_hex_digits_too(self, tmp_path: Path) -> None:
        """A list may be written so."""
        path = tmp_path / "leaks"
        path.write_text("\n".join(sorted(_sha1(password).lower() for password in LEAKED)), "ascii")

        assert all(FileBreaches(path).is_breached(password) for password in LEAKED)

    def test_what_was_seen_0_times_did_not_leak(self, tmp_path: Path) -> None:
        """Padding that was copied into a file."""
        assert not FileBreaches(_write(tmp_path / "leaks", LEAKED, count=":0")).is_breached(LEAKED[0])

    @pytest.mark.parametrize(
        "content", [b"\n", b"motdepasse\n", b"0" * 40 + b":x\n", b"0" * 500_000, b"\0" * 4096, b"\n" * 100]
    )
    def test_a_file_of_something_else_is_an_outage(self, tmp_path: Path, content: bytes) -> None:
        """Nobody is told that a password is good because the file is wrong."""
        path = tmp_path / "leaks"
        path.write_bytes(content)

        assert refusal_of(FileBreaches(path)).reason == "breaches_away"

    @pytest.mark.parametrize("name", ["missing", "."])
    def test_a_file_that_cannot_be_read_is_an_outage(self, tmp_path: Path, name: str) -> None:
        """Not there, or a folder."""
        assert refusal_of(FileBreaches(tmp_path / name)).reason == "breaches_away"

    def test_another_file_may_take_its_place(self, tmp_path: Path) -> None:
        """The next question is answered by the new one."""
        path = _write(tmp_path / "leaks", LEAKED[:1])
        breaches = FileBreaches(path)
        before = breaches.is_breached(LEAKED[1])

        _write(tmp_path / "newer", LEAKED).replace(path)

        assert (before, breaches.is_breached(LEAKED[1])) == (False, True)


def test_the_report_names_the_port(tmp_path: Path) -> None:
    """All laws at once."""
    leaks = KnownLeaks(FileBreaches(_write(tmp_path / "leaks", LEAKED)), LEAKED)

    @contextmanager
    def known() -> Iterator[KnownLeaks]:
        yield leaks

    assert str(check_breached_passwords(known)) == "breached passwords: 4 laws kept, 0 skipped"
