"""The page on performance shows what is measured."""

from __future__ import annotations

import re
from pathlib import Path

from tests.benchmarks.contestants import ENTRIES, OURS
from tests.benchmarks.performance import ROWS

_PAGE = (Path(__file__).parents[2] / "docs" / "explanation" / "performance.md").read_text("utf-8")
_SECTION = _PAGE.partition("\n## Beside others\n")[2].partition("\n## ")[0]
_ROW = re.compile(r"^\| (?P<name>[^|]*?) \|(?P<cells>.+)\| (?P<aim>[^|]*?) ?\|$", re.MULTILINE)
_BOLD = re.compile(r"\*\*(.+?)\*\*")
_FIGURE = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?: (?P<unit>µs|ms))?")
_UNITS = {"µs": 1e-6, "ms": 1e-3, None: 1.0}  # seconds, or plain numbers


def _table() -> list[re.Match[str]]:
    return list(_ROW.finditer(_SECTION))


def _figures(row: re.Match[str]) -> dict[str, float]:
    """Return the figures of a row, by whose they are."""
    cells = [cell.strip() for cell in row["cells"].split("|")]
    return {entry.name: _value(cell) for entry, cell in zip(ENTRIES, cells, strict=True) if cell != "-"}


def _value(cell: str) -> float:
    """Return a figure, in seconds if it is a time; of ours the one in front of what it lies between."""
    found = _FIGURE.match(cell.removeprefix("**"))
    assert found, cell
    return float(found["number"]) * _UNITS[found["unit"]]


def _is_met(row: re.Match[str]) -> bool:
    """Whether our figure is within the aim; nothing is aimed at in a row without one."""
    if not row["aim"]:
        return True
    sign, _, aim = row["aim"].partition(" ")
    figures = _figures(row)
    limit = _value(aim.removesuffix(" of bare")) * (figures["bare"] if aim.endswith(" of bare") else 1)
    return {"≤": figures[OURS.name] <= limit, "≥": figures[OURS.name] >= limit}[sign]


def test_the_table_names_every_row_with_its_aim_and_no_other() -> None:
    """A row that was left out would hide what it says."""
    _, _, *rows = _table()

    assert [(row["name"], row["aim"]) for row in rows] == [(row.name, row.aim) for row in ROWS]


def test_the_table_has_a_column_for_everybody() -> None:
    """Whoever was not installed when it was measured is missing here."""
    header, *_ = _table()

    columns = [column.strip().removesuffix(", 95 %") for column in header["cells"].split("|")]

    assert columns == [entry.name for entry in ENTRIES]


def test_every_aim_that_is_not_met_is_named_and_no_other() -> None:
    """What the figures say of our aims, and what the text says of them, is the same."""
    _, _, *rows = _table()
    told = _SECTION.partition("\nAims not met in this run:\n")[2].partition("\nHow it is measured:\n")[0]

    missed = [row["name"] for row in rows if not _is_met(row)]

    assert sorted(_BOLD.findall(told)) == sorted(missed)
