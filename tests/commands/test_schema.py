"""``coproauth schema``: tables are created, brought up to date, checked and shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import MetaData, inspect
from sqlalchemy.engine import make_url
from tests.engines import SERVERS
from tests.installation import Installation, install

from coproauth import cli
from coproauth.adapters.sqlalchemy import Tables
from coproauth.adapters.sqlalchemy.tables import VERSION

NEWEST = f"The tables are of version {VERSION}, the newest.\n"


def test_create_makes_every_table(each_installation: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    """Each step that is taken is told."""
    status = each_installation.run("schema", "create")

    printed = capsys.readouterr().out
    metadata = MetaData()
    Tables.build(metadata)
    with each_installation.open() as configuration:
        assert set(inspect(configuration.engine()).get_table_names()) == set(metadata.tables)
    assert status == 0
    assert printed.startswith("Taken: step 1, first release.\n")
    assert printed.endswith(NEWEST)


def test_create_leaves_tables_alone(each_installation: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever meant another database learns that this one is in use."""
    each_installation.run("schema", "create")

    status = each_installation.run("schema", "create")

    assert status == 1
    assert capsys.readouterr().err.startswith(f"There are tables of version {VERSION} already: ")


_GUEST = {
    "postgresql": ["CREATE ROLE {user} LOGIN", "REVOKE CREATE ON SCHEMA public FROM PUBLIC"],
    "mariadb": ["CREATE USER {user}", "GRANT SELECT ON {database}.* TO {user}"],
}


@pytest.mark.parametrize("kind", SERVERS)
def test_a_user_who_may_not_create_is_told_so(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one sentence, by the words of the database: it knows which right is missing."""
    owner = install(kind, request, tmp_path)
    url = make_url(owner.database)
    user = f"guest_of_{url.database}"
    with owner.open() as configuration, configuration.engine().begin() as connection:
        for statement in _GUEST[kind]:
            connection.exec_driver_sql(statement.format(user=user, database=url.database))
    guest = Installation(tmp_path, url.set(username=user).render_as_string())
    guest.configure()

    status = guest.run("schema", "create")

    told = capsys.readouterr().err
    assert (status, told.count("\n")) == (1, 1)
    assert told.startswith("The database refuses: ")
    assert "denied" in told


def test_upgrade_goes_on_from_the_first_release(
    each_installation: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first release recorded no version; only what came after it is done."""
    _create_first_release(each_installation)

    status = each_installation.run("schema", "upgrade")

    assert status == 0
    taken = ("step 2, operations", "step 3, audit trail", "step 4, notices")
    assert capsys.readouterr().out == "".join(f"Taken: {step}.\n" for step in taken) + NEWEST
    assert each_installation.run("schema", "check") == 0


def test_upgrade_of_what_is_newest_does_nothing(installation: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    """It can be run at every deployment."""
    installation.run("schema", "create")
    capsys.readouterr()

    status = installation.run("schema", "upgrade")

    assert (status, capsys.readouterr().out) == (0, NEWEST)


@pytest.mark.parametrize("command", ["upgrade", "check"])
def test_tables_of_a_later_release_are_refused(
    installation: Installation, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    """An older program never touches what a newer one has made."""
    installation.run("schema", "create")
    with installation.open() as configuration, configuration.engine().begin() as connection:
        connection.exec_driver_sql("UPDATE coproauth_schema SET version = 99 WHERE version = 2")

    status = installation.run("schema", command)

    assert status == 1
    assert "the tables are of version 99" in capsys.readouterr().err


def test_check_asks_for_tables(each_installation: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty database is no failure of the program: the sentence says what to run."""
    status = each_installation.run("schema", "check")

    assert (status, *capsys.readouterr()) == (
        1,
        "",
        "the database has no tables of ours yet: run 'coproauth schema create'\n",
    )


def test_check_asks_for_an_upgrade(each_installation: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    """Tables of the first release are not worked with, and a backup comes first."""
    _create_first_release(each_installation)

    status = each_installation.run("schema", "check")

    assert status == 1
    assert capsys.readouterr().err == (
        f"the tables are of version 1, and this release needs {VERSION}: back the database up and run"
        " 'coproauth schema upgrade'\n"
    )


@pytest.mark.parametrize("version", [0, 1])
def test_what_is_shown_can_be_run_by_any_client(
    each_installation: Installation, capsys: pytest.CaptureFixture[str], version: int
) -> None:
    """An administrator who lets no program change tables runs the script, and the version is recorded by it."""
    if version:
        _create_first_release(each_installation)

    shown = each_installation.run("schema", "show", "--from", str(version))

    _execute(each_installation, capsys.readouterr().out)
    assert shown == 0
    assert each_installation.run("schema", "check") == 0


@pytest.mark.parametrize(("engine", "type_"), [("postgresql", "BIGSERIAL"), ("mariadb", "DATETIME(6)"), ("sqlite", "")])
def test_steps_are_shown_without_a_configuration(capsys: pytest.CaptureFixture[str], engine: str, type_: str) -> None:
    """Whoever reviews an upgrade needs no installation."""
    status = cli.main(["schema", "show", "--engine", engine, "--from", "1"])

    printed = capsys.readouterr().out
    assert status == 0
    assert printed.startswith("-- Step 2: operations\n")
    assert type_ in printed


def test_another_prefix_is_used_everywhere(installation: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    """The host may have tables of such names."""
    installation.configure('table_prefix = "cles_"')

    status = installation.run("schema", "create")

    capsys.readouterr()
    assert status == 0
    assert installation.run("schema", "show") == 0
    assert "coproauth_" not in capsys.readouterr().out
    assert installation.run("schema", "check") == 0


def test_a_database_that_is_away_is_told(installation: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence, no trace, and nothing of the address."""
    away = Installation(installation.folder, "postgresql://marie:secret@127.0.0.1:1/portal")
    away.configure()

    status = away.run("schema", "check")

    assert (status, *capsys.readouterr()) == (
        1,
        "",
        "The database cannot be reached, or does not answer in time; 'coproauth doctor' looks closer.\n",
    )


def _create_first_release(installation: Installation) -> None:
    """Leave a database as the first release did: its tables, and no version."""
    with installation.open() as configuration, configuration.engine().begin() as connection:
        for statement in configuration.schema().steps[0].statements:
            connection.exec_driver_sql(statement)


def _execute(installation: Installation, script: str) -> None:
    """Run a script as a client of the database does, statement by statement."""
    bare = "\n".join(line for line in script.splitlines() if not line.startswith("--"))
    with installation.open() as configuration, configuration.engine().begin() as connection:
        for statement in filter(None, map(str.strip, bare.split(";\n"))):
            connection.exec_driver_sql(statement.removesuffix(";"))
