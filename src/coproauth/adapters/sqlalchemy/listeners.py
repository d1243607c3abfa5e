"""Who would miss it if a statement went to the driver without SQLAlchemy."""

from __future__ import annotations

import logging
from typing import Any

from sqlalchemy import Connection, Engine

_KNOWN = {"pysqlite", "psycopg"}  # drivers
# Who listens to the class hears each connection, and no engine knows: asked of one that leads nowhere.
_CONNECTIONS = Connection.__new__(Connection).dispatch


def is_unheard(engine: Engine) -> bool:
    """Whether a statement may go to the driver directly: one that is known here, and nobody listens to its use."""
    inner = engine.dialect.dispatch
    return not (
        engine.dialect.driver not in _KNOWN
        or _is_heard(engine.dispatch)
        or _is_heard(_CONNECTIONS)
        or is_prepared(engine)
        or inner.do_execute
        or inner.do_executemany
        or inner.do_execute_no_params
        or inner.handle_error
        or engine.logger.isEnabledFor(logging.INFO)  # by ``echo``, or by how logging is set up
        or engine.get_execution_options().get("schema_translate_map")  # refused, but for one that comes later
    )


def is_prepared(engine: Engine) -> bool:
    """Whether the host has something done at the beginning of each transaction."""
    ours = engine.dialect.name == "sqlite"  # the one of sqlite_engine
    return len(engine.dispatch.begin) > ours or bool(_CONNECTIONS.begin)


def _is_heard(said: Any) -> bool:
    """Whether anybody listens to what an engine, or a connection, says of a statement."""
    return bool(
        said.before_cursor_execute
        or said.after_cursor_execute
        or said.before_execute
        or said.after_execute
        or said.engine_connect
    )
