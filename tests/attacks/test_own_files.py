"""Attacks through files: lists of contacts, lists of codes, the configuration."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.commands.importing import HEADER, codes_in, names_in, write
from tests.installation import KEY, Installation

from coproauth import ConfigurationError

_FORMULAS = (
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "=cmd|'/C calc'!A0",
    "\uff1d1",
    '=HYPERLINK("https://evil.example")',
)


@pytest.fixture
def ready(tmp_path: Path) -> Installation:
    """An installation on SQLite, its tables made."""
    installation = Installation(tmp_path, "sqlite:///portal.sqlite3")
    installation.configure()
    assert installation.run("schema", "create") == 0
    return installation


@pytest.mark.parametrize("column", ["portfolio", "condominium", "account", "contact"])
def test_x18_no_column_of_the_codes_is_a_formula(ready: Installation, column: str) -> None:
    """Whoever named anything in a list of contacts does not have a spreadsheet send the codes beside it."""
    place = HEADER.split(";").index(column)
    codes = ready.folder / "codes.csv"
    lines = []
    for number, formula in enumerate(_FORMULAS):
        cells = ["cabinet-1", f"Résidence {number}", f"Lot {number}", f"Contact {number}", ""]
        cells[place] = formula.replace('"', '""').join('""')
        lines.append(";".join(cells))

    ready.run("import", str(write(ready, *lines)), "--codes", str(codes))

    rows = codes_in(codes)
    assert rows
    assert [row for row in rows for cell in row.values() if cell.startswith(tuple("=+-@\t\r\uff1d"))] == []


def test_x18_a_list_of_codes_that_is_imported_by_mistake_runs_nothing(ready: Installation) -> None:
    """Its columns are not those of contacts all the way: nothing in it becomes a name that somebody reads."""
    codes = ready.folder / "codes.csv"
    ready.run("import", str(write(ready, "cabinet-1;Lilas;Lot;=1+1;")), "--codes", str(codes))

    status = ready.run("import", str(codes))

    assert status == 1
    assert names_in(ready) == ["=1+1"]


@pytest.mark.parametrize(
    "hostile",
    [
        'table_prefix = "x; DROP TABLE y; --"',
        'table_prefix = "a\\"b"',
        '[smtp]\nhost = "h\\r\\nRCPT TO:<eve@example.org>"\nsender = "a@example.fr"',
        '[smtp]\nhost = "h"\nsender = "a@example.fr\\r\\nBcc: eve@example.org"',
        '[smtp]\nhost = "h"\nsender = "a@example.fr"\nsender_name = "x\\r\\nBcc: eve@example.org"',
        "[policy]\nepoch = -1",
        "[policy]\npassword_min_length = 7",
        "[policy]\nsession_lifetime = inf",
        "[policy]\nclock_leeway = 1e9",
        "[policy]\nreset_link_lifetime = 31_536_000",
        "[policy.argon2]\nmemory_cost = 8\ntime_cost = 1\nparallelism = 1",
    ],
    ids=ascii,
)
def test_x19_a_configuration_that_would_open_a_door_is_refused(tmp_path: Path, hostile: str) -> None:
    """Nothing that stands in the file ends up in a statement, in a header, or below a limit that protects people."""
    installation = Installation(tmp_path, "sqlite:///portal.sqlite3")
    installation.configure(hostile)

    with pytest.raises(ConfigurationError) as refused, installation.open() as configuration:
        configuration.schema()

    assert "eve@example.org" not in str(refused.value)


def test_x19_a_key_that_stands_in_the_file_is_not_told(tmp_path: Path) -> None:
    """A short key is refused without being shown."""
    installation = Installation(tmp_path, "sqlite:///portal.sqlite3")
    installation.configure()
    assert installation.run("schema", "create") == 0
    configured = installation.file.read_text("utf-8")
    installation.file.write_text(configured.replace(KEY, "hunter2"), "utf-8")

    with installation.open() as configuration, pytest.raises(ConfigurationError) as refused:
        configuration.wire()

    assert "hunter2" not in str(refused.value)
