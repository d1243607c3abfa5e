"""Every law of the ports is shown on each adapter that implements them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.engines import EVERYWHERE, Adapters, adapters_on
from tests.servers import RedisServer, skipped_if_missing

from coproauth.ports import Store
from coproauth.testing.sandbox import WritableDirectory


@pytest.fixture
def sqlite(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Adapters]:
    """A store and a directory on one SQLite file."""
    with adapters_on("sqlite", request, tmp_path) as adapters:
        yield adapters


@pytest.fixture(params=EVERYWHERE)
def adapters(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Adapters]:
    """The adapters of each technology in turn."""
    with adapters_on(request.param, request, tmp_path) as adapters:
        yield adapters


@pytest.fixture
def store(adapters: Adapters) -> Store:
    """An empty store."""
    return adapters.store


@pytest.fixture
def directory(adapters: Adapters) -> WritableDirectory:
    """An empty directory."""
    return adapters.directory


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """A Redis server of the test's own, that may be stopped, paused and emptied."""
    with skipped_if_missing(), RedisServer() as server:
        yield server
