"""What was done and that it was done are kept together, where one database has both.

What breaks is broken in the database itself: who listens to an engine has its statements go another way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import attrs
import pytest
from sqlalchemy import Connection, Engine, Table, event, func, select
from tests.adapters.joining_pathways import APART, JOINING, Joining
from tests.engines import SQL, Adapters, adapters_on
from tests.town import JEANNE, Town

from coproauth import EmailProofRequired, Pathway, Unavailable
from coproauth.adapters.sqlalchemy import Schema, SqlAudit, SqlStore, sql_engine
from coproauth.adapters.sqlalchemy.tables import own_tables
from coproauth.adapters.sqlalchemy.throttle import SqlThrottle
from coproauth.adapters.sqlalchemy.transactions import Transactions
from coproauth.adapters.sqlalchemy.unit_of_work import SqlUnitOfWork
from coproauth.core.audit import AuditEvent
from coproauth.core.throttling import ThrottleKey
from coproauth.errors import Interrupted
from coproauth.ports import AuditSink, Store, Throttle
from coproauth.testing.sandbox import PASSWORD, cheap_policy

_TABLES = own_tables()
_PATIENCE = attrs.evolve(cheap_policy(), store_tries=2)
_BREAK = {
    "sqlite": ["CREATE TRIGGER broken BEFORE {what} BEGIN SELECT RAISE(ABORT, 'broken'); END"],
    "postgresql": [
        "CREATE FUNCTION broken() RETURNS trigger AS 'BEGIN RAISE query_canceled; END' LANGUAGE plpgsql",
        "CREATE TRIGGER broken BEFORE {what} FOR EACH ROW EXECUTE FUNCTION broken()",
    ],
    "mariadb": [
        "CREATE TRIGGER broken BEFORE {what} FOR EACH ROW SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 1317",
    ],
}
_MEND = {
    "sqlite": "DROP TRIGGER broken",
    "postgresql": "DROP FUNCTION broken() CASCADE",
    "mariadb": "DROP TRIGGER broken",
}


class _InterruptedOnce(SqlStore):
    """Undoes one unit of work at its very end."""

    is_due = False

    @contextmanager
    def writing(self) -> Iterator[SqlUnitOfWork]:
        """Open a unit of work."""
        with super().writing() as work:
            yield work
            if self.is_due:
                self.is_due = False
                raise Interrupted(reason="store_conflict")


class _Away:
    """A trail elsewhere that cannot be reached."""

    def record(self, _: AuditEvent) -> None:
        """Keep nothing."""
        raise Unavailable(reason="store_away")


class _WatchedThrottle(SqlThrottle):
    """Counts its settlements, and knows of no unit of work."""

    settlements = 0

    def __init__(self, engine: Engine) -> None:
        super().__init__(Transactions.on(engine), _TABLES.throttle, policy=_PATIENCE)

    def settle(self, *, forgive: Sequence[ThrottleKey] = (), clear: Sequence[ThrottleKey] = ()) -> None:
        """Settle, and count it."""
        self.settlements += 1
        super().settle(forgive=forgive, clear=clear)


class _WatchedAudit(SqlAudit):
    """Remembers what it was told, and knows of no unit of work."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, policy=_PATIENCE)
        self.heard: list[AuditEvent] = []

    def record(self, event: AuditEvent) -> None:
        """Keep an event, and remember it."""
        self.heard.append(event)
        super().record(event)


@pytest.fixture(params=SQL)
def adapters(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Adapters]:
    """A store on SQL."""
    with adapters_on(request.param, request, tmp_path) as adapters:
        yield adapters


def test_what_cannot_be_put_on_record_is_not_done(adapters: Adapters) -> None:
    """No session is opened that the trail says nothing of, and the attempt stays counted."""
    engine = adapters.engine
    town = _town(engine)
    sessions, counted = _rows(engine, _TABLES.sessions), _counted(engine)

    with _broken(engine, "INSERT ON coproauth_audit"), pytest.raises(Unavailable):
        town.log_in(JEANNE)

    assert _rows(engine, _TABLES.sessions) == sessions
    assert _counted(engine) == counted + 3
    assert town.log_in(JEANNE).session.email == JEANNE


