"""Engines set up so that units of work are atomic, waits are bounded, and no error shows a value."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs
from sqlalchemy import Connection, Dialect, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import ConnectionPoolEntry

from coproauth.adapters.sqlalchemy.transactions import GLANCING, PATIENCE, WRITING
from coproauth.errors import ConfigurationError

# To PostgreSQL, in pages read one after the other. A small table would be read whole, and a serializable transaction
# that has read a table conflicts with all who write to it; an index narrows that to a page (its manual, §13.2.3).
_INDEX_PAGE_COST = 0.1

_OWNER_ALONE = 0o600  # may read and write: hashes and addresses are in the file

_SHORTEST_WAIT = timedelta(milliseconds=1)  # the unit of PostgreSQL, to which 0 is for ever
_LONGEST_WAIT = timedelta(days=1)  # within what every driver can count


@attrs.frozen(kw_only=True)
class EngineSettings:
    """How many connections are kept, and how long each thing is waited for.

    Attributes:
        pool_size: connections that are kept open, one for each thread that works at the same time.
        pool_overflow: connections that may be opened beside them for a moment.
        pool_timeout: how long a thread waits for a connection when all are in use.
        connect_timeout: how long a new connection may take.
        statement_timeout: how long one statement may take, waiting for locks included; on SQLite, how long a unit of
            work waits for the one that writes before it. Each takes milliseconds.

    Raises:
        ConfigurationError: a number or a wait that would bound nothing, or is longer than a day.
    """

    pool_size: int = 5
    pool_overflow: int = 10
    pool_timeout: timedelta = timedelta(seconds=10)
    connect_timeout: timedelta = timedelta(seconds=5)
    statement_timeout: timedelta = timedelta(seconds=10)

    def __attrs_post_init__(self) -> None:
        if self.pool_size < 1 or self.pool_overflow < 0:  # SQLAlchemy takes these for any number
            raise ConfigurationError("pool_size must be 1 or more, and pool_overflow 0 or more")
        for name in ("pool_timeout", "connect_timeout", "statement_timeout"):
            if not _SHORTEST_WAIT <= getattr(self, name) <= _LONGEST_WAIT:
                raise ConfigurationError(f"{name} must be a millisecond at least, and a day at most")


def sql_engine(url: str | URL, *, settings: EngineSettings | None = None) -> Engine:
    """Return an engine on SQLite, PostgreSQL (by psycopg) or MariaDB (by PyMySQL).

    Args:
        url: ``sqlite:///portal.sqlite3``, ``postgresql://user:password@host/database``, ``mariadb://…``.
        settings: pool and waits.

    Raises:
        ConfigurationError: the address is none, or of another kind of database.
    """
    settings = settings or EngineSettings()
    parsed = _parse(url)
    match parsed.get_backend_name():
        case "sqlite":
            return sqlite_engine(parsed.database or ":memory:", busy_timeout=settings.statement_timeout)
        case "postgresql":
            arguments = _postgresql_arguments(parsed, settings)
            return _pooled(parsed.set(drivername="postgresql+psycopg"), settings, arguments)
        case "mariadb" | "mysql":
            return _pooled(parsed.set(drivername="mariadb+pymysql"), settings, _mariadb_arguments(settings))
        case other:
            wanted = "sqlite://, postgresql:// or mariadb:// is wanted"
            raise ConfigurationError(f"no database of ours: {other}://…; {wanted}")


def sqlite_engine(path: Path | str, *, busy_timeout: timedelta = EngineSettings().statement_timeout) -> Engine:
    """Return an engine on a SQLite file.

    Write-ahead logging lets readers go on while one writes; a unit of work takes the write lock when it begins, so
    that it waits its turn instead of failing half-way; foreign keys hold; a commit is on disk before it returns.

    Args:
        path: of the file; it is created if it is not there, for its owner alone.
        busy_timeout: how long to wait for another writer.
    """
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"timeout": busy_timeout.total_seconds(), "check_same_thread": False},
        execution_options={PATIENCE: busy_timeout},
        hide_parameters=True,  # an error's text must hold neither hash nor address (ASVS V16.2.5)
    )
    event.listen(engine, "do_connect", _create_for_owner)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _parse(url: str | URL) -> URL:
    try:
        return make_url(url)
    except (ArgumentError, ValueError):  # the latter shows a part of the password in its text
        raise ConfigurationError("the database's address is no URL such as sqlite:///portal.sqlite3") from None


def _pooled(url: URL, settings: EngineSettings, arguments: dict[str, Any]) -> Engine:
    return create_engine(
        url,
        pool_size=settings.pool_size,
        max_overflow=settings.pool_overflow,
        pool_timeout=settings.pool_timeout.total_seconds(),
        connect_args=arguments,
        hide_parameters=True,
    )


def _postgresql_arguments(url: URL, settings: EngineSettings) -> dict[str, Any]:
    milliseconds = settings.statement_timeout // timedelta(milliseconds=1)
    own = url.normalized_query.get("options", ())  # such as a search_path; what is set last holds
    return {
        "connect_timeout": _whole_seconds(settings.connect_timeout),
        "tcp_user_timeout": milliseconds,  # of what was sent and never acknowledged: the machine is gone
        "options": " ".join(
            [
                f"-c random_page_cost={_INDEX_PAGE_COST}",
                *own,
                f"-c statement_timeout={milliseconds} -c lock_timeout={milliseconds} -c timezone=UTC",
            ]
        ),
    }


def _mariadb_arguments(settings: EngineSettings) -> dict[str, Any]:
    seconds = _whole_seconds(settings.statement_timeout)
    return {
        "charset": "utf8mb4",
        "connect_timeout": _whole_seconds(settings.connect_timeout),
        "read_timeout": seconds + 1,  # of the socket: the server is to say so itself, if it can
        "write_timeout": seconds + 1,
        "init_command": f"SET SESSION max_statement_time = {seconds}, innodb_lock_wait_timeout = {seconds},"
        " sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', time_zone = '+00:00'",
    }


def _whole_seconds(duration: timedelta) -> int:
    return max(1, round(duration.total_seconds()))


def _create_for_owner(_: Dialect, __: ConnectionPoolEntry, arguments: Sequence[str], ___: object) -> None:
    """Create the file before SQLite does, which asks the umask; what SQLite keeps beside it takes the file's rights.

    One that is there is not opened: to close it again would drop the locks that this process has on it. A link is
    followed, as SQLite does: to a file that is not there yet, it is that file which is created.
    """
    path = arguments[0]
    with suppress(OSError):  # SQLite will say what is wrong
        if path != ":memory:":
            os.close(os.open(os.path.realpath(path), os.O_CREAT | os.O_EXCL, _OWNER_ALONE))


def _prepare(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # transactions begin where _begin says, not where the driver guesses
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    if options.get(GLANCING, False):
        return
    is_writing = options.get(WRITING, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writing else "BEGIN")
