"""The page on performance shows what is measured."""

from __future__ import annotations

import re
from pathlib import Path

from tests.benchmarks.contestants import ENTRIES
from tests.benchmarks.performance import ROWS

_PAGE = (Path(__file__).parents[2] / "docs" / "explanation" / "performance.md").read_text("utf-8")
_ROW = re.compile(r"^\| (?P<name>[^|]*?) \|(?P<cells>.+)\| (?P<aim>[^|]*?) ?\|$", re.MULTILINE)


def _table() -> list[re.Match[str]]:
    return list(_ROW.finditer(_PAGE.partition("\n## Beside others\n")[2].partition("\n## ")[0]))


def test_the_table_names_every_row_with_its_aim_and_no_other() -> None:
    """A row that was left out would hide what it says."""
    _, _, *rows = _table()

    assert [(row["name"], row["aim"]) for row in rows] == [(row.name, row.aim) for row in ROWS]


def test_the_table_has_a_column_for_everybody() -> None:
    """Whoever was not installed when it was measured is missing here."""
    header, *_ = _table()

    columns = [column.strip().removesuffix(", 95 %") for column in header["cells"].split("|")]

    assert columns == [entry.name for entry in ENTRIES]
