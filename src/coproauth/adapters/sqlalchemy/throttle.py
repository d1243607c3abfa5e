"""Attempts counted in the database beside the store; no unit of work takes one back that it did not end with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Delete, Select, Table, Update, bindparam, delete, select, update

from coproauth.adapters.sqlalchemy.composed import Row, fetch, write_each
from coproauth.adapters.sqlalchemy.tables import dump, insertion
from coproauth.adapters.sqlalchemy.transactions import Transactions
from coproauth.adapters.sqlalchemy.unit_of_work import SqlUnitOfWork
from coproauth.core.throttling import Counter, ThrottleKey, attempts_of, decide_admission
from coproauth.policy import Policy
from coproauth.ports import UnitOfWork
from coproauth.services.units import persistently


class SqlThrottle:
    """Counts attempts in a table; each call is one transaction of its own, but for ``settle_within``."""

    def __init__(self, transactions: Transactions, table: Table, *, policy: Policy) -> None:
        """Take where transactions are opened, the table, and how often to try again."""
        self._transactions = transactions
        self._table = table
        self._policy = policy

    def admit(self, keys: Sequence[ThrottleKey], *, at: datetime) -> timedelta:
        """Count one attempt on every key and return zero; or count none and return the longest wait."""
        if not keys:
            return timedelta(0)
        return persistently(lambda: self._admit(keys, at), policy=self._policy)

    def settle(self, *, forgive: Sequence[ThrottleKey] = (), clear: Sequence[ThrottleKey] = ()) -> None:
        """Take one attempt back from some keys, with the wait that followed; forget everything about others."""
        if forgive or clear:
            persistently(lambda: self._settle(forgive, clear), policy=self._policy)

    def settle_within(
        self, work: UnitOfWork, *, forgive: Sequence[ThrottleKey] = (), clear: Sequence[ThrottleKey] = ()
    ) -> bool:
        """Settle as part of a unit of work on SQLite, where others wait for their turn to write in any case.

        Elsewhere strangers share counters, and units of work that wrote the same one would undo each other: False.
        """
        if not (isinstance(work, SqlUnitOfWork) and self._transactions.owns(work.connection)):
            return False
        if work.connection.dialect.name != "sqlite":
            return False
        if forgive or clear:
            self._give_back(work.connection, forgive, clear)
        return True

    def counted(self, key: ThrottleKey, *, at: datetime) -> int:
        """Return how many attempts are counted on a key."""
        found = persistently(lambda: self._found(key), policy=self._policy)
        return attempts_of(key, found, at=at)

    def _found(self, key: ThrottleKey) -> Counter | None:
        with self._transactions.glancing(apart=True) as connection:
            found = fetch(connection, _one(self._table), {"of": key.name})
        return _counter(found[0]) if found else None

    def _admit(self, keys: Sequence[ThrottleKey], at: datetime) -> timedelta:
        with self._transactions.apart() as connection:
            counters = self._locked(connection, keys)
            decision = decide_admission(keys, counters, at=at)
            if isinstance(decision, timedelta):  # who must wait leaves no row
                return decision
            # Of those who begin the same counter all but one are in the way of a row, and run again on what it says.
            begun, known = sorted(decision.keys() - counters.keys()), sorted(decision.keys() & counters.keys())
            write_each(connection, insertion(self._table), [{"name": name, **dump(decision[name])} for name in begun])
            write_each(connection, _changed(self._table), [{"of": name, **dump(decision[name])} for name in known])
            return timedelta(0)

    def _settle(self, forgive: Sequence[ThrottleKey], clear: Sequence[ThrottleKey]) -> None:
        with self._transactions.apart() as connection:
            self._give_back(connection, forgive, clear)

    def _give_back(self, connection: Connection, forgive: Sequence[ThrottleKey], clear: Sequence[ThrottleKey]) -> None:
        counters = self._locked(connection, [*forgive, *clear])
        known = {key.name: key.rule for key in forgive if key.name in counters}
        forgiven = [{"of": name, **dump(counters[name].one_less(known[name]))} for name in sorted(known)]
        cleared = [{"of": name} for name in sorted(counters.keys() & {key.name for key in clear})]
        write_each(connection, _changed(self._table), forgiven)
        write_each(connection, _without(self._table), cleared)

    def _locked(self, connection: Connection, keys: Iterable[ThrottleKey]) -> dict[str, Counter]:
        """Read counters and hold them; as they are written, in an order that is the same for everyone."""
        names = sorted({key.name for key in keys})
        wanted = dict(zip(_places(len(names)), names, strict=True))
        return {row[0]: _counter(row) for row in fetch(connection, _these(self._table, len(names)), wanted)}


def _counter(row: Row) -> Counter:
    _, attempts, last_at, not_before, forget_at = row
    return Counter(attempts=attempts, last_at=last_at, not_before=not_before, forget_at=forget_at)


@lru_cache
def _one(table: Table) -> Select[Any]:
    return select(table).where(table.c.name == bindparam("of"))


@lru_cache
def _changed(table: Table) -> Update:
    return update(table).where(table.c.name == bindparam("of"))


@lru_cache
def _without(table: Table) -> Delete:
    return delete(table).where(table.c.name == bindparam("of"))


@lru_cache
def _these(table: Table, count: int) -> Select[Any]:
    """Ask for so many counters: composed once for each number, where a list would be spelled out at each attempt."""
    named = table.c.name.in_([bindparam(place) for place in _places(count)])
    return select(table).where(named).order_by(table.c.name).with_for_update()


@lru_cache
def _places(count: int) -> tuple[str, ...]:
    return tuple(f"of_{place}" for place in range(count))
