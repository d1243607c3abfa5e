"""Several messages over one connection, in a real dialogue."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator

import pytest
import trustme
from tests.post import (
    PASSWORD,
    SENDER,
    USERNAME,
    HangUp,
    Start,
    check_password,
    plain_mailer,
    post_offices,
    shown_by,
    trusting,
)
from tests.servers import HOST

from coproauth.adapters.smtp import SmtpMailer
from coproauth.core.messages import EmailChangedMessage
from coproauth.errors import InvalidInput
from coproauth.ports import BatchMailer

NOTICES = [EmailChangedMessage(id=f"mail-{number}", to=f"m{number}@example.fr", locale="fr") for number in range(3)]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start servers on free ports, and stop them after the test."""
    with post_offices() as start:
        yield start


def test_a_batch_is_one_call(start: Start) -> None:
    """One greeting, one handshake, one login, and every mail after the other."""
    authority = trustme.CA()
    post = start(
        tls_context=shown_by(authority), require_starttls=True, authenticator=check_password, auth_required=True
    )
    mailer = SmtpMailer(
        HOST, port=post.port, sender=SENDER, username=USERNAME, password=PASSWORD, ssl_context=trusting(authority)
    )

    with mailer.batch() as batch:
        for message in NOTICES:
            batch.send(message)

    mail = ["MAIL", "RCPT", "DATA"]
    assert post.calls == 1
    assert post.verbs == ["STARTTLS", "AUTH", *mail, "RSET", *mail, "RSET", *mail, "QUIT"]
    assert [taken["To"] for taken in post.taken] == [message.to for message in NOTICES]


def test_an_empty_batch_calls_nobody(start: Start) -> None:
    """The server hears of a batch with its first mail."""
    post = start()

    with plain_mailer(post).batch():
        pass

    assert post.calls == 0


def test_a_refused_recipient_does_not_spoil_the_batch(start: Start) -> None:
    """The error carries the server's status, and the next mail goes over the same connection."""
    post = start()
    post.refused_recipients = {NOTICES[1].to}

    with plain_mailer(post).batch() as batch:
        batch.send(NOTICES[0])
        with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
            batch.send(NOTICES[1])
        batch.send(NOTICES[2])

    assert vars(refused.value)["smtp_code"] == 550
    assert post.calls == 1
    assert [taken["To"] for taken in post.taken] == [NOTICES[0].to, NOTICES[2].to]


def test_a_message_that_cannot_be_written_does_not_spoil_the_batch(start: Start) -> None:
    """The server hears nothing of it."""
    post = start()

    with plain_mailer(post).batch() as batch:
        batch.send(NOTICES[0])
        with pytest.raises(InvalidInput):
            batch.send(EmailChangedMessage(to="no address", locale="fr"))
        batch.send(NOTICES[2])

    assert post.calls == 1
    assert len(post.taken) == 2


@pytest.mark.parametrize("hang_up", ["421 at RSET", "at RSET", "421 at MAIL"])
def test_a_server_that_hung_up_between_two_mails_is_called_again(start: Start, hang_up: HangUp) -> None:
    """RFC 5321 §3.8: with or without a word, what it took is not sent again, and the next is not lost."""
    post = start()

    with plain_mailer(post).batch() as batch:
        batch.send(NOTICES[0])
        post.hang_ups = [hang_up]
        batch.send(NOTICES[1])
        batch.send(NOTICES[2])

    assert post.calls == 2
    assert [taken["To"] for taken in post.taken] == [message.to for message in NOTICES]


def test_a_server_that_always_hangs_up_is_called_again_once(start: Start) -> None:
    """The courier learns of it, and the next mail is another try."""
    post = start()

    with plain_mailer(post).batch() as batch:
        batch.send(NOTICES[0])
        post.hang_ups = ["421 at MAIL", "421 at MAIL"]
        with pytest.raises(smtplib.SMTPSenderRefused) as refused:
            batch.send(NOTICES[1])
        batch.send(NOTICES[2])

    assert refused.value.smtp_code == 421
    assert post.calls == 3
    assert [taken["To"] for taken in post.taken] == [NOTICES[0].to, NOTICES[2].to]


def test_a_mail_that_may_have_been_taken_is_not_sent_again_at_once(start: Start) -> None:
    """The line breaks before the answer: the courier is told, and the next mail has a new line."""
    post = start()

    with plain_mailer(post).batch() as batch:
        batch.send(NOTICES[0])
        post.hang_ups = ["after DATA"]
        with pytest.raises(smtplib.SMTPServerDisconnected):
            batch.send(NOTICES[1])
        batch.send(NOTICES[2])

    assert post.calls == 2
    assert [taken["To"] for taken in post.taken] == [message.to for message in NOTICES]


def test_a_courier_sees_that_it_can_send_batches() -> None:
    """By its shape."""
    assert isinstance(SmtpMailer(HOST, sender=SENDER, security="none"), BatchMailer)
