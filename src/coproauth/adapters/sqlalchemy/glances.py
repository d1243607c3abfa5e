"""One SELECT that is asked all the time: composed once, and given to the driver as text.

SQLAlchemy's ceremony around a statement takes several times as long as SQLite takes to answer it. Here is what remains
without it: the text, its parameters, and how a column's type reads what the driver returns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import BindParameter, CompoundSelect, Connection, Dialect, Engine, Numeric
from sqlalchemy.types import TypeDecorator, TypeEngine

Row = Sequence[Any]
Readers = Sequence[tuple[int, Callable[[Any], Any]]]
"""At which place of a row a value is not yet what its column's type says, and how it becomes that."""


class Glance:
    """A SELECT, and its text for one dialect; serves every thread.

    Attributes:
        statement: its open parameters are text. Its columns must be of no type: rows are raw, however it is sent.
        is_text: whether the text says it all. A list that is spelled out, and what the host computes anew each time
            (its tenant, say), is left to SQLAlchemy.
    """

    def __init__(self, statement: CompoundSelect[*tuple[Any, ...]], dialect: Dialect) -> None:
        """Compose the text."""
        compiled = statement.compile(dialect=dialect)
        binds = compiled.binds
        self.statement = statement
        self.is_text = all(_is_constant(bind) for bind in binds.values())
        self._text = str(compiled)
        spelled = {} if compiled.positional else compiled.escaped_bind_names  # as the text has them: no space, no %
        given = {name: bind for name, bind in binds.items() if not bind.required}
        self._given = {spelled.get(name, name): _sent(bind, dialect) for name, bind in given.items()}
        self._names = tuple(compiled.positiontup or ()) if compiled.positional else None

    def send(self, connection: Any, values: Mapping[str, str]) -> Sequence[Row]:
        """Return the rows, over a connection of a driver that is known here."""
        parameters: Any = {**self._given, **values}
        if self._names is not None:
            parameters = [parameters[name] for name in self._names]
        found: Sequence[Row] = connection.execute(self._text, parameters).fetchall()
        return found


def send_alone(driver: str, connection: Any, glance: Glance, values: Mapping[str, str]) -> Sequence[Row]:
    """Return the rows, over a connection at rest, which is at rest afterwards; one that failed is not to be used again.

    In autocommit psycopg sends nothing but the statement; to change over, it sends nothing at all.
    """
    if driver != "psycopg" or connection.autocommit:
        return glance.send(connection, values)
    connection.autocommit = True
    rows = glance.send(connection, values)
    connection.autocommit = False
    return rows


def is_unheard(engine: Engine) -> bool:
    """Whether a statement may go to the driver directly: one that is known here, and nobody listens to its use."""
    inner = engine.dialect.dispatch
    return not (
        engine.dialect.driver not in _KNOWN
        or _is_heard(engine.dispatch)
        or _is_heard(_CONNECTIONS)
        or is_prepared(engine)
        or inner.do_execute
        or inner.handle_error
        or engine.echo
    )


def is_prepared(engine: Engine) -> bool:
    """Whether the host has something done at the beginning of each transaction."""
    ours = engine.dialect.name == "sqlite"  # the one of sqlite_engine
    return len(engine.dispatch.begin) > ours or bool(_CONNECTIONS.begin)


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


_KNOWN = {"pysqlite", "psycopg"}  # drivers
# Who listens to the class hears each connection, and no engine knows: asked of one that leads nowhere.
_CONNECTIONS = Connection.__new__(Connection).dispatch


def _is_heard(said: Any) -> bool:
    """Whether anybody listens to what an engine, or a connection, says of a statement."""
    return bool(
        said.before_cursor_execute
        or said.after_cursor_execute
        or said.before_execute
        or said.after_execute
        or said.engine_connect
    )


def _is_constant(bind: BindParameter[Any]) -> bool:
    is_typed = isinstance(bind.type, TypeDecorator)  # a type of the host's may put in what holds for one page alone
    return not (bind.callable or bind.expanding or bind.literal_execute or is_typed)


def _sent(bind: BindParameter[Any], dialect: Dialect) -> object:
    """Return a parameter that a statement brings along as its driver takes it."""
    process = bind.type.dialect_impl(dialect).bind_processor(dialect)
    return process(bind.value) if process else bind.value
