"""What every directory does, and the one that is a SELECT over the host's own tables."""

from __future__ import annotations

import pytest
from sqlalchemy import String, column, literal, select, text
from tests.engines import Adapters

from coproauth import ConfigurationError
from coproauth.adapters.sqlalchemy import SqlDirectory, SqlStore
from coproauth.core.accounts import Account, Condominium, Contact
from coproauth.testing import Sandbox
from coproauth.testing.sandbox import WritableDirectory

HOST_TABLES = """
CREATE TABLE residence (code INTEGER PRIMARY KEY, nom TEXT, cabinet TEXT);
CREATE TABLE lot (numero TEXT PRIMARY KEY, residence INTEGER REFERENCES residence (code));
CREATE TABLE personne (id INTEGER PRIMARY KEY, nom TEXT, courriel TEXT, lot TEXT REFERENCES lot (numero));
INSERT INTO residence VALUES (1, 'Les Lilas', 'cabinet-1'), (2, 'Les Pins', 'cabinet-1');
INSERT INTO lot VALUES ('L12', 1), ('P3', 2);
INSERT INTO personne VALUES (7, 'Jeanne Roche', 'jeanne@example.fr', 'P3'), (8, 'Jeanne Roche', NULL, 'L12');
"""
HOST_SELECT = text("""
SELECT CAST(personne.id AS TEXT) AS contact_id, personne.nom AS contact_name, personne.courriel AS contact_email,
       lot.numero AS account_id, 'Lot ' || lot.numero AS account_label,
       CAST(residence.code AS TEXT) AS condominium_id, residence.nom AS condominium_name,
       residence.cabinet AS portfolio_id
FROM personne JOIN lot ON lot.numero = personne.lot JOIN residence ON residence.code = lot.residence
""")
COLUMNS = ("contact_id", "contact_name", "contact_email", "account_id")
MORE_COLUMNS = ("account_label", "condominium_id", "condominium_name", "portfolio_id")


def test_a_contact_comes_with_its_account(directory: WritableDirectory) -> None:
    """What was added is found, whole."""
    condominium = directory.add_condominium(name="Les Lilas", portfolio_id="portfolio-1")
    account = directory.add_account(condominium.id, label="Lot 12")
    contact = directory.add_contact(account.id, name="Jeanne Roche", email="jeanne@example.fr")

    assert condominium == Condominium(id=condominium.id, name="Les Lilas", portfolio_id="portfolio-1")
    assert account == Account(
        id=account.id,
        label="Lot 12",
        condominium_id=condominium.id,
        condominium_name="Les Lilas",
        portfolio_id="portfolio-1",
    )
    assert directory.contact(contact.id) == contact
    assert contact == Contact(id=contact.id, name="Jeanne Roche", email="jeanne@example.fr", account=account)


def test_contacts_come_in_the_order_of_adding(directory: WritableDirectory) -> None:
    """However they are asked for; those that are not there are left out."""
    condominium = directory.add_condominium(name="Les Lilas", portfolio_id="portfolio-1")
    account = directory.add_account(condominium.id, label="Lot 12")
    zoe, anne = (directory.add_contact(account.id, name=name) for name in ("Zoé", "Anne"))

    assert list(directory.contacts([anne.id, "nobody", zoe.id])) == [zoe, anne]
    assert list(directory.contacts_of(condominium.id)) == [zoe, anne]
    assert list(directory.contacts([])) == []


def test_removing_a_condominium_removes_its_accounts_and_contacts_only(directory: WritableDirectory) -> None:
    """The neighbours stay."""
    lilas, pins = (directory.add_condominium(name=name, portfolio_id="p") for name in ("Les Lilas", "Les Pins"))
    gone = directory.add_contact(directory.add_account(lilas.id, label="Lot 1").id, name="Anne")
    kept = directory.add_contact(directory.add_account(pins.id, label="Lot 1").id, name="Zoé")

    directory.remove_condominium(lilas.id)

    assert directory.contact(gone.id) is None
    assert list(directory.contacts([gone.id, kept.id])) == [kept]
    with pytest.raises(LookupError):
        directory.add_account(lilas.id, label="Lot 2")
    with pytest.raises(LookupError):
        directory.add_contact(gone.account.id, name="Marc")


def test_removing_a_contact_leaves_the_account_s_others(directory: WritableDirectory) -> None:
    """A couple's other half stays."""
    condominium = directory.add_condominium(name="Les Lilas", portfolio_id="portfolio-1")
    account = directory.add_account(condominium.id, label="Lot 12")
    anne, zoe = (directory.add_contact(account.id, name=name) for name in ("Anne", "Zoé"))

    directory.remove_contact(anne.id)

    assert list(directory.contacts_of(condominium.id)) == [zoe]


class TestOverTheHostsOwnTables:
    """One SELECT is a directory."""

    @pytest.fixture
    def host(self, sqlite: Adapters) -> SqlDirectory:
        """A host whose tables are in the same database, in French, with numbers for keys."""
        store = sqlite.store
        assert isinstance(store, SqlStore)
        with store.engine.begin() as connection:
            for statement in HOST_TABLES.strip().split(";\n"):
                connection.execute(text(statement.rstrip(";")))
        columns = [column(name, String) for name in COLUMNS + MORE_COLUMNS]
        return SqlDirectory(store.engine, HOST_SELECT.columns(*columns))

    def test_a_person_of_the_host_goes_all_the_way(self, sqlite: Adapters, host: SqlDirectory) -> None:
        """Issue, activate, add a second account, and see both in the host's order by one statement a page."""
        town = Sandbox.build(store=sqlite.store, directory=host)  # type: ignore[arg-type]
        pins, lilas = host.contact("7"), host.contact("8")
        assert pins is not None
        assert lilas is not None
        assert pins.email == "jeanne@example.fr"

        town.activate(pins, "jeanne@example.fr")
        signed_in = town.activate(lilas, "jeanne@example.fr")

        assert signed_in.session.accounts == (lilas.account, pins.account)
        assert town.auth.login.session(signed_in.token) == signed_in.session

    def test_a_missing_column_is_told_at_construction(self, sqlite: Adapters) -> None:
        """The message names what the SELECT lacks."""
        store = sqlite.store
        assert isinstance(store, SqlStore)

        with pytest.raises(ConfigurationError, match="lacks account_id, account_label, condominium_id"):
            SqlDirectory(store.engine, select(literal("1").label("contact_id")))
