"""An installation of its own for each test, and a mail server of either kind where one is needed."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from tests.engines import SQL
from tests.installation import Installation, install

HOST = "127.0.0.1"
PASSWORD = "orage-de-grele-sur-le-toit"


@pytest.fixture
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Installation:
    """An installation on an empty SQLite file."""
    return install("sqlite", request, tmp_path)


@pytest.fixture(params=SQL)
def each_installation(request: pytest.FixtureRequest, tmp_path: Path) -> Installation:
    """An installation on an empty database of each kind in turn."""
    return install(request.param, request, tmp_path)


@pytest.fixture
def ready(installation: Installation, capsys: pytest.CaptureFixture[str]) -> Installation:
    """An installation with its tables."""
    installation.run("schema", "create")
    capsys.readouterr()
    return installation


@attrs.frozen
class Post:
    """A mail server on loopback that takes everything, when it is let.

    Attributes:
        port: where it listens.
        taken: the addresses that mail was taken for.
        asked: set as soon as a mail has come.
        open: while it is not set, a mail that has come waits for its answer.
    """

    port: int
    taken: list[str] = attrs.field(factory=list)
    asked: threading.Event = attrs.field(factory=threading.Event)
    open: threading.Event = attrs.field(factory=threading.Event)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: ARG002, N802
        """Take a mail."""
        self.asked.set()
        await asyncio.to_thread(self.open.wait)
        self.taken.extend(envelope.rcpt_tos)
        return "250 OK"

    @property
    def settings(self) -> str:
        """The table that a configuration needs to use it."""
        return f'[smtp]\nhost = "{HOST}"\nport = {self.port}\nsecurity = "none"\nsender = "cabinet@example.fr"\n'


@pytest.fixture
def post() -> Iterator[Post]:
    """A mail server that is open."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        post = Post(probe.getsockname()[1])
    post.open.set()
    server = Controller(post, hostname=HOST, port=post.port)
    server.start()
    yield post
    post.open.set()
    server.stop()


class Submission:
    """A mail server that wants STARTTLS and a login."""

    def __init__(self) -> None:
        """Find a port."""
        self.taken: list[Envelope] = []
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            self.port: int = probe.getsockname()[1]

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: ARG002, N802
        """Take a mail."""
        self.taken.append(envelope)
        return "250 OK"

    def settings(self, password: str) -> str:
        """The table that a configuration needs to use it."""
        keys = {"host": HOST, "sender": "cabinet@example.fr", "username": "mailer", "password": password}
        return "\n".join(["[smtp]", f"port = {self.port}", *(f'{key} = "{value}"' for key, value in keys.items())])


def _check_password(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, given: Any) -> AuthResult:
    return AuthResult(success=given == LoginPassword(b"mailer", PASSWORD.encode()), handled=False)


@pytest.fixture
def submission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Submission]:
    """A mail server whose certificate the machine trusts."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST).configure_cert(tls)
    submission = Submission()
    server = Controller(
        submission,
        hostname=HOST,
        port=submission.port,
        tls_context=tls,
        authenticator=_check_password,
        auth_required=True,
    )
    server.start()
    yield submission
    server.stop()
