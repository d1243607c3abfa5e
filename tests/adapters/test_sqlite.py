"""What is particular to the store on SQLite."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import attrs
import pytest
from sqlalchemy import MetaData, create_engine, event, text
from sqlalchemy.exc import StatementError
from tests.interrupts import CtrlC

from coproauth import ConfigurationError, Unavailable
from coproauth.adapters.sqlalchemy import SqlStore, StandaloneDirectory, Tables, sqlite_engine, transactions
from coproauth.adapters.sqlalchemy.transactions import Transactions
from coproauth.testing import Sandbox
from coproauth.testing.contracts.samples import JEANNE


@pytest.fixture
def town(tmp_path: Path) -> Sandbox:
    """A town in a file."""
    engine = sqlite_engine(tmp_path / "town.sqlite3")
    store = SqlStore(engine)
    store.create_tables()
    return Sandbox.build(store=store, directory=StandaloneDirectory(engine))


def store_of(town: Sandbox) -> SqlStore:
    """Return the SQL store of a town."""
    assert isinstance(town.store, SqlStore)
    return town.store


def test_an_instant_without_a_zone_is_refused(town: Sandbox) -> None:
    """Nothing naive reaches the database."""
    naive = attrs.evolve(JEANNE, created_at=datetime(2026, 1, 1))  # noqa: DTZ001 - the point of the test

    with pytest.raises(StatementError, match="must be aware"), town.store.writing() as work:
        work.identities.add(naive)


def test_a_page_check_is_one_statement_that_scans_no_table(town: Sandbox) -> None:
    """However many people there are, one person's page looks at that person's rows."""
    token = town.activate(town.contact(), "jeanne@example.fr").token
    statements: list[str] = []
    event.listen(store_of(town).engine, "before_cursor_execute", lambda *call: statements.append(call[2]))

    town.auth.login.session(token)

    assert len(statements) == 1  # and no BEGIN
    with store_of(town).engine.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statements[0]}", ("", "")).all()
    assert [row for row in plan if row.detail.startswith(("SCAN coproauth", "MATERIALIZE"))] == []


def test_the_file_is_kept_in_write_ahead_logging_with_foreign_keys(town: Sandbox) -> None:
    """Readers go on while one writes, and no row points nowhere."""
    with store_of(town).engine.connect() as connection:
        names = ("journal_mode", "foreign_keys", "synchronous")
        pragmas = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]

    assert pragmas == ["wal", 1, 2]


def test_the_file_is_its_owner_s_alone(tmp_path: Path) -> None:
    """Hashes and addresses are in it, and in the log that SQLite keeps beside it, whatever the umask says."""
    mask = os.umask(0)
    try:
        engine = sqlite_engine(tmp_path / "portal.sqlite3")
        SqlStore(engine).create_tables()
    finally:
        os.umask(mask)

    rights = {file.name: oct(file.stat().st_mode & 0o777) for file in tmp_path.iterdir()}
    assert rights == dict.fromkeys(["portal.sqlite3", "portal.sqlite3-wal", "portal.sqlite3-shm"], "0o600")
    engine.dispose()


def test_the_file_behind_a_link_is_its_owner_s_alone(tmp_path: Path) -> None:
    """Also where the link was made before the file, on the disk it is to be kept on."""
    disk = tmp_path / "disk"
    disk.mkdir()
    (tmp_path / "portal.sqlite3").symlink_to(disk / "kept.sqlite3")
    mask = os.umask(0)
    try:
        engine = sqlite_engine(tmp_path / "portal.sqlite3")
        SqlStore(engine).create_tables()
    finally:
        os.umask(mask)

    assert {oct(file.stat().st_mode & 0o777) for file in disk.iterdir()} == {"0o600"}
    engine.dispose()


def test_a_file_that_is_there_keeps_its_rights(tmp_path: Path) -> None:
    """Whoever shares it with a group has a reason."""
    file = tmp_path / "portal.sqlite3"
    file.touch()
    file.chmod(0o640)

    engine = sqlite_engine(file)
    SqlStore(engine).create_tables()
    engine.dispose()

    assert oct(file.stat().st_mode & 0o777) == "0o640"


def test_readers_are_not_held_up_by_a_unit_of_work(town: Sandbox) -> None:
    """A page is answered while another request is in the middle of its transaction, and sees nothing of it."""
    signed_in = town.activate(town.contact(), "jeanne@example.fr")

    with ThreadPoolExecutor(1) as elsewhere, town.store.writing() as work:
        work.sessions.end_all(signed_in.session.identity_id)
        page = elsewhere.submit(town.auth.login.session, signed_in.token)

        assert page.result() == signed_in.session


def test_the_tables_can_live_among_the_host_s_under_a_prefix(tmp_path: Path) -> None:
    """The host's metadata holds them, each name after the prefix, and the store works on them."""
    engine = sqlite_engine(tmp_path / "host.sqlite3")
    metadata = MetaData()
    tables = Tables.build(metadata, prefix="portail_")
    metadata.create_all(engine)
    town = Sandbox.build(store=SqlStore(engine, tables=tables), directory=StandaloneDirectory(engine, tables=tables))

    session = town.activate(town.contact(), "jeanne@example.fr").session

    assert session.email == "jeanne@example.fr"
    assert all(name.startswith("portail_") for name in metadata.tables)


