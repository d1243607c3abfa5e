"""Brings contacts into the stand-alone directory, many at a time, each once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Row, Table, insert, select

from coproauth.adapters.sqlalchemy.directory import new_id
from coproauth.adapters.sqlalchemy.tables import Tables, dump, own_tables
from coproauth.adapters.sqlalchemy.transactions import Transactions
from coproauth.core.accounts import Account, Condominium, Contact, account_in
from coproauth.core.activation import CodeRecord
from coproauth.core.contact_import import (
    CondominiumKey,
    ContactRow,
    ImportedBatch,
    KnownContacts,
    decide_import,
)


class ContactImport:
    """Adds to the tables of the stand-alone directory what is not there yet; changes and removes nothing."""

    def __init__(self, engine: Engine, *, tables: Tables | None = None) -> None:
        """Take the engine; the tables are those of ``SqlStore`` unless others are given."""
        self._transactions = Transactions.on(engine)
        self._tables = tables or own_tables()

    def add(
        self, rows: Sequence[ContactRow], *, codes_for: Callable[[Sequence[Contact]], Sequence[CodeRecord]]
    ) -> ImportedBatch:
        """Add what is not there yet, in one unit of work: all of it is kept, or none.

        Two imports at once add each contact once. The number of statements does not grow with that of the rows.

        Args:
            rows: some hundreds, no two of one contact.
            codes_for: called with the new contacts before anything is kept, and again if the unit is run again;
                returns the codes to be kept with them.

        Raises:
            Interrupted: another unit of work came in between; it may be run again.
            Unavailable: the database is away, or whether the rows were kept is unknown.
        """
        with self._transactions.writing() as connection:
            batch = decide_import(rows, _known(connection, self._tables, rows), new_id=new_id)
            _insert(connection, self._tables, batch, codes_for(batch.contacts))
        return batch

    def preview(self, rows: Sequence[ContactRow]) -> ImportedBatch:
        """Return what would be added."""
        with self._transactions.reading() as connection:
            return decide_import(rows, _known(connection, self._tables, rows), new_id=new_id)

    def known_indices(self, indices: Collection[str]) -> frozenset[str]:
        """Return those of the indices that a code has."""
        column = self._tables.codes.c.index
        with self._transactions.reading() as connection:
            return frozenset(connection.scalars(select(column).where(column.in_(list(indices)))))


def _known(connection: Connection, tables: Tables, rows: Sequence[ContactRow]) -> KnownContacts:
    """Look up what is there of some rows, in three statements.

    Labels recur in every condominium: the second statement finds more accounts than the rows have, and the third is
    asked for those of the rows alone, whose number no database minds.
    """
    portfolios, names = {row.portfolio_id for row in rows}, {row.condominium for row in rows}
    found = _fetch(connection, tables.condominiums, portfolio_id=portfolios, name=names)
    condominiums = {row.id: Condominium(id=row.id, name=row.name, portfolio_id=row.portfolio_id) for row in found}
    wanted = {row.account_key for row in rows}
    found = _fetch(connection, tables.accounts, condominium_id=condominiums, label={row.account for row in rows})
    accounts = [
        account_in(condominium, row.label, account_id=row.id)
        for row in found
        if (*_key(condominium := condominiums[row.condominium_id]), row.label) in wanted
    ]
    found = _fetch(connection, tables.contacts, account_id=[account.id for account in accounts])
    return KnownContacts(
        condominiums={_key(row): row for row in condominiums.values()},
        accounts={(row.portfolio_id, row.condominium_name, row.label): row for row in accounts},
        emails={(row.account_id, row.name): row.email for row in found},
    )


def _key(condominium: Condominium) -> CondominiumKey:
    return condominium.portfolio_id, condominium.name


def _fetch(connection: Connection, table: Table, **wanted: Iterable[str]) -> Sequence[Row[Any]]:
    """Return the rows that have one of the wanted values in each of some columns, the newest first."""
    conditions = [table.c[name].in_(list(values)) for name, values in wanted.items()]
    return connection.execute(select(table).where(*conditions).order_by(table.c.position.desc())).all()


def _insert(connection: Connection, tables: Tables, batch: ImportedBatch, codes: Sequence[CodeRecord]) -> None:
    """Add what is new, in one statement a table."""
    for table, values in (
        (tables.condominiums, [dump(row) for row in batch.condominiums]),
        (tables.accounts, [_account_columns(row) for row in batch.accounts]),
        (tables.contacts, [_contact_columns(row) for row in batch.contacts]),
        (tables.codes, [dump(row) for row in codes]),
    ):
        if values:
            connection.execute(insert(table), values)


def _account_columns(row: Account) -> dict[str, Any]:
    return {"id": row.id, "condominium_id": row.condominium_id, "label": row.label}


def _contact_columns(row: Contact) -> dict[str, Any]:
    return {"id": row.id, "account_id": row.account.id, "name": row.name, "email": row.email}
