"""Turns a message into the form in which it travels: headers, text part, HTML part. Nothing is sent from here."""

from __future__ import annotations

import re
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from coproauth.core.identities import EmailAddress
from coproauth.core.messages import Message
from coproauth.core.text import parse_text
from coproauth.errors import InvalidInput
from coproauth.mail.rendering import render

_NAME_MAX_LENGTH = 100  # code points

# Readable by every server (RFC 2045 §6.7), whether or not it announces 8BITMIME.
_TRANSFER_ENCODING = "quoted-printable"

_ID = re.compile(r"[0-9A-Za-z._-]{1,200}")  # of what RFC 5322 §3.6.4 allows, what no program stumbles over


def to_email_message(message: Message, *, sender: str, sender_name: str = "") -> EmailMessage:
    """Return a message with its headers and both parts, to exactly one recipient.

    Addresses are read by the same strict parser as at the login, never by ``email.utils.parseaddr``; an
    international domain is written in its ``xn--`` form. ``Message-ID`` is made of the message's id, so that mail
    systems know a double; it is left to whoever sends the mail if there is none, and so is ``Date``.

    Args:
        message: what to say, to whom, in which language.
        sender: the plain address in ``From``.
        sender_name: the name shown beside it, if any.

    Raises:
        InvalidInput: recipient (``to``), ``sender`` or ``sender_name`` is not what it should be, or holds a line
            break or another control character; the ``id`` is no plain word; or the message cannot be rendered.
    """
    rendered = render(message)
    mail = EmailMessage(policy=SMTP)
    author = mailbox(sender, field="sender", name=sender_name)
    mail["From"] = author
    mail["To"] = mailbox(message.to, field="to")
    mail["Subject"] = rendered.subject
    if message.id is not None:
        mail["Message-ID"] = f"<{_parse_id(message.id)}@{author.domain}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834 §5: no out-of-office reply comes back
    mail.set_content(rendered.text, cte=_TRANSFER_ENCODING)
    mail.add_alternative(rendered.html, subtype="html", cte=_TRANSFER_ENCODING)
    mail["Content-Language"] = message.locale  # last: a ``Content-`` header set earlier would move into the first part
    return mail


def mailbox(value: str, *, field: str, name: str = "") -> Address:
    """Return an address for a header or an envelope, with the name to show beside it.

    Raises:
        InvalidInput: ``value`` is no plain address (``field``), or ``name`` no single printable line of at most 100
            code points (``<field>_name``).
    """
    parsed = EmailAddress.parse(value, field=field)
    local_part = parsed.address.rpartition("@")[0]  # as typed: only its owner's server may fold its case
    domain = parsed.key.rpartition("@")[2]
    shown = name and parse_text(name, field=f"{field}_name", max_length=_NAME_MAX_LENGTH)
    return Address(display_name=shown, username=local_part, domain=domain)


def _parse_id(value: str) -> str:
    if not _ID.fullmatch(value):
        raise InvalidInput(field="id")
    return value
