"""The version of the tables in a database, and the numbered steps from one version to the next.

The steps are plain SQL, one folder an engine (``steps/``), and are never changed once they were released: a new
version of the tables is a new step. ``tables.py`` describes what all of them together come to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from importlib import resources

import attrs
from sqlalchemy import Connection, Dialect, Engine, func, insert, inspect, select
from sqlalchemy.sql.ddl import CreateTable

from coproauth.adapters.sqlalchemy.tables import PREFIX, own_tables
from coproauth.adapters.sqlalchemy.transactions import Transactions
from coproauth.errors import ConfigurationError, Unavailable
from coproauth.policy import Policy
from coproauth.services.units import persistently

_FOLDERS = {"sqlite": "sqlite", "postgresql": "postgresql", "mariadb": "mariadb", "mysql": "mariadb"}
_PREFIX = re.compile(r"[a-z_][a-z0-9_]{0,30}", re.ASCII)  # names stay within the 63 bytes that PostgreSQL keeps
_LOCK = 0x636F7072  # "copr", which upgrade of which program this is
_LOCK_WAIT = 60  # seconds for another upgrade to end
_LOCK_TRY = 0.5  # seconds that MariaDB waits for it in one statement: within the shortest that one may take


@attrs.frozen(kw_only=True)
class Step:
    """One step from a version of the tables to the next.

    Attributes:
        version: that the tables have after it.
        title: what it is about.
        script: the SQL, for reading; ``statements`` are its parts.
        recording: the SQL that notes the version, for whoever runs the statements by another tool than ``upgrade``.
    """

    version: int
    title: str
    script: str = attrs.field(repr=False)
    recording: tuple[str, ...] = attrs.field(repr=False)

    @property
    def statements(self) -> tuple[str, ...]:
        """The SQL, statement by statement, without its comments."""
        bare = "\n".join(line for line in self.script.splitlines() if not line.startswith("--"))
        return tuple(part.strip() for part in f"{bare}\n".split(";\n") if part.strip())


class Schema:
    """The tables in a database: which version they are of, and how to bring them up to date.

    Attributes:
        steps: all there are, in order.
        newest: the version that this release works with.
    """

    def __init__(self, engine: Engine, *, prefix: str = PREFIX) -> None:
        """Take the engine, and what the names of the tables begin with.

        Raises:
            ConfigurationError: the prefix is no plain lower-case identifier, the database is of an unknown kind, or the
                engine has a ``schema_translate_map``.
        """
        refuse_translation(engine)
        self._engine = engine
        self._prefix = prefix
        self.steps = read_steps(engine.dialect, prefix=prefix)
        self.newest = self.steps[-1].version
        self._table = own_tables(prefix).schema

    def version(self) -> int:
        """Return the version of the tables; 0 if there are none.

        Raises:
            Unavailable: the database is away.
        """
        with self._transactions.reading() as connection:
            return self._version(connection)

    def check(self) -> None:
        """Let tables pass that this release works with.

        Raises:
            ConfigurationError: there are none, or they are older or newer; the message says what to do.
            Unavailable: the database is away.
        """
        version = self.version()
        if version == 0:
            raise ConfigurationError("the database has no tables of ours yet: run 'coproauth schema create'")
        if version < self.newest:
            raise ConfigurationError(
                f"the tables are of version {version}, and this release needs {self.newest}: back the database up and"
                " run 'coproauth schema upgrade'"
            )
        if version > self.newest:
            raise ConfigurationError(
                f"the tables are of version {version}, and this release knows {self.newest} at most: install the"
                " release that upgraded them, or a later one"
            )

    def upgrade(self) -> tuple[Step, ...]:
        """Create the tables or bring them up to date; return the steps that were taken.

        Each step is recorded with what it changes, in one transaction; MariaDB commits every statement of it by
        itself, and a step that was cut off there is taken again from its start. Two upgrades at once take turns.

        Raises:
            Unavailable: the database is away.
        """
        return tuple(step for step in self.steps if persistently(partial(self._take, step), policy=Policy()))

    @property
    def _transactions(self) -> Transactions:
        return Transactions.on(self._engine)

    def _take(self, step: Step) -> bool:
        with self._transactions.apart() as connection, self._alone(connection):
            version = self._version(connection)
            if version >= step.version:
                return False
            if not inspect(connection).has_table(self._table.name):
                connection.execute(CreateTable(self._table))
            if version > self._recorded(connection):
                self._record(connection, version)
            for statement in step.statements:
                connection.exec_driver_sql(statement)
            self._record(connection, step.version)
            return True

    def _version(self, connection: Connection) -> int:
        tables = inspect(connection)
        if tables.has_table(self._table.name):  # also if no step has been recorded: one that was cut off
            return self._recorded(connection)
        return int(tables.has_table(f"{self._prefix}contacts"))  # of the first release, which recorded nothing

    def _recorded(self, connection: Connection) -> int:
        return connection.scalar(select(func.max(self._table.c.version))) or 0

    def _record(self, connection: Connection, version: int) -> None:
        connection.execute(insert(self._table).values(version=version, applied_at=datetime.now(UTC)))

    @contextmanager
    def _alone(self, connection: Connection) -> Iterator[None]:
        """Keep other upgrades waiting; on SQLite the transaction does."""
        match self._engine.dialect.name:
            case "postgresql":
                connection.exec_driver_sql("SET LOCAL statement_timeout = 0")  # an index may take its time
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_LOCK_WAIT}s'")
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
                yield
            case "mariadb" | "mysql":
                with _named_lock(connection):
                    yield
                    connection.exec_driver_sql("COMMIT")  # before the next one looks
            case _:
                yield


@contextmanager
def _named_lock(connection: Connection) -> Iterator[None]:
    """Hold the lock of upgrades on MariaDB, and leave the connection as it was."""
    before = connection.exec_driver_sql("SELECT @@SESSION.lock_wait_timeout").scalar()
    connection.exec_driver_sql(f"SET SESSION lock_wait_timeout = {_LOCK_WAIT}")  # a day, if it is not told
    try:
        if not any(_is_locked(connection) for _ in range(round(_LOCK_WAIT / _LOCK_TRY))):
            raise Unavailable(reason="store_conflict")
        yield
    finally:
        if not connection.invalidated:  # a connection that was lost has taken the lock along
            connection.exec_driver_sql("SELECT RELEASE_LOCK('coproauth')")
            connection.exec_driver_sql(f"SET SESSION lock_wait_timeout = {before}")


def _is_locked(connection: Connection) -> bool:
    return connection.exec_driver_sql(f"SELECT GET_LOCK('coproauth', {_LOCK_TRY})").scalar() == 1


def refuse_translation(engine: Engine) -> None:
    """Let an engine pass whose names of tables are taken as they are.

    Raises:
        ConfigurationError: it has a ``schema_translate_map``, which holds for no statement that is plain SQL.
    """
    if engine.get_execution_options().get("schema_translate_map"):
        raise ConfigurationError(
            "the engine has a schema_translate_map, which our tables cannot follow: set the search_path, or name the"
            " database in its address"
        )


def read_steps(dialect: Dialect, *, prefix: str = PREFIX) -> tuple[Step, ...]:
    """Return the steps for a kind of database, in order; no connection is needed.

    Raises:
        ConfigurationError: the prefix is no plain lower-case identifier, or the database is of an unknown kind.
    """
    if dialect.name not in _FOLDERS:
        raise ConfigurationError(f"there are no tables of ours for {dialect.name}")
    if not _PREFIX.fullmatch(prefix):
        raise ConfigurationError("a prefix is made of lower-case letters, digits and underscores")
    folder = resources.files("coproauth.adapters.sqlalchemy") / "steps" / _FOLDERS[dialect.name]
    files = sorted(folder.iterdir(), key=lambda file: file.name)
    return tuple(_read_step(file.name, file.read_text("utf-8"), dialect, prefix) for file in files)


def _read_step(name: str, text: str, dialect: Dialect, prefix: str) -> Step:
    number, _, title = name.removesuffix(".sql").partition("_")
    return Step(
        version=int(number),
        title=title.replace("_", " "),
        script=text.replace("{prefix}", prefix),
        recording=_recording(int(number), dialect, prefix),
    )


def _recording(version: int, dialect: Dialect, prefix: str) -> tuple[str, ...]:
    table = own_tables(prefix).schema
    now = "CURRENT_TIMESTAMP" if dialect.name in {"sqlite", "postgresql"} else "UTC_TIMESTAMP(6)"
    return (
        str(CreateTable(table, if_not_exists=True).compile(dialect=dialect)).strip(),
        f"INSERT INTO {table.name} (version, applied_at) VALUES ({version}, {now})",  # noqa: S608 - ours
    )
