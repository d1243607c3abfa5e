"""A real dialogue with a real server on loopback."""

from __future__ import annotations

import smtplib
import socket
import ssl
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from typing import Any

import attrs
import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from coproauth.adapters.smtp import SmtpMailer
from coproauth.core.messages import AccountAddedMessage, EmailChangedMessage, Message, ResetLinkMessage
from coproauth.errors import InvalidInput
from coproauth.mail import render
from coproauth.testing.fakes import FakeClock

HOST = "127.0.0.1"
SENDER = "ne-pas-repondre@example.fr"
USERNAME = "mailer"
PASSWORD = "orage-de-grele-sur-le-toit"
NOTICE = EmailChangedMessage(to="Marie.Lefevre@example.fr", locale="fr")
LINE_BREAKERS = ["\r", "\n", "\r\n", "\x0b", "\x85", "\u2028", "\u2029", "\x00", "\ud800"]


@attrs.define
class Post:
    """A mail server on loopback: how it behaves, what it was told, what it took."""

    port: int = 0
    refuse_recipient: bool = False
    refuse_farewell: bool = False
    dialogue: list[str] = attrs.field(factory=list)
    taken: list[EmailMessage] = attrs.field(factory=list)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: ARG002, N802
        """Keep the mail."""
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=SMTP_POLICY)
        assert isinstance(mail, EmailMessage)
        self.taken.append(mail)
        return "250 OK"

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
        await super().smtp_MAIL(arg)

    async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802
        """Note it, and go on unless told to refuse."""
        self.post.dialogue.append(f"RCPT {arg}")
        if self.post.refuse_recipient:
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


class Server(Controller):
    """Runs recorders."""

    def factory(self) -> SMTP:
        """Return a recorder that writes into the post's own book."""
        recorder = Recorder(self.handler, **self.SMTP_kwargs)
        recorder.post = self.handler
        return recorder


Start = Callable[..., Post]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start servers on free ports, and stop them after the test."""
    servers: list[Server] = []

    def start_one(*, ssl_context: ssl.SSLContext | None = None, **options: Any) -> Post:
        post = Post(port=free_port())
        server = Server(post, hostname=HOST, port=post.port, ssl_context=ssl_context, **options)
        server.start()
        servers.append(server)
        post.dialogue.clear()  # of the call with which the server tried itself
        return post

    yield start_one
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """A certificate authority that nobody else trusts."""
    return trustme.CA()


@pytest.fixture(scope="session")
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    """What the server shows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST).configure_cert(context)
    return context


