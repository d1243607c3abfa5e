"""Which new passwords are refused, and why (NIST SP 800-63B-4 §3.1.1.2, ASVS V6.2).

Length, and nothing that can be guessed; no composition rules, no change by the calendar. Ordinary lists of common
passwords hold hardly any entry of fifteen characters, so the test is made on what passwords are made *of*: once the
words that anyone would try are taken out (common words in French and English, keyboard rows, names and addresses
known here), what remains must still be as long as the least a password may ever be.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable

from coproauth.core.accounts import Contact
from coproauth.core.activation_codes import ALPHABET
from coproauth.core.common_words import COMMON_WORDS
from coproauth.core.text import fold, has_encoding, parse_length
from coproauth.errors import InvalidInput
from coproauth.policy import PASSWORD_FLOOR, Policy

_WORD_MIN_LENGTH = 3  # letters; shorter names would forbid half the language
_WORD_MAX_LENGTH = 40  # letters; no name has a longer word, and the work of a check grows with the longest
_DRAWN_SYMBOLS = 16  # of five bits each
_DECOMPOSED = 4  # code points at most that one may be typed as, before NFC puts them together


def parse_password(value: object, *, field: str, policy: Policy) -> str:
    """Return a password as it is hashed: NFC, otherwise untouched (ASVS V6.2.8).

    Raises:
        InvalidInput: a wrong type; longer than any password may be, told before normalising or hashing it
            (``too_long``); text that has no encoding (``malformed``).
    """
    text = parse_length(value, field=field, max_length=policy.password_max_length * _DECOMPOSED)
    if not has_encoding(text):
        raise InvalidInput(field=field, reason="malformed")
    return unicodedata.normalize("NFC", text)


def violations(password: str, *, context: Iterable[str], policy: Policy) -> tuple[str, ...]:
    """Return what is wrong with a new password, in the order in which it should be told; empty if nothing is.

    Lengths are in code points. ``context`` is what anyone would try for this person: address, names, condominium.

    The words, in order: ``too_long`` (and then nothing else is looked at), ``too_short``, ``digits_only``,
    ``repeated`` (a short run, again and again), ``common`` (made of words that everyone uses), ``context_word`` (made
    of words known here, or of both kinds). The services add ``malformed`` (text that has no encoding) and
    ``unchanged`` (still the temporary password).
    """
    if len(password) > policy.password_max_length:
        return ("too_long",)
    letters = _letters(password)
    known = context_words(context, policy=policy)
    rules = (
        ("too_short", len(password) < policy.password_min_length),
        ("digits_only", password.isdigit() and len(password) < policy.digits_only_min_length),
        ("repeated", _repeats(password)),
        ("common", _is_made_of(letters, COMMON_WORDS)),
        ("context_word", _is_made_of_known_words(letters, known)),
    )
    return tuple(word for word, broken in rules if broken)


def draw_password(token_bytes: Callable[[int], bytes], *, policy: Policy) -> str:
    """Return a random password to hand over: groups of four symbols that cannot be misread, 80 bits or more."""
    size = max(_DRAWN_SYMBOLS, policy.password_min_length)
    symbols = "".join(ALPHABET[byte % len(ALPHABET)] for byte in token_bytes(size))
    return "-".join(symbols[start : start + 4] for start in range(0, size, 4))


def person_context(email: str, contacts: Iterable[Contact]) -> tuple[str, ...]:
    """Return what anyone would try for a person: the address, the names, the condominiums."""
    names = [text for contact in contacts for text in (contact.name, contact.account.condominium_name)]
    return (email, *names)


def context_words(context: Iterable[str], *, policy: Policy) -> frozenset[str]:
    """Return the words of some names and addresses, folded, those of three to forty letters."""
    words = re.split(r"[^a-z0-9]+", fold(" ".join([*context, *policy.context_words])))
    return frozenset(word for word in words if _WORD_MIN_LENGTH <= len(word) <= _WORD_MAX_LENGTH)


def _letters(password: str) -> str:
    """Return the letters and digits of a password, folded, and no more of them than it has symbols."""
    return re.sub(r"[\W_]+", "", fold(password))[: len(password)]


def _repeats(password: str) -> bool:
    """Whether a unit shorter than the least a password may be, or very few symbols, make up the whole."""
    periods = range(1, min(PASSWORD_FLOOR, len(password)))
    is_periodic = any(password[period:] == password[:-period] for period in periods)
    return is_periodic or len(set(password)) < PASSWORD_FLOOR // 2


def _is_made_of(letters: str, words: frozenset[str]) -> bool:
    """Whether fewer than eight letters or digits remain once the given words are taken out.

    A password of which nothing is taken out is not made of them, however short: length is another rule's matter.
    """
    rest = _without(letters, words)
    return rest != letters and len(rest) < PASSWORD_FLOOR


def _is_made_of_known_words(letters: str, words: frozenset[str]) -> bool:
    """Whether words known here make up the password, with common ones beside them if need be."""
    if _is_made_of(letters, words):
        return True
    return not _is_made_of(letters, COMMON_WORDS) and _is_made_of(letters, words | COMMON_WORDS)


def _without(text: str, words: frozenset[str]) -> str:
    """Return ``text`` with every one of ``words`` taken out, the longest first at each place."""
    longest = max(map(len, words), default=0)
    kept: list[str] = []
    place = 0
    while place < len(text):
        size = next((n for n in range(min(longest, len(text) - place), 0, -1) if text[place : place + n] in words), 0)
        kept.append("" if size else text[place])
        place += size or 1
    return "".join(kept)
