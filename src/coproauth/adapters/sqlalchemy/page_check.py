"""The one statement behind every page: session, login and contacts in a single round trip.

Two halves under one UNION ALL: the session with its login, and the contacts of that login. A plain outer join would
say the same, but SQLite would then build the whole directory before it looks for one person in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Dialect, bindparam, literal_column, null, select, type_coerce, union_all
from sqlalchemy.types import NullType

from coproauth.adapters.sqlalchemy.composed import Composed, Row, read, readers
from coproauth.adapters.sqlalchemy.directory import DIRECTORY_COLUMNS, SqlDirectory, contact_of
from coproauth.adapters.sqlalchemy.tables import Tables
from coproauth.core.accounts import Contact
from coproauth.core.identities import Identity
from coproauth.core.sessions import SessionRecord, SessionView
from coproauth.ports import Directory

DIGEST = "coproauth_digest"  # no name that a host has given to a parameter of its own SELECT, whose value it would take


class PageCheck:
    """The statement, and how its rows are read.

    Attributes:
        composed: wants the digest of a session, under the name ``DIGEST``.
    """

    def __init__(self, tables: Tables, directory: Directory, dialect: Dialect, *, is_joined: bool) -> None:
        """Compose the statement; ``is_joined`` if the directory is in the same database."""
        sessions, identities, links = tables.sessions, tables.identities, tables.links
        self._directory = directory
        self._is_joined = is_joined
        own = [*sessions.columns, *identities.columns]
        contacts = sessions.join(links, links.c.identity_id == sessions.c.identity_id)
        found: Sequence[ColumnElement[Any]] = [links.c.contact_id]
        order: Sequence[ColumnElement[Any]] = []
        if is_joined and isinstance(directory, SqlDirectory):
            contacts = contacts.join(directory.rows, directory.rows.c.contact_id == links.c.contact_id)
            found = [directory.rows.c[name] for name in DIRECTORY_COLUMNS]
            order = directory.order
        self._first = len(sessions.columns)
        self._second = len(own)
        self._third = len(own) + len(found)
        self._own = readers([column.type for column in own], dialect)
        self._found = readers([column.type for column in found], dialect)
        wanted = sessions.c.digest == bindparam(DIGEST)
        who = (
            select(*_labelled("own", own), *_nothing("found", found), *_nothing("order", order))
            .select_from(sessions.join(identities, identities.c.id == sessions.c.identity_id))
            .where(wanted)
        )
        what = (
            select(*_nothing("own", own), *_labelled("found", _shown(found, dialect)), *_labelled("order", order))
            .select_from(contacts)
            .where(wanted)
        )
        places: list[ColumnElement[Any]] = [literal_column(f"order_{place}") for place in range(len(order))]
        self.composed = Composed(union_all(who, what).order_by(*places), dialect)

    def read(self, rows: Sequence[Row]) -> SessionView | None:
        """Return what the rows say; None if there is no such session."""
        who = next((row for row in rows if row[0] is not None), None)
        if who is None:
            return None
        own = read(who, self._own)
        record, identity = _record(own[: self._first]), _identity(own[self._first : self._second])
        found = [row[self._second : self._third] for row in rows if row is not who]
        return SessionView(record=record, identity=identity, contacts=self._contacts(found))

    def _contacts(self, found: Sequence[Row]) -> tuple[Contact, ...]:
        columns = [read(row, self._found) for row in found] if self._found else found
        if self._is_joined:
            return tuple(map(contact_of, columns))
        return tuple(self._directory.contacts([contact_id for (contact_id,) in columns]))


def _record(row: Row) -> SessionRecord:
    """Return a session; written out, which takes half of what ``load`` takes."""
    digest, handle, identity_id, stamp, account_id, authenticated_at, last_seen_at, expires_at, address, agent = row
    return SessionRecord(
        digest=digest,
        handle=handle,
        identity_id=identity_id,
        credential_stamp=stamp,
        account_id=account_id,
        authenticated_at=authenticated_at,
        last_seen_at=last_seen_at,
        expires_at=expires_at,
        address=address,
        user_agent=agent,
    )


def _identity(row: Row) -> Identity:
    """Return a login, likewise."""
    identity_id, email, email_key, password_hash, stamp, temporary_until, account_id, locale, *instants = row
    created_at, last_login_at, warned_at = instants
    return Identity(
        id=identity_id,
        email=email,
        email_key=email_key,
        password_hash=password_hash,
        credential_stamp=stamp,
        temporary_until=temporary_until,
        last_account_id=account_id,
        locale=locale,
        created_at=created_at,
        last_login_at=last_login_at,
        warned_at=warned_at,
    )


def _shown(columns: Sequence[ColumnElement[Any]], dialect: Dialect) -> list[ColumnElement[Any]]:
    """Return columns as their types have the database compute them (``column_expression``): decrypted there, say."""
    computed = [column.type.dialect_impl(dialect).column_expression(column) for column in columns]
    return [column if found is None else found for column, found in zip(columns, computed, strict=True)]


def _labelled(prefix: str, columns: Sequence[ColumnElement[Any]]) -> list[Any]:
    """Name columns, and have SQLAlchemy leave what is in them to ``read``: it would know the types of one half only."""
    return [type_coerce(column, NullType()).label(f"{prefix}_{place}") for place, column in enumerate(columns)]


def _nothing(prefix: str, columns: Sequence[ColumnElement[Any]]) -> list[Any]:
    return [null().label(f"{prefix}_{place}") for place in range(len(columns))]
