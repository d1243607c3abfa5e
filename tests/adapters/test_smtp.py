"""A real dialogue with a real server on loopback."""

from __future__ import annotations

import smtplib
import socket
import ssl
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any

import attrs
import pytest
import trustme
from tests.post import (
    PASSWORD,
    SENDER,
    USERNAME,
    Start,
    check_password,
    plain_mailer,
    post_offices,
    shown_by,
    trusting,
)
from tests.servers import HOST, free_port

from coproauth.adapters.smtp import SmtpMailer
from coproauth.core.messages import AccountAddedMessage, EmailChangedMessage, Message, ResetLinkMessage
from coproauth.errors import InvalidInput
from coproauth.mail import render
from coproauth.testing.fakes import FakeClock

NOTICE = EmailChangedMessage(to="Marie.Lefevre@example.fr", locale="fr")
LINE_BREAKERS = ["\r", "\n", "\r\n", "\x0b", "\x85", "\u2028", "\u2029", "\x00", "\ud800"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start servers on free ports, and stop them after the test."""
    with post_offices() as start:
        yield start


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """A certificate authority that nobody else trusts."""
    return trustme.CA()


@pytest.fixture(scope="session")
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    """What the server shows."""
    return shown_by(authority)


@pytest.fixture(scope="session")
def client_tls(authority: trustme.CA) -> ssl.SSLContext:
    """What a mailer trusts that knows the authority."""
    return trusting(authority)


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


def test_a_mail_that_is_sent_twice_is_told_as_the_same(start: Start) -> None:
    """RFC 5322 §3.6.4: the number follows from the message's id, whoever sends it and however often."""
    post = start()
    message = EmailChangedMessage(id="4f2a", to="marie@exämple.fr", locale="fr")

    for mailer in (plain_mailer(post), plain_mailer(post)):
        mailer.send(message)

    assert [str(mail["Message-ID"]) for mail in post.taken] == ["<4f2a@example.fr>"] * 2


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
    post.refused_recipients = {NOTICE.to}

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
    post = start(tls_context=shown_by(authority, name="elsewhere.example.fr"))
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
def test_a18_a19_an_address_that_is_not_plain_is_refused_before_any_word(start: Start, address: str) -> None:
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
def test_a19_a_name_adds_no_command_and_no_header(start: Start, breaker: str, attack: str) -> None:
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


@pytest.mark.parametrize(
    "wrong", ["", "a b", "a@b", "a>", "é", *(f"a{breaker}b" for breaker in LINE_BREAKERS)], ids=ascii
)
def test_a19_an_id_that_is_not_plain_is_refused_before_any_word(start: Start, wrong: str) -> None:
    """A-19: an embedder's own id becomes a header, and never two."""
    post = start()

    with pytest.raises(InvalidInput) as refused:
        plain_mailer(post).send(attrs.evolve(NOTICE, id=wrong))

    assert refused.value.field == "id"
    assert post.dialogue == []


@pytest.mark.parametrize("breaker", LINE_BREAKERS, ids=ascii)
def test_a19_a_link_that_is_not_plain_is_refused_before_any_word(start: Start, breaker: str) -> None:
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
