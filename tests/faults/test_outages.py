"""A database that goes away, comes back, hangs or is locked: every call says so, and nothing is lost or done twice."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TypeAlias

import attrs
import pytest
from sqlalchemy import Engine, text
from tests.engines import Adapters
from tests.faults.deeds import reason_of
from tests.faults.states import State
from tests.servers import MariadbServer, PostgresServer, StopMode, eventually, skipped_if_missing

from coproauth import SignedIn, Unavailable
from coproauth.adapters.sqlalchemy import EngineSettings, SqlStore, StandaloneDirectory, sql_engine
from coproauth.testing import Sandbox
from coproauth.testing.machines import patient_policy
from coproauth.testing.sandbox import PASSWORD

DatabaseServer: TypeAlias = PostgresServer | MariadbServer

THREADS = 8
CODES = 40  # for each thread to activate
SETTINGS = EngineSettings(
    pool_size=THREADS,
    connect_timeout=timedelta(seconds=2),
    statement_timeout=timedelta(seconds=1),
)
# What was committed must outlive the server's process, as it does in production.
SERVERS: dict[str, Callable[[], DatabaseServer]] = {
    "postgresql": lambda: PostgresServer(options=["-c", "synchronous_commit=on"]),
    "mariadb": lambda: MariadbServer(options=["--innodb-flush-log-at-trx-commit=2"]),
}


@attrs.frozen
class Installation:
    """A town on a server of its own."""

    server: DatabaseServer
    engine: Engine
    town: Sandbox


@pytest.fixture(params=SERVERS, scope="module")
def installation(request: pytest.FixtureRequest) -> Iterator[Installation]:
    """An installation whose server a test may stop, as long as it starts it again."""
    with skipped_if_missing(), SERVERS[request.param]() as server, _engine(server.create_database("portal")) as engine:
        yield Installation(server, engine, _town_on(engine))


@contextmanager
def _engine(url: str) -> Iterator[Engine]:
    engine = sql_engine(url, settings=SETTINGS)
    SqlStore(engine).create_tables()
    yield engine
    engine.dispose()


def _town_on(engine: Engine) -> Sandbox:
    policy = attrs.evolve(patient_policy(), require_email_proof=False)
    adapters = Adapters(SqlStore(engine, policy=policy), StandaloneDirectory(engine))
    return Sandbox.build(store=adapters.store, directory=adapters.directory, policy=policy)


@attrs.define
class Visitor:
    """Somebody who activates one code after the other, logs in, and looks at a page, whatever happens meanwhile.

    Attributes:
        town: where.
        letters: the codes with the addresses to activate them with.
        tokens: of the activations that were answered, by address.
        failures: of the activations that were not: code, address and reason.
        other_failures: the reasons that logins and pages failed for.
        errors: what nobody may ever see.
        steps: how many calls have returned.
    """

    town: Sandbox
    letters: list[tuple[str, str]]
    tokens: dict[str, str] = attrs.field(factory=dict)
    failures: list[tuple[str, str, str]] = attrs.field(factory=list)
    other_failures: Counter[str] = attrs.field(factory=Counter)
    errors: list[BaseException] = attrs.field(factory=list)
    steps: int = 0

    def visit(self, is_over: threading.Event) -> None:
        """Use the portal until it is over, or until there are no letters left."""
        try:
            while self.letters and not is_over.is_set():
                self._activate(*self.letters.pop())
        except BaseException as error:  # noqa: BLE001 - told by the thread that waits
            self.errors.append(error)

    def _activate(self, code: str, email: str) -> None:
        try:
            activated = _activate(self.town, code, email)
        except Unavailable as failure:
            self.failures.append((code, email, failure.reason))
        else:
            self.tokens[email] = activated.token
            self._try(lambda: self.town.auth.login.session(activated.token))
            self._try(lambda: self.town.log_in(email))
        self.steps += 1

    def _try(self, call: Callable[[], object]) -> None:
        try:
            call()
        except Unavailable as failure:
            self.other_failures[failure.reason] += 1


@contextmanager
def _visitors(town: Sandbox) -> Iterator[list[Visitor]]:
    """Let visitors use the portal during the block, and some steps longer."""
    visitors = [Visitor(town, _letters(town, number)) for number in range(THREADS)]
    is_over = threading.Event()
    threads = [threading.Thread(target=visitor.visit, args=[is_over]) for visitor in visitors]
    for thread in threads:
        thread.start()
    try:
        assert eventually(lambda: all(visitor.steps > 1 for visitor in visitors))
        yield visitors
        answered = [len(visitor.tokens) for visitor in visitors]
        assert eventually(lambda: all(map(_has_gone_on, visitors, answered)))
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


def _has_gone_on(visitor: Visitor, answered: int) -> bool:
    return len(visitor.tokens) > answered or not visitor.letters


def _letters(town: Sandbox, visitor: int) -> list[tuple[str, str]]:
    building = town.directory.add_condominium(name="Les Lilas", portfolio_id=town.manager.portfolio_id)
    for number in range(CODES):
        account = town.directory.add_account(building.id, label=f"Lot {number}")
        town.directory.add_contact(account.id, name=f"Visitor {visitor}, {number}")
    issued = town.auth.activation.issue_all(building.id, by=town.manager)
    return [(one.code, f"{one.contact.id}@example.fr") for one in issued]


@pytest.mark.parametrize("mode", ["fast", "immediate"])
@pytest.mark.no_cover
def test_a_restart_loses_nothing(installation: Installation, mode: StopMode) -> None:
    """Whoever was answered during a restart has a login; whoever was not has none, unless told that nobody knows."""
    town = installation.town

    with _visitors(town) as visitors:
        installation.server.stop(mode)
        installation.server.start()

    assert [visitor.errors for visitor in visitors] == [[]] * THREADS
    for visitor in visitors:
        _require_answers_kept(visitor)
        _require_failures_undone(visitor)
    _require_each_once(installation.engine)


def _require_answers_kept(visitor: Visitor) -> None:
    for email, token in visitor.tokens.items():
        assert visitor.town.auth.login.session(token).email == email


def _require_failures_undone(visitor: Visitor) -> None:
    """Activate again what was not answered: nothing of it was kept, unless the answer was that nobody knows."""
    assert visitor.other_failures.keys() <= set(Unavailable.reasons)
    for code, email, reason in visitor.failures:
        again = reason_of(partial(_activate, visitor.town, code, email))
        assert (reason, again) in {
            ("store_away", None),
            ("store_conflict", None),
            ("outcome_unknown", None),
            ("outcome_unknown", "email_already_registered"),
        }


def _activate(town: Sandbox, code: str, email: str) -> SignedIn:
    return town.auth.activation.activate(code=code, email=email, password=PASSWORD, source=town.source)


def _require_each_once(engine: Engine) -> None:
    """Require a used code, a link and a login for each other."""
    state = State.of(engine)
    used = sorted(fate.removeprefix("used by ") for _, fate in state.codes if fate.startswith("used by "))
    assert used == [email for email, *_ in state.logins] == sorted(email for _, email in state.links)


def test_the_pool_recovers_by_itself(installation: Installation) -> None:
    """After a restart the connections of before are replaced, and nobody is told of it: looks are taken again."""
    tokens = [installation.town.activate(installation.town.contact(), f"{n}@pool.example.fr").token for n in range(3)]
    _open_every_connection(installation.engine)
    installation.server.stop("fast")
    installation.server.start()

    answers = [_unavailable(lambda: installation.town.auth.login.session(tokens[0])) for _ in range(2 * THREADS)]

    assert answers == [None] * (2 * THREADS)
    assert installation.town.log_in("0@pool.example.fr").session.email == "0@pool.example.fr"


def test_what_a_manager_looks_at_is_read_again(installation: Installation) -> None:
    """After a restart nobody at the desk is told of it: the directory is asked again, too."""
    town = installation.town
    contact = town.contact()
    condominium, by = contact.account.condominium_id, town.manager_of(contact)
    assert isinstance(town.directory, StandaloneDirectory)
    _open_every_connection(installation.engine)
    installation.server.stop("fast")
    installation.server.start()

    listed = [town.directory.condominiums(by.portfolio_id) for _ in range(THREADS)]
    _open_every_connection(installation.engine)
    installation.server.stop("fast")
    installation.server.start()
    activated = [town.auth.activation.activated(condominium, by=by) for _ in range(THREADS)]

    assert [condominium in {row.id for row in rows} for rows in listed] == [True] * THREADS
    assert activated == [frozenset()] * THREADS


def _open_every_connection(engine: Engine) -> None:
    connections = [engine.connect() for _ in range(THREADS)]
    for connection in connections:
        connection.close()


def _unavailable(call: Callable[[], object]) -> str | None:
    """Return the reason why a call could not be answered, or None."""
    try:
        call()
    except Unavailable as failure:
        return failure.reason
    return None


def test_a_server_that_is_stopped_is_away(installation: Installation) -> None:
    """While there is no server, every call says that the store is away, and changes nothing."""
    town, contact = installation.town, installation.town.contact()
    code = town.code_for(contact)
    installation.server.stop("fast")

    answers = [
        _unavailable(lambda: _activate(town, code, f"{contact.id}@example.fr")),
        _unavailable(lambda: town.log_in("nobody@example.fr")),
        _unavailable(lambda: town.auth.login.session("a token of nobody's")),
        _unavailable(town.auth.deliver_mail),
    ]
    installation.server.start()

    assert answers == ["store_away"] * 4
    assert town.activate_with(code, f"{contact.id}@example.fr").session.accounts == (contact.account,)


@pytest.mark.parametrize("lock", ["row", "table"])
def test_a_lock_that_is_held_too_long_is_told(installation: Installation, lock: str) -> None:
    """Whoever waits longer than a statement may take is told to come back; afterwards all is as it was."""
    town, contact = installation.town, installation.town.contact()
    email = f"{contact.id}@example.fr"
    code = town.code_for(contact)

    with _locked(installation.engine, lock):
        answer = _unavailable(lambda: _activate(town, code, email))

    assert answer in {"store_away", "store_conflict"}
    assert town.auth.login.identifier_of(contact.id) is None
    assert town.activate_with(code, email).session.accounts == (contact.account,)


@contextmanager
def _locked(engine: Engine, lock: str) -> Iterator[None]:
    """Hold the activation codes, by the transaction of somebody else."""
    table = SqlStore(engine).tables.codes.name
    statements = {
        "row": f"SELECT * FROM {table} FOR UPDATE",  # noqa: S608 - a name of ours
        "table": f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"
        if engine.dialect.name == "postgresql"
        else f"LOCK TABLES {table} WRITE",
    }
    with engine.connect() as connection:
        connection.execute(text(statements[lock]))
        yield
        connection.invalidate()  # MariaDB keeps the lock of a table beyond its transaction


def test_a_file_that_another_program_holds_is_told(tmp_path: Path) -> None:
    """On SQLite a unit of work waits for the one before it, but not for ever."""
    engine = sql_engine(f"sqlite:///{tmp_path / 'portal.sqlite3'}", settings=SETTINGS)
    SqlStore(engine).create_tables()
    town = _town_on(engine)
    code = town.code_for(town.contact())
    other = sql_engine(engine.url)

    with other.execution_options(coproauth_writing=True).begin() as connection:
        connection.execute(text("SELECT 1"))
        answer = _unavailable(lambda: _activate(town, code, "jeanne@example.fr"))

    assert answer == "store_conflict"
    assert town.activate_with(code, "jeanne@example.fr").session.email == "jeanne@example.fr"
    other.dispose()
    engine.dispose()
