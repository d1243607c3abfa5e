"""A use case inside a transaction of the host: both are kept, or neither."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from sqlalchemy import Column, Connection, Engine, MetaData, String, Table, create_engine, func, insert, select
from sqlalchemy.orm import Session
from tests.engines import SQL, Adapters, adapters_on

from coproauth import ActivationRefused, ConfigurationError, LoginRefused, SignedIn, Throttled, Unavailable
from coproauth.adapters.sqlalchemy import SqlAudit, SqlStore, serializable, sql_engine
from coproauth.core.audit import Outcome, Pathway
from coproauth.policy import ThrottleRule
from coproauth.testing import Sandbox
from coproauth.testing.sandbox import PASSWORD, cheap_policy

JEANNE = "jeanne@example.fr"
LEDGER = Table("host_ledger", MetaData(), Column("line", String(80)))


@pytest.fixture(params=SQL)
def adapters(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Adapters]:
    """A SQL store in a database where the host keeps a ledger of its own."""
    with adapters_on(request.param, request, tmp_path) as adapters:
        LEDGER.drop(adapters.engine, checkfirst=True)
        LEDGER.create(adapters.engine)
        yield adapters
        LEDGER.drop(adapters.engine)


@pytest.fixture
def town(adapters: Adapters) -> Sandbox:
    """A town on that database, without proofs of addresses."""
    policy = attrs.evolve(cheap_policy(), require_email_proof=False)
    return Sandbox.build(store=adapters.store, directory=adapters.directory, policy=policy)


@contextmanager
def hosted(adapters: Adapters) -> Iterator[Connection]:
    """Open a transaction of the host's, with the library inside."""
    assert isinstance(adapters.store, SqlStore)
    with serializable(adapters.engine).begin() as connection, adapters.store.within(connection):
        yield connection


def note(connection: Connection, line: str) -> None:
    """Do the host's own bookkeeping."""
    connection.execute(insert(LEDGER).values(line=line))


def lines(engine: Engine) -> int:
    """Return how many lines the ledger holds."""
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(LEDGER)) or 0


def activate(town: Sandbox, code: str) -> SignedIn:
    """Open a login with a code."""
    return town.auth.activation.activate(code=code, email=JEANNE, password=PASSWORD, source=town.source)


def test_both_are_kept(adapters: Adapters, town: Sandbox) -> None:
    """The account is attached and the host's line is written."""
    code = town.code_for(town.contact())

    with hosted(adapters) as connection:
        note(connection, "attached")
        signed_in = activate(town, code)

    assert town.auth.login.session(signed_in.token) == signed_in.session
    assert lines(adapters.engine) == 1


def test_x21_neither_is_kept_when_the_host_fails(adapters: Adapters, town: Sandbox) -> None:
    """No login, no used code, no mail: as if the call had never been made."""
    code = town.code_for(town.contact())

    def fail_after_activating() -> None:
        with hosted(adapters) as connection:
            note(connection, "attached")
            activate(town, code)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_activating()

    assert lines(adapters.engine) == 0
    assert town.mail_to(JEANNE) == []
    with pytest.raises(LoginRefused):
        town.log_in(JEANNE)
    assert activate(town, code).session.email == JEANNE


def test_a_refusal_undoes_only_the_library_s_part(adapters: Adapters, town: Sandbox) -> None:
    """The host may go on after a refusal, and what it wrote before is kept."""
    code = town.code_for(town.contact())
    activate(town, code)

    with hosted(adapters) as connection:
        note(connection, "before")
        with pytest.raises(ActivationRefused):
            town.auth.activation.activate(code=code, email="marc@example.fr", password=PASSWORD, source=town.source)
        note(connection, "after")

    assert lines(adapters.engine) == 2


def test_it_works_in_a_session_of_the_orm(adapters: Adapters, town: Sandbox) -> None:
    """A ``Session`` is a connection with more around it."""
    assert isinstance(adapters.store, SqlStore)
    code = town.code_for(town.contact())

    with Session(serializable(adapters.engine)) as session, session.begin():
        with adapters.store.within(session.connection()):
            activate(town, code)
        session.execute(insert(LEDGER).values(line="attached"))

    assert town.log_in(JEANNE).session.email == JEANNE
    assert lines(adapters.engine) == 1


def test_several_use_cases_are_one_step(adapters: Adapters, town: Sandbox) -> None:
    """What the first wrote the second sees, and both are undone together."""
    first, second = town.contact(), town.contact(condominium="Les Pins")

    with hosted(adapters):
        token = activate(town, town.code_for(first)).token
        signed_in = town.auth.activation.link(token, code=town.code_for(second), source=town.source)

    assert set(town.auth.login.session(signed_in.token).accounts) == {first.account, second.account}


def test_guesses_are_counted_even_if_the_host_undoes_all(adapters: Adapters) -> None:
    """Whoever makes a transaction fail gains no guess; on SQLite, which has one writer, counters go with the rest."""
    day = timedelta(days=1)
    once = ThrottleRule(free_attempts=1, first_delay=day, longest_delay=day)
    town = Sandbox.build(
        store=adapters.store,
        directory=adapters.directory,
        policy=attrs.evolve(cheap_policy(), throttle_login=once),
    )

    with pytest.raises(LoginRefused), hosted(adapters):
        town.log_in(JEANNE)

    expected = LoginRefused if adapters.engine.dialect.name == "sqlite" else Throttled
    with pytest.raises(expected):
        town.log_in(JEANNE)


