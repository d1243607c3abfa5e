"""``coproauth doctor`` on a SQLite file: whether it is there, and for whom."""

from __future__ import annotations

import attrs
import pytest
from tests.installation import Installation


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


def test_a_path_that_no_file_can_have_is_told(installation: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    """What the system says of it ends no examination."""
    attrs.evolve(installation, database=f"sqlite:///{'p' * 300}").configure()

    findings = _findings(installation, capsys)

    assert [finding.split(":")[0] for finding in findings] == ["FAIL database", "FAIL outbox"]