def test_what_cannot_be_given_back_is_not_done(sqlite: Adapters) -> None:
    """Neither the session nor the record of a success is left where the attempt stays counted."""
    engine = sqlite.engine
    town = _town(engine)
    sessions, counted = _rows(engine, _TABLES.sessions), _counted(engine)

    with _broken(engine, "DELETE ON coproauth_throttle"), pytest.raises(Unavailable):
        town.log_in(JEANNE)

    assert _rows(engine, _TABLES.sessions) == sessions
    assert _counted(engine) == counted + 3
    assert _ends_of(engine, "logged_in") == ["failed"]


@pytest.mark.parametrize("joining", JOINING, ids=str)
def test_no_pathway_does_what_cannot_be_put_on_record(sqlite: Adapters, joining: Joining) -> None:
    """Nothing but the counters has moved; once the trail holds again, the same act succeeds and is on record once."""
    town = _town(sqlite.engine)
    act = joining.prepare(town)
    before, succeeded = _all_but_counters(sqlite.engine), _ends_of(sqlite.engine, joining.pathway).count("succeeded")

    with _broken(sqlite.engine, "INSERT ON coproauth_audit"), pytest.raises(Unavailable):
        act()
    after = _all_but_counters(sqlite.engine)
    act()

    assert after == before
    assert _all_but_counters(sqlite.engine) != before
    assert _ends_of(sqlite.engine, joining.pathway).count("succeeded") == succeeded + 1


def test_every_pathway_joins_or_is_known_not_to() -> None:
    """A new one is listed on one side."""
    joining = {joining.pathway for joining in JOINING}

    assert joining | APART == set(Pathway)
    assert not joining & APART


def test_what_asks_for_a_proof_is_on_record_as_refused_alone(adapters: Adapters) -> None:
    """The unit of work is kept with the proof that it asks for, and is no success."""
    town = _town(adapters.engine)
    code = town.code_for(town.contact())
    before = list(_ends_of(adapters.engine, Pathway.ACTIVATED))

    with pytest.raises(EmailProofRequired):
        town.auth.activation.activate(code=code, email="new@example.fr", password=PASSWORD, source=town.source)

    assert sorted(_ends_of(adapters.engine, Pathway.ACTIVATED)) == sorted([*before, "refused"])


def test_a_throttle_that_overrides_settle_alone_is_told_of_every_settlement(sqlite: Adapters) -> None:
    """It is not passed over in favour of what it inherits, and settles once for each attempt."""
    throttle = _WatchedThrottle(sqlite.engine)
    town = _town(sqlite.engine, throttle=throttle)
    counted = _counted(sqlite.engine)
    throttle.settlements = 0

    town.log_in(JEANNE)

    assert throttle.settlements == 1
    assert _counted(sqlite.engine) == counted


def test_a_trail_that_overrides_record_alone_is_told_of_every_event(adapters: Adapters) -> None:
    """It is not passed over in favour of what it inherits, and records each end once."""
    audit = _WatchedAudit(adapters.engine)
    town = _town(adapters.engine, audit=audit)
    audit.heard.clear()

    town.log_in(JEANNE)

    assert [(event.pathway, event.outcome) for event in audit.heard] == [("logged_in", "succeeded")]
    assert _ends_of(adapters.engine, "logged_in") == ["succeeded"]


def test_what_is_undone_is_not_on_record(adapters: Adapters) -> None:
    """An error at the very end, after the success was written: what is on record is that it failed."""
    engine = adapters.engine
    town = _town(engine)
    sessions = _rows(engine, _TABLES.sessions)

    with _broken_at_commit_of_a_session(engine), pytest.raises(OSError, match="disk"):
        town.log_in(JEANNE)

    assert _ends_of(engine, "logged_in") == ["failed"]
    assert _rows(engine, _TABLES.sessions) == sessions


