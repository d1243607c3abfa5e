"""What every test on Redis begins with: stores and throttles that know nothing yet, and questions to them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import attrs
from tests.servers import RedisServer, skipped_if_missing

from coproauth import Policy, ThrottleRule
from coproauth.adapters.memory import MemoryDirectory, MemoryStore
from coproauth.adapters.redis import RedisSessions, RedisThrottle, redis_client
from coproauth.core.sessions import SessionRecord, SessionView
from coproauth.core.throttling import OnSuccess, ThrottleKey
from coproauth.ports import Store, UnitOfWork
from coproauth.testing.contracts.samples import JEANNE, NOW, SESSION

EMAIL = "jeanne@example.fr"
NEWER = attrs.evolve(SESSION, digest="ef" * 32, handle="handle-9")
POLICY = Policy()

ZERO = timedelta(0)
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
RULE = ThrottleRule(free_attempts=3, first_delay=10 * SECOND, longest_delay=40 * SECOND, forget_after=HOUR)
LOGIN = ThrottleKey(name="login:jeanne", rule=RULE, on_success=OnSuccess.CLEAR)
SOURCE = ThrottleKey(name="source:192.0.2.1", rule=RULE)

SETTLED = Policy(throttle_recovery=ZERO)
LOCAL = attrs.evolve(SETTLED, throttle_outage="local")

_numbers = itertools.count()


def new_namespace() -> str:
    """Return what the names of keys begin with where nobody else's do."""
    return f"test-{next(_numbers)}:"


@contextmanager
def sessions_on(server: RedisServer, inner: Store | None = None, *, namespace: str = "") -> Iterator[RedisSessions]:
    """Open a store without sessions around another, in memory unless it is given."""
    with redis_client(server.url) as client:
        yield RedisSessions(inner or MemoryStore(), client, namespace=namespace or new_namespace())


@contextmanager
def throttle_on(server: RedisServer, policy: Policy = SETTLED, *, namespace: str = "") -> Iterator[RedisThrottle]:
    """Open a throttle, with a connection of its own, that has counted nothing unless the namespace is in use."""
    with redis_client(server.url) as client:
        yield RedisThrottle(client, policy=policy, namespace=namespace or new_namespace())


def sessions_of(store: Store) -> list[SessionRecord]:
    """Return Jeanne's sessions."""
    with store.reading() as work:
        return list(work.sessions.of(JEANNE.id))


def view(store: Store, digest: str = SESSION.digest) -> SessionView | None:
    """Return what a page sees."""
    return store.session_view(digest, MemoryDirectory())


def replace(work: UnitOfWork) -> bool:
    """Put a session in the place of another, if that one still holds."""
    if not work.sessions.end(SESSION.digest):
        return False
    work.sessions.add(NEWER)
    return True


def waits(throttle: RedisThrottle, count: int, *, at: datetime = NOW) -> list[float]:
    """Return the seconds that each of some attempts at one instant must wait."""
    return [throttle.admit([LOGIN], at=at).total_seconds() for _ in range(count)]


@contextmanager
def small_server(eviction: str) -> Iterator[RedisServer]:
    """A server with hardly any memory."""
    options = ["--maxmemory", "2mb", "--maxmemory-policy", eviction]
    with skipped_if_missing(), RedisServer(options=options) as server:
        yield server
