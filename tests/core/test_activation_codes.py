"""The code in the letter: what is accepted, what is caught."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from pathlib import Path
from typing import TypedDict, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coproauth import ActivationRefused, InvalidInput, Refused
from coproauth.core.activation_codes import ALPHABET, ActivationCode
from coproauth.testing.strategies import (
    activation_codes,
    hostile_text,
    hostile_values,
    malformed_activation_codes,
    spellings_of,
)

_SHARED = Path(__file__).parents[2].parent / "shared" / "data" / "activation_code_vectors.json"
_ONE = "FR23-R1AV-ZZEQ-KSGG"


class _Alias(TypedDict):
    typed: str
    code: str


class _Vectors(TypedDict):
    valid: list[str]
    aliases: list[_Alias]
    invalid: list[str]


def _vectors() -> _Vectors:
    if not _SHARED.exists():
        pytest.skip("the long list of vectors is not part of this repository; the ones in this file are tested")
    return cast(_Vectors, json.loads(_SHARED.read_text(encoding="utf-8")))


def _is_code_or_refused(typed: object) -> bool:
    """Whether the answer is a code that reads as itself, or a refusal that names its reason."""
    try:
        code = ActivationCode.parse(typed)
    except Refused as refusal:
        return refusal.reason in {"unknown_code", "wrong_type", "too_long"}
    return ActivationCode.parse(str(code)) == code


class TestVectors:
    """Every implementation agrees on these codes."""

    def test_valid_codes_are_read_and_printed_unchanged(self) -> None:
        """A printed code reads as itself."""
        for code in _vectors()["valid"]:
            assert str(ActivationCode.parse(code)) == code

    def test_d32_aliases_are_read_as_the_code_they_stand_for(self) -> None:
        """D-32: O/0, I/l/1, lower case, spaces and any dash are accepted."""
        for alias in _vectors()["aliases"]:
            assert str(ActivationCode.parse(alias["typed"])) == alias["code"]

    def test_invalid_codes_are_refused_by_name(self) -> None:
        """What is no code reads as an unknown one, or as too long to be looked at."""
        for typed in _vectors()["invalid"]:
            with pytest.raises((ActivationRefused, InvalidInput)):
                ActivationCode.parse(typed)

    @pytest.mark.parametrize("code", [_ONE, "459T-DEWG-17X2-1770", "33T6-3CJ0-MHYY-D0CZ"])
    def test_own_valid_codes(self, code: str) -> None:
        """A printed code reads as itself, also where the long list of vectors is missing."""
        assert str(ActivationCode.parse(code)) == code

    @pytest.mark.parametrize(
        "typed",
        [
            "fr23r1avzzeqksgg",
            "  FR23 \u2013 RIAV \u2013 ZZEQ \u2013 KSGG\t",
            "FR23\u00a0RlAV\u00a0ZZEQ\u00a0KSGG",
            "FR23\u2212R1AV\u2014ZZEQ\u2010KSGG",
        ],
    )
    def test_d32_own_aliases(self, typed: str) -> None:
        """D-32: O/0, I/l/1, lower case, spaces and any dash are accepted."""
        assert str(ActivationCode.parse(typed)) == _ONE

    @pytest.mark.parametrize(
        "typed",
        [
            "",
            "FR23",
            "FR23-R1AV-ZZEQ-KSG",
            "FR23-R1AV-ZZEQ-KSGGG",
            "FR23-R1AV-ZZEQ-KSGU",
            "FR23-R1AV-ZZEQ-KSGH",
            "RF23-R1AV-ZZEQ-KSGG",
            "FR23_R1AV_ZZEQ_KSGG",
            "\uff26R23-R1AV-ZZEQ-KSGG",
            "FR2\u0663-R1AV-ZZEQ-KSGG",
            "FR23-R1AV-ZZEQ-KSG\u0261",
            "FR23-R1AV-ZZEQ-KSGG\x00",
            "FR23-R1AV-ZZEQ-KSGG\u200b",
        ],
    )
    def test_d32_own_invalid_codes(self, typed: str) -> None:
        """What is no code reads as an unknown one: a wrong length, symbol, check, or look-alike script."""
        with pytest.raises(ActivationRefused) as refusal:
            ActivationCode.parse(typed)

        assert refusal.value.reason == "unknown_code"


class TestReading:
    """A code is read as a person types it, and nothing else is."""

    @given(st.data())
    def test_what_is_drawn_is_read_back(self, data: st.DataObject) -> None:
        """parse(str(draw(…))) is the code that was drawn."""
        code = ActivationCode.draw(lambda size: data.draw(st.binary(min_size=size, max_size=size)))

        assert ActivationCode.parse(str(code)) == code

    @given(st.data())
    def test_d32_spelling_does_not_matter(self, data: st.DataObject) -> None:
        """D-32: case, separators and the usual misreadings change nothing."""
        code = data.draw(activation_codes())
        typed = data.draw(spellings_of(code))

        assert str(ActivationCode.parse(typed)) == code

    @given(malformed_activation_codes())
    def test_a_slip_is_caught(self, typed: str) -> None:
        """A wrong symbol, swapped neighbours, one too few or too many, and a U are refused."""
        with pytest.raises(ActivationRefused):
            ActivationCode.parse(typed)

    @given(hostile_values() | hostile_text())
    def test_anything_else_is_refused_by_name(self, typed: object) -> None:
        """Whatever arrives, the answer is a code or a named refusal."""
        assert _is_code_or_refused(typed)

    @pytest.mark.parametrize("size", [65, 10_000_000])
    def test_length_is_looked_at_before_anything_else(self, size: int) -> None:
        """More than 64 code points are refused as too long, ten megabytes of separators too."""
        with pytest.raises(InvalidInput) as refusal:
            ActivationCode.parse("-" * size)

        assert (refusal.value.field, refusal.value.reason) == ("code", "too_long")

    @pytest.mark.parametrize("typed", [None, 1, 1.5, b"FR23-R1AV-ZZEQ-KSGG", ["FR23"], {}])
    def test_only_text_is_read(self, typed: object) -> None:
        """Another type than text is refused as such."""
        with pytest.raises(InvalidInput) as refusal:
            ActivationCode.parse(typed)

        assert (refusal.value.field, refusal.value.reason) == ("code", "wrong_type")


class TestCheckSymbol:
    """Every single wrong symbol and every swap of neighbours is caught."""

    @given(activation_codes())
    def test_every_wrong_symbol_is_caught(self, code: str) -> None:
        """None of the 496 codes that differ in one symbol is a code."""
        symbols = code.replace("-", "")

        for place, other in itertools.product(range(16), ALPHABET):
            if symbols[place] != other:
                with pytest.raises(ActivationRefused):
                    ActivationCode.parse(symbols[:place] + other + symbols[place + 1 :])

    @given(activation_codes())
    def test_every_swap_of_neighbours_is_caught(self, code: str) -> None:
        """None of the 15 codes with two different neighbours swapped is a code, the check symbol included."""
        symbols = code.replace("-", "")

        for place in range(15):
            if symbols[place] != symbols[place + 1]:
                swapped = symbols[:place] + symbols[place + 1] + symbols[place] + symbols[place + 2 :]
                with pytest.raises(ActivationRefused):
                    ActivationCode.parse(swapped)


class TestDrawing:
    """Codes are drawn evenly, and drawn again where the check has no symbol."""

    def test_every_symbol_is_drawn_as_often(self) -> None:
        """The 256 values of a byte give each of the 32 symbols eight times."""
        draws = iter([bytes(14) + bytes([value]) for value in range(256)])

        last_symbols = Counter(str(ActivationCode.draw(lambda _: next(draws)))[-2] for _ in range(256))

        assert last_symbols == dict.fromkeys(ALPHABET, 8)

    def test_a_draw_whose_check_has_no_symbol_is_drawn_again(self) -> None:
        """A remainder of 32 to 36 is no symbol's; the next draw is taken."""
        remainder_32 = bytes([0] * 13 + [1, 0])
        good = bytes(15)
        draws = iter([remainder_32, good])

        code = ActivationCode.draw(lambda _: next(draws))

        assert str(code) == "0000-0000-0000-0000"
        assert list(draws) == []

    def test_a74_the_code_is_not_in_its_repr(self) -> None:
        """A code in a log line or a traceback opens nothing (A-74)."""
        assert "FR23" not in repr(ActivationCode.parse(_ONE))