@pytest.fixture(scope="session")
def client_tls(authority: trustme.CA) -> ssl.SSLContext:
    """What a mailer trusts that knows the authority."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def check_password(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, given: Any) -> AuthResult:
    return AuthResult(success=given == LoginPassword(USERNAME.encode(), PASSWORD.encode()), handled=False)


def plain_mailer(post: Post, **options: Any) -> SmtpMailer:
    return SmtpMailer(HOST, port=post.port, sender=SENDER, security="none", **options)


def text_of(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    content: str = body.get_content()
    return content.replace("\r\n", "\n")


# Sending


def test_a_message_arrives_as_rendered(start: Start) -> None:
    """One sender, one recipient, one mail, in this order and nothing else."""
    post = start()

    plain_mailer(post).send(NOTICE)

    assert [command.partition(" size=")[0] for command in post.dialogue] == [
        f"MAIL FROM:<{SENDER}>",
        "RCPT TO:<Marie.Lefevre@example.fr>",
        "DATA",
        "QUIT",
    ]
    assert text_of(post.taken[0]) == render(NOTICE).text


def test_every_mail_is_dated_and_numbered(start: Start) -> None:
    """The clock's instant, and a number that no other mail has, in the sender's domain."""
    post = start()
    mailer = plain_mailer(post, clock=FakeClock(datetime(2026, 7, 14, 9, 30, tzinfo=UTC)))

    mailer.send(NOTICE)
    mailer.send(NOTICE)

    first, second = (str(mail["Message-ID"]) for mail in post.taken)
    assert [mail["Date"] for mail in post.taken] == ["Tue, 14 Jul 2026 09:30:00 +0000"] * 2
    assert first.endswith("@example.fr>")
    assert first != second


def test_an_international_domain_needs_no_extension_of_the_server(start: Start) -> None:
    """The envelope is ASCII."""
    post = start()
    mailer = SmtpMailer(HOST, port=post.port, sender="syndic@exämple.fr", sender_name="Étoile", security="none")

    mailer.send(EmailChangedMessage(to="marie@exämple.fr", locale="fr"))

    assert post.dialogue[1] == "RCPT TO:<marie@xn--exmple-cua.fr>"
    assert str(post.taken[0]["From"]) == "Étoile <syndic@xn--exmple-cua.fr>"


def test_a_refused_recipient_is_reported(start: Start) -> None:
    """The courier learns of it and tries again later."""
    post = start()
    post.refuse_recipient = True

    with pytest.raises(smtplib.SMTPRecipientsRefused):
        plain_mailer(post).send(NOTICE)

    assert post.taken == []


def test_a_refused_farewell_is_no_failure(start: Start) -> None:
    """The mail was taken; raising now would send it a second time."""
    post = start()
    post.refuse_farewell = True

    plain_mailer(post).send(NOTICE)

    assert post.verbs == ["MAIL", "RCPT", "DATA", "QUIT"]
    assert len(post.taken) == 1


def test_a_server_that_is_away_is_reported() -> None:
    """Nobody listens on a port that was just free."""
    mailer = SmtpMailer(HOST, port=free_port(), sender=SENDER, security="none")

    with pytest.raises(ConnectionRefusedError):
        mailer.send(NOTICE)


def test_a_server_that_does_not_answer_is_given_up() -> None:
    """The timeout ends the wait for a server that takes the call and says nothing."""
    with socket.create_server((HOST, 0)) as silent:
        mailer = SmtpMailer(
            HOST,
            port=silent.getsockname()[1],
            sender=SENDER,
            security="none",
            timeout=timedelta(milliseconds=1),
        )

        with pytest.raises((TimeoutError, smtplib.SMTPServerDisconnected)):
            mailer.send(NOTICE)


# TLS and login


def test_starttls_comes_before_login_and_mail(
    start: Start, server_tls: ssl.SSLContext, client_tls: ssl.SSLContext
) -> None:
    """Neither password nor mail crosses the network in clear."""
    post = start(tls_context=server_tls, require_starttls=True, authenticator=check_password, auth_required=True)
    mailer = SmtpMailer(
        HOST, port=post.port, sender=SENDER, username=USERNAME, password=PASSWORD, ssl_context=client_tls
    )

    mailer.send(NOTICE)

    assert post.verbs == ["STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "QUIT"]
    assert len(post.taken) == 1


def test_tls_from_the_first_byte(start: Start, server_tls: ssl.SSLContext, client_tls: ssl.SSLContext) -> None:
    """A server that speaks nothing but TLS takes the mail."""
    post = start(ssl_context=server_tls)
    mailer = SmtpMailer(HOST, port=post.port, sender=SENDER, security="tls", ssl_context=client_tls)

    mailer.send(NOTICE)

    assert len(post.taken) == 1


def test_a_server_without_starttls_gets_neither_password_nor_mail(start: Start) -> None:
    """Whoever stands in between and hides the offer gains nothing."""
    post = start()
    mailer = SmtpMailer(HOST, port=post.port, sender=SENDER, username=USERNAME, password=PASSWORD)

    with pytest.raises(smtplib.SMTPNotSupportedError):
        mailer.send(NOTICE)

    assert post.dialogue == []


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_that_nobody_vouches_for_is_refused(
    start: Start, server_tls: ssl.SSLContext, security: Any
) -> None:
    """Certificates are verified unless the embedder says otherwise."""
    post = start(**{"tls_context" if security == "starttls" else "ssl_context": server_tls})
    mailer = SmtpMailer(HOST, port=post.port, sender=SENDER, security=security)

    with pytest.raises(ssl.SSLCertVerificationError):
        mailer.send(NOTICE)

    assert "MAIL" not in post.verbs


def test_a_certificate_of_another_server_is_refused(
    start: Start, authority: trustme.CA, client_tls: ssl.SSLContext
) -> None:
    """The name in the certificate counts, not only who signed it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("elsewhere.example.fr").configure_cert(context)
    post = start(tls_context=context)
    mailer = SmtpMailer(HOST, port=post.port, sender=SENDER, ssl_context=client_tls)

    with pytest.raises(ssl.SSLCertVerificationError):
        mailer.send(NOTICE)


