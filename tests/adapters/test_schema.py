"""The numbered steps: what they come to, from where they go on, and that nothing is lost on the way."""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, Inspector, MetaData, Table, event, insert, inspect, select
from sqlalchemy.engine import make_url
from tests.engines import SERVERS, SQL
from tests.servers import MariadbServer

from coproauth import ConfigurationError
from coproauth.adapters.sqlalchemy import (
    EngineSettings,
    Schema,
    SqlAudit,
    SqlStore,
    StandaloneDirectory,
    Tables,
    sql_engine,
)
from coproauth.adapters.sqlalchemy.schema import read_steps
from coproauth.adapters.sqlalchemy.tables import VERSION

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
# One row in each table of the first release that people's access depends on.
ROWS: Mapping[str, Mapping[str, object]] = {
    "identities": {
        "id": "identity-1",
        "email": "Jeanne@example.fr",
        "email_key": "jeanne@example.fr",
        "password_hash": "$argon2id$v=19$m=8,t=1,p=1$c2Vs$aGFzaA",
        "credential_stamp": 3,
        "locale": "fr",
        "created_at": NOON,
        "last_login_at": NOON,
    },
    "links": {"contact_id": "contact-1", "identity_id": "identity-1", "linked_at": NOON},
    "codes": {
        "id": "code-1",
        "contact_id": "contact-1",
        "portfolio_id": "cabinet",
        "index": "a" * 64,
        "issued_at": NOON,
        "expires_at": NOON,
        "used_at": NOON,
        "used_by": "identity-1",
    },
    "sessions": {
        "digest": "b" * 64,
        "handle": "handle-1",
        "identity_id": "identity-1",
        "credential_stamp": 3,
        "authenticated_at": NOON,
        "last_seen_at": NOON,
        "expires_at": NOON,
        "address": "192.0.2.7",
    },
    "outbox": {
        "id": "mail-1",
        "kind": "password_changed",
        "to": "jeanne@example.fr",
        "locale": "fr",
        "condominium_name": "Les Tilleuls",
        "contact_name": "Jeanne Étienne",
        "queued_at": NOON,
        "due_at": NOON,
        "tries": 2,
    },
}

_numbers = itertools.count()
NewEngine = Callable[[], Engine]


@pytest.fixture(params=SQL)
def new_engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NewEngine]:
    """Make engines, each on an empty database of its own, of each kind in turn."""
    engines: list[Engine] = []

    def make() -> Engine:
        number = next(_numbers)
        url = f"sqlite:///{tmp_path / f'{number}.sqlite3'}"
        if request.param in SERVERS:
            url = request.getfixturevalue(SERVERS[request.param]).create_database(f"schema_{number}")
        engines.append(sql_engine(url))
        return engines[-1]

    yield make
    for engine in engines:
        engine.dispose()


@pytest.fixture
def engine(new_engine: NewEngine) -> Engine:
    """An empty database."""
    return new_engine()


def test_the_steps_come_to_what_is_described(new_engine: NewEngine) -> None:
    """A database that was upgraded and one that the host created as a whole cannot be told apart."""
    upgraded, created = new_engine(), new_engine()
    metadata = MetaData()
    Tables.build(metadata)

    Schema(upgraded).upgrade()
    metadata.create_all(created)

    assert _described(upgraded) == _described(created)
    assert Schema(created).version() == Schema(upgraded).version() == VERSION


def test_the_first_release_is_upgraded_with_all_it_holds(engine: Engine, new_engine: NewEngine) -> None:
    """No row is lost or changed, the new columns are empty, and the tables are those of a new database."""
    _create_first_release(engine)

    taken = Schema(engine).upgrade()

    fresh = new_engine()
    Schema(fresh).upgrade()
    assert [step.version for step in taken] == list(range(2, VERSION + 1))
    assert _rows(engine) == ROWS
    assert _described(engine) == _described(fresh)
    with SqlStore(engine).reading() as work:
        identity = work.identities.get("identity-1")
        (mail,) = work.outbox.waiting(limit=10)
    assert identity is not None
    assert (identity.warned_at, identity.last_login_at) == (None, NOON)
    assert (mail.failure, mail.contact_name) == (None, "Jeanne Étienne")


def test_the_first_release_is_told_by_its_tables(engine: Engine) -> None:
    """It recorded no version."""
    _create_first_release(engine)

    assert Schema(engine).version() == 1


def test_an_empty_database_has_no_version(engine: Engine) -> None:
    """Looking at it makes nothing."""
    assert Schema(engine).version() == 0
    assert inspect(engine).get_table_names() == []


def test_each_step_is_recorded(engine: Engine) -> None:
    """Also the one that the first release took without recording it."""
    _create_first_release(engine)

    Schema(engine).upgrade()

    table = Tables.build(MetaData()).schema
    with engine.connect() as connection:
        assert list(connection.scalars(select(table.c.version).order_by(table.c.version))) == list(
            range(1, VERSION + 1)
        )


