"""The store on a SQL database: units of work, and the one statement behind every page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from sqlalchemy import Connection, Engine

from coproauth.adapters.sqlalchemy.composed import is_kept
from coproauth.adapters.sqlalchemy.directory import SqlDirectory
from coproauth.adapters.sqlalchemy.housekeeping import SqlHousekeeping
from coproauth.adapters.sqlalchemy.page_check import DIGEST, PageCheck
from coproauth.adapters.sqlalchemy.schema import Schema, refuse_translation
from coproauth.adapters.sqlalchemy.tables import Tables, own_tables
from coproauth.adapters.sqlalchemy.throttle import SqlThrottle
from coproauth.adapters.sqlalchemy.transactions import Transactions
from coproauth.adapters.sqlalchemy.unit_of_work import SqlUnitOfWork
from coproauth.core.sessions import SessionView
from coproauth.policy import Policy
from coproauth.ports import Directory

_DIRECTORIES = 16  # whose statements are kept; each of them keeps its directory, whose id it is found by


class SqlStore:
    """What the library owns, on a SQL database; one store serves every thread.

    Attributes:
        engine: see ``sqlite_engine``.
        tables: under their prefix.
    """

    def __init__(self, engine: Engine, *, tables: Tables | None = None, policy: Policy | None = None) -> None:
        """Take the engine; the tables are ours alone unless the host built them into its own metadata.

        An engine of the host's own should be created with ``hide_parameters=True``, so that no error shows a value.

        Args:
            engine: see ``sql_engine``.
            tables: under another prefix, or in the host's metadata.
            policy: how often the counters beside the store are tried again.

        Raises:
            ConfigurationError: the engine has a ``schema_translate_map``.
        """
        refuse_translation(engine)
        self._policy = policy or Policy()
        self.engine = engine
        self.tables = tables or own_tables()
        self._transactions = Transactions.on(engine)
        self._page_checks: dict[int, PageCheck] = {}
        self._is_checked = False

    def create_tables(self) -> None:
        """Create the tables, or bring them up to date; the same as ``coproauth schema upgrade``."""
        self.schema.upgrade()

    @property
    def schema(self) -> Schema:
        """The version of the tables, and the steps to the newest."""
        return Schema(self.engine, prefix=self.tables.prefix)

    @contextmanager
    def reading(self) -> Iterator[SqlUnitOfWork]:
        """Open a consistent view."""
        self._require_schema()
        with self._transactions.reading() as connection:
            yield SqlUnitOfWork.on(connection, self.tables)

    @contextmanager
    def writing(self) -> Iterator[SqlUnitOfWork]:
        """Open an atomic unit of work: kept when the block ends, undone when it raises.

        The thread that opens it also ends it: on SQLite it holds the turn to write.
        """
        self._require_schema()
        with self._transactions.writing() as connection:
            yield SqlUnitOfWork.on(connection, self.tables, is_writing=True)

    def throttle(self) -> SqlThrottle:
        """Return the counters kept beside the store."""
        return SqlThrottle(self._transactions, self.tables.throttle, policy=self._policy)

    def housekeeping(self) -> SqlHousekeeping:
        """Return what the operator reads and removes."""
        return SqlHousekeeping(self._transactions, self.tables)

    def within(self, connection: Connection) -> AbstractContextManager[None]:
        """Let every use case in the block be part of a transaction of the host: kept when that is, or undone with it.

        The transaction is opened by ``serializable(engine)``. What conflicts with it shows when the host commits, and
        is the host's to run again. Counters of attempts are kept apart even so (on SQLite they cannot be).

        Raises:
            ConfigurationError: there is no connection, or one of another engine than the store's; its transaction is
                not serializable, or in autocommit; a unit of work is open already.
        """
        return self._transactions.within(connection)

    def session_view(self, digest: str, directory: Directory) -> SessionView | None:
        """Return everything about a session: one statement if the directory is in this database, else two looks.

        Two it is also with a SELECT of the host's that SQLAlchemy must compile anew each time.
        """
        self._require_schema()
        check = self._page_check(directory)
        return check.read(self._transactions.look(check.composed, {DIGEST: digest}))

    def _require_schema(self) -> None:
        """Look once whether the tables are those of this release; nothing is read or written before."""
        if not self._is_checked:
            self._transactions.check()
            self.schema.check()
            self._is_checked = True

    def _page_check(self, directory: Directory) -> PageCheck:
        """Return the statement for a directory, composed once: there is hardly more than one for a store."""
        known = self._page_checks.get(id(directory))
        if known is None:
            if len(self._page_checks) >= _DIRECTORIES:  # a host that makes one for each request
                self._page_checks.clear()
            is_joined = (
                isinstance(directory, SqlDirectory) and directory.engine is self.engine and is_kept(directory.rows)
            )
            known = self._page_checks[id(directory)] = PageCheck(
                self.tables, directory, self.engine.dialect, is_joined=is_joined
            )
        return known
