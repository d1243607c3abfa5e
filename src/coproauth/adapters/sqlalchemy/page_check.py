"""The one statement behind every page: session, login and contacts in a single round trip.

Two halves under one UNION ALL: the session with its login, and the contacts of that login. A plain outer join would
say the same, but SQLite would then build the whole directory before it looks for one person in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, bindparam, literal_column, null, select, union_all

from coproauth.adapters.sqlalchemy.directory import DIRECTORY_COLUMNS, SqlDirectory, contact_of
from coproauth.adapters.sqlalchemy.tables import Tables, load
from coproauth.core.accounts import Contact
from coproauth.core.identities import Identity
from coproauth.core.sessions import SessionRecord, SessionView
from coproauth.ports import Directory


class PageCheck:
    """The statement, and how its rows are read.

    Attributes:
        statement: wants ``digest``.
    """

    def __init__(self, tables: Tables, directory: Directory, *, is_joined: bool) -> None:
        """Compose the statement; ``is_joined`` if the directory is in the same database."""
        sessions, identities, links = tables.sessions, tables.identities, tables.links
        self._directory = directory
        self._is_joined = is_joined
        self._tables = tables
        own = [*sessions.columns, *identities.columns]
        contacts = sessions.join(links, links.c.identity_id == sessions.c.identity_id)
        found: Sequence[ColumnElement[Any]] = [links.c.contact_id]
        order: Sequence[ColumnElement[Any]] = []
        if is_joined and isinstance(directory, SqlDirectory):
            contacts = contacts.join(directory.rows, directory.rows.c.contact_id == links.c.contact_id)
            found = [directory.rows.c[name] for name in DIRECTORY_COLUMNS]
            order = directory.order
        wanted = sessions.c.digest == bindparam("digest")
        who = (
            select(*_labelled("own", own), *_nothing("found", found), *_nothing("order", order))
            .select_from(sessions.join(identities, identities.c.id == sessions.c.identity_id))
            .where(wanted)
        )
        what = (
            select(*_nothing("own", own), *_labelled("found", found), *_labelled("order", order))
            .select_from(contacts)
            .where(wanted)
        )
        places: list[ColumnElement[Any]] = [literal_column(f"order_{place}") for place in range(len(order))]
        self.statement = union_all(who, what).order_by(*places)

    def read(self, rows: Sequence[Sequence[Any]]) -> SessionView | None:
        """Return what the rows say; None if there is no such session."""
        who = next((row for row in rows if row[0] is not None), None)
        if who is None:
            return None
        sessions, identities = self._tables.sessions, self._tables.identities
        first = len(sessions.columns)
        second = first + len(identities.columns)
        record = load(SessionRecord, sessions, who[:first])
        identity = load(Identity, identities, who[first:second])
        found = [row[second:] for row in rows if row is not who]
        return SessionView(record=record, identity=identity, contacts=self._contacts(found))

    def _contacts(self, found: Sequence[Sequence[Any]]) -> tuple[Contact, ...]:
        if self._is_joined:
            return tuple(contact_of(columns[: len(DIRECTORY_COLUMNS)]) for columns in found)
        return tuple(self._directory.contacts([columns[0] for columns in found]))


def _labelled(prefix: str, columns: Sequence[ColumnElement[Any]]) -> list[Any]:
    return [column.label(f"{prefix}_{place}") for place, column in enumerate(columns)]


def _nothing(prefix: str, columns: Sequence[ColumnElement[Any]]) -> list[Any]:
    return [null().label(f"{prefix}_{place}") for place in range(len(columns))]