def test_an_upgrade_of_what_is_newest_takes_no_step(engine: Engine) -> None:
    """It may be run at every start."""
    Schema(engine).upgrade()

    assert Schema(engine).upgrade() == ()


def test_tables_of_a_later_release_are_refused(engine: Engine) -> None:
    """The store reads and writes nothing, and the upgrade changes nothing."""
    schema = Schema(engine)
    schema.upgrade()
    table = Tables.build(MetaData()).schema
    with engine.begin() as connection:
        connection.execute(insert(table).values(version=VERSION + 1, applied_at=NOON))

    with pytest.raises(ConfigurationError, match=f"version {VERSION + 1}, and this release knows {VERSION} at most"):
        schema.check()
    with pytest.raises(ConfigurationError), SqlStore(engine).writing():
        pass
    assert schema.upgrade() == ()


@pytest.mark.parametrize("is_first_release", [False, True])
def test_two_upgrades_at_once_take_turns(engine: Engine, is_first_release: bool) -> None:  # noqa: FBT001
    """Every process may upgrade when it starts: each step is taken by one of them, and none fails."""
    if is_first_release:
        _create_first_release(engine)

    taken = _at_once(engine, 4)

    assert sorted(itertools.chain.from_iterable(taken)) == list(range(2 if is_first_release else 1, VERSION + 1))
    assert Schema(engine).version() == VERSION


@pytest.mark.parametrize(
    ("is_first_release", "done"),
    [(True, 0), (True, 1), (True, 6), (True, 10), (False, 1), (False, 16), (False, 18)],
)
def test_an_upgrade_that_was_cut_off_is_taken_up_again(
    new_engine: NewEngine,
    is_first_release: bool,  # noqa: FBT001
    done: int,
) -> None:
    """MariaDB keeps each statement by itself: the second try meets what the first has left, and goes on."""
    engine, whole = new_engine(), new_engine()
    Schema(whole).upgrade()
    if is_first_release:
        _create_first_release(engine)
    with _cut_off_after(done, engine), pytest.raises(_CutOffError):
        Schema(engine).upgrade()

    Schema(engine).upgrade()

    assert _described(engine) == _described(whole)
    assert Schema(engine).version() == VERSION
    assert _rows(engine) == (ROWS if is_first_release else dict.fromkeys(ROWS))


def test_an_upgrade_waits_for_another_longer_than_for_a_statement(mariadb_server: MariadbServer) -> None:
    """Another may have large tables to go through: its end is awaited, whatever one statement may take."""
    settings = EngineSettings(statement_timeout=timedelta(seconds=1))
    engine = sql_engine(mariadb_server.create_database(f"schema_{next(_numbers)}"), settings=settings)
    asked = itertools.count()

    with engine.connect() as other:
        other.exec_driver_sql("SELECT GET_LOCK('coproauth', 0)")

        def end_the_other(_: object, __: object, statement: str, *___: object) -> None:
            if "GET_LOCK" in statement and next(asked) == 3:  # each waits for half of what a statement may take
                other.exec_driver_sql("SELECT RELEASE_LOCK('coproauth')")

        event.listen(engine, "before_cursor_execute", end_the_other)
        Schema(engine).upgrade()

    assert Schema(engine).version() == VERSION
    engine.dispose()


def test_an_upgrade_leaves_the_settings_of_its_connection(mariadb_server: MariadbServer) -> None:
    """The next to have it from the pool waits as long as the server says."""
    engine = sql_engine(
        mariadb_server.create_database(f"schema_{next(_numbers)}"), settings=EngineSettings(pool_size=1)
    )
    setting = "SELECT @@SESSION.lock_wait_timeout, CONNECTION_ID()"
    with engine.connect() as connection:
        before = connection.exec_driver_sql(setting).one()

    Schema(engine).upgrade()

    with engine.connect() as connection:
        assert connection.exec_driver_sql(setting).one() == before
    engine.dispose()


@pytest.mark.parametrize("make", [SqlStore, Schema, StandaloneDirectory, SqlAudit])
def test_a_translation_of_schemas_is_refused(make: Callable[[Engine], object], engine: Engine) -> None:
    """The steps are plain SQL: the tables that they create would not be those that are asked."""
    translating = engine.execution_options(schema_translate_map={None: "portal"})

    with pytest.raises(ConfigurationError, match="schema_translate_map"):
        make(translating)


