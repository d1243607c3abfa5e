"""The frame of every command: what it loads, and how it tells that something could not be done."""

from __future__ import annotations

import argparse
import subprocess
import sys

import pytest
from tests.installation import Installation

from coproauth import ConfigurationError, Unavailable, cli
from coproauth.commands import schema
from coproauth.errors import Outage

COPROAUTH = (sys.executable, "-m", "coproauth")
SHOW = ("schema", "show", "--engine", "sqlite")
HEAVY = ("sqlalchemy", "redis", "uvicorn", "starlette", "jinja2", "tqdm", "hypothesis")


def test_the_help_loads_nothing_heavy() -> None:
    """It works with the library alone, and at once."""
    script = f"""
import sys
from coproauth import cli
try:
    cli.main(["--help"])
except SystemExit as ended:
    assert ended.code == 0
print("LOADED", [name for name in {HEAVY} if name in sys.modules])
"""
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)  # noqa: S603

    assert answer.stdout.splitlines()[-1] == "LOADED []"
    assert all(command.HELP.split()[0] in answer.stdout for command in cli.COMMANDS)


def test_every_name_is_there_once() -> None:
    """Each command can be reached."""
    names = [command.NAME for command in cli.COMMANDS]

    assert len(set(names)) == len(names)


def test_a_missing_extra_is_named(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever installed the library alone is told what to install."""
    monkeypatch.setitem(sys.modules, "pymysql", None)
    other = Installation(installation.folder, "mariadb://127.0.0.1:1/portail")
    other.configure()

    status = other.run("schema", "check")

    errors = capsys.readouterr().err
    assert status == 1
    assert "pymysql" in errors
    assert "pip install 'coproauth[postgres,mariadb,redis,legacy-hashes]'" in errors


def test_a_missing_part_of_the_library_is_no_missing_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """That is a fault of ours, and its trace is wanted."""
    monkeypatch.setitem(sys.modules, "coproauth.configuration", None)

    with pytest.raises(ModuleNotFoundError):
        cli.main(["schema", "check"])


@pytest.mark.parametrize("reason", [*Unavailable.reasons, "away_elsewhere"])
def test_every_outage_is_told_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], reason: Outage
) -> None:
    """The operator is not shown a trace for what passes, also where an adapter of the host names it."""
    monkeypatch.setattr(schema, "run", _raising(Unavailable(reason=reason)))

    status = cli.main(["schema", "check"])

    errors = capsys.readouterr().err
    assert status == 1
    assert errors.endswith(".\n")
    assert errors.count("\n") == 1


def test_a_wrong_configuration_is_told_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the library words it."""
    monkeypatch.setattr(schema, "run", _raising(ConfigurationError("the key is short")))

    status = cli.main(["schema", "check"])

    assert (status, capsys.readouterr().err) == (1, "the key is short\n")


def test_ctrl_c_is_quiet(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """It ends with the status that shells give to it."""
    monkeypatch.setattr(schema, "run", _raising(KeyboardInterrupt()))

    status = cli.main(["schema", "check"])

    assert (status, *capsys.readouterr()) == (130, "", "")


def test_what_nobody_reads_is_no_error() -> None:
    """As behind ``| head``."""
    with subprocess.Popen([*COPROAUTH, *SHOW], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:  # noqa: S603
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        errors = process.stderr.read()

    assert (process.returncode, errors) == (1, b"")


def test_a_terminal_may_lack_letters(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """An old one shows their numbers."""
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")

    command = [*COPROAUTH, "doctor", "--config", str(installation.file)]
    answer = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - ours

    assert (answer.returncode, answer.stderr) == (1, b"")
    assert b"FAIL smtp: not configured \\u2192 " in answer.stdout


def _raising(error: BaseException) -> object:
    """Return a command that fails."""

    def run(_: argparse.Namespace) -> int:
        raise error

    return run
