"""Four portal processes on one PostgreSQL and one Redis: a request may land on any of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import attrs
import pytest
from httpx2 import Client, Response
from sqlalchemy import Engine
from tests.cluster.app import wire
from tests.cluster.processes import Cluster, running_cluster
from tests.servers import PostgresServer, RedisServer, eventually, skipped_if_missing

from coproauth import Coproauth, Manager
from coproauth.adapters.redis import redis_client
from coproauth.adapters.sqlalchemy import SqlStore, StandaloneDirectory, sql_engine
from coproauth.testing.sandbox import PASSWORD

PORTFOLIO = "portfolio-1"
MANAGER = Manager(id="manager-1", portfolio_id=PORTFOLIO)
_TYPED_BEFORE = re.compile(r'name="typed_before" value="([^"]+)"')
_FORM_TOKEN = re.compile(r'name="form_token" value="([^"]+)"')


@attrs.frozen
class Town:
    """The processes, and the library over the same database and Redis in this one."""

    cluster: Cluster
    auth: Coproauth
    directory: StandaloneDirectory
    _open: ExitStack

    def browser(self) -> Browser:
        """Open a browser, which is closed with the town."""
        return Browser(self._open.enter_context(Client()))

    def code(self, name: str) -> str:
        """Return the code in the letter to a new co-owner."""
        house = self.directory.add_condominium(name="Les Lilas", portfolio_id=PORTFOLIO)
        account = self.directory.add_account(house.id, label=name)
        return self.auth.activation.issue(self.directory.add_contact(account.id, name=name).id, by=MANAGER).code

    def mail(self, to: str) -> list[dict[str, str]]:
        """Return what the couriers of all processes have sent to an address."""
        sent = self.cluster.folder / "sent.jsonl"
        lines = sent.read_text().splitlines() if sent.exists() else []
        return [mail for mail in map(json.loads, lines) if mail["to"] == to]

    def digits(self, to: str) -> str:
        """Return the six digits that were sent to an address, once they have been."""
        assert eventually(lambda: any(mail["code"] for mail in self.mail(to)))
        return self.mail(to)[-1]["code"]


@attrs.frozen
class Browser:
    """A browser: its cookies are the same for every process, as they are behind nginx."""

    client: Client

    def get(self, address: str, path: str = "/") -> Response:
        """Open a page."""
        return self.client.get(f"{address}{path}")

    def post(self, address: str, path: str, /, **fields: str) -> Response:
        """Send a form as a page of the portal would."""
        found = _FORM_TOKEN.search(self.get(address, "/forgotten-password").text)
        assert found
        return self.client.post(f"{address}{path}", data={"form_token": found[1], **fields})

    def log_in(self, address: str, email: str, password: str = PASSWORD) -> Response:
        """Fill in the login page."""
        return self.post(address, "/login", email=email, password=password)

    def is_logged_in(self, address: str) -> bool:
        """Whether the home page knows who is there."""
        return self.get(address).status_code == 200


@pytest.fixture(scope="module")
def town(
    postgres_server: PostgresServer, redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Town]:
    """Four processes behind nginx, started once for all that is shown of them."""
    database = postgres_server.create_database("cluster")
    folder: Path = tmp_path_factory.mktemp("cluster")
    with closing(redis_client(redis_server.url)) as client, disposed(sql_engine(database)) as engine:
        SqlStore(engine).create_tables()
        with skipped_if_missing(), running_cluster(folder, database=database, redis=redis_server.url) as cluster:
            auth = wire(engine, client, portal_url=cluster.url, outbox=folder / "here.jsonl")
            with ExitStack() as browsers:
                yield Town(cluster, auth, StandaloneDirectory(engine), browsers)


@contextmanager
def disposed(engine: Engine) -> Iterator[Engine]:
    """Close an engine's connections at the end."""
    yield engine
    engine.dispose()


def _activate(town: Town, email: str) -> Browser:
    """Walk a new co-owner through the onboarding, each page answered by whichever process nginx asks."""
    browser, front = town.browser(), town.cluster.url
    typed = {"code": town.code(email), "email": email, "new_password": PASSWORD}
    browser.post(front, "/activate", code=typed["code"])
    second = browser.post(front, "/activate/login", **typed)
    before = _TYPED_BEFORE.search(second.text)
    assert before
    third = browser.post(front, "/activate/proof", **typed, typed_before=before[1], email_code=town.digits(email))
    assert third.status_code == 303
    return browser


def test_an_onboarding_may_be_answered_by_all_of_them(town: Town) -> None:
    """Every page of it lands on another process, and at its end the co-owner is logged in."""
    browser = _activate(town, "claire@example.org")

    assert browser.is_logged_in(town.cluster.url)
    assert len(town.cluster.asked()) == len(town.cluster.direct)


def test_a_session_opened_on_one_is_good_on_all(town: Town) -> None:
    """No process keeps anything that another would need."""
    _activate(town, "louis@example.org")
    browser, direct = town.browser(), town.cluster.direct

    browser.log_in(direct[0], "louis@example.org")

    assert [browser.is_logged_in(address) for address in direct] == [True] * len(direct)


def test_a_session_ended_on_one_is_dead_on_all(town: Town) -> None:
    """Also for a thief who kept the cookie."""
    _activate(town, "paul@example.org")
    browser, thief, direct = town.browser(), town.browser(), town.cluster.direct
    browser.log_in(direct[0], "paul@example.org")
    thief.client.cookies.update(browser.client.cookies)

    browser.post(direct[1], "/logout")

    assert [thief.is_logged_in(address) for address in direct] == [False] * len(direct)


def test_guesses_are_counted_together(town: Town) -> None:
    """Ten guesses in all, not ten a process."""
    _activate(town, "anne@example.org")
    guesser, direct = town.browser(), town.cluster.direct

    answers = [
        guesser.log_in(direct[number % len(direct)], "anne@example.org", "not the right one").status_code
        for number in range(12)
    ]

    assert answers == [422] * 10 + [429] * 2


def test_each_mail_leaves_once(town: Town) -> None:
    """Each process has a courier, and together they send nothing twice."""
    _activate(town, "zoe@example.org")
    assert eventually(lambda: len(town.mail("zoe@example.org")) >= 2)

    ids = [mail["id"] for mail in town.mail("zoe@example.org")]

    assert len(ids) == len(set(ids))


def test_the_others_go_on_when_one_dies(town: Town) -> None:
    """The next request lands on another one, and nobody is logged out."""
    browser = _activate(town, "marc@example.org")

    town.cluster.workers[-1].kill()
    town.cluster.workers[-1].wait(10)

    assert [browser.is_logged_in(town.cluster.url) for _ in range(8)] == [True] * 8
