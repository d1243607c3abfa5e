"""The audit trail as a table, which the library only ever adds to."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import attrs
from sqlalchemy import Engine, select

from coproauth.adapters.sqlalchemy.composed import write
from coproauth.adapters.sqlalchemy.schema import refuse_translation
from coproauth.adapters.sqlalchemy.tables import Tables, dump, insertion, own_tables
from coproauth.adapters.sqlalchemy.transactions import Transactions
from coproauth.adapters.sqlalchemy.unit_of_work import SqlUnitOfWork
from coproauth.core.audit import AuditEvent
from coproauth.policy import Policy
from coproauth.ports import UnitOfWork
from coproauth.services.units import persistently


class SqlAudit:
    """Writes an event in a transaction of its own, so that it outlives the roll-back of what it tells of.

    That of a success may be part of the unit of work that it tells of.
    """

    def __init__(self, engine: Engine, *, tables: Tables | None = None, policy: Policy | None = None) -> None:
        """Take the engine; the tables are those of ``SqlStore`` unless others are given.

        Args:
            engine: where the table is.
            tables: under another prefix, or in the host's metadata.
            policy: how often an event is tried again to be kept.

        Raises:
            ConfigurationError: the engine has a ``schema_translate_map``.
        """
        refuse_translation(engine)
        self._transactions = Transactions.on(engine)
        self._policy = policy or Policy()
        self._table = (tables or own_tables()).audit

    def record(self, event: AuditEvent) -> None:
        """Keep one event.

        Raises:
            Unavailable: the database is away.
        """
        persistently(lambda: self._record(event), policy=self._policy)

    def record_within(self, work: UnitOfWork, event: AuditEvent) -> bool:
        """Keep an event as part of a unit of work; False, and not kept, if that is another database's or the host's."""
        if not (isinstance(work, SqlUnitOfWork) and self._transactions.owns(work.connection)):
            return False
        write(work.connection, insertion(self._table), dump(event))
        return True

    def about(self, subjects: Collection[str]) -> Sequence[AuditEvent]:
        """Return the events with one of these subjects, the earliest first."""
        columns = [self._table.c[field.name] for field in attrs.fields(AuditEvent)]
        wanted = select(*columns).where(self._table.c.subject.in_(list(subjects))).order_by(self._table.c.position)
        with self._transactions.reading() as connection:
            return [AuditEvent(**row) for row in connection.execute(wanted).mappings()]

    def _record(self, event: AuditEvent) -> None:
        with self._transactions.apart() as connection:
            write(connection, insertion(self._table), dump(event))
