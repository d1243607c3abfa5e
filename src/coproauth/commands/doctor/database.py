"""Whether the database is there, and keeps what it is given as it should."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import attrs
from sqlalchemy import Connection, Engine, Table, delete, insert, select
from sqlalchemy.exc import DBAPIError

from coproauth.adapters.sqlalchemy.transactions import Transactions
from coproauth.commands.doctor.findings import Finding, bad, compare_clocks, good
from coproauth.configuration import Configuration
from coproauth.errors import ConfigurationError, Unavailable
from coproauth.ports import Clock

_OLDEST_MARIADB = (10, 6)  # the first with SKIP LOCKED
_OLDEST_POSTGRESQL = (12,)
Check = Callable[[], Finding]

_ROW = "coproauth doctor"  # among the counters; gone before anyone can see it
_BESIDE = ("", "-wal", "-shm", "-journal")  # SQLite's file, its log and what goes with that, or a journal


def examine(configuration: Configuration, clock: Clock) -> Iterator[Finding]:
    """Yield what is found; each part is looked at only if those are well that it rests on."""
    reached = _reach(configuration)
    yield reached
    if not reached.is_well:
        return
    database = _Database(configuration=configuration, clock=clock)
    yield from map(_attempt, database.without_tables())
    for check in (database.schema, database.writable):
        finding = _attempt(check)
        yield finding
        if not finding.is_well:
            return
    yield from map(_attempt, database.with_tables())


def _attempt(check: Check) -> Finding:
    """Return what a check comes to, also if the database fails meanwhile."""
    try:
        return check()
    except ConfigurationError as error:
        return bad("database", str(error), advice="correct it in the configuration")
    except Unavailable as error:
        return bad("database", f"a check failed: {error.reason}", advice="look into the log of the server")
    except DBAPIError as error:
        return bad("database", f"a check failed: {error.orig}", advice="look into the log of the server")


def missing_file(configuration: Configuration) -> str | None:
    """Return the path of a SQLite file that is not there: whoever connects to it creates it."""
    url = configuration.engine().url
    is_file = url.get_backend_name() == "sqlite" and url.database not in {None, "", ":memory:"}
    return url.database if is_file and _is_missing(str(url.database)) else None


def _is_missing(path: str) -> bool:
    try:
        Path(path).stat()
    except FileNotFoundError:
        return True
    except OSError:  # one may not look there, or nothing can be: SQLite says so
        return False
    return False


def _reach(configuration: Configuration) -> Finding:
    try:
        if path := missing_file(configuration):
            advice = "correct database in the configuration; for a new installation run 'coproauth schema create'"
            return bad("database", f"there is no file {path}", advice=advice)
        with configuration.engine().connect() as connection:
            return _judge_version(connection)
    except ConfigurationError as error:
        return bad("database", str(error), advice="correct database in the configuration")
    except ModuleNotFoundError as error:
        return bad("database", f"{error.name} is not installed", advice="pip install 'coproauth[postgres,mariadb]'")
    except DBAPIError as error:
        return bad(
            "database",
            f"it cannot be reached: {_without_password(str(error.orig), configuration)}",
            advice="see that it runs, that the network lets you through, and that user and password are right",
        )


def _without_password(told: str, configuration: Configuration) -> str:
    password = configuration.engine().url.password
    return told.replace(password, "…") if password else told


def _judge_version(connection: Connection) -> Finding:
    kind, version = connection.dialect.name, connection.dialect.server_version_info or ()
    known = ".".join(str(part) for part in version[:3])
    match kind:
        case "sqlite":
            return good("database", f"SQLite {known}, {connection.engine.url.database}")
        case "postgresql" if version >= _OLDEST_POSTGRESQL:
            return good("database", f"PostgreSQL {known}")
        case "mariadb" | "mysql" if getattr(connection.dialect, "is_mariadb", False) and version >= _OLDEST_MARIADB:
            return good("database", f"MariaDB {known}")
    return bad("database", f"{kind} {known}", advice="use MariaDB 10.6, PostgreSQL 12 or SQLite, or a later one")


@attrs.frozen(kw_only=True)
class _Database:
    """A database that answers."""

    configuration: Configuration
    clock: Clock

    def without_tables(self) -> Iterator[Check]:
        """Yield what can be checked before there are tables."""
        match self._engine.dialect.name:
            case "sqlite":
                yield self._journal_mode
                yield self._foreign_keys
                if os.name == "posix":
                    yield self._rights
            case "postgresql":
                yield self._isolation
                yield self._clocks
            case _:
                yield self._clocks

    def schema(self) -> Finding:
        """Tell whether this release works with the tables."""
        schema = self.configuration.schema()
        try:
            schema.check()
        except ConfigurationError as error:
            found, _, advice = str(error).partition(": ")  # as Schema.check words it
            return bad("database schema", found, advice=advice)
        return good("database schema", f"version {schema.newest}, the newest")

    def writable(self) -> Finding:
        """Write a row and delete it, in a transaction that is kept."""
        table, now = self.configuration.tables().throttle, self.clock.now()
        row = {"name": _ROW, "attempts": 0, "last_at": now, "not_before": now, "forget_at": now}
        try:
            with Transactions.on(self._engine).writing() as connection:
                connection.execute(insert(table).values(row))
                connection.execute(delete(table).where(table.c.name == _ROW))
        except (Unavailable, DBAPIError) as error:
            told = error.reason if isinstance(error, Unavailable) else error.orig
            advice = "see that it is no read-only copy, that the disk is not full, and that the user may write"
            return bad("database", f"nothing can be written: {told}", advice=advice)
        return good("database", "it can be written")

    def with_tables(self) -> Iterator[Check]:
        """Yield what is tried on tables that can be written."""
        if self._engine.dialect.name in {"mariadb", "mysql"}:
            yield self._innodb
        if self._engine.dialect.name != "sqlite":
            yield self._skip_locked

    @property
    def _engine(self) -> Engine:
        return self.configuration.engine()

    def _journal_mode(self) -> Finding:
        advice = "put the file on a local disk: write-ahead logging needs shared memory"
        return self._pragma("journal_mode", "wal", advice=advice)

    def _foreign_keys(self) -> Finding:
        return self._pragma("foreign_keys", "1", advice="use a SQLite that was compiled with foreign keys")

    def _rights(self) -> Finding:
        path = Path(self._engine.url.database or "").resolve()  # the log is beside the file, not beside a link to it
        for file in (Path(f"{path}{suffix}") for suffix in _BESIDE):
            if file.is_file() and file.stat().st_mode & stat.S_IRWXO:
                return bad("database", f"others can read {file}", advice=f"chmod o= {path}*")
        return good("database", "only its owner, and a group that was given leave, can read it")

    def _pragma(self, name: str, wanted: str, *, advice: str) -> Finding:
        with self._engine.connect() as connection:
            found = str(connection.exec_driver_sql(f"PRAGMA {name}").scalar())
        if found == wanted:
            return good("database", f"{name} is {found}")
        return bad("database", f"{name} is {found} instead of {wanted}", advice=advice)

    def _isolation(self) -> Finding:
        with Transactions.on(self._engine).writing() as connection:
            found = connection.exec_driver_sql("SHOW transaction_isolation").scalar()
        if found == "serializable":
            return good("database", "units of work are serializable")
        advice = "connect to the server itself, without a pooler in between"
        return bad("database", f"units of work are {found} instead of serializable", advice=advice)

    def _clocks(self) -> Finding:
        leeway = self.configuration.policy.clock_leeway
        return compare_clocks("database clock", self._time, self.clock, leeway=leeway)

    def _time(self) -> datetime:
        query = "SELECT clock_timestamp()" if self._engine.dialect.name == "postgresql" else "SELECT UTC_TIMESTAMP(6)"
        with self._engine.connect() as connection:
            told: datetime = connection.exec_driver_sql(query).scalar_one()
        return told if told.tzinfo else told.replace(tzinfo=UTC)

    def _innodb(self) -> Finding:
        query = (
            "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND engine != 'InnoDB'"
        )
        with self._engine.connect() as connection:
            others = set(connection.exec_driver_sql(query).scalars()) & self._table_names()
        if not others:
            return good("database", "every table of ours is on InnoDB")
        advice = "ALTER TABLE … ENGINE=InnoDB: other engines know no transactions"
        return bad("database", f"not on InnoDB: {', '.join(sorted(others))}", advice=advice)

    def _table_names(self) -> set[str]:
        tables = attrs.asdict(self.configuration.tables(), recurse=False).values()
        return {table.name for table in tables if isinstance(table, Table)}

    def _skip_locked(self) -> Finding:
        """Take a mail as couriers do, and leave it."""
        outbox = self.configuration.tables().outbox
        with Transactions.on(self._engine).reading() as connection:
            connection.execute(select(outbox.c.id).limit(1).with_for_update(skip_locked=True))
        return good("database", "several couriers can share the outbox (SKIP LOCKED)")
