"""The border for text: what comes from outside is checked for type, length and content, in this order."""

from __future__ import annotations

import unicodedata

from coproauth.errors import InvalidInput

_FORBIDDEN = {"Cc", "Cs", "Zl", "Zp"}  # controls, lone surrogates, line and paragraph separators


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
    if not text.isprintable() and any(unicodedata.category(symbol) in _FORBIDDEN for symbol in text):
        raise InvalidInput(field=field, reason="malformed")
    return text


def parse_length(value: object, *, field: str, max_length: int) -> str:
    """Return ``value`` if it is a ``str`` of at most ``max_length`` code points; look at nothing else."""
    text = parse_type(value, field=field)
    if len(text) > max_length:
        raise InvalidInput(field=field, reason="too_long")
    return text


def parse_type(value: object, *, field: str) -> str:
    """Return ``value`` if it is a ``str``."""
    if not isinstance(value, str):
        raise InvalidInput(field=field, reason="wrong_type")
    return value


def has_encoding(text: str) -> bool:
    """Whether the text can be written down at all: a lone surrogate cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def clip(value: object, *, max_length: int) -> str:
    """Return the first ``max_length`` code points of what is kept as it comes, the unprintable ones replaced."""
    clipped = str(value)[:max_length]
    return "".join(symbol if symbol.isprintable() else "\N{REPLACEMENT CHARACTER}" for symbol in clipped)


def fold(text: str) -> str:
    """Return ``text`` without case and accents, for comparing words as a person would."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(symbol for symbol in decomposed if not unicodedata.combining(symbol))
