"""Statements that are sent all the time: composed once, and given to the driver as text.

SQLAlchemy's ceremony around a statement takes several times as long as SQLite takes to answer it. Here is what remains
without it: the text, how values are sent, and how a column's type reads what the driver returns. Where anybody would
miss the ceremony, the same statement is executed by SQLAlchemy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeAlias, TypeVar, cast

from sqlalchemy import (
    BindParameter,
    CompoundSelect,
    Connection,
    Delete,
    Dialect,
    Insert,
    Numeric,
    Select,
    SelectBase,
    Subquery,
    Update,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeEngine

from coproauth.adapters.sqlalchemy.tables import UtcDateTime

STRAIGHT = "coproauth_straight"  # the execution option of a connection of ours: its statements may go to the driver

Statement: TypeAlias = Select[*tuple[Any, ...]] | CompoundSelect[*tuple[Any, ...]] | Insert | Update | Delete
Row: TypeAlias = Sequence[Any]
Readers: TypeAlias = Sequence[tuple[int, Callable[[Any], Any]]]
"""At which place of a row a value is not yet what its column's type says, and how it becomes that."""

T = TypeVar("T")

_KEPT = 256  # statements for one dialect: more than there are, for several engines


class Composed:
    """A statement for one dialect; serves every thread.

    Attributes:
        statement: what SQLAlchemy executes instead.
        is_text: whether the text says it all. A list that is spelled out, and what the host computes anew each time
            (its tenant, say), is left to SQLAlchemy.
    """

    def __init__(self, statement: Statement, dialect: Dialect, names: Sequence[str] = ()) -> None:
        """Compose the text.

        Args:
            statement: its open parameters have the types of columns, or are text.
            dialect: for which.
            names: of the values that it will be given, where it writes.
        """
        compiled: Any = statement.compile(dialect=dialect, column_keys=list(names) or None)
        binds: Mapping[str, BindParameter[Any]] = compiled.binds
        self.statement = statement
        self.is_text = (
            is_kept(statement)
            and not compiled.prefetch  # defaults in Python, which a host may give columns of its own
            and all(_is_constant(bind, dialect) for bind in binds.values())
        )
        self._text = str(compiled)
        spelled = {} if compiled.positional else compiled.escaped_bind_names  # as the text has them: no space, no %
        processors = {spelled.get(name, name): (bind, _processor(bind, dialect)) for name, bind in binds.items()}
        self._given = {name: process(bind.value) for name, (bind, process) in processors.items() if not bind.required}
        self._sent = [
            (name, process)
            for name, (bind, process) in processors.items()
            if bind.required and process is not _as_it_is
        ]
        self._order = tuple(compiled.positiontup or ()) if compiled.positional else None
        columns = statement.selected_columns if isinstance(statement, SelectBase) else ()
        self._readers = readers([column.type for column in columns], dialect)

    def send(self, driver: Any, values: Mapping[str, Any]) -> Any:
        """Return the cursor, over a connection of a driver that is known here."""
        return driver.execute(self._text, self._parameters(values))

    def send_each(self, driver: Any, many: Sequence[Mapping[str, Any]]) -> None:
        """Send it for each of some values."""
        driver.cursor().executemany(self._text, [self._parameters(values) for values in many])

    def rows(self, cursor: Any) -> Sequence[Row]:
        """Return what a cursor has found, each value as its column's type says."""
        found: Sequence[Row] = cursor.fetchall()
        return [read(row, self._readers) for row in found] if self._readers else found

    def _parameters(self, values: Mapping[str, Any]) -> Any:
        parameters = {**self._given, **values}
        for name, process in self._sent:
            parameters[name] = process(parameters[name])
        return parameters if self._order is None else [parameters[name] for name in self._order]


def fetch(connection: Connection, statement: Statement, values: Mapping[str, Any]) -> Sequence[Row]:
    """Return the rows of a SELECT in a transaction."""

    def execute() -> Sequence[Row]:
        return connection.execute(statement, values).all()

    composed = _straight(connection, statement, values)
    if composed is None:
        return execute()
    return _sent(connection, lambda driver: composed.rows(composed.send(driver, values)), execute)


def write(connection: Connection, statement: Statement, values: Mapping[str, Any]) -> int:
    """Return how many rows a statement has written in a transaction."""

    def execute() -> int:
        return connection.execute(statement, values).rowcount

    composed = _straight(connection, statement, values)
    if composed is None:
        return execute()
    return _sent(connection, lambda driver: int(composed.send(driver, values).rowcount), execute)


