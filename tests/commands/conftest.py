"""An installation of its own for each test, and a mail server where one is needed."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from tests.engines import SQL
from tests.installation import Installation, install

HOST = "127.0.0.1"


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
