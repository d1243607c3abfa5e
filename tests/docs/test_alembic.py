"""The migrations that a host copies from the guide, run by Alembic itself."""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy.engine import make_url
from tests.engines import SQL
from tests.installation import Installation, install

from coproauth.adapters.sqlalchemy.schema import Step, read_steps

_PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "upgrade_the_schema.md"
_MIGRATION = re.compile(
    r'^```python\n(?P<text>from alembic .*?^revision = "(?P<name>\w+)".*?)^```$', re.MULTILINE | re.DOTALL
)
_ENVIRONMENT = """
from alembic import context

if context.is_offline_mode():
    context.configure(url=context.config.get_main_option("sqlalchemy.url"))
    context.run_migrations()
else:
    with context.config.attributes["configuration"].engine().connect() as connection:
        context.configure(connection=connection)
        with context.begin_transaction():
            context.run_migrations()
"""
_OFFLINE_URLS = {"sqlite": "sqlite://", "postgresql": "postgresql+psycopg://", "mariadb": "mariadb+pymysql://"}


@pytest.fixture(params=SQL)
def kind(request: pytest.FixtureRequest) -> str:
    """Each kind of database in turn."""
    name: str = request.param
    return name


@pytest.fixture
def installation(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Installation:
    """An installation whose tables are kept by Alembic."""
    return install(kind, request, tmp_path)


@pytest.fixture
def config(kind: str, tmp_path: Path) -> Config:
    """The host's Alembic, with the migrations of the guide."""
    (tmp_path / "host" / "versions").mkdir(parents=True)
    (tmp_path / "host" / "env.py").write_text(_ENVIRONMENT, "utf-8")
    for found in _MIGRATION.finditer(_PAGE.read_text("utf-8")):
        (tmp_path / "host" / "versions" / f"{found['name']}.py").write_text(found["text"], "utf-8")
    config = Config(output_buffer=StringIO())
    config.set_main_option("script_location", str(tmp_path / "host"))
    config.set_main_option("path_separator", "os")
    config.set_main_option("sqlalchemy.url", _OFFLINE_URLS[kind])
    return config


def test_the_guide_has_a_migration_for_each_step(kind: str) -> None:
    """A new step is a new migration on the page."""
    names = [found["name"] for found in _MIGRATION.finditer(_PAGE.read_text("utf-8"))]

    assert names == [f"coproauth_{version}" for version in range(1, len(names) + 1)]
    assert len(names) == len(_steps(kind))


def test_an_empty_database_is_brought_up_to_date(installation: Installation, config: Config) -> None:
    """The version is recorded, and there is nothing left to do."""
    with installation.open() as configuration:
        config.attributes["configuration"] = configuration

        command.upgrade(config, "head")

        schema = configuration.schema()
        assert schema.version() == schema.newest
        assert schema.upgrade() == ()


def test_tables_of_the_first_release_are_brought_up_to_date(installation: Installation, config: Config) -> None:
    """They are stamped, and only the next step is taken."""
    with installation.open() as configuration:
        config.attributes["configuration"] = configuration
        schema = configuration.schema()
        with configuration.engine().begin() as connection:
            for statement in schema.steps[0].statements:
                connection.exec_driver_sql(statement)
        command.stamp(config, "coproauth_1")

        command.upgrade(config, "head")

        assert schema.version() == schema.newest
        assert schema.upgrade() == ()


def test_the_statements_are_printed_without_a_connection(kind: str, config: Config) -> None:
    """For an administrator who runs them."""
    command.upgrade(config, "head", sql=True)

    assert isinstance(config.output_buffer, StringIO)
    printed = config.output_buffer.getvalue()
    assert all(statement in printed for step in _steps(kind) for statement in step.statements)


def _steps(kind: str) -> tuple[Step, ...]:
    return read_steps(make_url(_OFFLINE_URLS[kind]).get_dialect()())
