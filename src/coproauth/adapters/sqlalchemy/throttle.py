"""Attempts counted in the database, beside the store and outside its units of work."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, Table, delete, insert, select, update

from coproauth.adapters.sqlalchemy.tables import dump
from coproauth.adapters.sqlalchemy.transactions import Transactions
from coproauth.core.throttling import Counter, ThrottleKey, decide_admission


class SqlThrottle:
    """Counts attempts in a table; each call is one transaction of its own."""

    def __init__(self, transactions: Transactions, table: Table) -> None:
        """Take where transactions are opened, and the table."""
        self._transactions = transactions
        self._table = table

    def admit(self, keys: Sequence[ThrottleKey], *, at: datetime) -> timedelta:
        """Count one attempt on every key and return zero; or count none and return the longest wait."""
        with self._transactions.apart() as connection:
            counters = self._read(connection, keys)
            decision = decide_admission(keys, counters, at=at)
            if isinstance(decision, timedelta):
                return decision
            for name, counter in decision.items():
                self._write(connection, name, counter, is_new=name not in counters)
            return timedelta(0)

    def forgive(self, keys: Sequence[ThrottleKey]) -> None:
        """Take one attempt back from every key, and the wait that followed from it."""
        if not keys:
            return
        with self._transactions.apart() as connection:
            counters = self._read(connection, keys)
            for key in keys:
                if key.name in counters:
                    self._write(connection, key.name, counters[key.name].one_less(), is_new=False)

    def clear(self, key: ThrottleKey) -> None:
        """Forget everything about a key."""
        with self._transactions.apart() as connection:
            connection.execute(delete(self._table).where(self._table.c.name == key.name))

    def _read(self, connection: Connection, keys: Sequence[ThrottleKey]) -> dict[str, Counter]:
        wanted = self._table.c.name.in_([key.name for key in keys])
        rows = connection.execute(select(self._table).where(wanted).order_by(self._table.c.name).with_for_update())
        return {
            row.name: Counter(
                attempts=row.attempts, last_at=row.last_at, not_before=row.not_before, forget_at=row.forget_at
            )
            for row in rows
        }

    def _write(self, connection: Connection, name: str, counter: Counter, *, is_new: bool) -> None:
        values = dump(counter)
        if is_new:
            connection.execute(insert(self._table).values(name=name, **values))
        else:
            connection.execute(update(self._table).where(self._table.c.name == name).values(values))
