"""The pages of standards and threats name tests that exist, and every test that is named after a requirement is named.

``tests/standards/`` holds the tests that were written for a line of the page: ``test_v6_2_4_…`` for V6.2.4 of ASVS,
``test_cnil_…`` for a line of another table. A test elsewhere says in its sentence which line it shows, if any.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from pathlib import Path

import attrs
import pytest
from tests.docs.names import described_tests

_ROOT = Path(__file__).parents[2]
_PAGE = _ROOT / "docs" / "explanation" / "standards.md"
_LIST = _ROOT.parent / "shared" / "standards" / "asvs-5.0-applicable.csv"
_THREATS = _ROOT / "docs" / "explanation" / "threat-model.md"
_STATES = {"met", "met by the host", "deviation"}
_NAMED = re.compile(r"`([^`\s]+::[^`\s]+)`")
_QUOTED = re.compile(r"\bV(\d+\.\d+\.\d+)\b")
_PLACES = frozenset(described_tests())


@attrs.frozen(kw_only=True)
class _Line:
    """One line of the table of ASVS."""

    id: str
    level: str
    scope: str
    state: str
    how: str
    tests: tuple[str, ...]

    @property
    def number(self) -> tuple[int, ...]:
        """What lines are sorted by."""
        return tuple(int(part) for part in self.id.removeprefix("V").split("."))


def _section(heading: str) -> str:
    return _PAGE.read_text("utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def _cells(text: str, first: str) -> list[list[str]]:
    rows = [line.strip("|").split(" | ") for line in text.splitlines() if re.match(rf"\| {first}", line)]
    return [[cell.strip() for cell in row] for row in rows]


def _lines() -> list[_Line]:
    rows = _cells(_section("OWASP ASVS 5.0"), r"V\d")
    return [
        _Line(id=name, level=level, scope=scope, state=state, how=how, tests=tuple(_NAMED.findall(tests)))
        for name, level, scope, state, how, tests in rows
    ]


def _others() -> list[list[str]]:
    return [
        *_cells(_section("NIST SP 800-63B-4"), "§"),
        *_cells(_section("CNIL 2022-100"), r"(?!clause|subject|---)\w"),
    ]


@pytest.mark.parametrize("page", [_PAGE, _THREATS], ids=lambda page: page.stem)
def test_every_test_that_is_named_exists(page: Path) -> None:
    """Each is one that pytest would find under this name."""
    named = _NAMED.findall(page.read_text("utf-8"))

    assert named
    assert sorted(set(named) - _PLACES) == []


def test_every_line_is_there_once_and_in_order() -> None:
    """Its state is one of three words."""
    lines = _lines()

    assert len(lines) == 145
    assert [line.number for line in lines] == sorted({line.number for line in lines})
    assert {line.state for line in lines} | {row[2] for row in _others()} == _STATES


def test_the_lines_are_those_of_the_list() -> None:
    """With level and scope, where the list is at hand."""
    if not _LIST.exists():
        pytest.skip("the list of requirements is not part of this repository")

    with _LIST.open(encoding="utf-8") as file:
        listed = [(row["req_id"], row["level"], row["scope"]) for row in csv.DictReader(file)]

    assert [(line.id, line.level, line.scope) for line in _lines()] == listed


def test_what_is_met_is_shown_and_what_deviates_says_why() -> None:
    """A line about the library or the portal names a test; a reason is more than a word or two."""
    unshown = [line.id for line in _lines() if line.state == "met" and not line.tests]
    unreasoned = [line.id for line in _lines() if line.state != "met" and len(line.how) < 40]
    others = [row[1] for row in _others() if not row[3] or (row[2] == "met" and not _NAMED.findall(row[4]))]

    assert (unshown, unreasoned, others) == ([], [], [])


def test_what_must_be_written_down_is_linked() -> None:
    """A line of scope DOC that is met leads to the page, or is shown by a test of one."""
    unlinked = [line.id for line in _lines() if line.scope == "DOC" and line.state == "met" and "](" not in line.how]

    assert unlinked == []


def test_every_test_that_is_named_after_a_line_stands_in_it() -> None:
    """The way back: no test claims a requirement that the page does not let it show."""
    stated = {line.id: line.tests for line in _lines()}
    others = _NAMED.findall(_section("NIST SP 800-63B-4") + _section("CNIL 2022-100"))
    written = [place for place in _PLACES if place.startswith("tests/standards/")]

    lost = [place for place in written if place not in stated.get(_claimed(place), others)]

    assert written
    assert lost == []


def _claimed(place: str) -> str:
    """Return the line that a test is named after."""
    found = re.match(r"test_v(\d+)_(\d+)_(\d+)_", place.rpartition("::")[2])
    return f"V{'.'.join(found.groups())}" if found else ""


def test_every_test_that_quotes_a_line_stands_in_it() -> None:
    """Wherever it is: whoever writes "ASVS V" and a number into its sentence says that it shows that line."""
    stated = {line.id: line.tests for line in _lines()}
    quoted = [(f"V{line}", place) for place, said in described_tests().items() for line in _QUOTED.findall(said)]

    assert [(line, place) for line, place in quoted if place not in stated.get(line, ())] == []


def test_every_threat_has_a_mechanism_a_cost_and_a_test() -> None:
    """Of each actor, at least four threats."""
    sections = _THREATS.read_text("utf-8").split("\n| threat | mechanism | cost | shown by |\n")[1:]
    by_actor = [_cells(section.partition("\n## ")[0], r"(?!---)") for section in sections]

    assert min(map(len, by_actor)) >= 4
    assert [
        row for rows in by_actor for row in rows if not (all(row) and len(row) == 4 and _NAMED.search(row[3]))
    ] == []


def test_the_summary_counts_the_lines() -> None:
    """Of each level, how many are met."""
    counted = Counter((line.level, line.state) for line in _lines())
    summary = _cells(_PAGE.read_text("utf-8").partition("\n## ")[0], r"\d")

    for level, total, *states in summary:
        assert states == [str(counted[level, state]) for state in ("met", "met by the host", "deviation")]
        assert total == str(sum(map(int, states)))
    assert [row[0] for row in summary] == ["1", "2", "3"]
