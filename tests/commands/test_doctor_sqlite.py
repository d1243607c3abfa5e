"""``coproauth doctor`` on a SQLite file: whether it is there, and for whom."""

from __future__ import annotations

import attrs
import pytest
from tests.installation import Installation

from coproauth.adapters.sqlalchemy import StandaloneDirectory, sqlite_engine


def _findings(installation: Installation, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return what the doctor finds wrong with database and outbox."""
    capsys.readouterr()
    installation.run("doctor")
    subjects = ("FAIL database", "FAIL outbox")
    return [line for line in capsys.readouterr().out.splitlines() if line.startswith(subjects)]


def test_a_file_that_is_not_there_is_told_and_not_created(
    installation: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    """The path may be mistyped: an empty database in its place would hide the one that holds everything."""
    path = installation.folder / "portal.sqlite3"

    findings = _findings(installation, capsys)

    advice = "correct database in the configuration; for a new installation run 'coproauth schema create'"
    assert findings == [
        f"FAIL database: there is no file {path} → {advice}",
        "FAIL outbox: it cannot be read → repair the database first",
    ]
    assert not path.exists()


def test_a_file_that_others_can_read_is_told(installation: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    """Every program on the machine could copy hashes and addresses."""
    path = installation.folder / "portal.sqlite3"
    installation.run("schema", "create")
    path.chmod(0o644)

    findings = _findings(installation, capsys)

    assert findings == [f"FAIL database: others can read {path} → chmod o= {path}*"]


@pytest.mark.parametrize("suffix", ["-wal", "-shm"])
def test_a_log_that_others_can_read_is_told(
    installation: Installation, capsys: pytest.CaptureFixture[str], suffix: str
) -> None:
    """What was written last is in the log beside the file, and there alone until it is moved over.

    Something is written first, because SQLite mends the rights of an empty log by itself.
    """
    path = installation.folder / "portal.sqlite3"
    installation.run("schema", "create")
    engine = sqlite_engine(path)
    StandaloneDirectory(engine).add_condominium(name="Les Tilleuls", portfolio_id="north")
    path.with_name(f"{path.name}{suffix}").chmod(0o644)

    findings = _findings(installation, capsys)

    engine.dispose()
    assert findings == [f"FAIL database: others can read {path}{suffix} → chmod o= {path}*"]


def test_a_path_that_no_file_can_have_is_told(installation: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    """What the system says of it ends no examination."""
    attrs.evolve(installation, database=f"sqlite:///{'p' * 300}").configure()

    findings = _findings(installation, capsys)

    assert [finding.split(":")[0] for finding in findings] == ["FAIL database", "FAIL outbox"]
