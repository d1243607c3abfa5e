"""What hydra, a common tool for guessing passwords, gets out of the demonstration: a bounded run, on loopback."""

from __future__ import annotations

import re
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from shutil import which

import attrs
import httpx2
from tests.benchmarks.measuring import show
from tests.servers import HOST, eventually, free_port

GUESSES = 2000
ADDRESSES = 20
EMAIL, PASSWORD = "paul.fontaine@example.com", "trois parapluies mauves"

_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
_TOKEN = re.compile(r'name="form_token" value="([^"]+)"')
_SHOWN, _OPENED, _REFUSED, _WAIT = 200, 303, 422, 429
_PAUSE = 2.0  # seconds between two log-ins of the owner
_LONGEST = 900  # seconds of one run


def brute_force() -> None:
    """Guess at one login from one address, then from many, while its owner goes on logging in."""
    if which("hydra") is None:
        sys.stdout.write("\nhydra is not installed: nothing was guessed.\n")
        return
    header = (
        "from",
        "guesses",
        "reached a verdict",
        "told to wait",
        "opened",
        "owner, known browser",
        "owner, new one",
    )
    show("Guesses at one login with hydra", header, (_attack(addresses) for addresses in (1, ADDRESSES)))


def _attack(addresses: int) -> tuple[object, ...]:
    with tempfile.TemporaryDirectory() as folder, _demo(Path(folder)) as port, ExitStack() as stack:
        relays = [stack.enter_context(_relay(port, number)) for number in range(addresses)]
        owner = Owner(port)
        with owner.coming_back():
            _guess(relays, Path(folder))
        answers = sum((relay.answers for relay in relays), Counter[int]())
        del answers[_SHOWN]  # the page with the form
        known, new = (f"{told[_OPENED]} of {sum(told.values())} let in" for told in (owner.known, owner.new))
        guesses = sum(answers.values())
        return (f"{addresses}", guesses, answers[_REFUSED], answers[_WAIT], answers[_OPENED], known, new)


@contextmanager
def _demo(folder: Path) -> Iterator[int]:
    """Serve the demonstration on a port of its own."""
    port, database = free_port(), folder / "demo.sqlite3"
    command = [sys.executable, "-m", "coproauth", "demo", "--port", str(port), "--database", str(database)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:  # noqa: S603 - ours
        try:
            if not eventually(lambda: _is_serving(port)):
                raise RuntimeError("the demonstration did not start")
            yield port
        finally:
            process.terminate()


def _is_serving(port: int) -> bool:
    try:
        return httpx2.get(f"http://{HOST}:{port}/login").status_code == _SHOWN
    except httpx2.TransportError:
        return False


class Relay(socketserver.ThreadingTCPServer):
    """Carries what it is sent to the portal, from an address of its own, and counts how the portal answered."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, portal: int, number: int) -> None:
        """Listen on a free port; the machine's own addresses are all of 127.0.0.0/8 (RFC 1122 §3.2.1.3)."""
        super().__init__((HOST, 0), _Carrier)
        self.portal = portal
        self.address = f"127.0.1.{number + 1}"
        self.answers = Counter[int]()

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self.server_address[1]
        return port


class _Carrier(socketserver.BaseRequestHandler):
    server: Relay  # pyright: ignore[reportIncompatibleVariableOverride] - what it is built with

    def handle(self) -> None:
        """Carry one connection both ways until either end closes it."""
        with socket.create_connection((HOST, self.server.portal), source_address=(self.server.address, 0)) as portal:
            back = threading.Thread(target=self._carry, args=[portal, self.request, self.server.answers], daemon=True)
            back.start()
            self._carry(self.request, portal, None)
            back.join()

    def _carry(self, one: socket.socket, other: socket.socket, answers: Counter[int] | None) -> None:
        try:
            while octets := one.recv(65_536):
                if answers is not None:
                    answers.update(int(status) for status in _STATUS.findall(octets))
                other.sendall(octets)
            other.shutdown(socket.SHUT_WR)
        except OSError:  # one end has gone: there is nobody to carry to
            return


@contextmanager
def _relay(portal: int, number: int) -> Iterator[Relay]:
    with Relay(portal, number) as relay:
        threading.Thread(target=relay.serve_forever, daemon=True).start()
        yield relay
        relay.shutdown()


def _guess(relays: list[Relay], folder: Path) -> None:
    """Have hydra try as many wrong passwords as the run is bounded to, shared out among the addresses."""
    passwords, targets = folder / "passwords", folder / "targets"
    passwords.write_text("".join(f"un mot de passe no {n}\n" for n in range(GUESSES // len(relays))))
    targets.write_text("".join(f"{HOST}:{relay.port}\n" for relay in relays))
    with httpx2.Client(base_url=f"http://{HOST}:{relays[0].portal}") as browser:
        token = _form_token(browser)
        cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    headers = f"H=Cookie\\: {cookie}:H=Host\\: {HOST}\\:{relays[0].portal}"
    form = f"/login:email=^USER^&password=^PASS^&form_token={token}:{headers}:g=:S=303 See Other"
    options = ["-I", "-t", "4", "-l", EMAIL, "-P", str(passwords), "-M", str(targets)]
    command = [which("hydra") or "hydra", *options, "http-post-form", form]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_LONGEST, check=False)  # noqa: S603
    if "valid password" not in done.stdout:
        raise RuntimeError(f"hydra did not come to an end:\n{done.stdout}{done.stderr}")


def _form_token(browser: httpx2.Client) -> str:
    found = _TOKEN.search(browser.get("/login").text)
    if found is None:
        raise RuntimeError("there is no form on the page")
    return found[1]


@attrs.define
class Owner:
    """The login's owner, at a browser that was used before the attack and at new ones.

    Attributes:
        known: how often the log-in from the known browser was answered with each status.
        new: likewise, from a browser of an address that nobody used before.
    """

    port: int
    known: Counter[int] = attrs.field(factory=Counter)
    new: Counter[int] = attrs.field(factory=Counter)

    @contextmanager
    def coming_back(self) -> Iterator[None]:
        """Log in once, and then again and again while the block runs."""
        over = threading.Event()
        with self._browser() as browser:
            self._log_in(browser)
            come_back = threading.Thread(target=self._come_back, args=[browser, over])
            come_back.start()
            try:
                yield
            finally:
                over.set()
                come_back.join()

    def _come_back(self, browser: httpx2.Client, over: threading.Event) -> None:
        while not over.wait(_PAUSE):
            browser.cookies.delete("coproauth_session")
            self.known[self._log_in(browser)] += 1
            with self._browser() as unknown:
                self.new[self._log_in(unknown)] += 1

    def _browser(self) -> httpx2.Client:
        return httpx2.Client(base_url=f"http://{HOST}:{self.port}", timeout=60)

    def _log_in(self, browser: httpx2.Client) -> int:
        form = {"email": EMAIL, "password": PASSWORD, "form_token": _form_token(browser)}
        return browser.post("/login", data=form).status_code
