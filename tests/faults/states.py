"""What a database holds, in a form in which two runs of one use case can be compared."""

from __future__ import annotations

from functools import partial
from typing import Any, Self

import attrs
from sqlalchemy import Connection, Engine, MetaData, Table, select

from coproauth.adapters.sqlalchemy import Tables

_TABLES = Tables.build(MetaData())


@attrs.frozen(kw_only=True)
class State:
    """Everything but identifiers, hashes and instants, each part in order.

    Attributes:
        logins: e-mail, stamp, whether there is a password, whether it is a temporary one.
        links: the contact's name, the login's e-mail.
        codes: the contact's name, ``used by`` an e-mail, ``revoked``, ``proof asked`` or ``standing``.
        sessions: the login's e-mail, the stamp it holds with.
        mail: its kind, the address.
    """

    logins: tuple[tuple[str, int, bool, bool], ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    codes: tuple[tuple[str, str], ...] = ()
    sessions: tuple[tuple[str, int], ...] = ()
    mail: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, engine: Engine) -> Self:
        """Return what is in the database now."""
        with engine.connect() as connection:
            read = partial(_rows, connection)
            logins, links, codes = read(_TABLES.identities), read(_TABLES.links), read(_TABLES.codes)
            sessions, mail, contacts = read(_TABLES.sessions), read(_TABLES.outbox), read(_TABLES.contacts)
        emails = {row.id: row.email for row in logins}
        names = {row.id: row.name for row in contacts}
        return cls(
            logins=_sorted(
                (row.email, row.credential_stamp, row.password_hash is not None, row.temporary_until is not None)
                for row in logins
            ),
            links=_sorted((names[row.contact_id], emails[row.identity_id]) for row in links),
            codes=_sorted((names[row.contact_id], _fate_of(row, emails)) for row in codes),
            sessions=_sorted((emails[row.identity_id], row.credential_stamp) for row in sessions),
            mail=_sorted((row.kind, row.recipient) for row in mail),
        )


def _rows(connection: Connection, table: Table) -> list[Any]:
    return list(connection.execute(select(table)))


def _fate_of(code: Any, emails: dict[str, str]) -> str:
    if code.used_by is not None:
        return f"used by {emails[code.used_by]}"
    if code.revoked_at is not None:
        return "revoked"
    return "standing" if code.proof_nonce is None else "proof asked"


def _sorted(rows: Any) -> Any:
    return tuple(sorted(rows))
