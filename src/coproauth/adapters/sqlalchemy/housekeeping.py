"""What the operator reads and removes, in short transactions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import attrs
from sqlalchemy import ColumnElement, Connection, Table, delete, select, update

from coproauth.adapters.sqlalchemy.repositories import is_known
from coproauth.adapters.sqlalchemy.tables import Tables, load
from coproauth.adapters.sqlalchemy.transactions import Transactions
from coproauth.core.activation import CodeRecord
from coproauth.core.identities import Identity
from coproauth.core.maintenance import Waste
from coproauth.core.messages import Intention


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
            keys = connection.scalars(select(key).where(over_at < before).order_by(over_at).limit(limit)).all()
        if not keys:
            return 0
        with self.transactions.apart() as connection:
            return connection.execute(delete(table).where(key.in_(sorted(keys)), over_at < before)).rowcount

    def idle_identities(
        self, *, before: datetime, warned_before: datetime | None = None, limit: int
    ) -> Sequence[Identity]:
        """Return logins that were last used before an instant, the longest warned first, then the longest unused.

        That is the order of an index, also for those who were not warned, so that a batch reads little but itself.
        """
        table = self.tables.identities
        warned_at = table.c.warned_at
        was_warned = warned_at.is_(None) if warned_before is None else warned_at < warned_before
        idle = select(table).where(was_warned, table.c.last_login_at < before)
        with self.transactions.reading() as connection:
            rows = connection.execute(idle.order_by(warned_at, table.c.last_login_at, table.c.id).limit(limit)).all()
        return [load(Identity, table, row) for row in rows]

    def remove_identity(self, identity_id: str, *, unless_used_since: datetime | None = None) -> bool:
        """Delete a login with its links, sessions and waiting mail; False, and nothing done, if it was used since."""
        table = self.tables.identities
        unused: list[ColumnElement[bool]] = [table.c.id == identity_id]
        if unless_used_since is not None:
            unused.append(table.c.last_login_at < unless_used_since)
        with self.transactions.writing() as connection:
            row = connection.execute(select(table).where(*unused)).one_or_none()
            if row is None:
                return False
            self._remove_all_about(load(Identity, table, row), connection)
            return connection.execute(delete(table).where(table.c.id == identity_id)).rowcount == 1

    def codes_used_by(self, identity_id: str) -> Sequence[CodeRecord]:
        """Return the codes that opened a login or were added to it."""
        table = self.tables.codes
        with self.transactions.reading() as connection:
            rows = connection.execute(select(table).where(table.c.used_by == identity_id)).all()
        return [load(CodeRecord, table, row) for row in rows]

    def mail_of(self, identity: Identity) -> Sequence[Intention]:
        """Return the mail that waits for a login: about it, or to its address."""
        table = self.tables.outbox
        known = select(table).where(is_known(table))
        with self.transactions.reading() as connection:
            about_it = connection.execute(known.where(table.c.identity_id == identity.id)).all()
            to_it = connection.execute(known.where(table.c.to == identity.email)).all()
        found = {row.id: load(Intention, table, row) for row in [*about_it, *to_it]}
        return list(found.values())

    def _remove_all_about(self, identity: Identity, connection: Connection) -> None:
        links, sessions = self.tables.links, self.tables.sessions
        codes, outbox = self.tables.codes, self.tables.outbox
        nobody = {"used_by": None, "proof_email_key": None, "proof_nonce": None, "proof_requested_at": None}
        for statement in (
            delete(links).where(links.c.identity_id == identity.id),
            delete(sessions).where(sessions.c.identity_id == identity.id),
            delete(outbox).where(outbox.c.identity_id == identity.id),
            delete(outbox).where(outbox.c.to == identity.email),
            update(codes).where(codes.c.used_by == identity.id).values(nobody),
        ):
            connection.execute(statement)

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
