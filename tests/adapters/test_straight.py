"""What is asked often goes straight to the driver; by way of SQLAlchemy where anybody would miss it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import attrs
import pytest
from sqlalchemy import Connection, Engine, event
from tests.engines import Adapters, adapters_on

from coproauth import Source
from coproauth.adapters.sqlalchemy import SqlAudit
from coproauth.testing import Sandbox
from coproauth.testing.contracts.samples import JEANNE, SESSION, write
from coproauth.testing.sandbox import PASSWORD

Missing: TypeAlias = Callable[[Engine], AbstractContextManager[None]]

_OF_A_CONNECTION = (
    "before_cursor_execute",
    "after_cursor_execute",
    "before_execute",
    "after_execute",
    "engine_connect",
    "begin",
)
_OF_A_DIALECT = ("do_execute", "do_executemany", "do_execute_no_params", "handle_error")


@pytest.fixture(params=["sqlite", "postgresql"])
def adapters(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Adapters]:
    """A store and a directory on a database whose driver is known."""
    with adapters_on(request.param, request, tmp_path) as adapters:
        yield adapters


@contextmanager
def _by_sqlalchemy() -> Iterator[list[str]]:
    """Note what SQLAlchemy executes; nobody listens, for whoever does is heeded."""
    executed: list[str] = []
    execute = Connection._execute_context  # noqa: SLF001 - whatever is executed comes by here

    def note(connection: Connection, dialect: Any, constructor: Any, statement: Any, *told: Any, **named: Any) -> Any:
        executed.append(str(statement))
        return execute(connection, dialect, constructor, statement, *told, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Connection, "_execute_context", note)
        yield executed


def test_a_log_in_goes_straight_to_the_driver(adapters: Adapters) -> None:
    """SQLAlchemy begins the transactions, ends them, and reads a host's contacts, whose list it spells out."""
    town = Sandbox.build(store=adapters.store, directory=adapters.directory)
    town.activate(town.contact(), "jeanne@example.fr")
    login = attrs.evolve(town.auth.login, audit=SqlAudit(adapters.engine))

    with _by_sqlalchemy() as executed:
        login.log_in(email="jeanne@example.fr", password=PASSWORD, source=Source("203.0.113.9"))

    assert [statement.partition(".")[0] for statement in executed if not statement.startswith("BEGIN")] == [
        "SELECT directory"
    ]


def test_a_page_check_goes_straight_to_the_driver(adapters: Adapters) -> None:
    """SQLAlchemy does nothing at all."""
    write(adapters.store, JEANNE, SESSION)

    with _by_sqlalchemy() as executed:
        view = adapters.store.session_view(SESSION.digest, adapters.directory)

    assert view is not None
    assert executed == []


def _listening_to(target: type[Connection] | None, happening: str) -> Missing:
    """Listen to what happens on an engine, or on any connection."""

    @contextmanager
    def listening(engine: Engine) -> Iterator[None]:
        def listener(*_: object) -> None: ...

        event.listen(target or engine, happening, listener)
        try:
            yield
        finally:
            event.remove(target or engine, happening, listener)

    return listening


@contextmanager
def _echoing(engine: Engine) -> Iterator[None]:
    engine.echo = True
    yield
    engine.echo = False


@contextmanager
def _logging(_: Engine) -> Iterator[None]:
    logger = logging.getLogger("sqlalchemy.engine")
    before = logger.level
    logger.setLevel(logging.INFO)
    yield
    logger.setLevel(before)


@contextmanager
def _translating(engine: Engine) -> Iterator[None]:
    engine.update_execution_options(schema_translate_map={"nowhere": "anywhere"})
    yield
    engine.update_execution_options(schema_translate_map={})


@contextmanager
def _by_another_driver(engine: Engine) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine.dialect, "driver", "another")
        yield


_MISSING: dict[str, Missing] = {
    **{f"any connection: {name}": _listening_to(Connection, name) for name in _OF_A_CONNECTION},
    **{f"this engine: {name}": _listening_to(None, name) for name in (*_OF_A_CONNECTION, *_OF_A_DIALECT)},
    "echo": _echoing,
    "a log": _logging,
    "a translation of schemas": _translating,
    "another driver": _by_another_driver,
}


@pytest.mark.parametrize("missing", _MISSING.values(), ids=_MISSING.keys())
def test_where_anybody_would_miss_it_sqlalchemy_executes_it(adapters: Adapters, missing: Missing) -> None:
    """Within a transaction and outside; once nobody listens any more, it goes straight again."""
    write(adapters.store, JEANNE, SESSION)

    with missing(adapters.engine):
        ways = _is_executed(adapters)

    assert ways == (True, True)
    assert _is_executed(adapters) == (False, False)


def _is_executed(adapters: Adapters) -> tuple[bool, bool]:
    """Whether SQLAlchemy executes what a page check asks, and what a unit of work asks that looks up a login."""
    with _by_sqlalchemy() as outside:
        adapters.store.session_view(SESSION.digest, adapters.directory)
    with _by_sqlalchemy() as within, adapters.store.writing() as work:
        work.identities.by_email(JEANNE.email_key)
    return _has_asked(outside), _has_asked(within)


def _has_asked(executed: list[str]) -> bool:
    return any(statement.startswith("SELECT") for statement in executed)
