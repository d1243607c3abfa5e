"""What every test may ask for."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from tests.servers import MariadbServer, PostgresServer, RedisServer, skipped_if_missing
from tests.town import Town

settings.register_profile("ci", derandomize=True, deadline=None, max_examples=100)
settings.register_profile("long", deadline=None, max_examples=100)  # other examples each time: run it again and again
settings.register_profile(
    "mutation",
    derandomize=True,
    deadline=None,
    max_examples=20,
    database=None,
    suppress_health_check=[HealthCheck.differing_executors],  # mutmut runs the tests again and again in one process
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture
def town() -> Town:
    """A town over memory, with the default limits and cheap hashes."""
    return Town.found()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server for all tests, started for the first that asks."""
    with skipped_if_missing(), PostgresServer() as server:
        yield server


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[MariadbServer]:
    """A MariaDB server for all tests, started for the first that asks."""
    with skipped_if_missing(), MariadbServer() as server:
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A Redis server for all tests, started for the first that asks."""
    with skipped_if_missing(), RedisServer() as server:
        yield server
