"""The databases that are measured: of several sizes on one engine, filled if they are empty, gone afterwards."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from functools import cached_property
from pathlib import Path

import attrs
from sqlalchemy import Engine, inspect
from tests.benchmarks.population import NOW, PORTAL_URL, SECRET_KEY, Population, fill
from tests.servers import PostgresServer

from coproauth import Argon2Parameters, Coproauth, Policy, ThrottleRule
from coproauth.adapters.memory import MemoryMailer
from coproauth.adapters.sqlalchemy import EngineSettings, SqlAudit, SqlStore, StandaloneDirectory, sql_engine
from coproauth.ports import Clock
from coproauth.testing import FakeClock

SETTINGS = EngineSettings(pool_size=16, statement_timeout=timedelta(minutes=2))
SERVER_OPTIONS = {
    "synchronous_commit": "on",
    "fsync": "on",
    "full_page_writes": "on",
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
}
_NEVER_SLOWED = ThrottleRule(
    free_attempts=10**6, first_delay=timedelta(seconds=1), longest_delay=timedelta(seconds=1)
)  # a measurement is an attack; what a counter costs does not depend on its rule


@attrs.frozen(kw_only=True)
class Town:
    """A filled database, and the library on it.

    Attributes:
        filled_in: seconds; zero if it was filled before.
        policy: nobody is slowed, and hashes are as good as free unless something else is said.
        clock: stands still in the instant of the population, unless something else is said.
    """

    engine: Engine
    population: Population
    filled_in: float
    policy: Policy = attrs.field(factory=lambda: measured_policy(hashes_at_once=64))
    clock: Clock = attrs.field(factory=lambda: FakeClock(NOW))

    @cached_property
    def store(self) -> SqlStore:
        """What the library owns."""
        return SqlStore(self.engine)

    @cached_property
    def directory(self) -> StandaloneDirectory:
        """Condominiums, accounts and contacts, in the same database."""
        return StandaloneDirectory(self.engine)

    @cached_property
    def auth(self) -> Coproauth:
        """The library as an installation has it, but for the price of a hash, and the clock."""
        return Coproauth(
            store=self.store,
            directory=self.directory,
            mailer=MemoryMailer(),
            secret_keys=[SECRET_KEY],
            portal_url=PORTAL_URL,
            policy=self.policy,
            clock=self.clock,
            audit=SqlAudit(self.engine),
        )


@contextmanager
def towns(kind: str, sizes: Sequence[int], *, at: str | None = None) -> Iterator[list[Town]]:
    """Open a database of each size.

    Args:
        kind: ``sqlite`` or ``postgresql``.
        sizes: logins, multiples of a hundred.
        at: a folder for SQLite files, a URL that ends in ``growth_`` for databases of PostgreSQL, to be kept and used
            again; None: temporary ones.
    """
    with ExitStack() as stack:
        urls = _sqlite(sizes, at, stack) if kind == "sqlite" else _postgresql(sizes, at, stack)
        yield [stack.enter_context(_town(url, size)) for url, size in zip(urls, sizes, strict=True)]


def measured_policy(
    argon2: Argon2Parameters = Argon2Parameters.unsafe_only_for_tests(),  # noqa: B008 - frozen
    *,
    hashes_at_once: int | None = None,
) -> Policy:
    """Return a policy that slows nobody, at the cost of a hash."""
    return Policy(
        argon2=argon2,
        unsafe_cheap_hashes=not argon2.is_safe,
        hashes_at_once=hashes_at_once,
        throttle_login=_NEVER_SLOWED,
        throttle_source=_NEVER_SLOWED,
        throttle_requests=_NEVER_SLOWED,
        throttle_mail=_NEVER_SLOWED,
    )


def _sqlite(sizes: Sequence[int], at: str | None, stack: ExitStack) -> list[str]:
    folder = Path(at or stack.enter_context(tempfile.TemporaryDirectory(prefix="coproauth-")))
    return [f"sqlite:///{folder.resolve() / str(size)}.sqlite3" for size in sizes]


def _postgresql(sizes: Sequence[int], at: str | None, stack: ExitStack) -> list[str]:
    if at:
        return [f"{at}{size}" for size in sizes]
    options = [word for name, value in SERVER_OPTIONS.items() for word in ("-c", f"{name}={value}")]
    server = stack.enter_context(PostgresServer(options=options))
    return [server.create_database(f"growth_{size}") for size in sizes]


@contextmanager
def _town(url: str, size: int) -> Iterator[Town]:
    engine = sql_engine(url, settings=SETTINGS)
    population = Population(logins=size)
    is_empty = not inspect(engine).get_table_names()
    started = time.perf_counter()
    if is_empty:
        fill(engine, population)
    yield Town(engine=engine, population=population, filled_in=time.perf_counter() - started if is_empty else 0.0)
    engine.dispose()
