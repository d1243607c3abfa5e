"""What people make passwords of: that the lists are long enough, and that whatever is made of them is refused."""

from __future__ import annotations

import random
import re
import string
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coproauth import Policy
from coproauth.core.common_words import common_phrases, common_words, least_left, readings
from coproauth.core.password_policy import violations

_POLICY = Policy()
_LEAST = _POLICY.password_min_length
_LISTS = Path(__file__).parents[2] / "src" / "coproauth" / "core" / "wordlists"
_COLLECTED = Path(__file__).parents[3] / "shared" / "data" / "common_passwords_10k.txt"
_WORDS = sorted(common_words().words)
_SEPARATORS = ("", " ", "-", "_", ".", "'")
_HABITS = ("", "!", "!!", "123", "1234", "75", "2024", "2026!", "*")
_NEUTRAL = re.findall(
    r"\w+",
    """
accordeur balustrade bergamote bretelle broussaille calepin cendrier charpente clavecin coffret cornichon crevette
dromadaire ecluse enclume entonnoir equerre faucille flanelle fougere galoche gondole grelot gyrophare horloge
jonquille kayak lampadaire loupiote mandoline maquereau marelle meringue moustique narval oreiller osier parapet
passerelle peigne pelican persil plumeau polochon quenelle radeau ramoneur ratatine ressort rhubarbe rouget
sabotier samovar sarbacane serpette soupirail tabouret taupiniere thuya tisonnier topinambour toupie tournevis
trompette truelle varech verrou vilebrequin wagonnet yaourt zeppelin
""",
)


def _refused(password: str) -> tuple[str, ...]:
    return violations(password, context=(), policy=_POLICY)


def _lines(name: str) -> list[str]:
    return [line for line in (_LISTS / f"{name}.txt").read_text("utf-8").splitlines() if not line.startswith("#")]


