"""Whether Redis is there, and keeps what it is given."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from coproauth.commands.doctor.findings import Finding, bad, compare_clocks, good
from coproauth.configuration import Configuration
from coproauth.errors import ConfigurationError
from coproauth.ports import Clock

if TYPE_CHECKING:
    from redis import Redis

_KEEPS_ALL = "noeviction"
_KEY = "doctor"  # within the namespace: a user of the installation may write nothing else
_KEPT = timedelta(milliseconds=1)


def examine(configuration: Configuration, clock: Clock) -> Iterator[Finding]:
    """Yield what is found, if Redis is used at all."""
    settings = configuration.redis
    if settings is None:
        yield good("redis", "not configured: attempts are counted in the database")
        return
    try:
        yield from _ask(configuration, clock, settings.namespace)
    except ModuleNotFoundError as error:
        yield bad("redis", f"{error.name} is not installed", advice="pip install 'coproauth[redis]'")


def _ask(configuration: Configuration, clock: Clock, namespace: str) -> Iterator[Finding]:
    from redis import RedisError  # noqa: PLC0415 - an extra

    try:
        client = configuration.redis_client()
        if client is not None:
            yield from _look(client, configuration, clock, namespace)
    except ConfigurationError as error:
        yield bad("redis", str(error), advice="correct redis.url in the configuration")
    except RedisError as error:
        advice = "see that it runs, that the network lets you through, and that redis.url has the right password"
        yield bad("redis", f"it does not do its part: {type(error).__name__}", advice=advice)


def _look(client: Redis, configuration: Configuration, clock: Clock, namespace: str) -> Iterator[Finding]:
    client.ping()
    yield good("redis", "it answers")
    yield compare_clocks("redis clock", lambda: _time(client), clock, leeway=configuration.policy.clock_leeway)
    yield _eviction(client)
    yield _writable(client, namespace)


def _writable(client: Redis, namespace: str) -> Finding:
    from redis.exceptions import ResponseError  # noqa: PLC0415 - an extra

    try:
        client.set(f"{namespace}{_KEY}", 1, px=_KEPT)
    except ResponseError as error:
        advice = "see that it is no replica, that its memory is not full, and that the user may write"
        return bad("redis", f"nothing can be written: {type(error).__name__}", advice=advice)
    return good("redis", "it can be written")


def _eviction(client: Redis) -> Finding:
    from coproauth.adapters.redis import eviction_policy  # noqa: PLC0415 - an extra

    found = eviction_policy(client)
    if found == _KEEPS_ALL:
        return good("redis", f"maxmemory-policy is {found}")
    if found is None:
        return good("redis", "its maxmemory-policy is not told; it should be noeviction")
    advice = "set it to noeviction, or counters are dropped when memory runs short"
    return bad("redis", f"maxmemory-policy is {found}", advice=advice)


def _time(client: Redis) -> datetime:
    seconds, microseconds = client.time()
    return datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=microseconds)
