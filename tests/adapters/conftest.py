"""Every law of the ports is shown on each adapter that implements them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from coproauth.adapters.memory import MemoryDirectory, MemoryStore
from coproauth.adapters.sqlalchemy import SqlStore, StandaloneDirectory, sqlite_engine
from coproauth.ports import Store
from coproauth.testing.sandbox import WritableDirectory


@attrs.frozen
class Adapters:
    """A store and a directory of one technology, both empty."""

    store: Store
    directory: WritableDirectory


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Adapters]:
    """A store and a directory on one SQLite file."""
    engine = sqlite_engine(tmp_path / "store.sqlite3")
    store = SqlStore(engine)
    store.create_tables()
    yield Adapters(store, StandaloneDirectory(engine))
    engine.dispose()


@pytest.fixture(params=["memory", "sqlite"])
def adapters(request: pytest.FixtureRequest) -> Adapters:
    """The adapters of each technology in turn."""
    if request.param == "memory":
        return Adapters(MemoryStore(), MemoryDirectory())
    adapters: Adapters = request.getfixturevalue("sqlite")
    return adapters


@pytest.fixture
def store(adapters: Adapters) -> Store:
    """An empty store."""
    return adapters.store


@pytest.fixture
def directory(adapters: Adapters) -> WritableDirectory:
    """An empty directory."""
    return adapters.directory
