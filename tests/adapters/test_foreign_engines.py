"""Engines that the host has made, with settings that nobody would choose for a unit of work."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import create_engine, select, update
from tests.engines import adapters_on

from coproauth.adapters.sqlalchemy import SqlStore
from coproauth.core.messages import MailKind
from coproauth.testing import Sandbox
from coproauth.testing.contracts.samples import JEANNE, MAIL


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_in_autocommit_a_unit_of_work_is_still_one(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """What fails half-way leaves nothing."""
    with adapters_on(kind, request, tmp_path) as adapters:
        engine = create_engine(adapters.engine.url, isolation_level="AUTOCOMMIT")
        store = SqlStore(engine)

        def fail_half_way() -> None:
            with store.writing() as work:
                work.identities.add(JEANNE)
                work.outbox.add(MAIL)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail_half_way()

        with store.reading() as work:
            assert work.identities.get(JEANNE.id) is None
            assert list(work.outbox.waiting(limit=9)) == []
        engine.dispose()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "mariadb"])
def test_mail_that_only_a_later_release_knows_holds_up_no_other(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """It waits for a courier of that release; the others leave, and the operator's list can be read."""
    with adapters_on(kind, request, tmp_path) as adapters:
        town = Sandbox.build(store=adapters.store, directory=adapters.directory)
        assert isinstance(adapters.store, SqlStore)
        outbox = adapters.store.tables.outbox
        for _ in range(2):
            town.auth.password_reset.request(email="nobody@example.fr", source=town.source)
        with adapters.store.reading() as work:
            first, second = work.outbox.waiting(limit=9)
        with adapters.engine.begin() as connection:
            connection.execute(update(outbox).where(outbox.c.id == first.id).values(kind="of_the_next_release"))

        delivered = town.auth.deliver_mail()

        with adapters.store.reading() as work:
            assert list(work.outbox.waiting(limit=9)) == []
        assert (delivered, second.kind) == (1, MailKind.UNKNOWN_ADDRESS)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "mariadb"])
def test_mail_that_only_a_later_release_knows_keeps_nobody_from_his_data(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """What this release can read of a login is told, and all of it is erased."""
    with adapters_on(kind, request, tmp_path) as adapters:
        town = Sandbox.build(store=adapters.store, directory=adapters.directory)
        assert isinstance(adapters.store, SqlStore)
        outbox = adapters.store.tables.outbox
        town.activate(town.contact(), JEANNE.email)
        with adapters.engine.begin() as connection:
            connection.execute(update(outbox).values(kind="of_the_next_release"))

        export = town.auth.personal_data.export(JEANNE.email)
        is_erased = town.auth.personal_data.erase(JEANNE.email)

        with adapters.engine.connect() as connection:
            assert connection.execute(select(outbox)).all() == []
        assert export is not None
        assert (export.mail, is_erased) == ((), True)
