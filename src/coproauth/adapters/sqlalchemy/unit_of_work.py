"""One transaction as the services see it, and what else may be kept with it."""

from __future__ import annotations

import attrs
from sqlalchemy import Connection

from coproauth.adapters.sqlalchemy.repositories import (
    SqlCodes,
    SqlIdentities,
    SqlLinks,
    SqlOutbox,
    SqlSessions,
)
from coproauth.adapters.sqlalchemy.tables import Tables


@attrs.frozen(kw_only=True)
class SqlUnitOfWork:
    """The repositories on one transaction."""

    connection: Connection
    identities: SqlIdentities
    links: SqlLinks
    codes: SqlCodes
    sessions: SqlSessions
    outbox: SqlOutbox

    @classmethod
    def on(cls, connection: Connection, tables: Tables, *, is_writing: bool = False) -> SqlUnitOfWork:
        """Return the unit of work that goes over a connection."""
        return cls(
            connection=connection,
            identities=SqlIdentities(connection, tables, is_writing),
            links=SqlLinks(connection, tables, is_writing),
            codes=SqlCodes(connection, tables, is_writing),
            sessions=SqlSessions(connection, tables, is_writing),
            outbox=SqlOutbox(connection, tables, is_writing),
        )
