"""The trail in a table: it outlives what it tells of, and its writers cannot change it."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from contextlib import nullcontext
from pathlib import Path

import attrs
import pytest
from sqlalchemy import Connection, Engine, MetaData, delete, event, insert, select, text, update
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from tests.engines import SERVERS, SQL, Adapters, adapters_on
from tests.town import JEANNE, Town, refusal_of

from coproauth import Contact, SwitchRefused
from coproauth.adapters.memory import MemoryDirectory
from coproauth.adapters.sqlalchemy import Schema, SqlAudit, SqlStore, StandaloneDirectory, Tables, sql_engine
from coproauth.core.audit import AuditEvent
from coproauth.core.maintenance import Waste
from coproauth.testing import Sandbox
from coproauth.testing.contracts import Law, ReadSink, StoreAndSink, laws_of_audit_sink, laws_of_joining_audit

_PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "audit.md"
_TABLES = Tables.build(MetaData())
_AUDIT = _TABLES.audit


def _last_end(engine: Engine) -> tuple[object, ...]:
    newest = select(_AUDIT.c.pathway, _AUDIT.c.outcome, _AUDIT.c.reason).order_by(_AUDIT.c.position.desc()).limit(1)
    with engine.connect() as connection:
        return tuple(connection.execute(newest).one())


class _Vanishing(MemoryDirectory):
    """A directory whose contacts are there once more, and then gone, as when the host deletes them meanwhile."""

    left: int | None = None

    def contacts(self, contact_ids: Collection[str]) -> Sequence[Contact]:
        """Return the contacts, as long as they are there."""
        if self.left is None:
            return super().contacts(contact_ids)
        self.left -= 1
        return super().contacts(contact_ids) if self.left >= 0 else []


def _events(engine: Engine) -> Sequence[AuditEvent]:
    """Return the whole trail, in the order of writing."""
    columns = [_AUDIT.c[field.name] for field in attrs.fields(AuditEvent)]
    with engine.connect() as connection:
        rows = connection.execute(select(*columns).order_by(_AUDIT.c.position)).mappings()
        return [AuditEvent(**row) for row in rows]


@pytest.mark.parametrize("law", laws_of_audit_sink(), ids=str)
@pytest.mark.parametrize("kind", SQL)
def test_a_trail_in_a_table_keeps_the_law(
    kind: str, law: Law[ReadSink], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """The law says what; its name is that of the case."""
    with adapters_on(kind, request, tmp_path) as adapters:
        read = ReadSink(SqlAudit(adapters.engine), lambda: _events(adapters.engine))

        law.check(lambda: nullcontext(read))


@pytest.mark.parametrize("law", laws_of_joining_audit(), ids=str)
@pytest.mark.parametrize("kind", SQL)
def test_a_trail_that_joins_a_unit_of_work_keeps_the_law(
    kind: str, law: Law[StoreAndSink], sqlite: Adapters, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Beside a store on the same engine; not beside one in another file."""
    with adapters_on(kind, request, tmp_path) as adapters:
        engine = adapters.engine
        both = StoreAndSink(adapters.store, SqlAudit(engine), lambda: _events(engine), other=sqlite.store)

        law.check(lambda: nullcontext(both))


