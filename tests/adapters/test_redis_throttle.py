"""Attempts counted in Redis: the same rule as in memory, for all processes, and careful when Redis is not."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta

import attrs
import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st
from tests.servers import RedisServer, free_port, skipped_if_missing

from coproauth import ConfigurationError, Policy, ThrottleRule, Unavailable
from coproauth.adapters.memory import MemoryThrottle
from coproauth.adapters.redis import RedisThrottle, eviction_policy, redis_client
from coproauth.core.throttling import OnSuccess, ThrottleKey, login_key
from coproauth.policy import ThrottleOutage
from coproauth.testing.contracts import Law, laws_of_throttle
from coproauth.testing.contracts.threads import together

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ZERO = timedelta(0)
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
RULE = ThrottleRule(free_attempts=3, first_delay=10 * SECOND, longest_delay=40 * SECOND, forget_after=HOUR)
LOGIN = ThrottleKey(name="login:jeanne", rule=RULE, on_success=OnSuccess.CLEAR)
SOURCE = ThrottleKey(name="source:192.0.2.1", rule=RULE)

SETTLED = Policy(throttle_recovery=ZERO)
LOCAL = attrs.evolve(SETTLED, throttle_outage="local")

_namespaces = (f"test-{number}:" for number in itertools.count())


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """A server that may be stopped, paused and emptied."""
    with skipped_if_missing(), RedisServer() as server:
        yield server


@contextmanager
def throttle_on(server: RedisServer, policy: Policy = SETTLED, *, namespace: str = "") -> Iterator[RedisThrottle]:
    """Open a throttle, with a connection of its own, that has counted nothing unless the namespace is in use."""
    with redis_client(server.url) as client:
        yield RedisThrottle(client, policy=policy, namespace=namespace or next(_namespaces))


def waits(throttle: RedisThrottle, count: int, *, at: datetime = NOW) -> list[float]:
    """Return the seconds that each of some attempts at one instant must wait."""
    return [throttle.admit([LOGIN], at=at).total_seconds() for _ in range(count)]


def emptied(server: RedisServer) -> None:
    """Make a server forget everything."""
    with redis.Redis.from_url(server.url) as client:
        client.flushall()


@pytest.mark.parametrize("law", laws_of_throttle(), ids=str)
def test_it_does_what_every_throttle_does(law: Law[RedisThrottle], redis_server: RedisServer) -> None:
    """The laws of the port hold on Redis."""
    law.check(lambda: throttle_on(redis_server))


durations = st.integers(1, 2 * 10**9).map(lambda number: timedelta(microseconds=number))
rules = st.builds(
    lambda free, first, more: ThrottleRule(
        free_attempts=free, first_delay=first, longest_delay=first + more, forget_after=first + more + HOUR
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
        known = [ThrottleKey(name=f"key-{number}", rule=rule) for number, rule in enumerate(kept)]
        keys = st.lists(st.sampled_from(known), max_size=4)
        steps = st.integers(-(10**9), 10**9) | st.sampled_from([0, 1, 5 * 10**9])
        now, memory = datetime(start, 1, 1, tzinfo=UTC), MemoryThrottle()

        with throttle_on(redis_server) as throttle:
            for _ in range(data.draw(st.integers(1, 20), label="how many")):
                now += timedelta(microseconds=data.draw(steps, label="time goes on by"))
                if data.draw(st.integers(0, 3)):
                    tried = data.draw(keys, label="tried")

                    assert throttle.admit(tried, at=now) == memory.admit(tried, at=now)
                else:
                    forgiven, cleared = data.draw(keys, label="forgiven"), data.draw(keys, label="cleared")
                    for each in (throttle, memory):
                        each.settle(forgive=forgiven, clear=cleared)

    def test_a_delay_that_doubled_a_thousand_times_is_the_longest(self, redis_server: RedisServer) -> None:
        """No count is too large for the arithmetic."""
        rule = ThrottleRule(
            free_attempts=1, first_delay=SECOND, longest_delay=timedelta(days=9999), forget_after=timedelta(days=9999)
        )
        namespace = next(_namespaces)
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
        policy, namespace = SETTLED, next(_namespaces)
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
            throttle = RedisThrottle(client, policy=SETTLED, namespace=next(_namespaces))

            assert waits(throttle, 4) == [0, 0, 0, 10]


class TestWhatLiesInRedis:
    """Nothing stays for ever, nothing tells of whom it is."""

    def test_every_counter_expires_by_itself(self, redis_server: RedisServer) -> None:
        """Each goes when its rule forgets it, also after it was settled; only the marker stays."""
        namespace = next(_namespaces)
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
        namespace = next(_namespaces)
        with throttle_on(redis_server, namespace=namespace) as throttle:
            throttle.admit([LOGIN], at=NOW)
            throttle.settle(clear=[LOGIN])

        with redis.Redis.from_url(redis_server.url, decode_responses=True) as client:
            assert list(client.scan_iter(f"{namespace}*")) == [f"{namespace}counting-since"]


class TestAway:
    """A Redis that does not count admits nobody, unless the policy has each process count for itself."""

    def test_nobody_is_admitted_while_it_is_stopped(self, server: RedisServer) -> None:
        """The attempt is unavailable, and its settlement too; when Redis is back, so is the throttle."""
        with throttle_on(server) as throttle:
            before = waits(throttle, 1)
            server.stop()
            with pytest.raises(Unavailable, match="throttle_away"):
                throttle.admit([LOGIN], at=NOW)
            with pytest.raises(Unavailable, match="throttle_away"):
                throttle.settle(forgive=[LOGIN])
            server.start()

            assert (before, waits(throttle, 4)) == ([0], [0, 0, 0, 10])

    def test_nobody_is_admitted_while_it_hangs(self, server: RedisServer) -> None:
        """A Redis that takes connections and answers nothing keeps nobody waiting for it."""
        with throttle_on(server) as throttle:
            waits(throttle, 1)
            server.pause()

            refused = []
            for _ in range(3):
                with pytest.raises(Unavailable) as caught:
                    throttle.admit([LOGIN], at=NOW)
                refused.append(caught.value.reason)
            server.resume()

            assert refused == ["throttle_away"] * 3
            assert waits(throttle, 4)[-1] == 10

    @pytest.mark.parametrize("outage", ["stop", "pause"])
    def test_each_process_counts_for_itself_if_the_policy_says_so(self, server: RedisServer, outage: str) -> None:
        """In its own memory, by the same rule, until Redis answers again."""
        with throttle_on(server, LOCAL) as throttle, throttle_on(server, LOCAL) as other:
            waits(throttle, 2)
            getattr(server, outage)()
            here = waits(throttle, 4)
            throttle.settle(forgive=[LOGIN])
            forgiven = waits(throttle, 2)
            throttle.settle(clear=[LOGIN])
            cleared, there = waits(throttle, 1), waits(other, 4)
            server.start() if outage == "stop" else server.resume()

            assert (here, forgiven, cleared, there) == ([0, 0, 0, 10], [0, 10], [0], [0, 0, 0, 10])
            assert waits(throttle, 4)[-1] == 10

    def test_a_second_outage_grants_no_further_attempts(self, server: RedisServer) -> None:
        """What was counted in memory is still counted when Redis goes away again."""
        with throttle_on(server, LOCAL) as throttle:
            server.stop()
            waits(throttle, 3)
            server.start()
            waits(throttle, 1)
            server.stop()

            assert waits(throttle, 1) == [10]

    def test_what_is_over_does_not_stay_in_memory(self, server: RedisServer) -> None:
        """A long outage does not fill the process with counters of yesterday."""
        with throttle_on(server, LOCAL) as throttle:
            server.stop()
            for number in range(5):
                throttle.admit([attrs.evolve(LOGIN, name=str(number))], at=NOW)

            throttle.admit([LOGIN], at=NOW + 2 * HOUR)

            assert throttle._meanwhile.sweep(before=NOW + 4 * HOUR, limit=9) == 1  # noqa: SLF001 - nothing else tells

    def test_a_password_that_is_wrong_is_an_outage(self) -> None:
        """Whoever cannot count lets nobody in."""
        with (
            skipped_if_missing(),
            RedisServer() as server,
            redis.Redis.from_url(server.url) as admin,
            redis_client(server.url.replace("//", "//:wrong@")) as client,
        ):
            admin.acl_setuser("default", passwords=["+right"], reset_passwords=True, enabled=True)
            throttle = RedisThrottle(client, policy=SETTLED)

            with pytest.raises(Unavailable, match="throttle_away"):
                throttle.admit([LOGIN], at=NOW)

    def test_a_replica_is_an_outage(self) -> None:
        """A server that takes no writes counts nothing, until it is the one that does."""
        with skipped_if_missing(), RedisServer() as server, throttle_on(server) as throttle:
            with redis.Redis.from_url(server.url) as admin:
                admin.replicaof("127.0.0.1", free_port())

                with pytest.raises(Unavailable, match="throttle_away"):
                    throttle.admit([LOGIN], at=NOW)
                admin.replicaof("NO", "ONE")

            assert waits(throttle, 4) == [0, 0, 0, 10]

    @pytest.mark.parametrize("outage", ["refuse", "local"])
    def test_full_memory_is_an_outage(self, outage: ThrottleOutage) -> None:
        """A server that may evict nothing stores nothing more: as if it were away, also for known keys."""
        policy = attrs.evolve(SETTLED, throttle_outage=outage)
        with small_server("noeviction") as server, throttle_on(server, policy) as throttle:
            waits(throttle, 3)
            with filled(server):
                if outage == "local":
                    assert waits(throttle, 4) == [0, 0, 0, 10]
                else:
                    with pytest.raises(Unavailable, match="throttle_away"):
                        throttle.admit([LOGIN], at=NOW)

            assert waits(throttle, 1) == [10]


@contextmanager
def small_server(eviction: str) -> Iterator[RedisServer]:
    """A server with hardly any memory."""
    options = ["--maxmemory", "2mb", "--maxmemory-policy", eviction]
    with skipped_if_missing(), RedisServer(options=options) as server:
        yield server


@contextmanager
def filled(server: RedisServer) -> Iterator[None]:
    """Write until the server takes not even a little more; in the end take it all back."""
    with redis.Redis.from_url(server.url) as client:
        for size in (10_000, 1000, 10, 10):
            with suppress(redis.OutOfMemoryError):
                while True:
                    client.rpush("filler", "x" * size)
        yield
        client.delete("filler")


class TestLoss:
    """Whoever makes Redis forget gains one guess a key."""

    def test_a_login_that_is_not_known_has_one_free_attempt_left(self, server: RedisServer) -> None:
        """After everything was lost, the second wrong password waits; an installation begins like that."""
        with throttle_on(server, Policy()) as throttle:
            first = waits(throttle, 2)
            emptied(server)

            assert (first, waits(throttle, 2, at=NOW + HOUR)) == ([0, 10], [0, 10])

    def test_what_many_share_begins_anew(self, server: RedisServer) -> None:
        """An office behind one address is not sent away because Redis was restarted."""
        with throttle_on(server, Policy()) as throttle:
            emptied(server)

            assert [throttle.admit([SOURCE], at=NOW) for _ in range(3)] == [ZERO] * 3

    def test_a_restart_is_a_loss(self, server: RedisServer) -> None:
        """A server that comes back empty is careful."""
        with throttle_on(server, Policy(), namespace="kept:") as throttle:
            throttle.admit([SOURCE], at=NOW - 2 * HOUR)
            before = waits(throttle, 4)
            server.restart()

            assert (before, waits(throttle, 2)) == ([0, 0, 0, 10], [0, 10])

    def test_the_delays_go_on_doubling(self, server: RedisServer) -> None:
        """A careful counter follows its rule from then on."""
        with throttle_on(server, Policy()) as throttle:
            waits(throttle, 1)
            throttle.admit([LOGIN], at=NOW + 10 * SECOND)

            assert waits(throttle, 1, at=NOW + 10 * SECOND) == [20]

    def test_its_owner_is_not_locked_out(self, server: RedisServer) -> None:
        """Who succeeds has the attempt given back, however often."""
        with throttle_on(server, Policy()) as throttle:
            for _ in range(5):
                admitted = throttle.admit([LOGIN, SOURCE], at=NOW)
                throttle.settle(forgive=[SOURCE], clear=[LOGIN])

                assert admitted == ZERO

    def test_after_the_recovery_everything_is_as_before(self, server: RedisServer) -> None:
        """A key that is first met later has all its free attempts."""
        with throttle_on(server, Policy()) as throttle:
            throttle.admit([SOURCE], at=NOW)

            assert waits(throttle, 4, at=NOW + Policy().throttle_recovery) == [0, 0, 0, 10]

    def test_it_lasts_no_longer_than_it_should_if_a_clock_was_wrong(self, server: RedisServer) -> None:
        """A server whose clock was years ahead does not make all others careful for years."""
        with throttle_on(server, Policy()) as throttle:
            throttle.admit([SOURCE], at=NOW + timedelta(days=999))

            assert waits(throttle, 4) == [0, 0, 0, 10]

    def test_it_can_be_switched_off(self, server: RedisServer) -> None:
        """Without a recovery, what was lost is free again."""
        with throttle_on(server, SETTLED) as throttle:
            waits(throttle, 3)
            emptied(server)

            assert waits(throttle, 4) == [0, 0, 0, 10]

    def test_a_server_that_drops_keys_still_counts(self) -> None:
        """Under a policy that evicts, nothing fails; what was dropped counts anew."""
        with small_server("allkeys-lru") as server, throttle_on(server, Policy()) as throttle:
            for number in range(9999):
                throttle.admit([attrs.evolve(SOURCE, name=str(number))], at=NOW)

            with redis.Redis.from_url(server.url) as client:
                assert client.info("stats")["evicted_keys"] > 0
            assert waits(throttle, 2)[-1] == 10


class TestEvictionPolicy:
    """What the operator is told."""

    @pytest.mark.parametrize("policy", ["noeviction", "allkeys-lru"])
    def test_it_is_that_of_the_server(self, policy: str) -> None:
        """As the server names it."""
        with (
            skipped_if_missing(),
            RedisServer(options=["--maxmemory-policy", policy]) as server,
            redis_client(server.url) as client,
        ):
            assert eviction_policy(client) == policy

    def test_a_server_that_forbids_the_question_tells_none(self, server: RedisServer) -> None:
        """Hosted servers keep it to themselves."""
        with redis_client(server.url) as client:
            client.acl_setuser("default", commands=["-info"])

            assert eviction_policy(client) is None


class TestClient:
    """A client that waits for nobody, and goes nowhere unguarded."""

    @pytest.mark.parametrize(
        "url",
        [
            "redis://localhost:6379/0",
            "redis://127.0.0.1",
            "redis://[::1]:6379",
            "unix:///run/redis.sock",
            "redis://:secret@redis.example.fr",
            "rediss://portal:secret@redis.example.fr:6380/1",
            "rediss://redis.example.fr?ssl_certfile=client.pem",
        ],
    )
    def test_a_server_here_or_with_a_password_is_accepted(self, url: str) -> None:
        """Nothing is connected before it is needed, and every wait is bounded."""
        with redis_client(url, timeout=timedelta(seconds=2)) as client:
            options = client.connection_pool.connection_kwargs

            assert (options["socket_timeout"], options["socket_connect_timeout"]) == (2, 2)

    @pytest.mark.parametrize("url", ["redis://redis.example.fr", "rediss://192.0.2.1/0", "redis://name@redis:6379"])
    def test_an_open_server_elsewhere_is_refused(self, url: str) -> None:
        """Whoever can write there can log in as anyone."""
        with pytest.raises(ConfigurationError, match="password"):
            redis_client(url)

    @pytest.mark.parametrize("url", ["", "localhost:6379", "http://localhost", "redis://localhost?socket_timeout=soon"])
    def test_what_is_no_address_is_refused_without_being_told(self, url: str) -> None:
        """The address may hold a password."""
        with pytest.raises(ConfigurationError, match="no URL") as caught:
            redis_client(url)

        assert not url or url not in str(caught.value)
