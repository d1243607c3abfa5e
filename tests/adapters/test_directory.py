"""What every directory does, and the one that is a SELECT over the host's own tables."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest
from sqlalchemy import String, column, literal, select, text
from sqlalchemy.exc import DataError
from tests.engines import SERVERS, Adapters, adapters_on

from coproauth import ConfigurationError
from coproauth.adapters.sqlalchemy import EngineSettings, SqlDirectory, SqlStore, StandaloneDirectory, sql_engine
from coproauth.testing import Sandbox
from coproauth.testing.contracts import FilledDirectory, Law, laws_of_directory, laws_of_writable_directory
from coproauth.testing.sandbox import WritableDirectory

HOST_TABLES = """
CREATE TABLE residence (code INTEGER PRIMARY KEY, nom TEXT, cabinet TEXT);
CREATE TABLE lot (numero TEXT PRIMARY KEY, residence INTEGER REFERENCES residence (code));
CREATE TABLE personne (id INTEGER PRIMARY KEY, nom TEXT, courriel TEXT, lot TEXT REFERENCES lot (numero));
INSERT INTO residence VALUES (1, 'Les Lilas', 'cabinet-1'), (2, 'Les Pins', 'cabinet-1');
INSERT INTO lot VALUES ('L12', 1), ('P3', 2);
INSERT INTO personne VALUES (7, 'Jeanne Roche', 'jeanne@example.fr', 'P3'), (8, 'Jeanne Roche', NULL, 'L12'),
    (9, 'Marc', NULL, 'P3');
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


@pytest.mark.parametrize("law", laws_of_writable_directory(), ids=str)
def test_a_directory_keeps_the_law(law: Law[WritableDirectory], directory: WritableDirectory) -> None:
    """The law says what; its name is that of the case."""
    law.check(lambda: nullcontext(directory))


@pytest.mark.parametrize("kind", SERVERS)
def test_a_write_whose_connection_was_lost_goes_over_another(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Nothing of it was kept, so it is run again by itself, and its caller hears nothing of it."""
    whoami, kill = {
        "postgresql": ("SELECT pg_backend_pid()", "SELECT pg_terminate_backend({})"),
        "mariadb": ("SELECT CONNECTION_ID()", "KILL {}"),
    }[kind]
    with adapters_on(kind, request, tmp_path) as adapters:
        engine = sql_engine(adapters.engine.url, settings=EngineSettings(pool_size=1))
        directory = StandaloneDirectory(engine)

        def lose_connection() -> None:
            with engine.connect() as kept:
                number = kept.exec_driver_sql(whoami).scalar()
            with adapters.engine.connect() as other:
                other.exec_driver_sql(kill.format(number))

        lose_connection()
        house = directory.add_condominium(name="Les Lilas", portfolio_id="cabinet-1")
        lose_connection()
        account = directory.add_account(house.id, label="Lot 12")
        lose_connection()
        contact = directory.add_contact(account.id, name="Jeanne Roche")
        assert directory.contact(contact.id) == contact
        lose_connection()
        directory.remove_condominium(house.id)

        assert directory.contact(contact.id) is None
        engine.dispose()


def test_text_that_no_column_takes_is_no_outage(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """PostgreSQL takes no NUL: the database is there, and asking again would help nobody."""
    with (
        adapters_on("postgresql", request, tmp_path) as adapters,
        pytest.raises(DataError, match="NUL"),
    ):
        adapters.directory.contact("7\x00")


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

    @pytest.mark.parametrize("law", laws_of_directory(), ids=str)
    def test_it_keeps_the_law(self, law: Law[FilledDirectory], host: SqlDirectory) -> None:
        """What a directory does, it does over tables that it was not made for."""
        people = [contact for contact in (host.contact("8"), host.contact("7"), host.contact("9")) if contact]

        assert len(people) == 3
        law.check(lambda: nullcontext(FilledDirectory(host, people)))

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
