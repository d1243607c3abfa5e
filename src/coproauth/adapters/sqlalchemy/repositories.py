"""The repositories of one unit of work, on one connection."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar

import attrs
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Executable,
    Insert,
    Select,
    Table,
    Update,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from coproauth.adapters.sqlalchemy.composed import fetch, write
from coproauth.adapters.sqlalchemy.tables import Tables, dump, insertion, load
from coproauth.core.activation import CodeRecord
from coproauth.core.identities import Identity
from coproauth.core.messages import Intention, MailKind
from coproauth.core.sessions import SessionRecord

T = TypeVar("T")

_NOT_BEGUN = 0  # PQTRANS_IDLE: psycopg sends BEGIN with the first statement (PostgreSQL's manual, libpq)


@lru_cache
def _having(column: Column[Any]) -> Select[Any]:
    """Ask for the rows with a value in a column. What is asked at each log-in is composed once."""
    return select(column.table).where(column == bindparam("value"))


@lru_cache
def _nearest(identities: Table) -> Select[Any]:
    """Ask for the login with an address, or else for the next one in the index, or the first behind the last."""
    following, first = identities.alias().c.email_key, identities.alias().c.email_key
    at_or_after = select(following).where(following >= bindparam("value")).order_by(following).limit(1)
    nearest = func.coalesce(at_or_after.scalar_subquery(), select(func.min(first)).scalar_subquery())
    return select(identities).where(identities.c.email_key == nearest)


@lru_cache
def _linked_to(identities: Table, links: Table) -> Select[Any]:
    linked = select(links.c.identity_id).where(links.c.contact_id == bindparam("value")).scalar_subquery()
    return select(identities).where(identities.c.id == linked)


@lru_cache
def _same_address(identities: Table) -> Update:
    """Change a login that keeps its stamp and its address, so that nothing can be in the way."""
    columns = identities.c
    return update(identities).where(
        columns.id == bindparam("of"),
        columns.credential_stamp == bindparam("expected"),
        columns.email_key == bindparam("address"),
    )


@lru_cache
def _contacts_of(links: Table) -> Select[Any]:
    return select(links.c.contact_id).where(links.c.identity_id == bindparam("value"))


@lru_cache
def _with_index(codes: Table) -> Select[Any]:
    return select(codes).where(codes.c.index.in_(bindparam("value", expanding=True)))


@lru_cache
def _sessions_of(sessions: Table) -> Select[Any]:
    latest_first = (sessions.c.authenticated_at.desc(), sessions.c.handle.desc())
    return _having(sessions.c.identity_id).order_by(*latest_first)


@attrs.frozen
class _Repository:
    connection: Connection
    tables: Tables
    is_writing: bool = False

    def _one(self, kind: type[T], table: Table, statement: Select[Any], value: object) -> T | None:
        if self.is_writing and self.connection.dialect.name in {"mysql", "mariadb"}:
            # A serializable read shares a lock on the row there. Of those who share it and then want to change the
            # row all but one are undone, again and again if they are many; with the lock to themselves they queue.
            statement = statement.with_for_update()
        found = fetch(self.connection, statement, {"value": value})
        return load(kind, table, found[0]) if found else None

    def _changes_one(self, statement: Executable) -> bool:
        return self.connection.execute(statement).rowcount == 1


class SqlIdentities(_Repository):
    """Logins."""

    def get(self, identity_id: str) -> Identity | None:
        """Return a login by its id."""
        table = self.tables.identities
        return self._one(Identity, table, _having(table.c.id), identity_id)

    def by_email(self, email_key: str) -> Identity | None:
        """Return the login with this comparison key.

        Where nothing is locked by looking, a look that finds nobody reads a login all the same, from as near in the
        index and as likely from the disk: how long it takes does not tell who has a login (ASVS V6.3.8).
        """
        table = self.tables.identities
        statement = _having(table.c.email_key) if self.is_writing else _nearest(table)
        found = self._one(Identity, table, statement, email_key)
        return found if found is not None and found.email_key == email_key else None

    def by_contact(self, contact_id: str) -> Identity | None:
        """Return the login that a contact is linked to."""
        table = self.tables.identities
        return self._one(Identity, table, _linked_to(table, self.tables.links), contact_id)

    def add(self, identity: Identity) -> bool:
        """Store a new login; False, and nothing stored, if its e-mail key is taken."""
        return self._keeps_address(identity, insert(self.tables.identities).values(dump(identity))) is not None

    def save(self, identity: Identity, *, expected_stamp: int) -> bool:
        """Replace a login if its stamp is still the expected one; False if not, or if its e-mail key is taken."""
        table = self.tables.identities
        values = dump(identity)
        # Writing a key, be it with the same value, has all that refers to it looked through.
        of = values.pop("id")
        expected = {"of": of, "expected": expected_stamp, "address": identity.email_key}
        if write(self.connection, _same_address(table), values | expected) == 1:
            return True
        unchanged = (table.c.id == identity.id, table.c.credential_stamp == expected_stamp)
        return self._keeps_address(identity, update(table).where(*unchanged).values(values)) == 1

    def _keeps_address(self, identity: Identity, statement: Insert | Update) -> int | None:
        """Write a login and return how many rows that changed; None if another login has its address.

        The unit of work goes on either way.
        """
        try:
            with self.connection.begin_nested():
                return self.connection.execute(statement).rowcount
        except IntegrityError:
            holder = self.by_email(identity.email_key)
            if holder is None or holder.id == identity.id:
                raise  # not the address is in the way, or it is that of a login this unit of work cannot see yet
            return None


class SqlLinks(_Repository):
    """Which contact belongs to which login."""

    def put(self, *, contact_id: str, identity_id: str, at: datetime) -> None:
        """Link a contact to a login, instead of the one it was linked to."""
        self.remove(contact_id)
        row = {"contact_id": contact_id, "identity_id": identity_id, "linked_at": at}
        self.connection.execute(insert(self.tables.links).values(row))

    def remove(self, contact_id: str) -> None:
        """Unlink a contact."""
        table = self.tables.links
        self.connection.execute(delete(table).where(table.c.contact_id == contact_id))

    def contacts_of(self, identity_id: str) -> Sequence[str]:
        """Return the ids of the contacts linked to a login."""
        found = fetch(self.connection, _contacts_of(self.tables.links), {"value": identity_id})
        return [contact_id for (contact_id,) in found]

    def linked(self, contact_ids: Collection[str]) -> frozenset[str]:
        """Return those of the contacts that are linked to any login."""
        table = self.tables.links
        wanted = table.c.contact_id.in_(list(contact_ids))
        return frozenset(self.connection.scalars(select(table.c.contact_id).where(wanted)))


class SqlCodes(_Repository):
    """Activation codes."""

    def add(self, code: CodeRecord) -> None:
        """Store a new code."""
        self.connection.execute(insert(self.tables.codes).values(dump(code)))

    def by_index(self, indices: Sequence[str]) -> CodeRecord | None:
        """Return the code that has one of these indices."""
        table = self.tables.codes
        return self._one(CodeRecord, table, _with_index(table), list(indices))

    def consume(self, code_id: str, *, identity_id: str, at: datetime) -> bool:
        """Mark a code as used if it is neither used nor revoked; False if it is."""
        table = self.tables.codes
        usable = (table.c.id == code_id, table.c.used_at.is_(None), table.c.revoked_at.is_(None))
        return self._changes_one(update(table).where(*usable).values(used_at=at, used_by=identity_id))

    def revoke_of(self, contact_id: str, *, at: datetime) -> None:
        """Revoke every code of a contact."""
        table = self.tables.codes
        standing = (table.c.contact_id == contact_id, table.c.revoked_at.is_(None))
        self.connection.execute(update(table).where(*standing).values(revoked_at=at))

    def ask_proof(self, code_id: str, *, email_key: str, nonce: str, at: datetime) -> None:
        """Note that an address is to be proven for a code, instead of the one noted before."""
        table = self.tables.codes
        proof = {"proof_email_key": email_key, "proof_nonce": nonce, "proof_requested_at": at}
        self.connection.execute(update(table).where(table.c.id == code_id).values(proof))


class SqlSessions(_Repository):
    """Logged-in browsers."""

    def add(self, session: SessionRecord) -> None:
        """Store a new session."""
        write(self.connection, insertion(self.tables.sessions), dump(session))

    def of(self, identity_id: str) -> Sequence[SessionRecord]:
        """Return the sessions of a login, the latest first."""
        table = self.tables.sessions
        found = fetch(self.connection, _sessions_of(table), {"value": identity_id})
        return [load(SessionRecord, table, row) for row in found]

    def touch(self, digest: str, *, at: datetime) -> None:
        """Record that a session was used; never brings back one that has ended."""
        table = self.tables.sessions
        self.connection.execute(update(table).where(table.c.digest == digest).values(last_seen_at=at))

    def end(self, digest: str) -> bool:
        """End one session; False if there was none."""
        table = self.tables.sessions
        return self._changes_one(delete(table).where(table.c.digest == digest))

    def end_all(self, identity_id: str) -> None:
        """End every session of a login."""
        table = self.tables.sessions
        self.connection.execute(delete(table).where(table.c.identity_id == identity_id))


def is_known(outbox: Table) -> ColumnElement[bool]:
    """Leave mail of a kind that only a later release knows to that release."""
    return outbox.c.kind.in_(list(MailKind))


class SqlOutbox(_Repository):
    """Mail that waits."""

    def add(self, intention: Intention) -> None:
        """Queue a mail."""
        self.connection.execute(insert(self.tables.outbox).values(dump(intention)))

    def claim(self, *, at: datetime, until: datetime, limit: int, max_tries: int) -> Sequence[Intention]:
        """Take what is due, oldest first; nobody else is given it before ``until``. Counts a try on each."""
        table = self.tables.outbox
        self._let_others_write()
        found = self.connection.execute(self._due(at=at, max_tries=max_tries).limit(limit))
        due = sorted((load(Intention, table, row) for row in found), key=lambda mail: (mail.due_at, mail.queued_at))
        if due:
            own = table.c.id.in_([intention.id for intention in due])
            self.connection.execute(update(table).where(own).values(due_at=until, tries=table.c.tries + 1))
        return [attrs.evolve(intention, due_at=until, tries=intention.tries + 1) for intention in due]

    def _due(self, *, at: datetime, max_tries: int) -> Select[Any]:
        """Ask for what is due and in nobody's hands.

        MariaDB locks every row it reads. It reads no more than it returns if it follows the index in its order;
        otherwise the other couriers would find all mail locked, and go home.
        """
        table = self.tables.outbox
        due = select(table).where(table.c.due_at <= at, table.c.tries < max_tries, is_known(table))
        due = due.order_by(table.c.due_at)
        for dialect in ("mysql", "mariadb"):
            due = due.with_hint(table, f"FORCE INDEX ({self.tables.prefix}outbox_due)", dialect)
        return due.with_for_update(skip_locked=True)

    def _let_others_write(self) -> None:
        """Let couriers take mail side by side on PostgreSQL, where serializable ones undo each other all the time.

        A claim changes only rows that it has locked, and needs no more apartness than that. The level can be chosen
        before the first statement only: behind others of its unit of work, a claim is as serializable as they are.
        """
        if self.connection.dialect.name != "postgresql":
            return
        driver: Any = self.connection.connection.dbapi_connection
        if driver.info.transaction_status == _NOT_BEGUN:
            self.connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")

    def done(self, intention_id: str) -> None:
        """Forget a mail that was delivered."""
        table = self.tables.outbox
        self.connection.execute(delete(table).where(table.c.id == intention_id))

    def postpone(self, intention_id: str, *, due_at: datetime, tries: int, failure: str | None) -> None:
        """Leave a mail for a later try: how often it was tried, and what was in the way the last time."""
        table = self.tables.outbox
        values = {"due_at": due_at, "tries": tries, "failure": failure}
        self.connection.execute(update(table).where(table.c.id == intention_id).values(values))

    def waiting(self, *, limit: int) -> Sequence[Intention]:
        """Return what waits, also what was given up, oldest first."""
        table = self.tables.outbox
        oldest_first = select(table).where(is_known(table)).order_by(table.c.queued_at, table.c.id).limit(limit)
        return [load(Intention, table, row) for row in self.connection.execute(oldest_first)]