def test_the_file_holds_no_secret_in_clear(town: Sandbox) -> None:
    """Neither code, token, digits, link nor password is anywhere in the database (ASVS V6.5.2)."""
    code = town.code_for(town.contact())
    signed_in = town.activate_with(code, "jeanne@example.fr")
    digits = town.digits_for("jeanne@example.fr")
    town.auth.password_reset.request(email="jeanne@example.fr", source=town.source)
    with store_of(town).engine.connect() as connection:
        waiting = connection.execute(text("SELECT * FROM coproauth_outbox")).all()
    reset = town.reset_token_for("jeanne@example.fr")

    with closing(sqlite3.connect(store_of(town).engine.url.database or "")) as file:
        dump = "\n".join(file.iterdump())

    secrets = (code, code.replace("-", ""), signed_in.token, digits, reset, "une girafe sous la pluie")
    assert [secret for secret in secrets if secret in dump + repr(waiting)] == []


def test_a74_an_error_of_the_database_shows_no_value(town: Sandbox) -> None:
    """A-74: neither hash nor address is in the text of an exception, however the write failed."""
    with store_of(town).engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER refuse BEFORE INSERT ON coproauth_identities BEGIN SELECT RAISE(ABORT, 'refused'); END"
        )

    address = f"canary{chr(64)}example.fr"  # in this file's own lines it never stands whole

    with pytest.raises(Unavailable) as failure:
        town.activate(town.contact(), address)

    told = "".join(traceback.format_exception(failure.value))
    assert "refused" in told
    assert address not in told
    assert "$argon2" not in told


def test_a_unit_of_work_within_another_is_told_at_once(town: Sandbox) -> None:
    """A directory that writes while it is asked would wait for itself; it gets an error instead."""
    with town.store.writing(), pytest.raises(RuntimeError, match="a unit of work is open"):
        town.directory.add_condominium(name="Les Lilas", portfolio_id="portfolio-1")


def test_a_thread_waits_for_its_turn_no_longer_than_for_another_program(tmp_path: Path) -> None:
    """A unit of work that hangs does not make all others hang for ever."""
    engine = sqlite_engine(tmp_path / "turns.sqlite3", busy_timeout=timedelta(milliseconds=50))
    store = SqlStore(engine)
    store.create_tables()

    def write() -> None:
        with store.writing() as work:
            work.outbox.done("no such mail")

    with ThreadPoolExecutor(1) as elsewhere, store.writing():
        waiting = elsewhere.submit(write)

        with pytest.raises(Unavailable, match="store_conflict"):
            waiting.result()
    engine.dispose()


@pytest.mark.parametrize("has_foreign_keys", [False, True])
def test_an_engine_that_cannot_keep_units_apart_is_refused(tmp_path: Path, has_foreign_keys: bool) -> None:  # noqa: FBT001
    """SQLAlchemy's own begins transactions where the driver guesses; that its rows point somewhere is not enough."""
    path = tmp_path / "plain.sqlite3"
    SqlStore(sqlite_engine(path)).create_tables()
    engine = create_engine(f"sqlite:///{path}")
    if has_foreign_keys:
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys = ON"))

    with pytest.raises(ConfigurationError, match="sql_engine"), SqlStore(engine).reading():
        pass
    engine.dispose()


@pytest.mark.parametrize("instant", range(1, 80))
def test_ctrl_c_at_whatever_instant_gives_the_turn_to_write_back(instant: int, tmp_path: Path) -> None:
    """Whoever comes next may write, in this thread and in another."""
    engine = sqlite_engine(tmp_path / "town.sqlite3")
    own = Transactions.on(engine)

    with pytest.raises(KeyboardInterrupt), CtrlC(_AROUND_A_TURN, instant), own.writing():
        pass

    with ThreadPoolExecutor(1) as pool:
        pool.submit(_write, own).result()
    _write(own)
    engine.dispose()


_AROUND_A_TURN = frozenset({transactions.__file__, contextlib.__file__})


def _write(own: Transactions) -> None:
    with own.writing() as connection:
        connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS written (line TEXT)")
