"""What goes straight to the driver within a transaction means the same as by way of SQLAlchemy."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path

import attrs
import pytest
from sqlalchemy import Connection, Engine, NullPool, create_engine, event, func, select, text
from tests.engines import Adapters, adapters_on

from coproauth.adapters.sqlalchemy import EngineSettings, SqlStore, serializable, sql_engine
from coproauth.adapters.sqlalchemy.composed import fetch
from coproauth.adapters.sqlalchemy.transactions import Transactions
from coproauth.core.sessions import SessionRecord
from coproauth.errors import Interrupted
from coproauth.testing.contracts.samples import JEANNE, SESSION, write


@pytest.fixture(params=["sqlite", "postgresql"])
def adapters(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Adapters]:
    """A store on a database whose driver is known."""
    with adapters_on(request.param, request, tmp_path) as adapters:
        yield adapters


@pytest.fixture
def postgresql(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Adapters]:
    """A store on PostgreSQL."""
    with adapters_on("postgresql", request, tmp_path) as adapters:
        yield adapters


@contextmanager
def _heard(target: Engine | Connection) -> Iterator[list[str]]:
    """Listen to statements, which therefore go by way of SQLAlchemy."""
    statements: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        statements.append(statement)

    event.listen(target, "before_cursor_execute", note)
    yield statements
    event.remove(target, "before_cursor_execute", note)


@pytest.mark.parametrize("is_read_straight", [True, False])
@pytest.mark.parametrize("is_written_straight", [True, False])
def test_what_is_written_one_way_is_read_the_other(
    adapters: Adapters, *, is_written_straight: bool, is_read_straight: bool
) -> None:
    """Each value as its column's type says: text, numbers, instants to the microsecond, and nothing."""
    with nullcontext() if is_written_straight else _heard(adapters.engine):
        write(adapters.store, JEANNE)
        with adapters.store.writing() as work:
            work.sessions.add(SESSION)
            work.identities.save(attrs.evolve(JEANNE, warned_at=SESSION.last_seen_at), expected_stamp=1)

    with nullcontext() if is_read_straight else _heard(adapters.engine), adapters.store.reading() as work:
        found = work.identities.by_email(JEANNE.email_key), list(work.sessions.of(JEANNE.id))

    assert found == (attrs.evolve(JEANNE, warned_at=SESSION.last_seen_at), [SESSION])


def test_a_row_in_the_way_is_a_conflict(adapters: Adapters) -> None:
    """As by way of SQLAlchemy; the unit of work is undone."""
    write(adapters.store, JEANNE)

    with pytest.raises(Interrupted, match="store_conflict"):
        _add_session(adapters, times=2)

    assert _sessions(adapters) == []


def test_who_listens_to_a_connection_of_the_host_hears_what_is_done_over_it(adapters: Adapters) -> None:
    """Nothing is spared in a transaction of the host's."""
    store = adapters.store
    assert isinstance(store, SqlStore)
    write(store, JEANNE)

    with serializable(adapters.engine).begin() as connection, _heard(connection) as heard, store.within(connection):
        _add_session(adapters)

    assert [statement for statement in heard if statement.startswith("INSERT INTO coproauth_sessions")]


def test_a_connection_that_is_lost_meanwhile_is_replaced(postgresql: Adapters) -> None:
    """The unit of work is undone, to be run again; the next one finds a connection that holds."""
    write(postgresql.store, JEANNE)

    with pytest.raises(Interrupted, match="store_away"):
        _add_session(postgresql, then=_end_whoever_waits)

    assert _sessions(postgresql) == []


def test_a_restart_undoes_one_unit_of_work_however_large_the_pool(postgresql: Adapters) -> None:
    """The first that finds its connection lost has the others replaced, so that the second finds one that holds."""
    write(postgresql.store, JEANNE)
    with ExitStack() as open_at_once:
        for _ in range(5):
            open_at_once.enter_context(postgresql.engine.connect()).execute(text("SELECT 1"))

    _end_all_others(postgresql.engine)

    with pytest.raises(Interrupted, match="store_away"):
        _add_session(postgresql)

    _add_session(postgresql)
    assert _sessions(postgresql) == [SESSION]


def test_a_thread_that_is_stopped_leaves_no_connection_at_work(postgresql: Adapters) -> None:
    """Ctrl-C while the server computes: its connection is given up, and nobody is lent it."""
    alone = sql_engine(postgresql.engine.url, settings=EngineSettings(pool_size=1, pool_overflow=0))
    transactions = Transactions.on(alone)
    stopped: list[int] = []

    def compute() -> None:
        with transactions.apart() as connection:
            stopped.append(_backend(connection))
            with _stopped_once_at_work(postgresql.engine, stopped[0]):
                fetch(connection, select(func.pg_sleep(60)), {})

    with pytest.raises(KeyboardInterrupt):
        compute()

    with transactions.apart() as connection:
        assert [_backend(connection)] != stopped
    alone.dispose()


def _add_session(adapters: Adapters, *, times: int = 1, then: Callable[[Engine], None] | None = None) -> None:
    with adapters.store.writing() as work:
        for _ in range(times):
            work.sessions.add(SESSION)
        if then:
            then(adapters.engine)
            work.identities.get(JEANNE.id)


def _end_all_others(engine: Engine) -> None:
    """End the connections of the pool, as a restart does."""
    other = create_engine(engine.url, poolclass=NullPool)
    with other.begin() as connection:
        mine = "datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        connection.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {mine}"))  # noqa: S608


def _sessions(adapters: Adapters) -> list[SessionRecord]:
    with adapters.store.reading() as work:
        return list(work.sessions.of(JEANNE.id))


def _end_whoever_waits(engine: Engine) -> None:
    """End the connections in the middle of a transaction."""
    with engine.begin() as other:
        other.execute(text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state LIKE 'idle in %'"))


def _backend(connection: Connection) -> int:
    ((number,),) = fetch(connection, select(func.pg_backend_pid()), {})
    return int(number)


@contextmanager
def _stopped_once_at_work(engine: Engine, backend: int) -> Iterator[None]:
    """Have this thread stopped, as by Ctrl-C, once the server is seen to compute for it."""
    thread, is_over = threading.get_ident(), threading.Event()

    def stop() -> None:
        while not is_over.is_set():
            if _is_asleep(engine, backend):
                signal.pthread_kill(thread, signal.SIGALRM)
                return

    former = signal.signal(signal.SIGALRM, signal.default_int_handler)
    watcher = threading.Thread(target=stop)
    watcher.start()
    try:
        yield
    finally:
        is_over.set()
        watcher.join()
        signal.signal(signal.SIGALRM, former)


def _is_asleep(engine: Engine, backend: int) -> bool:
    """Ask the server over another connection; in a transaction of its own each time, for it tells one state to each."""
    with engine.connect() as other:
        waits_for = text("SELECT wait_event FROM pg_stat_activity WHERE pid = :backend")
        return bool(other.scalar(waits_for, {"backend": backend}) == "PgSleep")
