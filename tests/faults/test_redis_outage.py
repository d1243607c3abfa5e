"""Redis is stopped under load, and comes back: nobody is let in uncounted, and nothing is restarted."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from contextlib import closing, nullcontext
from datetime import timedelta

import attrs
import pytest
from redis import Redis
from tests.servers import RedisServer, skipped_if_missing
from tests.town import JEANNE, Town

from coproauth import SignedIn, Throttled, Unavailable
from coproauth.adapters.redis import RedisSessions, RedisThrottle, redis_client
from coproauth.testing.contracts import check_throttle
from coproauth.testing.machines import patient_policy

THREADS = 8
LOG_INS = 40


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    """A server of our own, to be stopped."""
    with skipped_if_missing(), RedisServer() as server:
        yield server


def _town(client: Redis) -> Town:
    policy = attrs.evolve(patient_policy(), throttle_recovery=timedelta(0))
    memory = Town.found(policy=policy)
    return Town.found(
        policy=policy, throttle=RedisThrottle(client, policy=policy), store=RedisSessions(memory.store, client)
    )


def _answer(town: Town) -> object:
    try:
        return town.log_in(JEANNE)
    except (Unavailable, Throttled) as answer:
        return answer


def test_stopped_under_load_it_lets_nobody_in_and_comes_back(server: RedisServer) -> None:
    """Each log-in opens a session or says that it could not be counted; afterwards all is as before."""
    answers: list[object] = []
    with closing(redis_client(server.url)) as client:
        town = _town(client)
        town.move_in()
        half_way = threading.Barrier(THREADS + 1)

        def log_in_again_and_again() -> None:
            for number in range(LOG_INS):
                if number == LOG_INS // 4:
                    half_way.wait(60)
                answers.append(_answer(town))

        threads = [threading.Thread(target=log_in_again_and_again) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        half_way.wait(60)
        server.stop()
        while_away = [_answer(town) for _ in range(THREADS)]
        server.start()
        for thread in threads:
            thread.join()

        afterwards = town.log_in(JEANNE)

        assert town.auth.login.session(afterwards.token) == afterwards.session
    assert {type(answer) for answer in while_away} == {Unavailable}
    assert {type(answer) for answer in answers} <= {SignedIn, Unavailable}
    assert SignedIn in {type(answer) for answer in answers}


def test_its_counters_keep_every_law_of_a_throttle(server: RedisServer) -> None:
    """The contract kit finds nothing that other throttles do and this one does not."""
    policy = attrs.evolve(patient_policy(), throttle_recovery=timedelta(0))
    with closing(redis_client(server.url)) as client:
        names = itertools.count()

        report = check_throttle(
            lambda: nullcontext(RedisThrottle(client, policy=policy, namespace=f"law-{next(names)}:"))
        )

    assert report.skipped == {}
