"""A mail server on loopback for tests, which writes down what it is told and misbehaves as it is asked to."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from typing import Any, Literal

import attrs
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from tests.servers import HOST, free_port

from coproauth.adapters.smtp import SmtpMailer

SENDER = "ne-pas-repondre@example.fr"
USERNAME = "mailer"
PASSWORD = "orage-de-grele-sur-le-toit"

HangUp = Literal["421 at RSET", "at RSET", "421 at MAIL", "after DATA"]


@attrs.define
class Post:
    """A mail server on loopback: how it behaves, what it was told, what it took."""

    port: int = 0
    calls: int = 0
    refused_recipients: set[str] = attrs.field(factory=set)
    refuse_farewell: bool = False
    hang_ups: list[HangUp] = attrs.field(factory=list)
    dialogue: list[str] = attrs.field(factory=list)
    taken: list[EmailMessage] = attrs.field(factory=list)

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep the mail."""
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=SMTP_POLICY)
        assert isinstance(mail, EmailMessage)
        self.taken.append(mail)
        if self.hangs_up("after DATA"):
            _cut(server)
        return "250 OK"

    def hangs_up(self, when: HangUp) -> bool:
        """Whether this is the next occasion to hang up; each is used once."""
        if self.hang_ups[:1] != [when]:
            return False
        del self.hang_ups[0]
        return True

    @property
    def verbs(self) -> list[str]:
        """The commands without their arguments."""
        return [command.split()[0] for command in self.dialogue]


class Recorder(SMTP):
    """Writes down each command with its argument before it is obeyed."""

    post: Post

    async def smtp_STARTTLS(self, arg: str) -> None:  # noqa: N802
        """Note it and go on."""
        self.post.dialogue.append("STARTTLS")
        await super().smtp_STARTTLS(arg)

    async def smtp_AUTH(self, arg: str) -> None:  # noqa: N802
        """Note it and go on."""
        self.post.dialogue.append("AUTH")
        await super().smtp_AUTH(arg)

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802
        """Note it and go on."""
        self.post.dialogue.append(f"MAIL {arg}")
        if self.post.hangs_up("421 at MAIL"):
            await self.push("421 That was enough")
            _cut(self)
        else:
            await super().smtp_MAIL(arg)

    async def smtp_RSET(self, arg: str) -> None:  # noqa: N802
        """Note it, and go on unless told to hang up."""
        self.post.dialogue.append("RSET")
        if self.post.hangs_up("421 at RSET"):
            await self.push("421 You were silent for too long")
            _cut(self)
        elif self.post.hangs_up("at RSET"):
            _cut(self)
        else:
            await super().smtp_RSET(arg)

    async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802
        """Note it, and go on unless told to refuse."""
        self.post.dialogue.append(f"RCPT {arg}")
        if arg in {f"TO:<{address}>" for address in self.post.refused_recipients}:
            await self.push("550 No such mailbox")
        else:
            await super().smtp_RCPT(arg)

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        """Note it and go on."""
        self.post.dialogue.append("DATA")
        await super().smtp_DATA(arg)

    async def smtp_QUIT(self, arg: str) -> None:  # noqa: N802
        """Note it, and go on unless told to refuse."""
        self.post.dialogue.append("QUIT")
        if self.post.refuse_farewell:
            await self.push("500 Not so fast")
        else:
            await super().smtp_QUIT(arg)


def _cut(server: SMTP) -> None:
    assert server.transport is not None
    server.transport.close()


class Server(Controller):
    """Runs recorders."""

    def factory(self) -> SMTP:
        """Return a recorder that writes into the post's own book; one for each call."""
        self.handler.calls += 1
        recorder = Recorder(self.handler, **self.SMTP_kwargs)
        recorder.post = self.handler
        return recorder


Start = Callable[..., Post]


@contextmanager
def post_offices() -> Iterator[Start]:
    """Let servers be started on free ports, and stop them when the block ends."""
    servers: list[Server] = []

    def start_one(*, ssl_context: ssl.SSLContext | None = None, **options: Any) -> Post:
        post = Post(port=free_port())
        server = Server(post, hostname=HOST, port=post.port, ssl_context=ssl_context, **options)
        server.start()
        servers.append(server)
        post.dialogue.clear()  # of the call with which the server tried itself
        post.calls = 0
        return post

    try:
        yield start_one
    finally:
        for server in servers:
            server.stop()


def shown_by(authority: trustme.CA, *, name: str = HOST) -> ssl.SSLContext:
    """Return what a server shows that the authority vouches for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    """Return what a mailer trusts that knows the authority."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def check_password(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, given: Any) -> AuthResult:
    """Know one user."""
    return AuthResult(success=given == LoginPassword(USERNAME.encode(), PASSWORD.encode()), handled=False)


def plain_mailer(post: Post, **options: Any) -> SmtpMailer:
    """Return a mailer that needs no TLS."""
    return SmtpMailer(HOST, port=post.port, sender=SENDER, security="none", **options)
