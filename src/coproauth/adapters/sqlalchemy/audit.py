"""The audit trail as a table, which the library only ever adds to."""

from __future__ import annotations

from sqlalchemy import Engine, MetaData, insert

from coproauth.adapters.sqlalchemy.tables import Tables, dump
from coproauth.adapters.sqlalchemy.transactions import Transactions
from coproauth.core.audit import AuditEvent


class SqlAudit:
    """Writes each event in a transaction of its own, so that it outlives the roll-back of what it tells of."""

    def __init__(self, engine: Engine, *, tables: Tables | None = None) -> None:
        """Take the engine; the tables are those of ``SqlStore`` unless others are given."""
        self._transactions = Transactions.on(engine)
        self._table = (tables or Tables.build(MetaData())).audit

    def record(self, event: AuditEvent) -> None:
        """Keep one event."""
        with self._transactions.apart() as connection:
            connection.execute(insert(self._table).values(dump(event)))
