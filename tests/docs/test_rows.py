"""Every attack that others fell to, and every case of this domain, has a test that is named after it.

``test_a49_d17_…`` shows row A-49 of the attacks and row D-17 of the cases; ``test_x01_…`` an attack of our own.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.docs.names import named_tests

_STANDARDS = Path(__file__).parents[2].parent / "shared" / "standards"
_ROWS = re.compile(r"test_(?P<rows>(?:[adx]\d\d_)+)")

ATTACKS = frozenset(
    f"A-{number:02}"
    for number in (
        *(1, 2, 5, 6, 7, 8, 10, 11, 12, 15, 16, 17, 18, 19, 22, 23, 24, 26, 27, 29, 30, 31, 32, 33, 34, 35, 37, 38, 39),
        *(40, 42, 44, 46, 48, 49, 50, 53, 54, 55, 57, 59, 62, 63, 64, 65, 66, 67, 69, 70, 72, 74, 75, 76, 77, 80, 81),
        *(82, 83, 84, 87),
    )
)
CASES = frozenset(f"D-{number:02}" for number in range(1, 36)) - {"D-21", "D-27", "D-33"}


def shown() -> set[str]:
    """Return the rows that the names of the tests begin with."""
    begun = (_ROWS.match(name) for name in named_tests())
    rows = {row for found in begun if found for row in found["rows"].strip("_").split("_")}
    return {f"{row[0].upper()}-{row[1:]}" for row in rows}


def test_every_row_is_shown_and_no_other() -> None:
    """A row without a test fails here, and so does a test whose row is gone."""
    rows = {row for row in shown() if not row.startswith("X")}

    assert rows == ATTACKS | CASES


@pytest.mark.parametrize(("file", "rows"), [("attacks.md", ATTACKS), ("domain-cases.md", CASES)])
def test_the_rows_are_those_of_the_lists(file: str, rows: frozenset[str]) -> None:
    """What is listed here is what stands in the lists, where they are at hand."""
    if not _STANDARDS.exists():
        pytest.skip("the lists of attacks and cases are not part of this repository")

    listed = re.findall(r"^\| ([AD]-\d\d) \|", (_STANDARDS / file).read_text("utf-8"), re.MULTILINE)

    assert set(listed) == rows
    assert len(listed) == len(rows)


def test_every_attack_of_our_own_is_told_and_no_other() -> None:
    """The page lists what the tests try, in the order of its numbers."""
    page = (Path(__file__).parents[2] / "docs" / "explanation" / "attacks.md").read_text("utf-8")
    told = re.findall(r"^\| (X-\d\d) \|", page, re.MULTILINE)

    assert told == sorted(row for row in shown() if row.startswith("X"))