def test_what_is_done_again_is_on_record_once(adapters: Adapters) -> None:
    """A unit of work that another came in between has put nothing on record; its second run does, and gives back."""
    store = _InterruptedOnce(adapters.engine)
    town = _town(adapters.engine, store=store)
    counted = _counted(adapters.engine)
    store.is_due = True

    town.log_in(JEANNE)

    assert not store.is_due
    assert _ends_of(adapters.engine, "logged_in") == ["succeeded"]
    assert _counted(adapters.engine) == counted


def test_a_trail_elsewhere_follows_after_the_unit(adapters: Adapters, tmp_path: Path) -> None:
    """It is no part of the unit, which is kept when the event is written."""
    elsewhere = sql_engine(f"sqlite:///{tmp_path / 'elsewhere.sqlite3'}")
    Schema(elsewhere).upgrade()

    town = _town(adapters.engine, audit=SqlAudit(elsewhere))
    town.log_in(JEANNE)

    assert _ends_of(elsewhere, "logged_in") == ["succeeded"]
    assert _rows(adapters.engine, _TABLES.audit) == 0
    elsewhere.dispose()


def test_what_is_not_on_record_elsewhere_is_not_given_back(adapters: Adapters) -> None:
    """The counters could join the unit of work; they do not, for the trail comes after it."""
    town = _town(adapters.engine)
    counted = _counted(adapters.engine)
    unheard = attrs.evolve(town.auth.login, audit=_Away())

    with pytest.raises(Unavailable, match="outcome_unknown"):
        unheard.log_in(email=JEANNE, password=PASSWORD, source=town.source)

    assert _counted(adapters.engine) == counted + 3


def _town(
    engine: Engine, *, store: Store | None = None, audit: AuditSink | None = None, throttle: Throttle | None = None
) -> Town:
    """Return one where Jeanne has a login; it tries nothing more than twice."""
    town = Town.found(
        store=store or SqlStore(engine),
        audit=audit or SqlAudit(engine, policy=_PATIENCE),
        throttle=throttle,
        policy=_PATIENCE,
    )
    town.move_in()
    return town


def _rows(engine: Engine, table: Table) -> int:
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0


def _counted(engine: Engine) -> int:
    """Return how many attempts are counted on all keys."""
    with engine.connect() as connection:
        return int(connection.scalar(select(func.sum(_TABLES.throttle.c.attempts))) or 0)


def _all_but_counters(engine: Engine) -> dict[str, set[tuple[object, ...]]]:
    """Return every row that an act may change."""
    tables = set(_TABLES.audit.metadata.sorted_tables) - {_TABLES.audit, _TABLES.throttle}
    with engine.connect() as connection:
        return {table.name: {tuple(row) for row in connection.execute(select(table))} for table in tables}


def _ends_of(engine: Engine, pathway: str) -> Sequence[str]:
    trail = _TABLES.audit
    with engine.connect() as connection:
        return connection.scalars(select(trail.c.outcome).where(trail.c.pathway == pathway)).all()


@contextmanager
def _broken(engine: Engine, what: str) -> Iterator[None]:
    """Have the database refuse to do something to a table."""
    with engine.begin() as connection:
        for statement in _BREAK[engine.dialect.name]:
            connection.exec_driver_sql(statement.format(what=what))
    try:
        yield
    finally:
        with engine.begin() as connection:
            connection.exec_driver_sql(_MEND[engine.dialect.name])


@contextmanager
def _broken_at_commit_of_a_session(engine: Engine) -> Iterator[None]:
    """Have the disk be full when a transaction that has opened a session is to be kept."""
    before = _rows(engine, _TABLES.sessions)

    def fail(connection: Connection) -> None:
        if (connection.scalar(select(func.count()).select_from(_TABLES.sessions)) or 0) > before:
            raise OSError("the disk is full")

    event.listen(engine, "commit", fail)
    try:
        yield
    finally:
        event.remove(engine, "commit", fail)
