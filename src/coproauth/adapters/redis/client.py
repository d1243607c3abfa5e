"""The connection to Redis, and what of it every part here needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib import resources

from redis import Redis, RedisError, ResponseError
from redis.backoff import NoBackoff
from redis.commands.core import Script
from redis.retry import Retry

from coproauth.core.portal_urls import is_loopback
from coproauth.errors import ConfigurationError, Outage, Unavailable

_HEALTH_CHECK_INTERVAL = 30  # seconds; a connection that was idle for so long is tried before it is used

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MILLISECOND = timedelta(milliseconds=1)


def redis_client(url: str, *, timeout: timedelta = timedelta(milliseconds=500)) -> Redis:
    """Return a client that gives up soon, and sends nothing twice; it connects when it is needed.

    A command that was lost on the way may have been carried out: sent again, it would count an attempt twice, or find
    that the session it is to replace has ended already. A connection that the server closed is replaced.

    Args:
        url: ``rediss://user:password@host:6379/0`` (TLS), ``redis://…``, or ``unix:///path``.
        timeout: how long to wait for a connection, and for an answer.

    Raises:
        ConfigurationError: it is no such URL; the timeout is less than a millisecond; or the server is not on this
            machine and asks for neither password nor certificate: whoever can write to Redis can log in as anyone.
    """
    if timeout < _MILLISECOND:
        raise ConfigurationError("the timeout of Redis must be a millisecond at least")
    seconds = timeout.total_seconds()
    try:
        client = Redis.from_url(
            url,
            socket_connect_timeout=seconds,
            socket_timeout=seconds,
            health_check_interval=_HEALTH_CHECK_INTERVAL,
            retry=Retry(NoBackoff(), 0),
            **({"ssl_check_hostname": True} if url.startswith("rediss:") else {}),
        )
    except ValueError:
        raise ConfigurationError("the address of Redis is no URL such as rediss://:password@host:6379/0") from None
    _require_guard(client)
    return client


def eviction_policy(client: Redis) -> str | None:
    """Return what the server does when its memory is full; None if it does not tell.

    ``noeviction`` is wanted: any other policy drops counters and sessions to make room.
    """
    try:
        found = client.info("memory").get("maxmemory_policy")
    except ResponseError:  # hosted servers often forbid INFO
        return None
    return None if found is None else str(found)


@contextmanager
def away_as(reason: Outage) -> Iterator[None]:
    """Raise ``Unavailable`` with a reason instead of an error of Redis.

    Any error will do: whether it is gone, slow, full, loading or a mere replica, it has not done what it was to do.
    """
    try:
        yield
    except RedisError as error:
        raise Unavailable(reason=reason) from error


def load_script(client: Redis, name: str) -> Script:
    """Return a script of this package; it is sent by its hash, and whole only where the server does not know it."""
    text = resources.files("coproauth.adapters.redis").joinpath(f"{name}.lua").read_text("utf-8")
    return client.register_script(text)


def microseconds(value: datetime | timedelta) -> int:
    """Return a duration, or an instant as the duration since 1970: exact in Lua's numbers until 2255."""
    return (value - _EPOCH if isinstance(value, datetime) else value) // _MICROSECOND


def instant(count: int) -> datetime:
    """Return the instant so many microseconds after 1970."""
    return _EPOCH + count * _MICROSECOND


def milliseconds(duration: timedelta) -> int:
    """Return a duration, rounded up: what expires must not do so early."""
    return -(-duration // _MILLISECOND)


def _require_guard(client: Redis) -> None:
    options = client.connection_pool.connection_kwargs
    is_here = "path" in options or is_loopback(options.get("host", "localhost"))
    if not (is_here or options.get("password") or options.get("ssl_certfile")):
        raise ConfigurationError("a Redis on another machine needs a password: rediss://:password@host:6379/0")
