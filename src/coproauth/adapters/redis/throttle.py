"""Attempts counted in Redis."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from redis import Redis

from coproauth.adapters.memory_throttle import MemoryThrottle
from coproauth.adapters.redis.client import away_as, instant, load_script, microseconds
from coproauth.core.throttling import Counter, OnSuccess, ThrottleKey, attempts_of
from coproauth.errors import Unavailable
from coproauth.policy import Policy, ThrottleRule


class RedisThrottle:
    """Counts attempts in Redis, for every process that shares it; thread-safe. Each call is one round trip.

    1. Attempts are counted by a script, so that of many at one instant only the free ones are admitted.
    2. If Redis is away, slow or full, ``Policy.throttle_outage`` decides: nobody is admitted (ASVS V16.5.3), or each
       process counts in its own memory until Redis answers again.
    3. If Redis lost what it had counted, it also lost since when it counts. Then, for ``Policy.throttle_recovery``,
       every login that it does not know has one free attempt left: whoever makes Redis forget gains one guess, not
       ten, and no owner is locked out. Other counters begin anew: a code cannot be guessed, and many people share a
       source. A new installation begins like that, too.

    Counters expire by themselves, and their names tell no address.
    """

    def __init__(self, client: Redis, *, policy: Policy, namespace: str = "coproauth:") -> None:
        """Take the client.

        Args:
            client: see ``redis_client``; one of your own should give up as soon, and send nothing twice.
            policy: what to do while Redis is away, and after it lost the counters.
            namespace: what the names of all keys begin with; another for each installation that shares the server.
        """
        self._client = client
        self._policy = policy
        self._namespace = namespace
        self._admit = load_script(client, "admit")
        self._settle = load_script(client, "settle")
        self._meanwhile = MemoryThrottle()

    def admit(self, keys: Sequence[ThrottleKey], *, at: datetime) -> timedelta:
        """Count one attempt on every key and return zero; or count none and return the longest wait.

        Raises:
            Unavailable: Redis does not answer, and ``Policy.throttle_outage`` is ``"refuse"``.
        """
        if not keys:
            return timedelta(0)
        try:
            return self._admit_there(keys, at)
        except Unavailable:
            if self._policy.throttle_outage == "refuse":
                raise
            self._meanwhile.tidy(at=at)
            return self._meanwhile.admit(keys, at=at)

    def settle(self, *, forgive: Sequence[ThrottleKey] = (), clear: Sequence[ThrottleKey] = ()) -> None:
        """Take one attempt back from some keys, with the wait that followed; forget everything about others.

        Raises:
            Unavailable: Redis does not answer, and ``Policy.throttle_outage`` is ``"refuse"``.
        """
        if not (forgive or clear):
            return
        try:
            with away_as("throttle_away"):
                leaks = [_leak(key.rule) for key in forgive]
                self._settle(keys=self._names([*forgive, *clear]), args=[len(forgive), *leaks])
        except Unavailable:
            if self._policy.throttle_outage == "refuse":
                raise
            self._meanwhile.settle(forgive=forgive, clear=clear)

    def counted(self, key: ThrottleKey, *, at: datetime) -> int:
        """Return how many attempts are counted on a key.

        Raises:
            Unavailable: Redis does not answer, and ``Policy.throttle_outage`` is ``"refuse"``.
        """
        try:
            return attempts_of(key, self._found_there(key), at=at)
        except Unavailable:
            if self._policy.throttle_outage == "refuse":
                raise
            return self._meanwhile.counted(key, at=at)

    def _found_there(self, key: ThrottleKey) -> Counter | None:
        (name,) = self._names([key])
        with away_as("throttle_away"):
            found = self._client.hmget(name, ["attempts", "last_at", "not_before", "forget_at"])
        numbers = [int(number) for number in found if number is not None]
        if not numbers:
            return None
        attempts, *instants = numbers
        last_at, not_before, forget_at = map(instant, instants)
        return Counter(attempts=attempts, last_at=last_at, not_before=not_before, forget_at=forget_at)

    def _admit_there(self, keys: Sequence[ThrottleKey], at: datetime) -> timedelta:
        names = [key.name for key in keys]
        rules = [number for key in keys for number in _numbers(key, names)]
        with away_as("throttle_away"):
            wait = self._admit(
                keys=[f"{self._namespace}counting-since", *self._names(keys)],
                args=[microseconds(at), microseconds(self._policy.throttle_recovery), *rules],
            )
        return timedelta(microseconds=wait)

    def _names(self, keys: Sequence[ThrottleKey]) -> list[str]:
        return [f"{self._namespace}attempts:{key.name}" for key in keys]


def _numbers(key: ThrottleKey, names: Sequence[str]) -> list[int]:
    rule = key.rule
    after_loss = rule.free_attempts - 1 if key.on_success is OnSuccess.CLEAR else 0
    delays = (rule.first_delay, rule.longest_delay, rule.forget_after)
    spared_by = names.index(key.spared_by) + 1 if key.spared_by in names else 0
    return [
        after_loss,
        rule.free_attempts,
        *(microseconds(delay) for delay in delays),
        _leak(rule),
        rule.limit or 0,
        spared_by,
        key.spared_below,
    ]


def _leak(rule: ThrottleRule) -> int:
    """Return in how many microseconds one attempt is forgotten; 0 where the count does not leak."""
    return microseconds(rule.one_less_every) if rule.one_less_every else 0