def test_a_wrong_password_is_reported_without_being_told(
    start: Start, server_tls: ssl.SSLContext, client_tls: ssl.SSLContext
) -> None:
    """The error says that the login failed, and a log of it opens nothing."""
    wrong = PASSWORD[::-1]
    post = start(tls_context=server_tls, authenticator=check_password, auth_required=True)
    mailer = SmtpMailer(HOST, port=post.port, sender=SENDER, username=USERNAME, password=wrong, ssl_context=client_tls)

    with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
        mailer.send(NOTICE)

    assert wrong not in "".join(traceback.format_exception(refused.value))
    assert post.taken == []


# Attacks


@pytest.mark.parametrize(
    "address",
    [
        "alice@example.org(<bob@example.com>",
        "alice@example.org)<bob@example.com>",
        "alice@example.org[<bob@example.com>",
        "alice@example.org]<bob@example.com>",
        "alice(comment)@example.org",
        "alice@example.org, bob@example.com",
        "alice@example.org;bob@example.com",
        "<alice@example.org>",
        "Alice <alice@example.org>",
        '"alice@example.com> "@example.org',
        "alice@[127.0.0.1]",
        "alice@example.org> SIZE=1",
        "alicé@example.org",
        "",
        *(f"alice@example.org{breaker}RCPT TO:<bob@example.com>" for breaker in LINE_BREAKERS),
        *(f"alice{breaker}@example.org" for breaker in LINE_BREAKERS),
        *(f"alice@example.org{breaker}" for breaker in LINE_BREAKERS),
    ],
    ids=ascii,
)
def test_an_address_that_is_not_plain_is_refused_before_any_word(start: Start, address: str) -> None:
    """A-18, A-19: what one parser takes for one address and another for two reaches no server."""
    post = start()

    with pytest.raises(InvalidInput) as refused:
        plain_mailer(post).send(EmailChangedMessage(to=address, locale="fr"))

    assert refused.value.field == "to"
    assert post.dialogue == []


@pytest.mark.parametrize("breaker", LINE_BREAKERS, ids=ascii)
@pytest.mark.parametrize(
    "attack", ["Bcc: eve@example.com", ".{0}MAIL FROM:<eve@example.com>{0}RCPT TO:<eve@example.com>", "{0}.{0}", ""]
)
def test_a_name_adds_no_command_and_no_header(start: Start, breaker: str, attack: str) -> None:
    """A-19: whatever a condominium is called, the server hears of one sender, one recipient and one mail."""
    post = start()
    plain = AccountAddedMessage(to=NOTICE.to, locale="fr", condominium_name="Les Lilas")
    mailer = plain_mailer(post)
    mailer.send(plain)
    post.dialogue.clear()

    mailer.send(attrs.evolve(plain, condominium_name=f"Les Lilas{breaker}{attack.format(breaker)}"))

    assert post.verbs == ["MAIL", "RCPT", "DATA", "QUIT"]
    assert post.taken[1].keys() == post.taken[0].keys()
    assert post.taken[1]["Subject"] == post.taken[0]["Subject"]


@pytest.mark.parametrize("breaker", LINE_BREAKERS, ids=ascii)
def test_a_link_that_is_not_plain_is_refused_before_any_word(start: Start, breaker: str) -> None:
    """A-19: neither inside nor at the end."""
    post = start()
    messages: list[Message] = [
        ResetLinkMessage(to=NOTICE.to, locale="fr", url=f"https://app.example.fr{breaker}/reset/x"),
        ResetLinkMessage(to=NOTICE.to, locale="fr", url=f"https://app.example.fr/reset/x{breaker}"),
    ]

    for message in messages:
        with pytest.raises(InvalidInput):
            plain_mailer(post).send(message)

    assert post.dialogue == []