@pytest.mark.parametrize("kind", SERVERS)
def test_an_upgrade_whose_connection_is_lost_goes_on_over_another(kind: str, request: pytest.FixtureRequest) -> None:
    """The step that it was lost in is taken again, and no lock is left behind."""
    engine = sql_engine(request.getfixturevalue(SERVERS[kind]).create_database(f"schema_{next(_numbers)}"))
    schema = Schema(engine)
    statement = schema.steps[1].statements[0]
    left = itertools.count(0, -1)

    def lose(connection: Connection, _: object, asked: str, *__: object) -> None:
        if asked == statement and next(left) == 0:
            _kill(engine, connection.exec_driver_sql(_NUMBER[kind]).scalar_one())

    event.listen(engine, "before_cursor_execute", lose)
    taken = [step.version for step in schema.upgrade()]
    engine.dispose()

    assert taken == [step.version for step in schema.steps]


def test_a_script_is_cut_into_its_statements(engine: Engine) -> None:
    """Each is run by itself: drivers take one at a time."""
    statements = [statement for step in Schema(engine).steps for statement in step.statements]

    assert all(re.match("CREATE TABLE|CREATE INDEX|ALTER TABLE", statement) for statement in statements)
    assert not any(";" in statement or "--" in statement for statement in statements)


@pytest.mark.parametrize("prefix", ["", "Portal_", "portal-", "1_", "x" * 32, "a; DROP TABLE", "é_"])
def test_what_is_no_prefix_is_refused(engine: Engine, prefix: str) -> None:
    """It stands in every statement."""
    with pytest.raises(ConfigurationError, match="a prefix is made of"):
        Schema(engine, prefix=prefix)


def test_an_unknown_kind_of_database_is_refused() -> None:
    """There are no steps for it, and no connection is tried."""
    with pytest.raises(ConfigurationError, match="no tables of ours for oracle"):
        read_steps(make_url("oracle://").get_dialect()())


def _create_first_release(engine: Engine) -> None:
    """Leave a database as the first release did, with a person in it who has logged in."""
    tables = Tables.build(MetaData())
    with engine.begin() as connection:
        for statement in Schema(engine).steps[0].statements:
            connection.exec_driver_sql(statement)
        for name, row in ROWS.items():
            connection.execute(insert(getattr(tables, name)).values(row))


def _rows(engine: Engine) -> dict[str, dict[str, object] | None]:
    """Return the row of each table that had one, as far as the first release knew it."""
    tables = Tables.build(MetaData())
    return {name: _row(engine, getattr(tables, name), list(row)) for name, row in ROWS.items()}


def _row(engine: Engine, table: Table, names: list[str]) -> dict[str, object] | None:
    with engine.connect() as connection:
        row = connection.execute(select(*(table.c[name] for name in names))).one_or_none()
    return None if row is None else dict(zip(names, row, strict=True))


def _described(engine: Engine) -> dict[str, object]:
    """Return all that the database tells about its tables, but for the names it gave to foreign keys."""
    inspector = inspect(engine)
    return {name: _description(inspector, name) for name in inspector.get_table_names()}


def _description(inspector: Inspector, table: str) -> dict[str, object]:
    return {
        "columns": [{**column, "type": repr(column["type"])} for column in inspector.get_columns(table)],
        "primary key": inspector.get_pk_constraint(table),
        "unique": _sorted(inspector.get_unique_constraints(table)),
        "foreign keys": _sorted([{**key, "name": None} for key in inspector.get_foreign_keys(table)]),
        "indexes": _sorted(inspector.get_indexes(table)),
        "options": inspector.get_table_options(table),
    }


def _sorted(described: Sequence[object]) -> list[object]:
    return sorted(described, key=repr)


def _at_once(engine: Engine, count: int) -> list[list[int]]:
    """Return the steps that each of several upgrades took, begun together over connections of their own."""
    barrier = threading.Barrier(count)

    def upgrade(_: int) -> list[int]:
        mine = sql_engine(engine.url)
        try:
            barrier.wait()
            return [step.version for step in Schema(mine).upgrade()]
        finally:
            mine.dispose()

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(upgrade, range(count)))


_NUMBER = {"postgresql": "SELECT pg_backend_pid()", "mariadb": "SELECT CONNECTION_ID()"}


def _kill(engine: Engine, number: int) -> None:
    """Have the server end one of its connections."""
    is_postgresql = engine.dialect.name == "postgresql"
    with engine.connect() as other:
        other.exec_driver_sql(f"SELECT pg_terminate_backend({number})" if is_postgresql else f"KILL {number}")


class _CutOffError(Exception):
    """Stands for the end of the process."""


@contextmanager
def _cut_off_after(done: int, engine: Engine) -> Iterator[None]:
    """End an upgrade after so many statements of its steps."""
    statements = {statement for step in Schema(engine).steps for statement in step.statements}
    left = itertools.count(done, -1)

    def count(_: object, __: object, statement: str, *___: object) -> None:
        if statement in statements and next(left) == 0:
            raise _CutOffError

    event.listen(engine, "before_cursor_execute", count)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", count)
