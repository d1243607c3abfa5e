"""The page on performance shows what is measured."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.benchmarks.conditions import DISTRIBUTIONS, conditions
from tests.benchmarks.contestants import ENTRIES, OURS
from tests.benchmarks.performance import ROWS

_PAGE = (Path(__file__).parents[2] / "docs" / "explanation" / "performance.md").read_text("utf-8")
_SECTION = _PAGE.partition("\n## Beside others\n")[2].partition("\n## ")[0]
_ROW = re.compile(r"^\| (?P<name>[^|]*?) \|(?P<cells>.+)\| (?P<aim>[^|]*?) ?\|$", re.MULTILINE)
_BOLD = re.compile(r"\*\*(.+?)\*\*")
_FIGURE = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?: (?P<unit>µs|ms))?")
_UNITS = {"µs": 1e-6, "ms": 1e-3, None: 1.0}  # seconds, or plain numbers
_OVER_SQLITE = """
from coproauth.adapters.sqlalchemy import SqlAudit, SqlStore, StandaloneDirectory, sql_engine
engine = sql_engine("sqlite://")
store, directory, audit = SqlStore(engine), StandaloneDirectory(engine), SqlAudit(engine)
store.create_tables()
"""
_IN_MEMORY = """
from coproauth.adapters.memory import MemoryAudit, MemoryDirectory, MemoryStore
store, directory, audit = MemoryStore(), MemoryDirectory(), MemoryAudit()
"""
_LOG_IN = """
from coproauth import Argon2Parameters, Manager, Policy, Source
from coproauth.adapters.memory import MemoryMailer
policy = Policy(
    require_email_proof=False, argon2=Argon2Parameters.unsafe_only_for_tests(), unsafe_cheap_hashes=True
)
auth = Coproauth(
    store=store, directory=directory, audit=audit, mailer=MemoryMailer(), policy=policy,
    secret_keys=["the key of a test, 0123456789 abcdefghij"], portal_url="https://app.example.fr",
)
house = directory.add_condominium(name="Les Tilleuls", portfolio_id="north")
contact = directory.add_contact(directory.add_account(house.id, label="Lot 1").id, name="Jeanne Roux")
code = auth.activation.issue(contact.id, by=Manager(id="m", portfolio_id="north")).code
who = {"email": "jeanne@example.fr", "password": "deux loutres dans la cour", "source": Source(address="192.0.2.1")}
auth.activation.activate(code=code, **who)
auth.login.session(auth.login.log_in(**who).token)
print("let in, late:", sorted(set(sys.modules) - before))
"""
_MEASURED = re.compile(r"^Measured by `(?P<command>[^`]+)`: (?P<versions>.+)\.$", re.MULTILINE)
_AGAIN = re.compile(r"^TMPDIR=.*python -m tests\.benchmarks .*--only peers.*$", re.MULTILINE)


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


def test_our_rows_of_imports_count_all_that_a_log_in_loads() -> None:
    """What is loaded later would be missing in the figure."""
    for imports, wiring in ((OURS.imports, _OVER_SQLITE), (OURS.imports_alone, _IN_MEMORY)):
        program = f"{imports}\nimport sys\nbefore = set(sys.modules)\n{wiring}\n{_LOG_IN}"

        run = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)  # noqa: S603

        assert run.stdout == "let in, late: []\n"


def test_the_table_says_what_it_was_measured_with() -> None:
    """Without versions nobody could tell what has changed since."""
    told = _MEASURED.search(_SECTION)

    assert told
    measured = {one.partition(" ")[0] for one in told["versions"].split(", ")}
    assert measured == {*DISTRIBUTIONS, "SQLite", "Python", "PostgreSQL"}


def test_the_command_of_the_table_is_the_one_that_measures_it_again() -> None:
    """Another one would measure something else."""
    told = _MEASURED.search(_SECTION)

    assert told
    assert told["command"] in _AGAIN.findall(_PAGE)


def test_what_is_printed_below_the_table_is_what_the_page_is_read_by() -> None:
    """The line is pasted as it was printed."""
    told = _MEASURED.fullmatch(conditions(postgresql="15.6"))

    assert told
    assert told["versions"].endswith(", PostgreSQL 15.6")


def test_every_aim_that_is_not_met_is_named_and_no_other() -> None:
    """What the figures say of our aims, and what the text says of them, is the same."""
    _, _, *rows = _table()
    told = _SECTION.partition("\nAims not met in this run:\n")[2].partition("\nHow it is measured:\n")[0]

    missed = [row["name"] for row in rows if not _is_met(row)]

    assert sorted(_BOLD.findall(told)) == sorted(missed)
