"""What every throttle does."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from coproauth.core.throttling import ThrottleKey
from coproauth.policy import ThrottleRule
from coproauth.ports import Store, Throttle

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RULE = ThrottleRule(
    free_attempts=3,
    first_delay=timedelta(seconds=10),
    longest_delay=timedelta(seconds=40),
    forget_after=timedelta(hours=1),
)
LOGIN = ThrottleKey(name="login:jeanne", rule=RULE)
SOURCE = ThrottleKey(name="source:192.0.2.1", rule=RULE)
ZERO = timedelta(0)


@pytest.fixture
def throttle(store: Store) -> Throttle:
    """The counters beside an empty store."""
    return store.throttle()


def waits(throttle: Throttle, key: ThrottleKey, count: int) -> list[timedelta]:
    """Return the wait that each of some attempts finds, each made as soon as the last wait is over."""
    now, found = NOW, []
    for _ in range(count):
        wait = throttle.admit([key], at=now)
        found.append(wait)
        now += wait
        if wait:
            throttle.admit([key], at=now)
    return found


def test_the_delay_begins_after_the_free_attempts_and_doubles_up_to_its_limit(throttle: Throttle) -> None:
    """Three are free; then each wait is twice the last, up to forty seconds."""
    seconds = [wait.total_seconds() for wait in waits(throttle, LOGIN, 8)]

    assert seconds == [0, 0, 0, 10, 20, 40, 40, 40]


def test_an_attempt_that_must_wait_is_counted_on_none_of_its_keys(throttle: Throttle) -> None:
    """A refused attempt does not use up what another key has left."""
    for _ in range(3):
        throttle.admit([LOGIN], at=NOW)

    assert throttle.admit([LOGIN, SOURCE], at=NOW) == timedelta(seconds=10)
    assert [throttle.admit([SOURCE], at=NOW) for _ in range(4)] == [ZERO, ZERO, ZERO, timedelta(seconds=10)]


def test_a_forgiven_attempt_was_never_made(throttle: Throttle) -> None:
    """The wait that followed from it is gone, too."""
    for _ in range(3):
        throttle.admit([LOGIN, SOURCE], at=NOW)

    throttle.settle(forgive=[LOGIN, ThrottleKey(name="never counted", rule=RULE)])

    assert throttle.admit([LOGIN], at=NOW) == ZERO
    assert throttle.admit([SOURCE], at=NOW) == timedelta(seconds=10)


def test_forgiving_one_of_many_failures_leaves_the_others_counted(throttle: Throttle) -> None:
    """Whoever logs in as himself in between gains no guess at another's password: the delays go on growing."""
    throttle.admit([SOURCE], at=NOW + sum(waits(throttle, SOURCE, 5), ZERO))
    later = NOW + timedelta(minutes=10)
    throttle.admit([SOURCE], at=later)

    throttle.settle(forgive=[SOURCE])

    assert [throttle.admit([SOURCE], at=later) for _ in range(2)] == [ZERO, timedelta(seconds=40)]


def test_clearing_forgets_one_key_only(throttle: Throttle) -> None:
    """The other keys of the same attempts stay counted."""
    for _ in range(3):
        throttle.admit([LOGIN, SOURCE], at=NOW)

    throttle.settle(clear=[LOGIN])

    assert throttle.admit([LOGIN], at=NOW) == ZERO
    assert throttle.admit([SOURCE], at=NOW) == timedelta(seconds=10)


def test_a_count_is_forgotten_some_time_after_the_last_attempt(throttle: Throttle) -> None:
    """An hour later everything is free again, and counted anew."""
    for _ in range(3):
        throttle.admit([LOGIN], at=NOW)

    later = NOW + timedelta(hours=1)

    assert [throttle.admit([LOGIN], at=later) for _ in range(4)] == [ZERO, ZERO, ZERO, timedelta(seconds=10)]


def test_nothing_to_count_is_no_reason_to_wait(throttle: Throttle) -> None:
    """An attempt without keys goes through."""
    throttle.settle(forgive=[])

    assert throttle.admit([], at=NOW) == ZERO


def test_of_many_attempts_at_once_only_the_free_ones_are_admitted(throttle: Throttle) -> None:
    """Thirty-two threads together get three attempts (A-50)."""
    barrier = threading.Barrier(32)
    admitted: list[bool] = []

    def attempt() -> None:
        barrier.wait()
        admitted.append(throttle.admit([LOGIN, SOURCE], at=NOW) == ZERO)

    threads = [threading.Thread(target=attempt) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (admitted.count(True), admitted.count(False)) == (3, 29)
