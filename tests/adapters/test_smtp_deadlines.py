"""A mail server that answers, but never in time: each byte of it comes soon after the one before."""

from __future__ import annotations

import smtplib
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import cast

import pytest
import trustme
from tests.post import SENDER, shown_by, trusting
from tests.servers import HOST

from coproauth.adapters.smtp import SmtpMailer
from coproauth.core.messages import EmailChangedMessage

NOTICE = EmailChangedMessage(id="mail-1", to="jeanne@example.fr", locale="fr")
TIMEOUT = timedelta(milliseconds=300)
_PAUSE = 0.03  # seconds between two bytes, a tenth of what is waited for
_LENGTH = 100  # bytes of a slow answer, so that it is complete after ten times what is waited for
_CODES = {"greeting": 220, "DATA": 354, "QUIT": 221}


class DrippingServer(socketserver.ThreadingTCPServer):
    """Takes every mail, and gives one of its answers byte by byte."""

    daemon_threads = True
    slow_answer = ""
    tls: ssl.SSLContext | None = None

    def __init__(self) -> None:
        super().__init__((HOST, 0), _Dialogue)
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.is_over = threading.Event()


class _Dialogue(socketserver.StreamRequestHandler):
    def setup(self) -> None:
        self.post = cast("DrippingServer", self.server)
        if self.post.tls:
            self.request = self.post.tls.wrap_socket(self.request, server_side=True)
        super().setup()

    def handle(self) -> None:
        try:
            self._answer("greeting")
            for line in self.rfile:
                verb = line.split()[0].decode().upper()
                self._answer(verb)
                if verb == "DATA":
                    any(text == b".\r\n" for text in self.rfile)
                    self._answer("mail")
        except OSError:
            pass  # the client has gone

    def _answer(self, to: str) -> None:
        self.post.begun.append(to)
        answer = f"{_CODES.get(to, 250)} ".ljust(_LENGTH, "x").encode() + b"\r\n"
        for part in [answer] if to != self.post.slow_answer else [bytes([byte]) for byte in answer]:
            self.request.sendall(part)
            self.post.is_over.wait(_PAUSE if len(part) == 1 else 0)
        self.post.ended.append(to)

    def finish(self) -> None:
        self.request.close()


@contextmanager
def dripping(slow_answer: str, tls: ssl.SSLContext | None = None) -> Iterator[DrippingServer]:
    """Serve on a free port until the block ends."""
    with DrippingServer() as server:
        server.slow_answer, server.tls = slow_answer, tls
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.is_over.set()
            server.shutdown()
            thread.join()


def mailer_for(server: DrippingServer) -> SmtpMailer:
    port = server.server_address[1]
    return SmtpMailer(HOST, port=port, sender=SENDER, security="none", timeout=TIMEOUT)


@pytest.mark.parametrize("slow_answer", ["greeting", "EHLO", "MAIL", "RCPT", "DATA", "mail"])
def test_an_answer_that_drips_is_given_up(slow_answer: str) -> None:
    """The whole answer has to come within the timeout, not only its next byte."""
    with dripping(slow_answer) as server:
        with pytest.raises(smtplib.SMTPServerDisconnected):
            mailer_for(server).send(NOTICE)

        assert server.begun[-1] == slow_answer


def test_an_answer_that_drips_over_tls_is_given_up() -> None:
    """Encrypted or not."""
    authority = trustme.CA()

    with dripping("MAIL", shown_by(authority)) as server:
        mailer = SmtpMailer(
            HOST,
            port=server.server_address[1],
            sender=SENDER,
            security="tls",
            ssl_context=trusting(authority),
            timeout=TIMEOUT,
        )
        with pytest.raises(smtplib.SMTPServerDisconnected):
            mailer.send(NOTICE)

        assert server.begun[-1] == "MAIL"


def test_a_farewell_that_drips_is_not_awaited() -> None:
    """The mail was taken: that is no failure, and holds nobody up."""
    with dripping("QUIT") as server:
        mailer_for(server).send(NOTICE)

        assert server.begun[-1] == "QUIT"
        assert server.ended[-1] == "mail"
