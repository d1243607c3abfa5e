"""The page that puts a portal online, followed to the letter in an empty folder."""

from __future__ import annotations

import csv
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from textwrap import dedent
from threading import Timer

import httpx2
import pytest

_PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "run_the_portal.md").read_text("utf-8")
_BLOCK = re.compile(r"^(?P<indent> +)```(?P<kind>\w+)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"\bWrite `([\w.]+)`")
_GOES_ON = ("uvicorn", "aiosmtpd", "coproauth deliver")  # what is left running
_FORM_TOKEN = re.compile(r'name="form_token" value="([^"]+)"')
_PATIENCE = 120  # seconds until what goes on is ended, whatever it has printed


class Follower:
    """Somebody who does what the section says: writes its files, runs its commands, and leaves running what goes on."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        """Take the environment along that the README makes, and ports that are free in place of those of the page."""
        self.folder = folder
        self.running: dict[str, subprocess.Popen[str]] = {}
        self._stack = stack
        self._ports = {port: str(_free_port()) for port in ("8000", "8025")}
        (folder / ".venv").symlink_to(sys.prefix)

    @property
    def address(self) -> str:
        """Where the portal is served."""
        return f"http://127.0.0.1:{self._ports['8000']}"

    def follow(self, section: str) -> None:
        """Do one block after the other."""
        end = 0
        for block in _BLOCK.finditer(section):
            text = re.sub("|".join(self._ports), lambda port: self._ports[port[0]], dedent(block["text"]))
            names = _FILE.findall(section[end : block.start()])
            end = block.end()
            if block["kind"] == "sh":
                self._run(text)
            else:
                (self.folder / names[-1]).write_text(text, "utf-8")

    def _run(self, commands: str) -> None:
        lines = [line for line in commands.splitlines() if " -m pip " not in line]  # the tests install nothing
        going_on = next((name for name in _GOES_ON if name in lines[-1]), None)
        if going_on is None:
            subprocess.run(["bash", "-ec", "\n".join(lines)], cwd=self.folder, check=True)  # noqa: S603, S607
            return
        self.running[going_on] = self._stack.enter_context(
            subprocess.Popen(  # noqa: S603
                ["bash", "-c", f"exec {lines[-1]}"],  # noqa: S607
                cwd=self.folder,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
        self._stack.callback(self.running[going_on].terminate)
        alarm = Timer(_PATIENCE, self.running[going_on].kill)
        alarm.start()
        self._stack.callback(alarm.cancel)

    def read_until(self, name: str, pattern: str) -> str:
        """Return what a program that goes on prints next that looks like this."""
        output = self.running[name].stdout
        assert output
        found = (re.search(pattern, line) for line in output)
        return next((match[1] for match in found if match), f"{name} has ended")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@pytest.fixture
def follower(tmp_path: Path) -> Iterator[Follower]:
    """One in an empty folder."""
    with ExitStack() as stack:
        yield Follower(tmp_path, stack)


@pytest.fixture
def post(follower: Follower) -> Iterator[Callable[..., str]]:
    """What sends a form of the portal, and returns the page that comes of it."""
    with httpx2.Client(
        base_url=follower.address, timeout=_PATIENCE, headers={"accept-language": "fr"}, follow_redirects=True
    ) as browser:

        def send(path: str, **fields: str) -> str:
            form = _FORM_TOKEN.search(browser.get("/forgotten-password").text)
            assert form
            return browser.post(path, data={"form_token": form[1], **fields}).text

        yield send


def test_a_portal_of_ones_own_opens_for_an_imported_contact(follower: Follower, post: Callable[..., str]) -> None:
    """From an empty folder to the home page of a person of the file, with the six digits that really came by mail."""
    section = _PAGE.partition("\n## Serve your own\n")[2].partition("\n## ")[0]

    follower.follow(section)
    follower.read_until("uvicorn", r"(Uvicorn running)")
    with (follower.folder / "codes.csv").open(encoding="utf-8-sig", newline="") as file:
        code = next(row["code"] for row in csv.DictReader(file, delimiter=";") if row["contact"] == "Claire Martin")
    typed = {"code": code, "email": "claire@example.org", "new_password": "un hérisson sous la rampe"}
    greeting, asked = post("/activate", code=code), post("/activate/login", **typed)
    before = re.search(r'name="typed_before" value="([^"]+)"', asked)
    assert before
    digits = follower.read_until("aiosmtpd", r"^\s*(\d{3} ?\d{3})\s*$")

    home = post("/activate/proof", **typed, typed_before=before[1], email_code=digits)

    assert "Claire Martin" in greeting
    assert "Bienvenue" in home
    assert "Résidence Les Lilas" in home
