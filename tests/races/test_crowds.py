"""A crowd of which one fails says so, and keeps nobody waiting."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.engines import Adapters
from tests.races.crowds import Crowd, Workers, gathered
from tests.servers import HOST, free_port

from coproauth.adapters.memory import MemoryDirectory
from coproauth.adapters.sqlalchemy import SqlStore, sql_engine


@pytest.fixture
def crowd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Crowd]:
    """Processes in front of a database that is there."""
    with gathered(("sqlite", "processes"), request, tmp_path) as crowd:
        yield crowd


def test_all_answer_in_their_order(crowd: Crowd) -> None:
    """Each answer is in the place of its worker."""
    answers = crowd.together(lambda number: number, of=3)

    assert answers == [0, 1, 2]


def test_a_worker_that_dies_is_a_failure(crowd: Crowd) -> None:
    """Its exit code is told, and the others are not waited for in vain."""
    with pytest.raises(AssertionError, match="ended with 3 before it answered"):
        crowd.together(lambda number: os._exit(3) if number == 1 else None, of=3)


def test_a_worker_that_cannot_begin_is_a_failure() -> None:
    """Where no database is, the refused connection is told, not that the others waited for it."""
    engine = sql_engine(f"postgresql+psycopg://postgres@{HOST}:{free_port()}/postgres")
    crowd = Crowd(Adapters(SqlStore(engine), MemoryDirectory()), "processes")

    with pytest.raises(AssertionError, match=r"[Cc]onnection refused"):
        crowd.together(lambda number: number, of=3)


@pytest.mark.parametrize("workers", ["threads", "processes"])
def test_an_error_that_is_no_refusal_is_a_failure(crowd: Crowd, workers: Workers) -> None:
    """Its trace is told."""
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        Crowd(crowd.adapters, workers).together(lambda _: 1 // 0, of=3)
