"""What a log-in asks the database, statement by statement; ``docs/explanation/scaling.md`` tells why."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeAlias

import attrs
import psycopg
import pytest
from sqlalchemy import Engine, event
from tests.engines import Adapters, adapters_on

from coproauth import LoginRefused, Source
from coproauth.adapters.sqlalchemy import SqlAudit
from coproauth.services.login import LoginService
from coproauth.testing import Sandbox
from coproauth.testing.sandbox import PASSWORD

JEANNE = "jeanne@example.fr"
KEPT = "kept"

COUNTED = ["SELECT throttle", "INSERT throttle", "UPDATE throttle", KEPT]
FOUND = ["SELECT identities", KEPT]
OPENED = [
    "SELECT identities",
    "SELECT links",
    "SELECT contacts",
    "INSERT sessions",
    "UPDATE identities",
    "INSERT audit",
]
RECORDED = ["INSERT audit", KEPT]
GIVEN_BACK = ["SELECT throttle", "UPDATE throttle", "DELETE throttle"]


def _ended(adapters: Adapters, given_back: list[str]) -> list[str]:
    """Return what is kept at the end: on SQLite together, elsewhere counters apart, for strangers share them."""
    return [*OPENED, *([] if adapters.engine.dialect.name == "sqlite" else [KEPT]), *given_back, KEPT]


@pytest.fixture(params=["sqlite", "postgresql"])
def adapters(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Adapters]:
    """A store and a directory on one database."""
    with adapters_on(request.param, request, tmp_path) as adapters:
        yield adapters


@pytest.fixture
def login(adapters: Adapters) -> LoginService:
    """A portal where somebody has logged in before, with the counters and the audit trail in the database as well."""
    town = Sandbox.build(store=adapters.store, directory=adapters.directory)
    town.activate(town.contact(), JEANNE)
    town.log_in(JEANNE)
    return attrs.evolve(town.auth.login, audit=SqlAudit(adapters.engine))


Overhearing: TypeAlias = Callable[[Engine], AbstractContextManager[list[str]]]


@contextmanager
def _by_listening(engine: Engine) -> Iterator[list[str]]:
    """Note what each statement does to which table, and when something is kept: all goes by way of SQLAlchemy."""
    heard: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        heard.extend(_named(statement))

    event.listen(engine, "before_cursor_execute", note)
    with _noting_what_is_kept(engine, heard):
        yield heard
    event.remove(engine, "before_cursor_execute", note)


@contextmanager
def _at_the_driver(engine: Engine) -> Iterator[list[str]]:
    """Note the same where nobody listens: what may go straight to the driver does."""
    heard: list[str] = []

    def lend(driver: Any, *_: object) -> None:
        if isinstance(driver, sqlite3.Connection):
            driver.set_trace_callback(_noting_trace(heard))
        else:
            driver.cursor_factory = _noting_cursor(heard)

    def take_back(driver: Any, *_: object) -> None:
        if isinstance(driver, sqlite3.Connection):
            driver.set_trace_callback(None)
        else:
            driver.cursor_factory = psycopg.Cursor

    event.listen(engine, "checkout", lend)
    event.listen(engine, "checkin", take_back)
    with _noting_what_is_kept(engine, heard):
        yield heard
    event.remove(engine, "checkout", lend)
    event.remove(engine, "checkin", take_back)


def _noting_trace(heard: list[str]) -> Callable[[str], None]:
    def note(statement: str) -> None:
        told = _named(statement)
        if statement.startswith("SELECT") or told != heard[-1:]:  # SQLite tells each run of one that writes many
            heard.extend(told)

    return note


def _noting_cursor(heard: list[str]) -> type[psycopg.Cursor[Any]]:
    class Noting(psycopg.Cursor[Any]):
        def execute(self, query: Any, *told: Any, **named: Any) -> Any:
            heard.extend(_named(query))
            return super().execute(query, *told, **named)

        def executemany(self, query: Any, *told: Any, **named: Any) -> None:
            heard.extend(_named(query))
            super().executemany(query, *told, **named)

    return Noting


@contextmanager
def _noting_what_is_kept(engine: Engine, heard: list[str]) -> Iterator[None]:
    def keep(_: object) -> None:
        heard.append(KEPT)

    event.listen(engine, "commit", keep)
    yield
    event.remove(engine, "commit", keep)


def _named(statement: str) -> list[str]:
    table = re.search(r"coproauth_(\w+)", statement)
    return [f"{statement.split(maxsplit=1)[0]} {table[1]}"] if table else []


@pytest.fixture(params=[_by_listening, _at_the_driver], ids=["by SQLAlchemy", "straight"])
def overheard(request: pytest.FixtureRequest) -> Overhearing:
    """Each way that statements go."""
    way: Overhearing = request.param
    return way


def test_a_log_in_asks_fifteen_things_in_five_transactions(
    adapters: Adapters, login: LoginService, overheard: Overhearing
) -> None:
    """From a browser that nobody knows; four on SQLite. The look at earlier failures is in no transaction."""
    with overheard(adapters.engine) as heard:
        login.log_in(email=JEANNE, password=PASSWORD, source=Source("203.0.113.9"))

    looks = ["SELECT throttle", "SELECT sessions", KEPT]
    assert heard == [*COUNTED, *FOUND, *looks, *_ended(adapters, GIVEN_BACK)]


@pytest.mark.parametrize("email", [JEANNE, "nobody@example.org"])
def test_a_refused_log_in_asks_five_things(
    adapters: Adapters, login: LoginService, overheard: Overhearing, email: str
) -> None:
    """The same ones whether or not there is such a login; what is counted stays counted."""
    with overheard(adapters.engine) as heard, suppress(LoginRefused):
        login.log_in(email=email, password="jamais de la vie", source=Source("203.0.113.9"))

    assert heard == [*COUNTED, *FOUND, *RECORDED]


def test_a_log_in_in_a_known_browser_is_counted_there(
    adapters: Adapters, login: LoginService, overheard: Overhearing
) -> None:
    """On one counter instead of three, so that strangers wait for nothing it does."""
    first = login.log_in(email=JEANNE, password=PASSWORD, source=Source("203.0.113.9", device_token=""))
    source = Source("203.0.113.9", device_token=first.device_token)

    with overheard(adapters.engine) as heard:
        login.log_in(email=JEANNE, password=PASSWORD, source=source)

    counted = ["SELECT throttle", "INSERT throttle", KEPT]
    looks = ["SELECT throttle", "SELECT throttle", "SELECT sessions", KEPT]
    assert heard == [*counted, *FOUND, *looks, *_ended(adapters, ["SELECT throttle", "DELETE throttle"])]


@pytest.mark.parametrize("email", [JEANNE, "aa@example.org", "jeanne@example.org", "zz@example.org"])
def test_a_look_reads_one_login_whoever_has_it(adapters: Adapters, login: LoginService, email: str) -> None:
    """Before the first, between two or behind the last: who has no login costs the same reads as who has one."""
    looks: list[tuple[str, Any]] = []

    def note(_: object, __: object, statement: str, parameters: Any, *___: object) -> None:
        if "coproauth_identities" in statement:
            looks.append((statement, parameters))

    event.listen(adapters.engine, "before_cursor_execute", note)
    with suppress(LoginRefused):
        login.log_in(email=email, password="jamais de la vie", source=Source("203.0.113.9"))
    event.remove(adapters.engine, "before_cursor_execute", note)

    with adapters.engine.connect() as connection:
        assert [len(connection.exec_driver_sql(*look).all()) for look in looks] == [1]
