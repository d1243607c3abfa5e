"""Every kind of database that the store runs on, empty for each test that asks."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import attrs
import pytest
from sqlalchemy import Engine, delete

from coproauth.adapters.memory import MemoryDirectory, MemoryStore
from coproauth.adapters.sqlalchemy import EngineSettings, SqlStore, StandaloneDirectory, sql_engine
from coproauth.adapters.sqlalchemy.tables import own_tables
from coproauth.ports import Store
from coproauth.testing.sandbox import WritableDirectory

SERVERS = {"postgresql": "postgres_server", "mariadb": "mariadb_server"}
SQL = ("sqlite", *SERVERS)
EVERYWHERE = ("memory", *SQL)

# A crowd of fifty shares as few processors as there are: what a wait leads to is shown elsewhere.
_PATIENT = EngineSettings(
    pool_size=20,
    pool_overflow=40,
    pool_timeout=timedelta(minutes=2),
    connect_timeout=timedelta(minutes=1),
    statement_timeout=timedelta(minutes=1),
)
_numbers = itertools.count()
_engines: dict[str, Engine] = {}


@attrs.frozen
class Adapters:
    """A store and a directory of one technology, both empty."""

    store: Store
    directory: WritableDirectory

    @property
    def engine(self) -> Engine:
        """The database of a SQL store."""
        assert isinstance(self.store, SqlStore)
        return self.store.engine


@contextmanager
def adapters_on(kind: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[Adapters]:
    """Open the adapters of one kind, with nothing in them."""
    match kind:
        case "memory":
            yield Adapters(MemoryStore(), MemoryDirectory())
        case "sqlite":
            engine = sql_engine(f"sqlite:///{folder / f'{next(_numbers)}.sqlite3'}", settings=_PATIENT)
            yield _created(engine)
            engine.dispose()
        case _:
            engine = shared_engine(kind, request)
            empty(engine)
            yield Adapters(SqlStore(engine), StandaloneDirectory(engine))


def shared_engine(kind: str, request: pytest.FixtureRequest) -> Engine:
    """Return the engine on a server that all tests share, its tables created once."""
    if kind not in _engines:
        server = request.getfixturevalue(SERVERS[kind])
        url = server.create_database("coproauth")
        _engines[kind] = sql_engine(url, settings=_PATIENT)
        SqlStore(_engines[kind]).create_tables()
    return _engines[kind]


def _created(engine: Engine) -> Adapters:
    store = SqlStore(engine)
    store.create_tables()
    return Adapters(store, StandaloneDirectory(engine))


def empty(engine: Engine) -> None:
    """Delete every row but the version of the tables."""
    tables = own_tables()
    with engine.begin() as connection:
        for table in reversed(tables.schema.metadata.sorted_tables):
            if table is not tables.schema:
                connection.execute(delete(table))