@pytest.mark.parametrize("kind", SQL)
class TestRollBack:
    """What was written is undone; that it was tried is not."""

    def test_a_refusal_leaves_its_event(self, kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
        """A switch to an account that goes away meanwhile: the session that it had ended holds again."""
        with adapters_on(kind, request, tmp_path) as adapters:
            directory = _Vanishing()
            town = Town.found(store=adapters.store, directory=directory, audit=SqlAudit(adapters.engine))
            contact = _contact_in(directory)
            session = town.activate_with(town.auth.activation.issue(contact.id, by=town.manager).code, JEANNE)
            directory.left = 1

            with pytest.raises(SwitchRefused):
                town.auth.accounts.switch(session.token, account_id=contact.account.id)

            directory.left = None
            assert _last_end(adapters.engine) == ("account_switched", "refused", "switch_refused")
            assert town.auth.login.session(session.token).email == JEANNE

    def test_a_failure_leaves_its_event(self, kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
        """An error while the notice is queued: the link that was removed before is there again."""
        with adapters_on(kind, request, tmp_path) as adapters:
            town = Town.found(store=adapters.store, audit=SqlAudit(adapters.engine))
            contact = town.contact()
            session = town.activate(contact, JEANNE)
            _break_mail(adapters.engine)

            with pytest.raises(OSError, match="the disk is full"):
                town.auth.activation.dissociate(contact.id, by=town.manager)

            event.remove(adapters.engine, "before_cursor_execute", _fail_at_mail)
            assert _last_end(adapters.engine) == ("contact_dissociated", "failed", "OSError")
            assert town.auth.login.identifier_of(contact.id) == JEANNE
            assert town.auth.login.session(session.token).active_account == contact.account


def _contact_in(directory: MemoryDirectory) -> Contact:
    building = directory.add_condominium(name="Les Lilas", portfolio_id="portfolio-1")
    account = directory.add_account(building.id, label="Lot 1")
    return directory.add_contact(account.id, name="Jeanne Roche")


def _break_mail(engine: Engine) -> None:
    event.listen(engine, "before_cursor_execute", _fail_at_mail)


def _fail_at_mail(_: object, __: object, statement: str, *___: object) -> None:
    if statement.startswith("INSERT INTO coproauth_outbox"):
        raise OSError("the disk is full")


def test_events_of_before_are_read_back_with_nothing_in_the_new_columns(tmp_path: Path) -> None:
    """Nobody invents who acted then."""
    engine = sql_engine(f"sqlite:///{tmp_path / 'old.sqlite3'}")
    Schema(engine).upgrade()
    before = {"at": Sandbox.build().clock.now(), "pathway": "logged_in", "outcome": "succeeded", "subject": "id-1"}
    with engine.begin() as connection:
        connection.execute(insert(_AUDIT).values(before))

    (told,) = SqlAudit(engine).about(["id-1"])

    assert (told.actor_kind, told.actor, told.user_agent, told.correlation_id) == (None, None, None, None)
    assert told.owasp_name == "authn_login_success"
    engine.dispose()


@pytest.mark.parametrize("kind", SERVERS)
def test_who_writes_the_trail_cannot_change_it(kind: str, request: pytest.FixtureRequest) -> None:
    """With the rights that the documentation grants: all goes on, what is on record stays, and the owner can purge."""
    url = make_url(request.getfixturevalue(SERVERS[kind]).create_database("rights"))
    owner, portal = sql_engine(url), sql_engine(url.set(username="coproauth"))
    Schema(owner).upgrade()
    with owner.begin() as connection:
        _grant(kind, connection)
    town = Sandbox.build(store=SqlStore(portal), directory=StandaloneDirectory(portal))
    trail = SqlAudit(portal)

    town.activate(town.contact(), JEANNE)
    refusal_of(lambda: town.log_in(JEANNE, password="not the password"))
    for happened in town.audit.events:
        trail.record(happened)

    for change in (delete(_AUDIT), update(_AUDIT).values(outcome="succeeded"), text("TRUNCATE TABLE coproauth_audit")):
        with pytest.raises(DBAPIError, match="denied"), portal.begin() as connection:
            connection.execute(change)
    now = town.clock.now()
    assert list(trail.about([town.audit.events[-1].subject or ""]))[-1] == town.audit.events[-1]
    assert SqlStore(owner).housekeeping().sweep(Waste.AUDIT_EVENTS, before=now.replace(year=2999), limit=99) == len(
        town.audit.events
    )
    owner.dispose()
    portal.dispose()


def _grant(kind: str, connection: Connection) -> None:
    """Create the portal's role, and grant it what the page says."""
    connection.exec_driver_sql({"postgresql": "CREATE ROLE coproauth LOGIN", "mariadb": "CREATE USER coproauth"}[kind])
    (block,) = re.findall(rf"^```sql\n-- {kind}\n(.*?)^```$", _PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    for statement in filter(None, map(str.strip, block.split(";"))):
        connection.exec_driver_sql(statement)
