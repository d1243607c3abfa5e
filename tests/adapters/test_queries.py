"""However many people there are, whatever the services ask is answered by an index."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from sqlalchemy import Connection, Engine, event, insert
from tests.engines import SQL, Adapters, adapters_on

from coproauth import AuditEvent, Refused
from coproauth.adapters.sqlalchemy import SqlAudit
from coproauth.adapters.sqlalchemy.tables import dump, own_tables
from coproauth.core.maintenance import Waste
from coproauth.ports import Store
from coproauth.testing import Sandbox
from coproauth.testing.contracts.samples import CODE, JEANNE, MAIL, SESSION
from coproauth.testing.sandbox import PASSWORD

PEOPLE = 400
NOW = datetime(2026, 1, 1, tzinfo=UTC)
YEAR = timedelta(days=365)


@pytest.fixture(params=SQL)
def adapters(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Adapters]:
    """Adapters with enough people in them that a database would rather use an index than read them all."""
    with adapters_on(request.param, request, tmp_path) as adapters:
        _populate(adapters.engine, people=PEOPLE)
        _build(adapters.engine)
        _analyze(adapters.engine)
        yield adapters


def _analyze(engine: Engine) -> None:
    """Have the database look at how much there is in each table."""
    with engine.begin() as connection:
        for table in ("identities", "links", "codes", "sessions", "outbox", "condominiums", "accounts", "contacts"):
            analyze = "ANALYZE TABLE" if connection.dialect.name == "mariadb" else "ANALYZE"
            connection.exec_driver_sql(f"{analyze} coproauth_{table}")


def _populate(engine: Engine, *, people: int) -> None:
    """Write so many logins, each with a link, a code that was used, a session and a mail."""
    tables = own_tables()
    rows = [_rows_of(number) for number in range(people)]
    with engine.begin() as connection:
        for name in rows[0]:
            connection.execute(insert(getattr(tables, name)), [row[name] for row in rows])


def _rows_of(number: int) -> dict[str, dict[str, Any]]:
    """Return what there is of one login, by table."""
    email, identity_id = f"person{number}@example.net", f"id-{number}"
    code = attrs.evolve(CODE, id=f"code-{number}", contact_id=f"c-{number}", index=f"{number:064x}")
    mail = attrs.evolve(MAIL, id=f"mail-{number}", identity_id=identity_id, to=email)
    return {
        "identities": dump(attrs.evolve(JEANNE, id=identity_id, email=email, email_key=email)),
        "links": {"contact_id": f"contact-{number}", "identity_id": identity_id, "linked_at": NOW},
        "codes": dump(attrs.evolve(code, used_at=NOW, used_by=identity_id)),
        "sessions": dump(attrs.evolve(SESSION, digest=f"{number:064x}", identity_id=identity_id)),
        "outbox": dump(attrs.evolve(mail, due_at=NOW + timedelta(days=number))),
    }


def _build(engine: Engine) -> None:
    """Build a house for each, without asking the directory one by one."""
    tables = own_tables()
    numbers = range(PEOPLE)
    houses = [{"id": f"house-{n}", "name": "Les Lilas", "portfolio_id": f"portfolio-{n}"} for n in numbers]
    accounts = [{"id": f"account-{n}", "condominium_id": f"house-{n}", "label": "Lot 1"} for n in numbers]
    contacts = [{"id": f"contact-{n}", "account_id": f"account-{n}", "name": "Jeanne"} for n in numbers]
    with engine.begin() as connection:
        connection.execute(insert(tables.condominiums), houses)
        connection.execute(insert(tables.accounts), accounts)
        connection.execute(insert(tables.contacts), contacts)


def _leave_unused(store: Store, *, people: int) -> None:
    """Add logins that nobody has used for long; every other one was warned of it."""
    with store.writing() as work:
        for number in range(people):
            email = f"idle{number}@example.net"
            idle = attrs.evolve(JEANNE, id=f"idle-{number}", email=email, email_key=email, last_login_at=NOW - YEAR)
            work.identities.add(attrs.evolve(idle, warned_at=NOW - timedelta(days=number) if number % 2 else None))


@contextmanager
def _overheard(engine: Engine) -> Iterator[dict[str, Any]]:
    """Note each statement, with the last parameters it was sent with."""
    heard: dict[str, Any] = {}

    def note(_: object, __: object, statement: str, parameters: Any, ___: object, is_many: bool) -> None:  # noqa: FBT001
        heard[statement] = parameters[0] if is_many else parameters

    event.listen(engine, "before_cursor_execute", note)
    yield heard
    event.remove(engine, "before_cursor_execute", note)


def _live_a_life(town: Sandbox) -> None:
    """Call everything that the services, the courier and the operator call."""
    email = "jeanne@example.fr"
    lilas, pins = town.contact(condominium="Les Lilas", email=email), town.contact(condominium="Les Pins")
    login, reset, by = town.auth.login, town.auth.password_reset, town.manager
    town.activate(lilas, email)
    token = town.activate(pins, email).token
    town.auth.activation.issue_all(lilas.account.condominium_id, by=by)
    town.auth.activation.activated(lilas.account.condominium_id, by=by)
    token = town.auth.accounts.switch(token, account_id=lilas.account.id).token
    with suppress(Refused):
        town.log_in("nobody@example.fr")
    login.sessions(town.log_in(email).token)
    token = login.change_password(
        token, current_password=PASSWORD, new_password="encore une girafe bleue", source=town.source
    ).token
    login.change_email(
        token, new_email="jeanne@example.com", current_password="encore une girafe bleue", source=town.source
    )
    login.identifier_of(lilas.id)
    reset.redeem(_reset_token(town, email), new_password=PASSWORD, source=town.source)
    reset.set_password(lilas.id, by=by)
    town.later(minutes=2)
    login.log_out(token)
    town.auth.activation.dissociate(pins.id, by=by)
    town.auth.deliver_mail()
    keeping = town.store.housekeeping()
    for waste in Waste:
        keeping.sweep(waste, before=NOW, limit=9)
    keeping.idle_identities(before=NOW, limit=9)
    keeping.idle_identities(before=NOW, warned_before=NOW, limit=9)
    keeping.codes_used_by("id-1")
    keeping.mail_of(attrs.evolve(JEANNE, id="id-1"))
    keeping.remove_identity("id-1", unless_used_since=NOW + timedelta(days=9999))


def _keep_the_trail(trail: SqlAudit, events: Sequence[AuditEvent]) -> None:
    """Write what happened into the table, and read what is about one person."""
    for happened in events:
        trail.record(happened)
    trail.about(["id-1", "id-2"])


def _reset_token(town: Sandbox, email: str) -> str:
    town.auth.password_reset.request(email=email, source=town.source)
    return town.reset_token_for(email)


def _scans(connection: Connection, statement: str, parameters: Any) -> list[str]:
    """Return the tables of ours that a statement reads from end to end."""
    match connection.dialect.name:
        case "sqlite":
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            return [row.detail for row in plan if row.detail.startswith("SCAN coproauth") and "INDEX" not in row.detail]
        case "postgresql":
            plan = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)
            return [row[0].strip() for row in plan if "Seq Scan on coproauth" in row[0]]
        case _:
            plan = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)
            return [str(row) for row in plan if row.type == "ALL" and row.table and row.table.startswith("coproauth")]


def _sorts(connection: Connection, statement: str, parameters: Any) -> list[str]:
    """Return where a statement puts rows in order itself, because no index has them so."""
    match connection.dialect.name:
        case "sqlite":
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            return [row.detail for row in plan if "TEMP B-TREE" in row.detail]
        case "postgresql":
            plan = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)
            return [row[0].strip() for row in plan if "Sort" in row[0]]
        case _:
            plan = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)
            return [str(row) for row in plan if row.Extra and "filesort" in row.Extra]


def _whole_reads(adapters: Adapters) -> dict[str, list[str]]:
    """Return the statements of every use case that read a table from end to end, with what the plan says."""
    town = Sandbox.build(store=adapters.store, directory=adapters.directory)
    with _overheard(adapters.engine) as heard:
        _live_a_life(town)
        _keep_the_trail(SqlAudit(adapters.engine), town.audit.events)
    assert len(heard) > 40

    with adapters.engine.connect() as connection:
        return {
            statement: found
            for statement, parameters in heard.items()
            if statement.startswith(("SELECT", "UPDATE", "DELETE"))
            and (found := _scans(connection, statement, parameters))
        }


def test_nothing_is_looked_for_in_a_whole_table(adapters: Adapters) -> None:
    """Every statement of every use case finds its rows by a key or an index."""
    assert _whole_reads(adapters) == {}


def test_postgresql_reads_no_small_table_whole(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Nor where there are so few rows that reading them all would be as fast: it would lock what others write."""
    with adapters_on("postgresql", request, tmp_path) as adapters:
        _populate(adapters.engine, people=4)
        _analyze(adapters.engine)

        assert _whole_reads(adapters) == {}


@pytest.mark.parametrize("warned_before", [None, NOW])
def test_unused_logins_are_not_sorted_batch_by_batch(adapters: Adapters, warned_before: datetime | None) -> None:
    """An index has them in the order that is asked for: a batch reads no more than itself, however many there are."""
    if warned_before is None and adapters.engine.dialect.name == "mariadb":
        pytest.skip("MariaDB sorts by a column that is NULL in all rows, too")
    _leave_unused(adapters.store, people=PEOPLE)
    _analyze(adapters.engine)

    with _overheard(adapters.engine) as heard:
        found = adapters.store.housekeeping().idle_identities(before=NOW, warned_before=warned_before, limit=9)

    assert len(found) == 9
    with adapters.engine.connect() as connection:
        for statement, parameters in heard.items():
            if statement.startswith("SELECT"):
                assert _sorts(connection, statement, parameters) == []


def test_a_look_up_without_an_index_would_be_seen(adapters: Adapters) -> None:
    """The plan of a search by what has no index names the table that is read."""
    with adapters.engine.connect() as connection:
        scans = _scans(connection, "SELECT * FROM coproauth_codes WHERE proof_email_key = 'x'", ())

    assert len(scans) == 1