def test_what_was_done_is_on_record_even_if_the_host_undoes_it(adapters: Adapters, town: Sandbox) -> None:
    """The event is no part of the host's transaction; on SQLite, which has one writer, it goes with the rest."""
    trail = SqlAudit(adapters.engine)
    login = attrs.evolve(town.auth.login, audit=trail)
    identity_id = town.activate(town.contact(), JEANNE).session.identity_id

    with suppress(ZeroDivisionError), hosted(adapters):
        login.log_in(email=JEANNE, password=PASSWORD, source=town.source)
        raise ZeroDivisionError

    expected = [] if adapters.engine.dialect.name == "sqlite" else [(Pathway.LOGGED_IN, Outcome.SUCCEEDED)]
    assert [(event.pathway, event.outcome) for event in trail.about([identity_id])] == expected


def test_a_transaction_that_is_not_serializable_is_refused(adapters: Adapters) -> None:
    """At a weaker level two managers could undo each other's checks: the host is told how to open it."""
    assert isinstance(adapters.store, SqlStore)

    with (
        adapters.engine.connect() as connection,
        pytest.raises(ConfigurationError, match="serializable"),
        adapters.store.within(connection),
    ):
        pass


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_autocommit_is_refused(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Each statement would be kept at once, whatever level the server names by default."""
    with adapters_on(kind, request, tmp_path) as adapters:
        assert isinstance(adapters.store, SqlStore)
        level = {"postgresql": "CHARACTERISTICS AS TRANSACTION", "mariadb": "TRANSACTION"}[kind]

        with adapters.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(f"SET SESSION {level} ISOLATION LEVEL SERIALIZABLE")
            with pytest.raises(ConfigurationError, match="autocommit"), adapters.store.within(connection):
                pass
            connection.invalidate()  # nobody else meets what was set


def test_a_connection_that_translates_schemas_is_refused(adapters: Adapters) -> None:
    """It shares the store's pool, and the unit of work would look for our tables elsewhere than the counters do."""
    assert isinstance(adapters.store, SqlStore)
    engine = serializable(adapters.engine).execution_options(schema_translate_map={None: "tenant"})

    with (
        engine.begin() as connection,
        pytest.raises(ConfigurationError, match="schema_translate_map"),
        adapters.store.within(connection),
    ):
        pass


def test_a_transaction_of_another_engine_is_refused(adapters: Adapters, tmp_path: Path) -> None:
    """Our tables may not be there, or be those of another portal."""
    assert isinstance(adapters.store, SqlStore)
    others = [
        sql_engine(f"sqlite:///{tmp_path / 'elsewhere.sqlite3'}"),
        create_engine(adapters.engine.url),  # of the same address: nobody can tell where that leads
    ]

    for other in others:
        with (
            serializable(other).connect() as connection,
            pytest.raises(ConfigurationError, match="another engine"),
            adapters.store.within(connection),
        ):
            pass
        other.dispose()


def test_an_engine_in_place_of_a_connection_is_refused(adapters: Adapters) -> None:
    """A transaction is on a connection."""
    assert isinstance(adapters.store, SqlStore)
    wrong: Any = serializable(adapters.engine)

    with pytest.raises(ConfigurationError, match="a connection"), adapters.store.within(wrong):
        pass


def test_a_transaction_of_the_host_s_within_one_of_ours_is_refused(adapters: Adapters) -> None:
    """What the unit has written could not be seen there, and would be kept without it."""
    assert isinstance(adapters.store, SqlStore)

    for opened in (adapters.store.reading, adapters.store.writing):
        with (
            serializable(adapters.engine).connect() as connection,
            opened(),
            pytest.raises(ConfigurationError, match="unit of work"),
            adapters.store.within(connection),
        ):
            pass


def test_a_conflict_is_the_host_s_to_run_again(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """What the host has read no longer holds: nothing inside can mend that, so it is told, and nothing is kept."""
    with adapters_on("postgresql", request, tmp_path) as adapters:  # the others make the second one wait instead
        town = Sandbox.build(store=adapters.store, directory=adapters.directory)
        token = town.activate(town.contact(), JEANNE).token

        def meet() -> None:
            with hosted(adapters) as connection:
                connection.exec_driver_sql("SELECT handle FROM coproauth_sessions").all()
                with adapters.engine.begin() as other:
                    other.exec_driver_sql("UPDATE coproauth_sessions SET handle = 'moved'")
                town.auth.login.log_out(token)

        with pytest.raises(Unavailable, match="store_conflict"):
            meet()

        assert town.auth.login.session(token).email == JEANNE


def test_a_connection_that_breaks_is_named_for_who_looks_and_who_writes(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Nothing of SQLAlchemy's own comes out of a use case."""
    with adapters_on("postgresql", request, tmp_path) as adapters:
        town = Sandbox.build(store=adapters.store, directory=adapters.directory)
        token = town.activate(town.contact(), JEANNE).token

        def break_off(use: Callable[[str], object]) -> None:
            with hosted(adapters) as connection:
                backend = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
                with adapters.engine.connect() as other:
                    other.exec_driver_sql(f"SELECT pg_terminate_backend({backend})")
                use(token)

        for use in (town.auth.login.session, town.auth.login.log_out):
            with pytest.raises(Unavailable, match="store_away"):
                break_off(use)
