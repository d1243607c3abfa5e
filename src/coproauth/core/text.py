"""The border for text: what comes from outside is checked for type, length and content, in this order."""

from __future__ import annotations

import unicodedata

from coproauth.errors import InvalidInput


def parse_text(value: object, *, field: str, max_length: int) -> str:
    """Return ``value`` if it is printable text of 1 to ``max_length`` code points.

    The type is looked at first and the length second, so that nothing costly sees hostile input
    (ASVS V1.3.3, V15.3.5).

    Raises:
        InvalidInput: not a ``str`` (``wrong_type``), nothing (``empty``), more than ``max_length`` code points
            (``too_long``), or a control character, a lone surrogate or a line break inside (``malformed``).
    """
    text = parse_length(value, field=field, max_length=max_length)
    if not text:
        raise InvalidInput(field=field, reason="empty")
    if any(unicodedata.category(symbol) in {"Cc", "Cs", "Zl", "Zp"} for symbol in text):
        raise InvalidInput(field=field, reason="malformed")
    return text


def parse_length(value: object, *, field: str, max_length: int) -> str:
    """Return ``value`` if it is a ``str`` of at most ``max_length`` code points; look at nothing else."""
    if not isinstance(value, str):
        raise InvalidInput(field=field, reason="wrong_type")
    if len(value) > max_length:
        raise InvalidInput(field=field, reason="too_long")
    return value


def fold(text: str) -> str:
    """Return ``text`` without case and accents, for comparing words as a person would."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(symbol for symbol in decomposed if not unicodedata.combining(symbol))
