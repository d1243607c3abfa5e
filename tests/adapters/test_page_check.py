"""The page check goes straight to the driver, and means the same as by way of SQLAlchemy."""

from __future__ import annotations

import gc
import traceback
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from sqlalchemy import (
    ColumnElement,
    Connection,
    Dialect,
    Engine,
    String,
    TypeDecorator,
    bindparam,
    create_engine,
    event,
    func,
    select,
    type_coerce,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.pool import QueuePool
from sqlalchemy.types import UserDefinedType
from tests.engines import SQL, Adapters, adapters_on

from coproauth import Policy, Unavailable
from coproauth.adapters.sqlalchemy import EngineSettings, SqlDirectory, SqlStore, serializable, sql_engine
from coproauth.adapters.sqlalchemy.directory import DIRECTORY_COLUMNS
from coproauth.core.sessions import SessionView
from coproauth.core.throttling import ThrottleKey
from coproauth.testing.contracts.samples import JEANNE, SESSION, Link, write


@attrs.frozen
class Place:
    """A session whose login has a contact in each of two houses.

    Attributes:
        adapters: on SQL.
        store: theirs.
    """

    adapters: Adapters
    store: SqlStore

    @property
    def engine(self) -> Engine:
        """Where all of it is."""
        return self.store.engine

    def view(self, directory: SqlDirectory | None = None) -> SessionView:
        """Look behind the session."""
        found = self.store.session_view(SESSION.digest, directory or self.adapters.directory)
        assert found is not None
        return found

    def names(self, directory: SqlDirectory) -> list[str]:
        """Return the names of its contacts."""
        return [contact.name for contact in self.view(directory).contacts]

    def directory(self, *where: Callable[[Any], Any], kind: type[TypeDecorator[str]] | None = None) -> SqlDirectory:
        """Return a host's directory: with a column of a type of the host's own, and conditions."""
        kind = kind or Loud
        assert isinstance(self.adapters.directory, SqlDirectory)
        columns = self.adapters.directory.rows.c
        shown = [
            type_coerce(columns[name], kind() if name == "contact_name" else String()) for name in DIRECTORY_COLUMNS
        ]
        named = [column.label(name) for name, column in zip(DIRECTORY_COLUMNS, shown, strict=True)]
        return SqlDirectory(self.engine, select(*named).where(*(condition(columns) for condition in where)))


class Loud(TypeDecorator[str]):
    """A type of the host's: read in capitals; it is never asked about nothing."""

    impl = String
    cache_ok = True

    def process_result_value(self, value: Any, dialect: Dialect) -> str:
        """Return it in capitals."""
        del dialect
        return str(value.upper())


class LoudThere(TypeDecorator[str]):
    """A type of the host's that has the database compute what is read, as one that decrypts there has."""

    impl = String
    cache_ok = True

    def column_expression(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """Return it in capitals."""
        return func.upper(column)


@pytest.fixture(params=SQL)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A session on each database."""
    with adapters_on(request.param, request, tmp_path) as adapters:
        assert isinstance(adapters.store, SqlStore)
        write(adapters.store, JEANNE, SESSION)
        for name in ("Les Lilas", "Les Pins"):
            house = adapters.directory.add_condominium(name=name, portfolio_id="portfolio-1")
            account = adapters.directory.add_account(house.id, label="Lot 1")
            contact = adapters.directory.add_contact(account.id, name=f"Jeanne, {name}")
            write(adapters.store, Link(contact.id, JEANNE.id))
        yield Place(adapters, adapters.store)


def test_on_sqlite_the_driver_is_given_one_statement(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """No transaction begins, none ends."""
    with adapters_on("sqlite", request, tmp_path) as adapters:
        write(adapters.store, JEANNE, SESSION)
        adapters.store.session_view(SESSION.digest, adapters.directory)
        statements: list[str] = []
        event.listen(adapters.engine, "checkout", lambda driver, *_: driver.set_trace_callback(statements.append))

        adapters.store.session_view(SESSION.digest, adapters.directory)

    assert [statement.split()[0] for statement in statements] == ["SELECT"]


@contextmanager
def _listening(target: object, happening: str, listener: Callable[..., object]) -> Iterator[None]:
    """Listen for a while: whoever listens to a class would hear other tests."""
    event.listen(target, happening, listener)
    try:
        yield
    finally:
        event.remove(target, happening, listener)


@pytest.mark.parametrize("target", [None, Engine, Connection], ids=["this engine", "any engine", "any connection"])
def test_who_listens_to_statements_hears_it(place: Place, target: type[Engine | Connection] | None) -> None:
    """What a host hangs on its engine, or on the class, to trace or to count, hears of it what it hears of any."""
    straight = place.view()
    heard: list[str] = []

    with _listening(target or place.engine, "before_cursor_execute", lambda *call: heard.append(call[2])):
        by_sqlalchemy = place.view()

    assert by_sqlalchemy == straight
    assert len([statement for statement in heard if statement.startswith("SELECT")]) == 1


@pytest.mark.parametrize(
    "happening", ["before_execute", "after_execute", "after_cursor_execute", "engine_connect", "begin"]
)
def test_whatever_happens_about_a_statement_is_heard_of_any_connection(place: Place, happening: str) -> None:
    """A page check spares none of it to whoever listens to the class."""
    heard: list[object] = []

    with _listening(Connection, happening, lambda *call: heard.append(call)):
        place.view()

    assert heard


@pytest.mark.parametrize("kind", [Loud, LoudThere])
def test_a_column_of_a_type_of_the_host_s_is_read_as_it_says(place: Place, kind: type[TypeDecorator[str]]) -> None:
    """On a page as in the directory itself, and whether or not somebody listens."""
    directory = place.directory(kind=kind)

    straight = place.names(directory)
    with _listening(place.engine, "before_cursor_execute", lambda *_: None):
        by_sqlalchemy = place.names(directory)

    contact = place.view().contacts[0]
    itself = directory.contact(contact.id)
    assert itself is not None
    assert straight == by_sqlalchemy == ["JEANNE, LES LILAS", "JEANNE, LES PINS"]
    assert itself.name == straight[0]


def test_values_in_the_host_s_select_are_sent_along(place: Place) -> None:
    """Those that stand for good, a percent sign among them."""
    condition: Callable[[Any], Any] = lambda columns: columns.condominium_name.like("% Lilas")  # noqa: E731 - a value

    assert place.names(place.directory(condition)) == ["JEANNE, LES LILAS"]


@pytest.mark.parametrize("name", ["ids", "digest", "nom (usuel)"])
def test_parameters_in_the_host_s_select_keep_their_values_whatever_their_names(place: Place, name: str) -> None:
    """What shuts a house out goes on to, and is no value of ours: alone or in a list, on a page and in a look-up."""
    alone = bindparam(name, "Les Pins", type_=String)
    many = bindparam(name, ["Les Pins"], expanding=True, type_=String)
    contacts = [contact.id for contact in place.view().contacts]

    directories = [
        place.directory(lambda columns: columns.condominium_name != alone),
        place.directory(lambda columns: columns.condominium_name.not_in(many)),
    ]

    for directory in directories:
        assert place.names(directory) == ["JEANNE, LES LILAS"]
        assert [contact.name for contact in directory.contacts(contacts)] == ["JEANNE, LES LILAS"]


def test_values_that_the_host_computes_are_computed_for_each_page(place: Place) -> None:
    """A tenant that changes between two pages, alone, in a list or put in by a type, is seen by the second."""
    wanted = ["Les Lilas"]

    class Tenant(TypeDecorator[str]):
        impl = String
        cache_ok = True

        def process_bind_param(self, value: str | None, dialect: Dialect) -> str:
            del value, dialect
            return wanted[-1]

    class OtherTenant(UserDefinedType[str]):
        cache_ok = True

        def get_col_spec(self, **_: object) -> str:
            return "VARCHAR"

        def bind_processor(self, dialect: Dialect) -> Any:
            del dialect
            return lambda _: wanted[-1]

    class Uncached(ColumnElement[str]):
        """A part that SQLAlchemy compiles anew each time."""

        inherit_cache = False
        type = String()

    @compiles(Uncached)
    def _compile(*_: object, **__: object) -> str:
        return f"'{wanted[-1]}'"

    one = bindparam("one", callable_=lambda: wanted[-1], type_=String)
    many = bindparam("many", callable_=lambda: wanted, expanding=True, type_=String)
    typed = bindparam("typed", "any", type_=Tenant)
    alone = place.directory(lambda columns: columns.condominium_name == one)
    listed = place.directory(lambda columns: columns.condominium_name.in_(many))
    otherwise_typed = bindparam("otherwise_typed", "any", type_=OtherTenant)
    variant = bindparam("variant", "any", type_=String().with_variant(OtherTenant(), "sqlite", "postgresql", "mariadb"))
    put_in = place.directory(lambda columns: columns.condominium_name == typed)
    varied = place.directory(lambda columns: columns.condominium_name == variant)
    compiled = place.directory(lambda columns: columns.condominium_name == Uncached())
    processed = place.directory(lambda columns: columns.condominium_name == otherwise_typed)
    before = [place.names(directory) for directory in (alone, put_in, processed, varied, compiled, listed)]

    wanted.append("Les Pins")

    after = [place.names(directory) for directory in (alone, put_in, processed, varied, compiled, listed)]
    assert before == [["JEANNE, LES LILAS"]] * 6
    assert after == [*[["JEANNE, LES PINS"]] * 5, ["JEANNE, LES LILAS", "JEANNE, LES PINS"]]


def test_in_a_transaction_it_sees_what_that_has_written(place: Place) -> None:
    """Of the host's, and of a unit of work."""
    assert len(place.view().contacts) == 2

    with serializable(place.engine).connect() as connection, connection.begin() as transaction:
        with place.store.within(connection):
            with place.store.writing() as work:
                for contact in place.view().contacts:
                    work.links.remove(contact.id)
                in_the_unit = place.view().contacts
            in_the_hosts = place.view().contacts
        transaction.rollback()

    assert (in_the_unit, in_the_hosts, len(place.view().contacts)) == ((), (), 2)


@pytest.mark.parametrize("everywhere", [False, True], ids=["on this engine", "on any connection"])
def test_a_host_that_prepares_its_transactions_is_given_one(
    request: pytest.FixtureRequest, tmp_path: Path, *, everywhere: bool
) -> None:
    """What it sets for a transaction alone (its tenant) is set for the page check, and counts of attempts, too."""
    with adapters_on("postgresql", request, tmp_path) as adapters:
        engine = sql_engine(adapters.engine.url)
        assert isinstance(adapters.store, SqlStore)
        write(adapters.store, JEANNE, SESSION)
        place = Place(adapters, SqlStore(engine))
        tenants: list[str | None] = []

        def choose(connection: Connection) -> None:
            connection.exec_driver_sql("SET LOCAL host.tenant = 'lilas'")

        @event.listens_for(engine, "after_cursor_execute")
        def note(connection: Connection, _: object, statement: str, *__: object) -> None:
            if statement.startswith("SELECT coproauth"):
                driver: Any = connection.connection.driver_connection
                (tenant,) = driver.execute("SELECT current_setting('host.tenant', true)").fetchone()
                tenants.append(tenant)

        with _listening(Connection if everywhere else engine, "begin", choose):
            place.view()
            place.store.throttle().counted(ThrottleKey(name="x", rule=Policy().throttle_login), at=SESSION.expires_at)

        assert tenants == ["lilas", "lilas"]
        engine.dispose()


def test_a_host_that_makes_a_directory_for_each_request_fills_no_memory(place: Place) -> None:
    """Each is asked what it says itself, and none is kept for good."""
    alive: weakref.WeakSet[SqlDirectory] = weakref.WeakSet()

    def ask(name: str) -> None:
        directory = place.directory(lambda columns: columns.condominium_name == name)
        alive.add(directory)
        assert place.names(directory) == [f"JEANNE, {name.upper()}"]

    for _ in range(20):
        ask("Les Lilas")
        ask("Les Pins")
    gc.collect()

    assert len(alive) <= 16


def test_connections_that_were_lost_are_replaced(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Nobody hears of it, if the database is there."""
    with adapters_on("postgresql", request, tmp_path) as adapters:
        engine = sql_engine(adapters.engine.url, settings=EngineSettings(pool_size=3))
        store = SqlStore(engine)
        write(store, JEANNE, SESSION)
        numbers = _open_all(engine, 3)
        with adapters.engine.begin() as other:
            for number in numbers:
                other.exec_driver_sql(f"SELECT pg_terminate_backend({number})")

        seen = [_view_persistently(store, adapters) for _ in range(5)]

        assert [view and view.identity for view in seen] == [JEANNE] * 5
        assert isinstance(engine.pool, QueuePool)
        assert engine.pool.checkedout() == 0
        engine.dispose()


def _open_all(engine: Engine, size: int) -> list[int]:
    """Fill the pool, and return the numbers of its connections."""
    opened = [engine.connect() for _ in range(size)]
    numbers = [connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one() for connection in opened]
    for connection in opened:
        connection.close()
    return numbers


def _view_persistently(store: SqlStore, adapters: Adapters) -> SessionView | None:
    try:
        return store.session_view(SESSION.digest, adapters.directory)
    except Unavailable:
        return store.session_view(SESSION.digest, adapters.directory)


def test_what_fails_leaves_no_connection_behind_and_shows_no_value(place: Place) -> None:
    """A digest of nobody's is in no text of an error; the next page has its connection at rest."""
    digest = "".join(reversed("d1g35t"))
    condition: Callable[[Any], Any] = lambda columns: columns.condominium_name.op("NO_SUCH_OPERATOR")("x")  # noqa: E731

    with pytest.raises(DBAPIError) as caught:
        place.store.session_view(digest, place.directory(condition))

    assert isinstance(place.engine.pool, QueuePool)
    assert place.engine.pool.checkedout() == 0
    assert digest not in "".join(traceback.format_exception(caught.value))
    assert len(place.view().contacts) == 2


def test_a_pool_that_has_no_connection_left_is_told(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """After the time that the settings allow."""
    with adapters_on("postgresql", request, tmp_path) as adapters:
        settings = EngineSettings(pool_size=1, pool_overflow=0, pool_timeout=timedelta(milliseconds=1))
        engine = sql_engine(adapters.engine.url, settings=settings)
        store = SqlStore(engine)
        write(store, JEANNE, SESSION)

        with engine.connect(), pytest.raises(Unavailable) as caught:
            store.session_view(SESSION.digest, adapters.directory)

        assert caught.value.reason == "store_away"
        engine.dispose()


@pytest.mark.parametrize("isolation", ["AUTOCOMMIT", "SERIALIZABLE"])
def test_a_connection_goes_back_as_it_was_lent(isolation: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """In autocommit if the host has chosen that for its engine, and not otherwise."""
    with adapters_on("postgresql", request, tmp_path) as adapters:
        engine = create_engine(adapters.engine.url, isolation_level=isolation, pool_size=1)
        write(adapters.store, JEANNE, SESSION)

        view = SqlStore(engine).session_view(SESSION.digest, adapters.directory)

        with engine.connect() as connection:
            driver: Any = connection.connection.driver_connection
            assert driver.autocommit is (isolation == "AUTOCOMMIT")
        assert view is not None
        engine.dispose()
