"""The directory as one SELECT over the host's own tables, and the stand-alone one over ours."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import (
    Connection,
    Engine,
    Row,
    Select,
    SelectBase,
    Subquery,
    Table,
    bindparam,
    delete,
    insert,
    select,
)

from coproauth.adapters.sqlalchemy.schema import refuse_translation
from coproauth.adapters.sqlalchemy.tables import Tables, own_tables
from coproauth.adapters.sqlalchemy.transactions import Transactions
from coproauth.core.accounts import Account, Condominium, Contact
from coproauth.errors import ConfigurationError
from coproauth.policy import Policy
from coproauth.services.units import persistently

T = TypeVar("T")

DIRECTORY_COLUMNS = (
    "contact_id",
    "contact_name",
    "contact_email",
    "account_id",
    "account_label",
    "condominium_id",
    "condominium_name",
    "portfolio_id",
)

_IDS = "coproauth_ids"  # no name that a host has given to a parameter of its own SELECT, whose value it would take


class SqlDirectory:
    """A directory that is one SELECT over the host's own tables.

    Attributes:
        engine: where the tables are; when the store is on the same one, a page check is a single statement.
        rows: the SELECT, to be joined and filtered.
        order: how contacts, and with them a person's accounts, are ordered.
    """

    def __init__(self, engine: Engine, statement: SelectBase, *, order_by: Sequence[str] = ()) -> None:
        """Take the SELECT.

        Args:
            engine: where the host's tables are.
            statement: yields ``contact_id, contact_name, contact_email, account_id, account_label, condominium_id,
                condominium_name, portfolio_id``, identifiers as text; it may yield more, to order by. An identifier
                that is cast to text needs an index on the cast, or each look-up reads the whole table.
            order_by: names of its columns; by default condominium, account and contact.

        Raises:
            ConfigurationError: one of the columns is missing.
        """
        self.engine = engine
        self._transactions = Transactions.on(engine)
        self.rows: Subquery = statement.subquery("directory")
        names = tuple(order_by) or ("condominium_name", "account_label", "contact_name", "contact_id")
        missing = {*DIRECTORY_COLUMNS, *names} - set(self.rows.c.keys())
        if missing:
            raise ConfigurationError(f"the directory's SELECT lacks {', '.join(sorted(missing))}")
        self.order = [self.rows.c[name] for name in names]
        self._select = select(*(self.rows.c[name] for name in DIRECTORY_COLUMNS)).order_by(*self.order)
        self._of_ids = self._select.where(self.rows.c.contact_id.in_(bindparam(_IDS, expanding=True)))

    def contact(self, contact_id: str) -> Contact | None:
        """Return a contact with its account, or None."""
        return next(iter(self._fetch(self._select.where(self.rows.c.contact_id == contact_id))), None)

    def contacts(self, contact_ids: Collection[str]) -> Sequence[Contact]:
        """Return those of the contacts that exist, in the host's order."""
        if not contact_ids:
            return []
        return self._fetch(self._of_ids, {_IDS: list(contact_ids)})

    def contacts_of(self, condominium_id: str) -> Sequence[Contact]:
        """Return every contact of a condominium, in the host's order."""
        return self._fetch(self._select.where(self.rows.c.condominium_id == condominium_id))

    def _fetch(self, statement: Select[Any], values: Mapping[str, object] | None = None) -> list[Contact]:
        with self._transactions.glancing() as connection:
            return [contact_of(row) for row in connection.execute(statement, values)]


def contact_of(row: Sequence[Any]) -> Contact:
    """Return the contact that a row of the eight columns stands for.

    Raises:
        ConfigurationError: a column is no text; a number would be compared otherwise than the identifiers of managers.
    """
    contact_id, name, email, account_id, label, condominium_id, condominium_name, portfolio_id = row
    for value in (contact_id, name, account_id, label, condominium_id, condominium_name, portfolio_id):
        if not isinstance(value, str):
            raise _not_text(row)
    account = Account(
        id=account_id,
        label=label,
        condominium_id=condominium_id,
        condominium_name=condominium_name,
        portfolio_id=portfolio_id,
    )
    return Contact(id=contact_id, name=name, email=email, account=account)


def _not_text(row: Sequence[Any]) -> ConfigurationError:
    """Return what is wrong with the first column that is no text."""
    column_name, value = next(
        (column_name, value)
        for column_name, value in zip(DIRECTORY_COLUMNS, row, strict=True)
        if not isinstance(value, str) and column_name != "contact_email"
    )
    kind = type(value).__name__
    return ConfigurationError(f"{column_name} of the directory's SELECT is of type {kind}: cast it to text")


