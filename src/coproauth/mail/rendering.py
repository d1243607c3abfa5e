"""Turns a message into subject, text part and HTML part. What comes from outside is made harmless here."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime
from html import escape

import attrs

from coproauth.core.messages import NAME_MAX_LENGTH, Message
from coproauth.core.text import parse_text
from coproauth.errors import InvalidInput
from coproauth.mail.dates import write_date, write_instant
from coproauth.mail.wording import Paragraph, Wording, load_html, load_wording
from coproauth.policy import Locale

_URL_MAX_LENGTH = 2000  # code points; what every mail program still opens
_ENVELOPE = {"id", "to", "locale"}  # fields of a message that are not part of its text

# What mail programs turn into a link by themselves: a scheme, or names with nothing but a dot between them.
_LINK = re.compile(r"(?<=:)(?=//)|(?<=\w[.\u3002\uff0e\uff61])(?=[^\W\d_])")

# Unicode categories: controls, lone surrogates and line breaks end a line; format marks turn or hide what follows.
_VISIBLE = {"Cc": " ", "Cs": " ", "Zl": " ", "Zp": " ", "Cf": ""}


@attrs.frozen(kw_only=True)
class RenderedMail:
    """How a message reads. A link or a code may be in it, so the two parts stay out of ``repr``.

    Attributes:
        subject: one line of plain text.
        text: the plain part.
        html: the same words as one page, without any remote resource.
    """

    subject: str
    text: str = attrs.field(repr=False)
    html: str = attrs.field(repr=False)


def render(message: Message) -> RenderedMail:
    """Return how a message reads in its own locale.

    Names come from the host software and may hold anything. A line break in one must not keep a person from being
    told that the password is another: controls and line breaks in a name become spaces, invisible marks that turn or
    hide text are dropped, and what is left is escaped in HTML. A link that is not plain is refused instead, because a
    changed link would not work.

    Raises:
        InvalidInput: the message carries a link that is not a plain ``https://`` or ``http://`` address.
    """
    values = _values(message)
    wording = load_wording(message.kind, message.locale)
    signature = load_wording("signature", message.locale)
    return RenderedMail(
        subject=wording.subject,
        text=_text(wording, values) + f"\n\n{signature.subject}\n" + _text(signature, values) + "\n",
        html=load_html("layout").substitute(
            lang=message.locale,
            subject=escape(wording.subject),
            body=_html(wording, values),
            signed=escape(signature.subject),
            signature=_html(signature, values),
        ),
    )


def _values(message: Message) -> dict[str, str]:
    names = attrs.fields_dict(type(message)).keys() - _ENVELOPE
    return {name: _harmless(name, getattr(message, name), message.locale) for name in names}


def _harmless(name: str, value: str | date, locale: Locale) -> str:
    if isinstance(value, datetime):
        return write_instant(value, locale)
    if isinstance(value, date):
        return write_date(value, locale)
    return _plain_url(value) if name == "url" else _one_line(value)


def _plain_url(value: str) -> str:
    url = parse_text(value, field="url", max_length=_URL_MAX_LENGTH)
    if not url.startswith(("https://", "http://")) or not url.isascii() or " " in url:
        raise InvalidInput(field="url", reason="malformed")
    return url


def _one_line(value: str) -> str:
    """Return a name without anything that would break or disguise the line it stands in; a dash if nothing is left.

    It is no link either: whoever names a condominium must not send people anywhere in the name of the portal.
    """
    shown = "".join(_VISIBLE.get(unicodedata.category(symbol), symbol) for symbol in value)
    line = " ".join(_LINK.sub(" ", shown).split()) or "—"
    return line if len(line) <= NAME_MAX_LENGTH else f"{line[: NAME_MAX_LENGTH - 1]}…"


def _text(wording: Wording, values: Mapping[str, str]) -> str:
    return "\n\n".join(_paragraph_text(paragraph, values) for paragraph in wording.paragraphs)


def _paragraph_text(paragraph: Paragraph, values: Mapping[str, str]) -> str:
    text = paragraph.text.substitute(values)
    return f"{text}\n{values['url']}" if paragraph.shape == "link" else text


def _html(wording: Wording, values: Mapping[str, str]) -> str:
    return "\n".join(_paragraph_html(paragraph, values) for paragraph in wording.paragraphs)


def _paragraph_html(paragraph: Paragraph, values: Mapping[str, str]) -> str:
    """Escape the paragraph after it is filled: neither its words nor its values can become markup."""
    return load_html(paragraph.shape).substitute(
        text=escape(paragraph.text.substitute(values)), url=escape(values.get("url", ""))
    )
