"""Every situation is run over each way of keeping things."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from coproauth.adapters.sqlalchemy import SqlStore, StandaloneDirectory, sqlite_engine
from coproauth.testing import Sandbox


@pytest.fixture(params=["memory", "sqlite"])
def town(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Sandbox]:
    """An installation without anyone in it."""
    if request.param == "memory":
        yield Sandbox.build()
        return
    engine = sqlite_engine(tmp_path / "town.sqlite3")
    store = SqlStore(engine)
    store.create_tables()
    yield Sandbox.build(store=store, directory=StandaloneDirectory(engine))
    engine.dispose()