class StandaloneDirectory(SqlDirectory):
    """The directory of a portal without host software: our own tables behind the same SELECT."""

    def __init__(self, engine: Engine, *, tables: Tables | None = None, policy: Policy | None = None) -> None:
        """Take the engine; the tables are those of ``SqlStore`` unless others are given.

        Args:
            engine: see ``sql_engine``.
            tables: under another prefix, or in the host's metadata.
            policy: how often what it writes is tried again.

        Raises:
            ConfigurationError: the engine has a ``schema_translate_map``.
        """
        refuse_translation(engine)
        self._policy = policy or Policy()
        self._tables = tables or own_tables()
        super().__init__(engine, _standalone_select(self._tables), order_by=["position"])

    def condominiums(self, portfolio_id: str) -> Sequence[Condominium]:
        """Return the condominiums of a portfolio, in the order of adding."""
        table = self._tables.condominiums
        wanted = select(table.c.id, table.c.name, table.c.portfolio_id).where(table.c.portfolio_id == portfolio_id)

        def look() -> list[Condominium]:
            with self._transactions.glancing() as connection:
                rows = connection.execute(wanted.order_by(table.c.position))
                return [Condominium(id=row.id, name=row.name, portfolio_id=row.portfolio_id) for row in rows]

        return persistently(look, policy=self._policy)

    def add_condominium(self, *, name: str, portfolio_id: str) -> Condominium:
        """Add a condominium to a portfolio."""
        row = Condominium(id=new_id(), name=name, portfolio_id=portfolio_id)
        values = {"id": row.id, "name": name, "portfolio_id": portfolio_id}
        self._write(lambda connection: connection.execute(insert(self._tables.condominiums).values(values)))
        return row

    def add_account(self, condominium_id: str, *, label: str) -> Account:
        """Add an account to a condominium; ``LookupError`` if there is no such condominium."""
        accounts, condominiums = self._tables.accounts, self._tables.condominiums
        account_id = new_id()

        def add(connection: Connection) -> Row[Any]:
            found = connection.execute(select(condominiums).where(condominiums.c.id == condominium_id)).one_or_none()
            if found is None:
                raise LookupError(condominium_id)
            values = {"id": account_id, "condominium_id": condominium_id, "label": label}
            connection.execute(insert(accounts).values(values))
            return found

        found = self._write(add)
        return Account(
            id=account_id,
            label=label,
            condominium_id=condominium_id,
            condominium_name=found.name,
            portfolio_id=found.portfolio_id,
        )

    def add_contact(self, account_id: str, *, name: str, email: str | None = None) -> Contact:
        """Add a person to an account; ``LookupError`` if there is no such account."""
        accounts, contacts = self._tables.accounts, self._tables.contacts
        values = {"id": new_id(), "account_id": account_id, "name": name, "email": email}

        def add(connection: Connection) -> Contact:
            if connection.execute(select(accounts.c.id).where(accounts.c.id == account_id)).one_or_none() is None:
                raise LookupError(account_id)
            connection.execute(insert(contacts).values(values))
            return contact_of(connection.execute(self._select.where(self.rows.c.contact_id == values["id"])).one())

        return self._write(add)

    def remove_condominium(self, condominium_id: str) -> None:
        """Remove a condominium with its accounts and their contacts."""
        self._remove(self._tables.condominiums, condominium_id)

    def remove_contact(self, contact_id: str) -> None:
        """Remove a person from its account."""
        self._remove(self._tables.contacts, contact_id)

    def _remove(self, table: Table, row_id: str) -> None:
        self._write(lambda connection: connection.execute(delete(table).where(table.c.id == row_id)))

    def _write(self, step: Callable[[Connection], T]) -> T:
        """Run a step in a transaction of its own; again from its start, if it is interrupted.

        Raises:
            Unavailable: it was every time, or the database is away.
        """

        def run() -> T:
            with self._transactions.apart() as connection:
                return step(connection)

        return persistently(run, policy=self._policy)


def _standalone_select(tables: Tables) -> Any:
    contacts, accounts, condominiums = tables.contacts, tables.accounts, tables.condominiums
    return (
        select(
            contacts.c.id.label("contact_id"),
            contacts.c.name.label("contact_name"),
            contacts.c.email.label("contact_email"),
            accounts.c.id.label("account_id"),
            accounts.c.label.label("account_label"),
            condominiums.c.id.label("condominium_id"),
            condominiums.c.name.label("condominium_name"),
            condominiums.c.portfolio_id.label("portfolio_id"),
            contacts.c.position.label("position"),
        )
        .join(accounts, contacts.c.account_id == accounts.c.id)
        .join(condominiums, accounts.c.condominium_id == condominiums.c.id)
    )


def new_id() -> str:
    """Return an id that nothing has yet."""
    return secrets.token_hex(8)
