"""What the operator reads and removes, in short transactions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import attrs
from sqlalchemy import ColumnElement, Table, delete, select, update

from coproauth.adapters.sqlalchemy.tables import Tables, load
from coproauth.adapters.sqlalchemy.transactions import Transactions
from coproauth.core.activation import CodeRecord
from coproauth.core.identities import Identity
from coproauth.core.maintenance import Waste


@attrs.frozen
class SqlHousekeeping:
    """What the operator reads and removes."""

    transactions: Transactions
    tables: Tables

    def sweep(self, waste: Waste, *, before: datetime, limit: int) -> int:
        """Delete at most ``limit`` rows of a kind that were over before an instant; return how many.

        They are found without being held, then deleted by their keys: nobody waits for a search.
        """
        table, over_at = self._over(waste)
        (key,) = table.primary_key
        with self.transactions.reading() as connection:
            keys = connection.scalars(select(key).where(over_at < before).limit(limit)).all()
        if not keys:
            return 0
        with self.transactions.apart() as connection:
            return connection.execute(delete(table).where(key.in_(sorted(keys)), over_at < before)).rowcount

    def idle_identities(self, *, before: datetime, limit: int) -> Sequence[Identity]:
        """Return logins that were last used before an instant, the longest unused first."""
        table = self.tables.identities
        idle = select(table).where(table.c.last_login_at < before)
        with self.transactions.reading() as connection:
            rows = connection.execute(idle.order_by(table.c.last_login_at, table.c.id).limit(limit)).all()
        return [load(Identity, table, row) for row in rows]

    def remove_identity(self, identity_id: str, *, unless_used_since: datetime | None = None) -> bool:
        """Delete a login with its links, sessions and waiting mail; False, and nothing done, if it was used since."""
        identities, links, codes = self.tables.identities, self.tables.links, self.tables.codes
        sessions, outbox = self.tables.sessions, self.tables.outbox
        unused: list[ColumnElement[bool]] = [identities.c.id == identity_id]
        if unless_used_since is not None:
            unused.append(identities.c.last_login_at < unless_used_since)
        with self.transactions.writing() as connection:
            email = connection.scalar(select(identities.c.email).where(*unused))
            if email is None:
                return False
            connection.execute(delete(links).where(links.c.identity_id == identity_id))
            connection.execute(delete(sessions).where(sessions.c.identity_id == identity_id))
            connection.execute(delete(outbox).where(outbox.c.identity_id == identity_id))
            connection.execute(delete(outbox).where(outbox.c.to == email))
            connection.execute(update(codes).where(codes.c.used_by == identity_id).values(used_by=None))
            return connection.execute(delete(identities).where(identities.c.id == identity_id)).rowcount == 1

    def codes_used_by(self, identity_id: str) -> Sequence[CodeRecord]:
        """Return the codes that opened a login or were added to it."""
        table = self.tables.codes
        with self.transactions.reading() as connection:
            rows = connection.execute(select(table).where(table.c.used_by == identity_id)).all()
        return [load(CodeRecord, table, row) for row in rows]

    def _over(self, waste: Waste) -> tuple[Table, ColumnElement[datetime]]:
        """Return the table of a kind, and the column that says when a row of it was over."""
        tables = self.tables
        return {
            Waste.CODES: (tables.codes, tables.codes.c.expires_at),
            Waste.SESSIONS: (tables.sessions, tables.sessions.c.expires_at),
            Waste.COUNTERS: (tables.throttle, tables.throttle.c.forget_at),
            Waste.MAIL: (tables.outbox, tables.outbox.c.queued_at),
            Waste.AUDIT_EVENTS: (tables.audit, tables.audit.c.at),
        }[waste]
