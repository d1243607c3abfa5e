"""Attempts counted in Redis: the same rule as in memory, for all processes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st
from tests.adapters.on_redis import HOUR, LOGIN, SECOND, SETTLED, SOURCE, ZERO, new_namespace, throttle_on, waits
from tests.servers import RedisServer

from coproauth import ThrottleRule
from coproauth.adapters.memory_throttle import MemoryThrottle
from coproauth.adapters.redis import RedisThrottle, redis_client
from coproauth.core.throttling import ThrottleKey, login_key
from coproauth.testing.contracts import Law, laws_of_throttle
from coproauth.testing.contracts.samples import NOW
from coproauth.testing.contracts.threads import together


@pytest.mark.parametrize("law", laws_of_throttle(), ids=str)
def test_it_does_what_every_throttle_does(law: Law[RedisThrottle], redis_server: RedisServer) -> None:
    """The laws of the port hold on Redis."""
    law.check(lambda: throttle_on(redis_server))


MINUTE = timedelta(minutes=1)  # longer than a test runs: Redis drops what is forgotten by a clock of its own
durations = st.integers(1, 2 * 10**9).map(lambda number: timedelta(microseconds=number))
rules = st.builds(
    lambda free, first, more, limit: ThrottleRule(
        free_attempts=free, first_delay=first, longest_delay=first + more, forget_after=first + more + HOUR, limit=limit
    ),
    st.integers(1, 4),
    durations,
    durations,
    st.none() | st.integers(5, 7),
) | st.builds(
    lambda free, first, more: ThrottleRule(
        free_attempts=free, first_delay=first, longest_delay=first + more, one_less_every=first + more + MINUTE
    ),
    st.integers(1, 4),
    durations,
    durations,
)


class TestTheRule:
    """The script decides as ``core/throttling.py`` does."""

    @given(data=st.data(), kept=st.lists(rules, min_size=3, max_size=3), start=st.sampled_from([2026, 2250]))
    def test_it_decides_as_the_throttle_in_memory(
        self, data: st.DataObject, kept: list[ThrottleRule], start: int, redis_server: RedisServer
    ) -> None:
        """Whatever is tried, forgiven and cleared, and however the clock goes, both throttles answer the same."""
        known = [
            ThrottleKey(name=f"key-{number}", rule=rule, spared_by=spared_by, spared_below=2)
            for number, (rule, spared_by) in enumerate(zip(kept, (None, "key-0", "key-1"), strict=True))
        ]
        keys = st.lists(st.sampled_from(known), max_size=4)
        steps = st.integers(-(10**9), 10**9) | st.sampled_from([0, 1, 5 * 10**9])
        now, memory = datetime(start, 1, 1, tzinfo=UTC), MemoryThrottle()

        with throttle_on(redis_server) as throttle:
            for _ in range(data.draw(st.integers(1, 20), label="how many")):
                now += timedelta(microseconds=data.draw(steps, label="time goes on by"))
                if data.draw(st.integers(0, 3)):
                    tried = data.draw(keys, label="tried")

                    assert throttle.admit(tried, at=now) == memory.admit(tried, at=now)
                    assert [throttle.counted(key, at=now) for key in known] == [
                        memory.counted(key, at=now) for key in known
                    ]
                else:
                    forgiven, cleared = data.draw(keys, label="forgiven"), data.draw(keys, label="cleared")
                    for each in (throttle, memory):
                        each.settle(forgive=forgiven, clear=cleared)

    def test_a_delay_that_doubled_a_thousand_times_is_the_longest(self, redis_server: RedisServer) -> None:
        """No count is too large for the arithmetic."""
        rule = ThrottleRule(
            free_attempts=1, first_delay=SECOND, longest_delay=timedelta(days=9999), forget_after=timedelta(days=9999)
        )
        namespace = new_namespace()
        key = ThrottleKey(name="hammered", rule=rule)

        with throttle_on(redis_server, namespace=namespace) as throttle, redis_client(redis_server.url) as client:
            throttle.admit([key], at=NOW)
            client.hset(f"{namespace}attempts:hammered", "attempts", 5000)
            throttle.admit([key], at=NOW + SECOND)

            assert throttle.admit([key], at=NOW + SECOND) == timedelta(days=9999)


class TestManyProcesses:
    """What one client counts, all know."""

    def test_of_fifty_threads_over_two_clients_the_free_attempts_are_admitted(self, redis_server: RedisServer) -> None:
        """However many try at once, exactly ten go through."""
        policy, namespace = SETTLED, new_namespace()
        key = login_key("jeanne@example.fr", policy)

        with (
            throttle_on(redis_server, namespace=namespace) as one,
            throttle_on(redis_server, namespace=namespace) as other,
        ):
            answers = together(lambda number: (one, other)[number % 2].admit([key], at=NOW), 50)

        assert answers.count(ZERO) == policy.throttle_login.free_attempts
        assert set(answers) == {ZERO, policy.throttle_login.first_delay}

    def test_installations_that_share_a_server_count_apart(self, redis_server: RedisServer) -> None:
        """The namespace is that of one installation."""
        with throttle_on(redis_server) as one, throttle_on(redis_server) as other:
            found = waits(one, 4), waits(other, 4)

        assert found == ([0, 0, 0, 10], [0, 0, 0, 10])

    def test_a_server_that_forgot_the_scripts_is_told_again(self, server: RedisServer) -> None:
        """Nobody notices."""
        with throttle_on(server) as throttle, redis.Redis.from_url(server.url) as client:
            before = waits(throttle, 3)
            client.script_flush()
            throttle.settle(forgive=[LOGIN])

            assert (before, waits(throttle, 2)) == ([0, 0, 0], [0, 10])

    def test_a_client_that_decodes_answers_will_do(self, redis_server: RedisServer) -> None:
        """The host may bring a client of its own."""
        with redis.Redis.from_url(redis_server.url, decode_responses=True) as client:
            throttle = RedisThrottle(client, policy=SETTLED, namespace=new_namespace())

            assert waits(throttle, 4) == [0, 0, 0, 10]


class TestWhatLiesInRedis:
    """Nothing stays for ever, nothing tells of whom it is."""

    def test_every_counter_expires_by_itself(self, redis_server: RedisServer) -> None:
        """Each goes when its rule forgets it, also after it was settled; only the marker stays."""
        namespace = new_namespace()
        with throttle_on(redis_server, namespace=namespace) as throttle:
            throttle.admit([LOGIN, SOURCE], at=NOW)
            throttle.settle(forgive=[LOGIN])

        with redis.Redis.from_url(redis_server.url, decode_responses=True) as client:
            left = {name: client.pttl(name) for name in client.scan_iter(f"{namespace}*")}
        marker = left.pop(f"{namespace}counting-since")

        assert marker == -1
        assert set(left) == {f"{namespace}attempts:login:jeanne", f"{namespace}attempts:source:192.0.2.1"}
        assert all(0 < left_to_live <= HOUR // timedelta(milliseconds=1) for left_to_live in left.values())

    def test_a_cleared_counter_is_gone(self, redis_server: RedisServer) -> None:
        """Clearing leaves nothing behind."""
        namespace = new_namespace()
        with throttle_on(redis_server, namespace=namespace) as throttle:
            throttle.admit([LOGIN], at=NOW)
            throttle.settle(clear=[LOGIN])

        with redis.Redis.from_url(redis_server.url, decode_responses=True) as client:
            assert list(client.scan_iter(f"{namespace}*")) == [f"{namespace}counting-since"]
