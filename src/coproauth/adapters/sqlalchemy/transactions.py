"""Who holds a connection, for what, and how apart from others it is.

Within a unit of work everything goes over its one connection: store and directory see the same snapshot, and a thread
never waits for a second connection while it holds a first (which, with a bounded pool, ends in all threads waiting).

Units of work are serializable: each has the effect it would have alone. SQLite lets one write at a time; PostgreSQL
and MariaDB let them run side by side and undo one of two that cannot both hold, which is then run again.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from typing import Any
from weakref import WeakKeyDictionary, ref

import attrs
from sqlalchemy import Connection, Engine, PoolProxiedConnection, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from coproauth.adapters.sqlalchemy.composed import STRAIGHT, Composed, Row, failed, send_alone
from coproauth.adapters.sqlalchemy.failures import name_failure
from coproauth.adapters.sqlalchemy.listeners import is_prepared, is_unheard
from coproauth.errors import ConfigurationError, Interrupted, Unavailable

WRITING = "coproauth_writing"  # the execution option that has SQLite take the write lock at the beginning
GLANCING = "coproauth_glancing"  # the one that has SQLite begin no transaction: one statement is one by itself
PATIENCE = "coproauth_patience"  # the one by which sqlite_engine says how long a thread waits for its turn to write
_AUTOCOMMIT: Mapping[str, Mapping[str, Any]] = {  # MariaDB must be asked for it, which is a round trip itself
    "sqlite": {GLANCING: True},
    "postgresql": {"isolation_level": "AUTOCOMMIT"},
}
_PATIENCE = timedelta(seconds=10)  # on an engine of the host's own


def serializable(engine: Engine) -> Engine:
    """Return the engine, over the same pool, with transactions as a unit of work needs them.

    For a host that runs a use case in a transaction of its own: ``Session(serializable(engine))``.
    """
    if engine.dialect.name == "sqlite":
        return engine.execution_options(**{WRITING: True})
    return engine.execution_options(isolation_level="SERIALIZABLE")


@attrs.frozen
class _Current:
    """The transaction that a thread is in."""

    connection: Connection
    is_hosted: bool = False


class Transactions:
    """Opens transactions on one engine, for everything that shares it."""

    def __init__(self, engine: Engine) -> None:
        """Use ``Transactions.on``: what shares an engine must share this."""
        self._engine_ref = ref(engine)  # weak: an engine that its owner drops is not kept alive from here
        self._dialect = engine.dialect.name
        self._side: Engine | None = None
        self._current: ContextVar[_Current | None] = ContextVar("transaction", default=None)
        # SQLite has one writer at a time and lets the others poll; threads of one process take turns instead.
        self._turns = threading.RLock() if self._dialect == "sqlite" else None
        self._autocommit = _AUTOCOMMIT.get(self._dialect)
        self._patience = engine.get_execution_options().get(PATIENCE, _PATIENCE)

    @classmethod
    def on(cls, engine: Engine) -> Transactions:
        """Return the transactions of an engine."""
        with _lock:
            known = _known.get(engine)
            if known is None:
                known = _known[engine] = cls(engine)
            return known

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a consistent view, or go on in the transaction that is open in this context.

        Raises:
            Interrupted, Unavailable: see ``failures.py``.
        """
        current = self._current.get()
        if current is None:
            with self._begun(self._engine, "REPEATABLE READ") as connection, self._being(_Current(connection)):
                yield connection
        elif current.is_hosted:
            with _named_for_the_host():
                yield current.connection
        else:
            yield current.connection

    @contextmanager
    def glancing(self, *, apart: bool = False) -> Iterator[Connection]:
        """Open what one single look needs, in autocommit: a statement sees one state of the database by itself.

        That spares PostgreSQL the round trips of a beginning and an end. In a transaction that is open in this context
        it goes on there, or ``apart`` from it; and a host that prepares its transactions (``SET LOCAL``) is given one.

        Raises:
            Interrupted, Unavailable: see ``failures.py``.
        """
        engine = self._engine
        if self._current.get() is None and self._autocommit is not None and not is_prepared(engine):
            with _named(), engine.connect() as connection:
                connection.execution_options(**self._autocommit, **{STRAIGHT: is_unheard(engine)})
                yield connection
        else:
            with self.apart() if apart else self.reading() as connection:
                yield connection

    def look(self, composed: Composed, values: Mapping[str, str]) -> Sequence[Row]:
        """Return the rows of one SELECT as the driver gives them: ``glancing``, and without SQLAlchemy if it may be.

        What finds its connection lost looks again by way of SQLAlchemy, which then knows what else is lost with it.

        Raises:
            Interrupted, Unavailable: see ``failures.py``.
        """
        engine = self._engine
        if composed.is_text and self._current.get() is None and is_unheard(engine):
            try:
                return self._look_alone(engine, composed, values)
            except _LostError:
                pass
        with self.glancing() as connection:
            return connection.execute(composed.statement, values).all()

    def _look_alone(self, engine: Engine, composed: Composed, values: Mapping[str, str]) -> Sequence[Row]:
        dialect = engine.dialect
        lent = _lent(engine)
        is_at_rest = is_lost = False
        try:
            rows = send_alone(dialect.driver, lent.driver_connection, composed, values)
            is_at_rest = True
        except dialect.loaded_dbapi.Error as error:
            failure = failed(error, dialect, lent.driver_connection)
            is_lost = failure.connection_invalidated
            raise (_LostError if is_lost else name_failure(failure, is_committing=False)) from error
        else:
            return rows
        finally:
            # Nobody is lent again what is lost, failed, or was stopped while it waited; of these SQLite's, which has no
            # state, may hold all in memory and goes on unless it is lost.
            if is_lost or not (is_at_rest or dialect.name == "sqlite"):
                lent.invalidate()
            lent.close()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a unit of work: kept when the block ends, undone when it raises.

        In a transaction of the host it is kept when that one is.

        Raises:
            RuntimeError: a unit of work is open in this context already.
            Interrupted, Unavailable: see ``failures.py``.
        """
        current = self._require_none_of_ours()
        if current is not None:
            with _nested(current.connection) as connection, self._being(_Current(connection)):
                yield connection
            return
        with self._turn(), self._begun(self._engine, "SERIALIZABLE") as connection, self._being(_Current(connection)):
            yield connection

    @contextmanager
    def apart(self) -> Iterator[Connection]:
        """Open a transaction that belongs to no unit of work, and is kept whatever becomes of the host's.

        On SQLite, which has one writer at a time, it is part of the host's if there is one.

        Raises:
            RuntimeError: this thread is in a unit of work already, and would wait for itself.
        """
        current = self._require_none_of_ours()
        if current is not None and self._dialect == "sqlite":
            with _nested(current.connection) as connection:
                yield connection
            return
        engine = self._engine if current is None else self._side_engine
        with self._turn(), self._begun(engine, "READ COMMITTED") as connection:
            yield connection

    @contextmanager
    def within(self, connection: Connection) -> Iterator[None]:
        """Let everything in the block be part of a transaction of the host.

        Raises:
            ConfigurationError: there is no connection, or one of another engine; its transaction is not serializable,
                or would be kept statement by statement; a unit of work is open in this context.
        """
        self._require_hostable(connection)
        with self._being(_Current(connection, is_hosted=True)):
            yield

    def owns(self, connection: Connection) -> bool:
        """Whether a transaction of this engine is ours alone, and no part of one of the host's."""
        return connection.engine.pool is self._engine.pool and not connection.in_nested_transaction()

    def check(self) -> None:
        """Let an engine pass that keeps units of work apart.

        Raises:
            ConfigurationError: it is one on SQLite that was not made by ``sqlite_engine``.
        """
        if self._dialect == "sqlite" and PATIENCE not in self._engine.get_execution_options():
            raise ConfigurationError("an engine on SQLite must be made by coproauth.adapters.sqlalchemy.sql_engine")

    @property
    def _engine(self) -> Engine:
        engine = self._engine_ref()
        if engine is None:
            raise RuntimeError("the engine is gone")
        return engine

    @property
    def _side_engine(self) -> Engine:
        """A pool of its own: a thread in the host's transaction must not wait for a second connection of the first."""
        with _lock:
            if self._side is None:
                first = self._engine
                self._side = side = create_engine(first.url, pool=first.pool.recreate(), hide_parameters=True)
                event.listen(first, "engine_disposed", lambda _: side.dispose())
            return self._side

    def _require_hostable(self, connection: Connection) -> None:
        if not isinstance(connection, Connection):
            raise ConfigurationError("within() takes a connection: that of serializable(engine).begin(), for example")
        if connection.engine.pool is not self._engine.pool:  # whatever the address: where it leads cannot be told
            raise ConfigurationError("the transaction is of another engine than the store's")
        if connection.get_execution_options().get("schema_translate_map"):
            raise ConfigurationError("the connection has a schema_translate_map, which our tables do not follow")
        if (current := self._current.get()) is not None and not current.is_hosted:
            raise ConfigurationError("a unit of work is open in this thread: a transaction of yours begins before it")
        if not _is_serializable(connection):
            raise ConfigurationError("open the transaction by coproauth.adapters.sqlalchemy.serializable(engine)")
        if _is_in_autocommit(connection):
            raise ConfigurationError("the connection is in autocommit: every statement would be kept by itself")

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait for the turn to write, as long as for another program that writes; given back wherever Ctrl-C comes."""
        if self._turns is None:
            yield
            return
        try:
            if not self._turns.acquire(timeout=self._patience.total_seconds()):
                raise Unavailable(reason="store_conflict")
            yield
        finally:
            try:  # noqa: SIM105 - suppress() is Python, in which Ctrl-C may come before the turn is given back
                self._turns.release()
            except RuntimeError:  # it was not its turn
                pass

    @contextmanager
    def _begun(self, engine: Engine, isolation: str) -> Iterator[Connection]:
        is_committing = False
        try:
            with engine.connect() as connection:
                connection.execution_options(**self._options(engine, isolation))
                with connection.begin():
                    if self._dialect in {"mysql", "mariadb"}:
                        connection.exec_driver_sql(f"SET TRANSACTION ISOLATION LEVEL {isolation}")
                        connection.exec_driver_sql("START TRANSACTION")  # an engine of the host's may be in autocommit
                    yield connection
                    is_committing = True
        except DBAPIError as error:
            raise name_failure(error, is_committing=is_committing) from error
        except PoolTimeout as error:
            raise Unavailable(reason="store_away") from error

    def _options(self, engine: Engine, isolation: str) -> dict[str, Any]:
        straight = {STRAIGHT: is_unheard(engine)}
        if self._dialect == "sqlite":
            return {WRITING: isolation != "REPEATABLE READ", **straight}
        return {"isolation_level": isolation, **straight} if self._dialect == "postgresql" else {}

    def _require_none_of_ours(self) -> _Current | None:
        current = self._current.get()
        if current is not None and not current.is_hosted:
            raise RuntimeError("a unit of work is open in this thread: nothing else can be written before it ends")
        return current

    @contextmanager
    def _being(self, current: _Current) -> Iterator[None]:
        former = self._current.get()
        try:
            self._current.set(current)
            yield
        finally:
            self._current.set(former)


@contextmanager
def _named() -> Iterator[None]:
    """Name a failure outside any transaction."""
    try:
        yield
    except DBAPIError as error:
        raise name_failure(error, is_committing=False) from error
    except PoolTimeout as error:
        raise Unavailable(reason="store_away") from error


class _LostError(Exception):
    """The connection that was to be asked is none any more."""


def _lent(engine: Engine) -> PoolProxiedConnection:
    try:
        return engine.raw_connection()
    except engine.dialect.loaded_dbapi.Error as error:  # none could be opened
        raise name_failure(failed(error, engine.dialect, None), is_committing=False) from error
    except PoolTimeout as error:
        raise Unavailable(reason="store_away") from error


@contextmanager
def _nested(connection: Connection) -> Iterator[Connection]:
    """Open a savepoint in the host's transaction."""
    with _named_for_the_host(), connection.begin_nested():
        yield connection


@contextmanager
def _named_for_the_host() -> Iterator[None]:
    """Name a failure; what interrupts a unit here undid the host's transaction: that is the host's to run again."""
    try:
        yield
    except DBAPIError as error:
        failure = name_failure(error, is_committing=False)
        raise (Unavailable(reason=failure.reason) if isinstance(failure, Interrupted) else failure) from error


def _is_serializable(connection: Connection) -> bool:
    if connection.dialect.name == "sqlite":
        return bool(connection.get_execution_options().get(WRITING))
    return connection.get_isolation_level() == "SERIALIZABLE"


def _is_in_autocommit(connection: Connection) -> bool:
    if connection.dialect.name == "sqlite":
        return False  # to the driver always: transactions begin where the engine says
    driver = connection.connection.driver_connection
    ask = getattr(driver, "get_autocommit", None)  # PyMySQL's; psycopg has an attribute
    return bool(ask() if ask else getattr(driver, "autocommit", False))


_lock = threading.Lock()
_known: WeakKeyDictionary[Engine, Transactions] = WeakKeyDictionary()
