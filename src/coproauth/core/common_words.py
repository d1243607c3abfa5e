"""What people make passwords of, French and English, and how much of a text is left without it.

The lists beside this file are our own: words, names, keyboard walks, and sentences that many know by heart. They are
read when the first password is judged, and not before.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache

import attrs

from coproauth.core.text import fold

SHORTEST = 3  # letters or digits of a word; of shorter ones half the language is made
LONGEST = 64  # letters or digits; the work of a look at a text grows with it
_LISTS = ("words_french", "words_english", "words_names", "words_keyboard")
_PHRASES = ("phrases_french", "phrases_english", "phrases_names")
_ALONE = "abcdefghijklmnopqrstuvwxyz0123456789"
_RUNS = "0123456789012345678909876543210987654321abcdefghijklmnopqrstuvwxyzyxwvutsrqponmlkjihgfedcba"
_RUN = 4  # symbols of a run that is taken for one: of three, many a word has some
_SIGNS = re.compile(r"[\W_]+")
_WRITTEN_FOR = [  # as it stands; digits for letters, of which a one may be an i or an l; then also signs
    str.maketrans(symbols, letters)
    for symbols, letters in (
        ("", ""),
        ("01345789", "oieastbg"),
        ("01345789", "oleastbg"),
        ("01345789@$€!|", "oieastbgaseii"),
        ("01345789@$€!|", "oleastbgasell"),
    )
]


@attrs.frozen
class Lexicon:
    """Words to be found in texts, as letters and digits only; also as they are written with digits for letters."""

    words: frozenset[str]
    _sizes: dict[str, frozenset[int]] = attrs.field(repr=False, alias="sizes")

    @classmethod
    def of(cls, words: Iterable[str]) -> Lexicon:
        """Return the lexicon of some words; of those that are too short or too long, nothing."""
        written = {reading for word in words for reading in readings(word)}
        kept = frozenset(word for word in written if SHORTEST <= len(word) <= LONGEST)
        sizes: dict[str, set[int]] = {}
        for word in kept:
            sizes.setdefault(word[:SHORTEST], set()).add(len(word))
        return cls(kept, {start: frozenset(found) for start, found in sizes.items()})

    def ends(self, text: str, place: int) -> Iterator[int]:
        """Yield where the words end that begin at a place of a text."""
        for size in self._sizes.get(text[place : place + SHORTEST], ()):
            word = text[place : place + size]
            if word in self.words:
                yield place + len(word)


def least_left(text: str, *lexicons: Lexicon) -> int:
    """Return how much is left of a text once words are taken out so that as little as possible is."""
    least = list(range(len(text) + 1))
    for place in range(len(text)):
        least[place + 1] = min(least[place + 1], least[place] + 1)
        for lexicon in lexicons:
            for end in lexicon.ends(text, place):
                least[end] = min(least[end], least[place])
    return least[-1]


def readings(text: str) -> tuple[str, ...]:
    """Return the letters and digits of a text, folded: as they stand, and with those that digits are written for.

    None is longer than the text, whatever folding makes of it.
    """
    folded = fold(text)
    different = dict.fromkeys(folded.translate(table) for table in _WRITTEN_FOR)
    return tuple(dict.fromkeys(_SIGNS.sub("", one)[: len(text)] for one in different))


@cache
def common_words() -> Lexicon:
    """Return words, names, walks over the keyboard, years, runs and repeats, and sentences."""
    words = [word for name in _LISTS for line in _lines(name) for word in line.split()]
    return Lexicon.of([*words, *common_phrases(), *_years(), *_runs(), *(symbol * 3 for symbol in _ALONE)])


def common_phrases() -> tuple[str, ...]:
    """Return the sentences, as people write them; the block list of ASVS V6.2.4."""
    return tuple(line for name in _PHRASES for line in _lines(name))


def _years() -> Iterator[str]:
    return (str(year) for year in range(1900, 2100))


def _runs() -> Iterator[str]:
    return (_RUNS[start : start + _RUN] for start in range(len(_RUNS) - _RUN + 1))


def _lines(name: str) -> list[str]:
    from importlib import resources  # noqa: PLC0415 - slow to import, and of no use before a password is judged

    text = resources.files("coproauth.core").joinpath("wordlists", f"{name}.txt").read_text("utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]
