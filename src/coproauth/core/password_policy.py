"""Which new passwords are refused, and why (NIST SP 800-63B-4 §3.1.1.2, ASVS V6.2).

Length, and nothing that can be guessed; no composition rules, no change by the calendar. Ordinary lists of common
passwords hold hardly any entry of fifteen characters, so the test is made on what passwords are made *of*: once the
words and sentences that anyone would try are taken out (French and English, keyboard rows, names and addresses known
here, also with digits for letters), what remains must still be as long as the least a password may ever be.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable

from coproauth.core.accounts import Contact
from coproauth.core.common_words import LONGEST, SHORTEST, Lexicon, common_words, least_left, readings
from coproauth.core.text import fold, has_encoding, parse_length
from coproauth.errors import InvalidInput
from coproauth.policy import PASSWORD_FLOOR, Policy

_DRAWN_LETTERS = "bcdfghjkmnprstvx"  # no vowel, so no word; none that looks like another; no Shift on any keyboard
_DRAWN_SIZE = 20  # letters, of four bits each
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
    ``repeated`` (something too short, again and again), ``common`` (made of words that everyone uses),
    ``context_word`` (made of words known here, or of both kinds). The services add ``malformed`` (text that has no
    encoding), ``unchanged`` (still the temporary password) and ``breached`` (known to have leaked elsewhere).
    """
    if len(password) > policy.password_max_length:
        return ("too_long",)
    digits = readings(password)[0]
    known = Lexicon.of(context_words(context, policy=policy))
    is_common = _is_made_of(password, common_words())
    rules = (
        ("too_short", len(password) < policy.password_min_length),
        ("digits_only", digits.isdigit() and len(digits) < policy.digits_only_min_length),
        ("repeated", _repeats(password, policy=policy)),
        ("common", is_common),
        (
            "context_word",
            _is_made_of(password, known) or (not is_common and _is_made_of(password, known, common_words())),
        ),
    )
    return tuple(word for word, broken in rules if broken)


def draw_password(token_bytes: Callable[[int], bytes], *, policy: Policy) -> str:
    """Return a random password to hand over, 80 bits or more: small letters, typed as they stand.

    In groups of four, unless the policy has no room for the hyphens.
    """
    size = max(_DRAWN_SIZE, policy.password_min_length)
    letters = "".join(_DRAWN_LETTERS[byte % len(_DRAWN_LETTERS)] for byte in token_bytes(size))
    grouped = "-".join(letters[start : start + 4] for start in range(0, size, 4))
    return grouped if len(grouped) <= policy.password_max_length else letters


def person_context(email: str, contacts: Iterable[Contact]) -> tuple[str, ...]:
    """Return what anyone would try for a person: the address, the names, the accounts, the condominiums."""
    accounts = [(contact.name, contact.account.label, contact.account.condominium_name) for contact in contacts]
    return (email, *(text for known in accounts for text in known))


def context_words(context: Iterable[str], *, policy: Policy) -> frozenset[str]:
    """Return the words of some names and addresses, folded, those of three to sixty-four letters."""
    words = re.split(r"[^a-z0-9]+", fold(" ".join([*context, *policy.context_words])))
    return frozenset(word for word in words if SHORTEST <= len(word) <= LONGEST)


def _repeats(password: str, *, policy: Policy) -> bool:
    """Whether a unit that would be no password by itself, or very few symbols, make up the whole."""
    text = password.casefold()
    shorter = range(1, min(policy.password_min_length, len(text)))
    units = [size for size in shorter if size < PASSWORD_FLOOR or size * 2 <= len(text)]
    return any(text[size:] == text[:-size] for size in units) or len(set(text)) < PASSWORD_FLOOR // 2


def _is_made_of(password: str, *lexicons: Lexicon) -> bool:
    """Whether, however it is read, less than eight letters or digits is worth remains once known words are taken out.

    Two different signs are worth a letter: a sign is what people hang on a word, and a row of them is soon tried. A
    password of which nothing is taken out is not made of words, however short: length is another rule's matter.
    """
    signs = len({symbol for symbol in password if not symbol.isalnum()}) // 2
    return any(
        (left := least_left(letters, *lexicons)) < len(letters) and left + signs < PASSWORD_FLOOR
        for letters in readings(password)
    )
