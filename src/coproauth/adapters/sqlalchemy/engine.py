"""Engines set up so that units of work are atomic and nobody is told "database is locked"."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.pool import ConnectionPoolEntry

from coproauth.adapters.sqlalchemy.transactions import WRITING

BUSY_TIMEOUT = 10.0  # seconds a unit of work waits for the one that writes before it; each takes milliseconds


def sqlite_engine(path: Path | str, *, busy_timeout: float = BUSY_TIMEOUT) -> Engine:
    """Return an engine on a SQLite file.

    Write-ahead logging lets readers go on while one writes; a unit of work takes the write lock when it begins, so
    that it waits its turn instead of failing half-way; foreign keys hold; a commit is on disk before it returns.

    Args:
        path: of the file; it is created if it is not there.
        busy_timeout: seconds to wait for another writer.
    """
    url = URL.create("sqlite", database=str(path))
    engine = create_engine(
        url,
        connect_args={"timeout": busy_timeout, "check_same_thread": False},
        hide_parameters=True,  # an error's text must hold neither hash nor address (ASVS V16.2.5)
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # transactions begin where _begin says, not where the driver guesses
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin(connection: Connection) -> None:
    is_writing = connection.get_execution_options().get(WRITING, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writing else "BEGIN")
