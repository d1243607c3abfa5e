"""The command: what it prints, what it serves, and how it ends."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path
from urllib.request import urlopen

import pytest
import uvicorn

from coproauth import __version__, cli
from coproauth.portal import demo as demonstration
from coproauth.portal.demo import app as application
from coproauth.testing.sandbox import cheap_policy


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """``coproauth --version`` prints the package's own."""
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])

    assert ended.value.code == 0
    assert capsys.readouterr().out == f"coproauth {__version__}\n"


def test_without_a_command_the_help_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing to do is a misuse, and says what there is."""
    assert cli.main([]) == 2
    assert "demo" in capsys.readouterr().out


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever installed the library alone is told what to install."""
    monkeypatch.setitem(sys.modules, "uvicorn", None)

    assert cli.main(["demo"]) == 1
    assert "pip install 'coproauth[portal]'" in capsys.readouterr().err


def test_a_port_in_use_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """No traceback, and the way out."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        status = cli.main(["demo", "--port", str(port), "--database", str(tmp_path / "demo.sqlite3")])

    errors = capsys.readouterr().err
    assert status == 1
    assert "--port" in errors
    assert errors.count("\n") == 1
    assert not any(tmp_path.iterdir())


def test_a_reset_starts_over(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The database and its key are made anew; without the option they are kept."""
    database = tmp_path / "demo.sqlite3"
    monkeypatch.setattr(demonstration, "open_demo", partial(demonstration.open_demo, policy=cheap_policy()))
    monkeypatch.setattr(uvicorn.Server, "run", _interrupted)
    keys = []
    for extra in ([], [], ["--reset"]):
        assert cli.main(_arguments(tmp_path, *extra)) == 0
        keys.append(database.with_name("demo.sqlite3.key").read_bytes())

    assert keys[0] == keys[1] != keys[2]
    assert capsys.readouterr().out.count("Stopped.") == 3


def _arguments(tmp_path: Path, *more: str) -> list[str]:
    return ["demo", "--port", "0", "--database", str(tmp_path / "demo.sqlite3"), *more]


@pytest.mark.parametrize("port", ["70000", "-1", "65536", "8000x", "", "9" * 5000])
def test_what_is_no_port_is_told(capsys: pytest.CaptureFixture[str], port: str) -> None:
    """The command is misused, and the sentence says what a port is."""
    with pytest.raises(SystemExit) as ended:
        cli.main(["demo", f"--port={port}"])

    assert ended.value.code == 2
    assert "a port is a number from 0 to 65535" in capsys.readouterr().err


@pytest.mark.parametrize("database", ["", "/", "..", "."])
def test_what_names_no_file_is_told(capsys: pytest.CaptureFixture[str], database: str) -> None:
    """A folder's own name is no place for a database."""
    with pytest.raises(SystemExit) as ended:
        cli.main(["demo", f"--database={database}"])

    assert ended.value.code == 2
    assert "names no file" in capsys.readouterr().err


@pytest.mark.parametrize("database", ["missing/demo.sqlite3", "folder", "letter.txt", "letter.txt/demo", "x" * 300])
def test_a_database_that_cannot_be_used_is_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, database: str
) -> None:
    """One sentence that names the file, and no traceback."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "letter.txt").write_text("to be kept, and long enough to be read as the head of a file" * 20)

    status = cli.main(["demo", "--port", "0", "--database", str(tmp_path / database)])

    errors = capsys.readouterr().err
    assert status == 1
    assert errors.startswith(f"The database {tmp_path / database} ")
    assert errors.count("\n") == 1


def test_ctrl_c_while_preparing_is_quiet(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """It ends with the status that shells give to Ctrl-C, and leaves nothing behind."""
    monkeypatch.setattr(application, "seed", _interrupted)

    assert cli.main(_arguments(tmp_path)) == 130
    assert capsys.readouterr().err == ""
    assert not any(tmp_path.iterdir())


def _interrupted(*_: object, **__: object) -> None:
    """Stand in for what Ctrl-C stops at once."""
    raise KeyboardInterrupt


def test_the_demonstration_serves_and_ends_on_ctrl_c(tmp_path: Path) -> None:
    """The real command, with real hashes: it prints its address, answers there, and ends cleanly on SIGINT."""
    arguments = [sys.executable, "-m", "coproauth", "demo", "--port", "0", "--database", str(tmp_path / "demo.sqlite3")]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603
        assert process.stdout
        printed = "".join(iter(process.stdout.readline, "Ctrl-C ends it.\n"))
        address = re.search(r"Portal +(http://127\.0\.0\.1:\d+/)", printed)
        assert address
        with urlopen(f"{address[1]}login", timeout=30) as answer:  # noqa: S310 - our own server on loopback
            page = answer.read().decode()
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=60)

    assert "Se connecter" in page
    assert "marc.dubois@example.com" in printed
    assert rest.strip().startswith("Stopped.")
    assert (process.returncode, errors) == (0, "")
