"""How often PostgreSQL is spoken to, as its driver writes it down message by message."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event
from tests.engines import Adapters, adapters_on

from coproauth.testing import Sandbox

JEANNE = "jeanne@example.fr"


@pytest.fixture
def postgresql(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Adapters]:
    """A store and a directory on one PostgreSQL database."""
    with adapters_on("postgresql", request, tmp_path) as adapters:
        yield adapters


@pytest.fixture
def town(postgresql: Adapters) -> Sandbox:
    """A town on it."""
    return Sandbox.build(store=postgresql.store, directory=postgresql.directory)


@contextmanager
def _written_down(engine: Engine, to: Path) -> Iterator[list[str]]:
    """Note the end of each answer that comes in the meantime (PostgreSQL's manual, libpq, PQtrace)."""
    answers: list[str] = []
    with to.open("w+") as trace:

        def begin(driver: Any, *_: object) -> None:
            driver.pgconn.trace(trace.fileno())

        def end(driver: Any, *_: object) -> None:
            driver.pgconn.untrace()

        event.listen(engine, "checkout", begin)
        event.listen(engine, "checkin", end)
        yield answers
        event.remove(engine, "checkout", begin)
        event.remove(engine, "checkin", end)
        trace.seek(0)
        answers += [line for line in trace if "ReadyForQuery" in line]


def test_a_page_check_is_one_round_trip(postgresql: Adapters, town: Sandbox, tmp_path: Path) -> None:
    """Nothing begins and nothing ends around the one statement."""
    token = town.activate(town.contact(), JEANNE).token
    town.auth.login.session(token)  # from the second time on the statement is known

    with _written_down(postgresql.engine, tmp_path / "trace") as answers:
        town.auth.login.session(token)

    assert len(answers) == 1
