"""The code in the letter: fifteen random symbols and a check symbol, in Crockford's base 32.

75 bits; looked up by a keyed index, never stored in clear (ASVS V6.5.2, V6.6.3). The check symbol is the value of
the fifteen modulo 37. Every single wrong symbol and every swap of neighbours changes that remainder, because 37 is
prime, larger than 31 and divides neither 32ⁿ nor 31; a draw whose remainder has no symbol of its own is drawn again.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

from coproauth.core.text import parse_length
from coproauth.errors import ActivationRefused

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no I, L, O, U
RANDOM_SYMBOLS = 15  # of five bits each; ASVS V6.5.4 asks for 20 bits
SYMBOLS = RANDOM_SYMBOLS + 1  # with the check symbol
CHECK_MODULUS = 37
TYPED_MAX_LENGTH = 64  # code points; sixteen symbols and any sane number of separators

_DASHES = "-\u00ad\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"
_AS_PRINTED = str.maketrans({"O": "0", "I": "1", "L": "1"})
_WITHOUT_DASHES = str.maketrans(dict.fromkeys(_DASHES))


def _value(symbols: str) -> int:
    value = 0
    for symbol in symbols:
        value = value * len(ALPHABET) + ALPHABET.index(symbol)
    return value


@attrs.frozen
class ActivationCode:
    """A well-formed code; whether it opens anything is for the store to say.

    Attributes:
        symbols: sixteen symbols without separators.
    """

    symbols: str = attrs.field(repr=False)

    def __str__(self) -> str:
        """Return the code as it is printed: ``XXXX-XXXX-XXXX-XXXX``."""
        return "-".join(self.symbols[start : start + 4] for start in range(0, len(self.symbols), 4))

    @classmethod
    def parse(cls, typed: object) -> ActivationCode:
        """Return the code that a person typed: any case, spaces and dashes, O for 0, I or L for 1.

        Raises:
            InvalidInput: not a ``str``, or more than 64 code points.
            ActivationRefused: ``unknown_code``; the symbols or their check are not those of any code.
        """
        text = parse_length(typed, field="code", max_length=TYPED_MAX_LENGTH)
        typed_symbols = "".join(text.split()).translate(_WITHOUT_DASHES)
        symbols = typed_symbols.upper().translate(_AS_PRINTED) if typed_symbols.isascii() else ""
        if len(symbols) != SYMBOLS or not set(symbols) <= set(ALPHABET):
            raise ActivationRefused(reason="unknown_code")
        if _value(symbols[:RANDOM_SYMBOLS]) % CHECK_MODULUS != ALPHABET.index(symbols[-1]):
            raise ActivationRefused(reason="unknown_code")
        return cls(symbols)

    @classmethod
    def draw(cls, token_bytes: Callable[[int], bytes]) -> ActivationCode:
        """Return a new code from a source of random bytes; five bits of each byte are used, so none is favoured."""
        while True:
            symbols = "".join(ALPHABET[byte % len(ALPHABET)] for byte in token_bytes(RANDOM_SYMBOLS))
            check = _value(symbols) % CHECK_MODULUS
            if check < len(ALPHABET):
                return cls(symbols + ALPHABET[check])
