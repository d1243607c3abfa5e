"""A throttle is careful while Redis is away, and after it forgot."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

import attrs
import pytest
import redis
from tests.adapters.on_redis import HOUR, LOCAL, LOGIN, SECOND, SETTLED, SOURCE, ZERO, small_server, throttle_on, waits
from tests.servers import RedisServer, free_port, skipped_if_missing

from coproauth import Policy, Unavailable
from coproauth.adapters.redis import RedisThrottle, redis_client
from coproauth.policy import ThrottleOutage
from coproauth.testing.contracts.samples import NOW


class _Name(str):
    """A name of which one can see whether somebody still holds it."""

    __slots__ = ("__weakref__",)


def tried_once(throttle: RedisThrottle, number: int) -> weakref.ref[_Name]:
    """Try once by a name that nobody but the throttle will hold."""
    name = _Name(number)
    throttle.admit([attrs.evolve(LOGIN, name=name)], at=NOW)
    return weakref.ref(name)


class TestAway:
    """A Redis that does not count admits nobody, unless the policy has each process count for itself."""

    def test_d29_nobody_is_admitted_while_it_is_stopped(self, server: RedisServer) -> None:
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

    def test_d29_nobody_is_admitted_while_it_hangs(self, server: RedisServer) -> None:
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
    def test_d29_each_process_counts_for_itself_if_the_policy_says_so(self, server: RedisServer, outage: str) -> None:
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
            held = [tried_once(throttle, number) for number in range(5)]
            before = [name() for name in held]

            throttle.admit([LOGIN], at=NOW + 2 * HOUR)

            assert before == ["0", "1", "2", "3", "4"]
            del before
            gc.collect()
            assert [name() for name in held] == [None] * 5

    def test_what_is_over_is_looked_for_once_a_minute(self, server: RedisServer) -> None:
        """Not at every attempt: there may be many counters."""
        with throttle_on(server, LOCAL) as throttle:
            server.stop()
            held = tried_once(throttle, 1)
            over = NOW + LOGIN.rule.forget_after + SECOND
            throttle.admit([SOURCE], at=over - 2 * SECOND)

            throttle.admit([SOURCE], at=over)
            gc.collect()
            soon = held() is not None
            throttle.admit([SOURCE], at=over + 60 * SECOND)
            gc.collect()

            assert (soon, held()) == (True, None)

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
def filled(server: RedisServer) -> Iterator[None]:
    """Write until the server takes not even a little more; in the end take it all back."""
    with redis.Redis.from_url(server.url) as client:
        for size in (10_000, 1000, 10, 10):
            with suppress(redis.OutOfMemoryError):
                while True:
                    client.rpush("filler", "x" * size)
        yield
        client.delete("filler")


def emptied(server: RedisServer) -> None:
    """Make a server forget everything."""
    with redis.Redis.from_url(server.url) as client:
        client.flushall()


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

    def test_d29_a_server_that_drops_keys_still_counts(self) -> None:
        """Under a policy that evicts, nothing fails; what was dropped counts anew."""
        with small_server("allkeys-lru") as server, throttle_on(server, Policy()) as throttle:
            for number in range(9999):
                throttle.admit([attrs.evolve(SOURCE, name=str(number))], at=NOW)

            with redis.Redis.from_url(server.url) as client:
                assert client.info("stats")["evicted_keys"] > 0
            assert waits(throttle, 2)[-1] == 10
