"""The store on a SQL database: units of work, and the one statement behind every page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import attrs
from sqlalchemy import Connection, Engine, MetaData

from coproauth.adapters.sqlalchemy.directory import SqlDirectory
from coproauth.adapters.sqlalchemy.page_check import PageCheck
from coproauth.adapters.sqlalchemy.repositories import (
    SqlCodes,
    SqlIdentities,
    SqlLinks,
    SqlOutbox,
    SqlSessions,
)
from coproauth.adapters.sqlalchemy.tables import Tables
from coproauth.adapters.sqlalchemy.throttle import SqlThrottle
from coproauth.adapters.sqlalchemy.transactions import Transactions
from coproauth.core.sessions import SessionView
from coproauth.ports import Directory


@attrs.frozen(kw_only=True)
class SqlUnitOfWork:
    """The repositories on one transaction."""

    identities: SqlIdentities
    links: SqlLinks
    codes: SqlCodes
    sessions: SqlSessions
    outbox: SqlOutbox


class SqlStore:
    """What the library owns, on a SQL database; one store serves every thread.

    Attributes:
        engine: see ``sqlite_engine``.
        tables: under their prefix.
    """

    def __init__(self, engine: Engine, *, tables: Tables | None = None) -> None:
        """Take the engine; the tables are ours alone unless the host built them into its own metadata.

        An engine of the host's own should be created with ``hide_parameters=True``, so that no error shows a value.
        """
        self.engine = engine
        self.tables = tables or Tables.build(MetaData())
        self._transactions = Transactions.on(engine)
        self._page_checks: dict[int, PageCheck] = {}

    def create_tables(self) -> None:
        """Create the tables that are not there yet."""
        metadata = self.tables.identities.metadata
        with self._transactions.apart() as connection:
            metadata.create_all(connection, tables=list(attrs.astuple(self.tables, recurse=False)))

    @contextmanager
    def reading(self) -> Iterator[SqlUnitOfWork]:
        """Open a consistent view."""
        with self._transactions.reading() as connection:
            yield self._on(connection)

    @contextmanager
    def writing(self) -> Iterator[SqlUnitOfWork]:
        """Open an atomic unit of work: kept when the block ends, undone when it raises."""
        with self._transactions.writing() as connection:
            yield self._on(connection)

    def throttle(self) -> SqlThrottle:
        """Return the counters kept beside the store."""
        return SqlThrottle(self._transactions, self.tables.throttle)

    def session_view(self, digest: str, directory: Directory) -> SessionView | None:
        """Return everything about a session: one statement if the directory is in this database, else two looks."""
        check = self._page_check(directory)
        with self._transactions.reading() as connection:
            rows = connection.execute(check.statement, {"digest": digest}).all()
        return check.read(rows)

    def _page_check(self, directory: Directory) -> PageCheck:
        """Return the statement for a directory, composed once: there is one directory for the life of a store."""
        known = self._page_checks.get(id(directory))
        if known is None:
            is_joined = isinstance(directory, SqlDirectory) and directory.engine is self.engine
            known = self._page_checks[id(directory)] = PageCheck(self.tables, directory, is_joined=is_joined)
        return known

    def _on(self, connection: Connection) -> SqlUnitOfWork:
        tables = self.tables
        return SqlUnitOfWork(
            identities=SqlIdentities(connection, tables),
            links=SqlLinks(connection, tables),
            codes=SqlCodes(connection, tables),
            sessions=SqlSessions(connection, tables),
            outbox=SqlOutbox(connection, tables),
        )
