"""A portal over a sandbox, and browsers that fill in its forms."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from shutil import copy2

import attrs
import pytest
from httpx2 import Response
from starlette.requests import Request
from starlette.testclient import TestClient

from coproauth import Manager
from coproauth.adapters.memory import MemoryDirectory
from coproauth.portal import Desk, create_portal
from coproauth.portal.demo import Demo, open_demo
from coproauth.portal.demo.database import DemoDatabase
from coproauth.portal.demo.files import key_file, written_whole
from coproauth.portal.demo.seed import seed
from coproauth.testing.sandbox import PORTAL_URL, PORTFOLIO, Sandbox, cheap_policy

_FORM_TOKEN = re.compile(r'name="form_token" value="([^"]+)"')
MANAGER_HEADER = "x-manager"
DEMO_ADDRESS = "http://127.0.0.1:8000"


@attrs.frozen
class Browser:
    """A browser on the portal; it follows no redirect by itself."""

    client: TestClient

    def get(self, path: str, **headers: str) -> Response:
        """Open a page."""
        return self.client.get(path, headers=headers, follow_redirects=False)

    def post(self, path: str, /, **fields: str) -> Response:
        """Send a form as a page of the portal would."""
        return self.send(path, {"form_token": self.form_token(), **fields})

    def send(self, path: str, fields: dict[str, str], **headers: str) -> Response:
        """Send a form exactly as given."""
        return self.client.post(path, data=fields, headers=headers, follow_redirects=False)

    def form_token(self) -> str:
        """Return the token that the forms of this browser carry now."""
        found = _FORM_TOKEN.search(self.get("/forgotten-password").text)
        assert found
        return found[1]

    def log_in(self, email: str, password: str) -> Response:
        """Fill in the login page."""
        return self.post("/login", email=email, password=password)


def _manager_in(request: Request) -> Manager | None:
    """Believe the header: the tests' own stand-in for the host's login of its staff."""
    portfolio_id = request.headers.get(MANAGER_HEADER)
    return Manager(id="manager-1", portfolio_id=portfolio_id) if portfolio_id else None


@pytest.fixture
def directory() -> MemoryDirectory:
    """The host's condominiums."""
    return MemoryDirectory()


@pytest.fixture
def sandbox(directory: MemoryDirectory) -> Sandbox:
    """An installation in memory, with an address of https."""
    return Sandbox.build(directory=directory)


@pytest.fixture
def open_browser(sandbox: Sandbox, directory: MemoryDirectory) -> Callable[[], Browser]:
    """What opens one more browser on the sandbox's portal."""
    desk = Desk(
        manager=_manager_in,
        condominiums=lambda manager: directory.condominiums(manager.portfolio_id),
        firm=lambda _: "Cabinet Roche",
    )
    app = create_portal(sandbox.auth, desk=desk)
    return lambda: Browser(TestClient(app, base_url=PORTAL_URL, headers={"accept-language": "fr"}))


@pytest.fixture
def browser(open_browser: Callable[[], Browser]) -> Browser:
    """A browser without any cookie."""
    return open_browser()


@pytest.fixture
def manager_browser(open_browser: Callable[[], Browser]) -> Browser:
    """The browser of the manager of the sandbox's portfolio."""
    manager = open_browser()
    manager.client.headers[MANAGER_HEADER] = PORTFOLIO
    return manager


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], Demo]]:
    """What starts the demonstration, each time on the same file."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(
            open_demo(tmp_path / "demo.sqlite3", portal_url=DEMO_ADDRESS, policy=cheap_policy())
        )


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that the town was brought into, before its first start; every test has a copy."""
    path = tmp_path_factory.mktemp("town") / "demo.sqlite3"
    with written_whole(path) as draft, DemoDatabase.opened(draft, secret_key=key_file(draft).read_bytes()) as database:
        seed(database, portal_url=DEMO_ADDRESS, policy=cheap_policy())
    return path


@pytest.fixture
def demo(start: Callable[[], Demo], filled: Path, tmp_path: Path) -> Demo:
    """The demonstration, started for the first time."""
    for file in (filled, key_file(filled)):
        copy2(file, tmp_path)
    return start()


@pytest.fixture
def visitor(demo: Demo) -> Browser:
    """A browser on the demonstration."""
    return Browser(TestClient(demo.app, base_url=DEMO_ADDRESS, headers={"accept-language": "fr"}))