def _until_long(word: str) -> str:
    """Return a word as often as it takes to be long enough."""
    return word * -(-_LEAST // len(word))


def _built() -> set[str]:
    """Return what people build of short words to reach the least length: again and again, in pairs, with habits."""
    words = [
        word for name in ("words_french", "words_english", "words_names") for word in " ".join(_lines(name)).split()
    ]
    repeated = {_until_long(word) for word in words}
    paired = {
        f"{one}{separator}{other}{habit}"
        for one, other in pairwise(words)
        for separator in ("", "-")
        for habit in _HABITS
    }
    capital = {f"{one.capitalize()}{other.capitalize()}{habit}" for one, other in pairwise(words) for habit in _HABITS}
    return {password for password in repeated | paired | capital if len(password) >= _LEAST}


class TestBlockList:
    """ASVS V6.2.4: at least 3 000 passwords that satisfy the length policy are blocked."""

    def test_three_thousand_sentences_of_the_least_length_are_shipped(self) -> None:
        """Counted without what differs by case, accents and signs only; a third of them at least in French."""
        long = {readings(line)[0] for line in common_phrases() if len(line) >= _LEAST}

        french = {readings(line)[0] for line in _lines("phrases_french")}
        assert len(long) >= 3000
        assert len(long & french) >= 1000

    @pytest.mark.no_cover
    def test_every_one_of_them_is_refused(self) -> None:
        """As it stands, and in capitals with dashes, a year and a sign behind it."""
        shapes = [
            shape
            for line in common_phrases()
            for shape in (line, f"{line.upper().replace(' ', '-')}-2026!")
            if len(shape) >= _LEAST
        ]

        assert [shape for shape in shapes if not _refused(shape)] == []
        assert len(set(shapes)) >= 6_000

    @pytest.mark.no_cover
    def test_whatever_people_build_of_short_ones_is_refused(self) -> None:
        """Repeated words, words in pairs, with digits, years and signs behind them."""
        built = sorted(_built())

        assert len(built) >= 15_000
        assert [password for password in built[::10] if not _refused(password)] == []

    @given(
        st.lists(st.sampled_from(_WORDS), min_size=1, max_size=6),
        st.sampled_from(_SEPARATORS),
        st.sampled_from(_HABITS),
        st.sampled_from([str, str.upper, str.title]),
    )
    def test_any_number_of_common_words_is_refused(
        self, words: list[str], separator: str, habit: str, case: type
    ) -> None:
        """The rule: whatever is made of words of the lists, in any order and number, is refused."""
        assert _refused(case(separator.join(words)) + habit) != ()

    @given(st.lists(st.sampled_from(_WORDS), min_size=3, max_size=6), st.sampled_from("il"), st.integers(0, 999))
    def test_digits_for_letters_change_nothing(self, words: list[str], one: str, seed: int) -> None:
        """Any letter may be written by the digit that looks like it, or not; a one is always an i, or always an l."""
        alike = dict(zip(f"o{one}eastbg", "01345789", strict=True))
        draw = random.Random(seed)  # noqa: S311 - which letters
        typed = "".join(draw.choice([letter, alike.get(letter, letter)]) for letter in "".join(words))

        assert _refused(typed) != ()

    @pytest.mark.skipif(not _COLLECTED.exists(), reason="a collection of common passwords beside the repository only")
    @pytest.mark.no_cover
    def test_a_collection_of_common_passwords_is_refused(self) -> None:
        """Each of its entries that is long enough, and each other one typed until it is."""
        entries = _COLLECTED.read_text("utf-8").split()

        assert [entry for entry in entries if not _refused(_until_long(entry))] == []


class TestGoodPasswords:
    """What nobody would try passes."""

    @given(st.lists(st.sampled_from(_NEUTRAL), min_size=4, max_size=5, unique=True), st.sampled_from([" ", "-", ""]))
    def test_four_words_at_random_pass(self, words: list[str], separator: str) -> None:
        """Words of a dictionary that are in no list, drawn by dice."""
        assert _refused(separator.join(words)) == ()

    @pytest.mark.parametrize(
        ("symbols", "size", "tolerated"),
        [
            (string.ascii_lowercase, 15, 2),
            (string.ascii_letters + string.digits, 15, 2),
            (string.ascii_letters + string.digits + string.punctuation, 15, 10),
            (string.ascii_letters + string.digits + string.punctuation, 20, 0),
            (string.digits, 20, 5),
        ],
        ids=["letters", "letters and digits", "all", "twenty of all", "twenty digits"],
    )
    @pytest.mark.no_cover
    def test_symbols_at_random_pass(self, symbols: str, size: int, tolerated: int) -> None:
        """Of two thousand strings that a program draws, at most so many hold too many words by chance."""
        draw = random.Random(7)  # noqa: S311 - the same ones each time
        drawn = ["".join(draw.choices(symbols, k=size)) for _ in range(2000)]

        assert len([password for password in drawn if _refused(password)]) <= tolerated


class TestReadings:
    """A text is read as a person would read it."""

    def test_signs_case_and_accents_are_left_out(self) -> None:
        """One reading, if no digit stands for a letter."""
        assert readings("L'\u00c9t\u00e9 \u00e0 la-mer") == ("letealamer",)

    def test_digits_are_read_as_the_letters_that_they_look_like(self) -> None:
        """As it stands; a one is an i, or an l; signs are letters, too."""
        assert readings("P@1n!") == ("p1n", "pin", "pln", "paini", "palnl")

    @given(st.text(max_size=20))
    def test_no_reading_is_longer_than_the_text(self, text: str) -> None:
        """Whatever one symbol unfolds to, the work is bounded by what was typed."""
        assert all(len(reading) <= len(text) for reading in readings(text))

    @given(st.lists(st.sampled_from(_WORDS), max_size=5).map("".join))
    def test_nothing_is_left_of_words(self, text: str) -> None:
        """However they run into each other."""
        assert least_left(text, common_words()) == 0

    def test_as_little_is_left_as_possible(self) -> None:
        """The longest word first would leave more: six letters of these."""
        assert least_left("soleilangelique", common_words()) == 0
        assert least_left("xsoleilyz", common_words()) == 3


class TestCost:
    """Who judges no password pays nothing."""

    def test_importing_reads_no_list(self) -> None:
        """The lists are read when the first password is judged."""
        program = "import coproauth; from coproauth.core import common_words as c; print(c.common_words.cache_info())"

        run = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)  # noqa: S603

        assert "currsize=0" in run.stdout