def write_each(connection: Connection, statement: Statement, many: Sequence[Mapping[str, Any]]) -> None:
    """Write something for each of some values, all with the same names, in a transaction; for none, nothing."""

    def execute() -> None:
        connection.execute(statement, many)

    if not many:
        return
    composed = _straight(connection, statement, many[0])
    if composed is None:
        execute()
    else:
        _sent(connection, lambda driver: composed.send_each(driver, many), execute)


def _straight(connection: Connection, statement: Statement, values: Mapping[str, Any]) -> Composed | None:
    if not connection.get_execution_options().get(STRAIGHT):
        return None
    composed = _composed(statement, connection.dialect, tuple(values))
    return composed if composed.is_text else None


@lru_cache(_KEPT)
def _composed(statement: Statement, dialect: Dialect, names: tuple[str, ...]) -> Composed:
    return Composed(statement, dialect, names)


def _sent(connection: Connection, send: Callable[[Any], T], execute: Callable[[], T]) -> T:
    """Return what the driver answers; what goes wrong is what it is by way of SQLAlchemy.

    Over a connection that is lost it executes by that way, too: it fails again, and SQLAlchemy learns that the others
    of its pool may be lost as well.
    """
    dialect = connection.dialect
    driver = connection.connection.driver_connection
    try:
        return send(driver)
    except dialect.loaded_dbapi.Error as error:
        failure = failed(error, dialect, driver)
        if failure.connection_invalidated:
            return execute()
        raise failure from error
    except Exception:  # what could not be sent
        raise
    except BaseException as error:  # a thread that was stopped while it waited: nobody knows what the server does
        if dialect.name != "sqlite":  # which has none, and may hold all in memory
            connection.invalidate(error)
        raise


def failed(error: Any, dialect: Dialect, driver: Any) -> DBAPIError:
    """Return an error of the driver as SQLAlchemy raises it; it says whether the connection is lost."""
    found = DBAPIError.instance(
        None,
        None,
        error,
        dialect.loaded_dbapi.Error,
        hide_parameters=True,
        connection_invalidated=dialect.is_disconnect(error, driver, None),
        dialect=dialect,
    )
    return cast(DBAPIError, found)  # of an error of the driver it makes no other


def send_alone(driver: str, connection: Any, composed: Composed, values: Mapping[str, Any]) -> Sequence[Row]:
    """Return the rows, over a connection at rest, which is at rest afterwards; one that failed is not to be used again.

    In autocommit psycopg sends nothing but the statement; to change over, it sends nothing at all.
    """
    if driver != "psycopg" or connection.autocommit:
        return composed.rows(composed.send(connection, values))
    connection.autocommit = True
    found = composed.rows(composed.send(connection, values))
    connection.autocommit = False
    return found


def readers(types: Sequence[TypeEngine[Any]], dialect: Dialect) -> Readers:
    """Return how the columns of a row are read; most need nothing. A number stays what the driver makes of it."""
    found = (
        (place, kind.dialect_impl(dialect).result_processor(dialect, None))
        for place, kind in enumerate(types)
        if not isinstance(kind, Numeric)
    )
    return [(place, reader) for place, reader in found if reader is not None]


def read(row: Row, by: Readers) -> Row:
    """Return a row with each value as its column's type says."""
    if not by:
        return row
    values = list(row)
    for place, reader in by:
        values[place] = reader(values[place])
    return values


def is_kept(statement: Statement | Subquery) -> bool:
    """Whether what SQLAlchemy makes of a statement is the same each time; a part of the host's may say it is not."""
    return statement._generate_cache_key() is not None  # noqa: SLF001 - nothing public tells


def _is_constant(bind: BindParameter[Any], dialect: Dialect) -> bool:
    """Whether a parameter is sent as it is; a type of the host's may put in what holds for one page alone."""
    is_known = isinstance(bind.type, UtcDateTime) or _processor(bind, dialect) is _as_it_is
    return is_known and not (bind.callable or bind.expanding or bind.literal_execute)


def _processor(bind: BindParameter[Any], dialect: Dialect) -> Callable[[Any], Any]:
    """Return how a parameter becomes what its driver takes."""
    return bind.type.dialect_impl(dialect).bind_processor(dialect) or _as_it_is


def _as_it_is(value: T) -> T:
    return value
