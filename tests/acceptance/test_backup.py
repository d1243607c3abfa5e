"""The database is restored from a backup (D-28)."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest
from sqlalchemy import Engine, text
from tests.engines import shared_engine

from coproauth import ActivationRefused, Coproauth, Refused, ResetRefused, SessionRefused
from coproauth.adapters.memory import MemoryMailer
from coproauth.adapters.sqlalchemy import SqlStore, StandaloneDirectory, sql_engine
from coproauth.testing import Sandbox
from coproauth.testing.sandbox import PASSWORD, PORTAL_URL, cheap_policy

JEANNE = "jeanne@example.fr"
NEW_PASSWORD = "encore une girafe bleue"
KEY = "backup-key-of-at-least-32-bytes-0123456789"


def _sqlite_backup(tmp_path: Path) -> tuple[Engine, Callable[[], Engine]]:
    """Return a database in a file, and how to go back to what it is when the backup is taken."""
    engine = sql_engine(f"sqlite:///{tmp_path / 'live.sqlite3'}")

    def back_up() -> Engine:
        engine.dispose()  # the last connection that closes folds the log into the file
        shutil.copy(tmp_path / "live.sqlite3", tmp_path / "restored.sqlite3")
        return sql_engine(f"sqlite:///{tmp_path / 'restored.sqlite3'}")

    return engine, back_up


def _postgresql_backup(request: pytest.FixtureRequest) -> tuple[Engine, Callable[[], Engine]]:
    server = request.getfixturevalue("postgres_server")
    engine = sql_engine(server.create_database("live"))

    def back_up() -> Engine:
        engine.dispose()  # a copy is made of a database that nobody uses
        with shared_engine("postgresql", request).connect() as connection:
            outside = connection.execution_options(isolation_level="AUTOCOMMIT")
            outside.execute(text("CREATE DATABASE restored TEMPLATE live"))
        return sql_engine(server.url("restored"))

    return engine, back_up


def _wire(engine: Engine, town: Sandbox, *, epoch: int) -> Coproauth:
    return Coproauth(
        store=SqlStore(engine),
        directory=StandaloneDirectory(engine),
        mailer=MemoryMailer(),
        secret_keys=[KEY],
        portal_url=PORTAL_URL,
        policy=attrs.evolve(cheap_policy(), epoch=epoch),
        clock=town.clock,
    )


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_d28_nothing_from_before_is_accepted(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """With the epoch raised, sessions, links and codes of before the backup are refused; logins and accounts are there.

    Without it they would come back to life: the code that was used, the session that ended, the link that was used.
    """
    engine, back_up = _sqlite_backup(tmp_path) if kind == "sqlite" else _postgresql_backup(request)
    SqlStore(engine).create_tables()
    town = Sandbox.build(store=SqlStore(engine), directory=StandaloneDirectory(engine))
    town = attrs.evolve(town, auth=_wire(engine, town, epoch=0))
    mailer = town.auth.courier.mailer
    assert isinstance(mailer, MemoryMailer)
    town = attrs.evolve(town, mailer=mailer)
    session = town.activate(town.contact(), JEANNE)
    code = town.code_for(town.contact(condominium="Les Pins"))
    town.auth.password_reset.request(email=JEANNE, source=town.source)
    link = town.reset_token_for(JEANNE)
    restored = back_up()
    town.auth.activation.link(session.token, code=code, source=town.source)
    town.auth.password_reset.redeem(link, new_password=NEW_PASSWORD, source=town.source)

    careless, careful = _wire(restored, town, epoch=0), _wire(restored, town, epoch=1)

    assert careless.login.session(session.token) == session.session
    assert careless.password_reset.inspect(link).email == JEANNE
    assert careless.activation.preview(code, source=town.source).condominium_name == "Les Pins"
    attempts: dict[type[Refused], Callable[[], object]] = {
        SessionRefused: lambda: careful.login.session(session.token),
        ResetRefused: lambda: careful.password_reset.inspect(link),
        ActivationRefused: lambda: careful.activation.preview(code, source=town.source),
    }
    for refusal, attempt in attempts.items():
        with pytest.raises(refusal):
            attempt()
    again = careful.login.log_in(email=JEANNE, password=PASSWORD, source=town.source)
    assert again.session.accounts == session.session.accounts
    engine.dispose()
    restored.dispose()
