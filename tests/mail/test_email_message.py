"""The form in which a message travels."""

from __future__ import annotations

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP

import pytest

from coproauth.core.messages import EmailChangedMessage, Message, ResetLinkMessage
from coproauth.errors import InvalidInput
from coproauth.mail import mailbox, render, to_email_message

SENDER = "ne-pas-repondre@example.fr"
LINE_BREAKERS = ["\r", "\n", "\r\n", "\x0b", "\x85", "\u2028", "\u2029", "\x00", "\ud800"]


def received(mail: EmailMessage) -> EmailMessage:
    parsed = message_from_bytes(mail.as_bytes(), policy=SMTP)
    assert isinstance(parsed, EmailMessage)
    return parsed


def part(mail: EmailMessage, kind: str) -> str:
    body = mail.get_body((kind,))
    assert body is not None
    content: str = body.get_content()
    return content.replace("\r\n", "\n")


def test_both_parts_arrive_as_rendered(message: Message) -> None:
    """Subject, text and HTML are read by the receiver to the last symbol."""
    rendered = render(message)

    mail = received(to_email_message(message, sender=SENDER))

    assert mail["Subject"] == rendered.subject
    assert part(mail, "plain") == rendered.text
    assert part(mail, "html").rstrip("\n") == rendered.html


def test_the_headers_of_every_mail(message: Message) -> None:
    """One sender, one recipient, the language, and the mark of a machine (RFC 3834)."""
    mail = received(to_email_message(message, sender=SENDER, sender_name="Cabinet Étoile, syndic"))

    headers = {name: str(value) for name, value in mail.items() if name not in {"Subject", "Content-Type"}}
    assert headers == {
        "From": f'"Cabinet Étoile, syndic" <{SENDER}>',
        "To": "marie.lefevre@example.fr",
        "Content-Language": message.locale,
        "Auto-Submitted": "auto-generated",
        "MIME-Version": "1.0",
    }
    assert [str(child.get_content_type()) for child in mail.walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]


def test_a_mail_is_ascii_in_lines_that_every_server_takes(message: Message) -> None:
    """No line exceeds the 998 octets of RFC 5322 §2.1.1, and no octet the 7 bits of RFC 5321 §2.4."""
    lines = to_email_message(message, sender=SENDER).as_bytes().split(b"\r\n")

    assert max(len(line) for line in lines) <= 998
    assert all(line.isascii() for line in lines)


def test_a_long_link_arrives_in_one_piece() -> None:
    """Lines are folded on the way and joined again."""
    url = "https://app.example.fr/reset/" + "=?e." * 300
    message = ResetLinkMessage(to="marie@example.fr", locale="fr", url=url)

    mail = received(to_email_message(message, sender=SENDER))

    assert f"\n{url}\n" in part(mail, "plain")


def test_an_international_domain_is_written_in_ascii() -> None:
    """A server needs no extension to take the address; the local part keeps its case."""
    message = EmailChangedMessage(to="Marie.L@exämple.fr", locale="fr")

    mail = to_email_message(message, sender="Syndic@exämple.fr")

    assert (str(mail["From"]), str(mail["To"])) == ("Syndic@xn--exmple-cua.fr", "Marie.L@xn--exmple-cua.fr")


@pytest.mark.parametrize("breaker", LINE_BREAKERS, ids=ascii)
@pytest.mark.parametrize("field", ["to", "sender", "sender_name"])
def test_a_line_break_in_a_header_is_refused(field: str, breaker: str) -> None:
    """Neither inside nor at the end does a header take what could begin another."""
    values = {"to": "marie@example.fr", "sender": SENDER, "sender_name": "Cabinet"}

    for tampered in (f"{values[field]}{breaker}Bcc: eve@example.com", f"{values[field]}{breaker}"):
        given = {**values, field: tampered}
        message = EmailChangedMessage(to=given["to"], locale="fr")
        with pytest.raises(InvalidInput) as refused:
            to_email_message(message, sender=given["sender"], sender_name=given["sender_name"])
        assert refused.value.field == field


def test_a_mailbox_names_the_field_it_refuses() -> None:
    """Whoever configured it is told which of two values is wrong."""
    with pytest.raises(InvalidInput) as address:
        mailbox("no address", field="sender")
    with pytest.raises(InvalidInput) as name:
        mailbox(SENDER, field="sender", name="x" * 101)

    assert (address.value.field, name.value.field) == ("sender", "sender_name")
