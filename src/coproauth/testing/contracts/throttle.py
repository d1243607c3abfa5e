"""What every throttle does: it counts before anybody looks, on all keys or on none."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

import attrs

from coproauth.core.throttling import ThrottleKey
from coproauth.policy import ThrottleRule
from coproauth.ports import Throttle
from coproauth.testing.contracts.law import THREADS, Capability, Contract, Law, Make, Report, expect
from coproauth.testing.contracts.samples import LOOK_ALIKES
from coproauth.testing.contracts.threads import together

_ONE = Contract[Throttle]("throttle")
COUNTING = Contract[Sequence[Throttle]]("throttles over the same counters")

_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_ZERO = timedelta(0)
_RULE = ThrottleRule(
    free_attempts=3, first_delay=10 * _SECOND, longest_delay=40 * _SECOND, forget_after=timedelta(hours=1)
)
_LOGIN, _SOURCE = (ThrottleKey(name=name, rule=_RULE) for name in ("login:jeanne", "source:192.0.2.1"))
_LEAKY = ThrottleKey(
    name="portal",
    rule=ThrottleRule(
        free_attempts=3, first_delay=10 * _SECOND, longest_delay=40 * _SECOND, one_less_every=30 * _SECOND
    ),
)
_LIMITED = ThrottleKey(
    name="login:marc",
    rule=ThrottleRule(
        free_attempts=3, first_delay=10 * _SECOND, longest_delay=10 * _SECOND, forget_after=timedelta(hours=1), limit=5
    ),
)
_STRANGER = ThrottleKey(name="never counted", rule=_RULE)


def _attempts(throttle: Throttle, count: int, *keys: ThrottleKey, at: datetime = _NOW) -> list[float]:
    """Return the seconds that each of some attempts at one instant must wait."""
    return [throttle.admit(keys, at=at).total_seconds() for _ in range(count)]


def _persevere(throttle: Throttle, key: ThrottleKey, count: int, *, at: datetime = _NOW) -> list[float]:
    """Return the seconds that each of some attempts had to wait, each made as soon as it may."""
    waits = []
    for _ in range(count):
        wait = throttle.admit([key], at=at)
        waits.append(wait.total_seconds())
        at += wait
        if wait:
            expect(throttle.admit([key], at=at), _ZERO, of="after the wait")
    return waits


@_ONE.law()
def the_delay_doubles_after_the_free_attempts(throttle: Throttle) -> None:
    """So many attempts are free; then each wait is twice the last, up to the longest, and no longer than told."""
    expect(_persevere(throttle, _LOGIN, 8), [0, 0, 0, 10, 20, 40, 40, 40])


@_ONE.law()
def the_wait_runs_down(throttle: Throttle) -> None:
    """Who asks again too early is told what is left of the wait; asking makes it no longer."""
    _attempts(throttle, 3, _LOGIN)

    waits = [throttle.admit([_LOGIN], at=_NOW + n * _SECOND) for n in (1, 4, 9)]

    expect([wait.total_seconds() for wait in waits], [9, 6, 1])
    expect(throttle.admit([_LOGIN], at=_NOW + 10 * _SECOND), _ZERO)


@_ONE.law()
def an_attempt_that_must_wait_is_counted_on_none_of_its_keys(throttle: Throttle) -> None:
    """A refused attempt does not use up what another key has left, whichever is named first."""
    _attempts(throttle, 3, _LOGIN)

    refused = [*_attempts(throttle, 2, _LOGIN, _SOURCE), *_attempts(throttle, 2, _SOURCE, _LOGIN)]

    expect((refused, _attempts(throttle, 4, _SOURCE)), ([10] * 4, [0, 0, 0, 10]))


@_ONE.law()
def the_longest_wait_is_told(throttle: Throttle) -> None:
    """Of several keys that must wait, the slowest decides."""
    _attempts(throttle, 3, _SOURCE)
    _attempts(throttle, 3, _LOGIN, at=_NOW + 5 * _SECOND)
    throttle.admit([_SOURCE], at=_NOW + 10 * _SECOND)

    waits = [throttle.admit(keys, at=_NOW + 10 * _SECOND) for keys in ([_LOGIN, _SOURCE], [_SOURCE, _LOGIN])]

    expect(waits, [20 * _SECOND] * 2)


@_ONE.law()
def each_key_follows_its_own_rule(throttle: Throttle) -> None:
    """What is free and how long to wait is a matter of each key."""
    strict = ThrottleKey(
        name="strict", rule=ThrottleRule(free_attempts=1, first_delay=60 * _SECOND, longest_delay=60 * _SECOND)
    )

    expect((_attempts(throttle, 2, strict), _attempts(throttle, 4, _LOGIN)), ([0, 60], [0, 0, 0, 10]))


@_ONE.law()
def a_key_that_is_named_twice_is_counted_once(throttle: Throttle) -> None:
    """One attempt counts one on each of its keys."""
    expect(_attempts(throttle, 4, _LOGIN, _LOGIN), [0, 0, 0, 10])


@_ONE.law()
def keys_that_look_alike_are_counted_apart(throttle: Throttle) -> None:
    """Names of keys are compared exactly."""
    alike = [ThrottleKey(name=name, rule=_RULE) for name in LOOK_ALIKES]

    expect([_attempts(throttle, 3, key) for key in alike], [[0, 0, 0]] * len(alike))


@_ONE.law()
def a_forgiven_attempt_was_never_made(throttle: Throttle) -> None:
    """It is given back on its key alone, with the wait that followed from it."""
    _attempts(throttle, 3, _LOGIN, _SOURCE)

    throttle.settle(forgive=[_LOGIN, _STRANGER])

    expect((_attempts(throttle, 2, _LOGIN), _attempts(throttle, 1, _SOURCE)), ([0, 10], [10]))


@_ONE.law()
def forgiving_one_attempt_leaves_the_others_counted(throttle: Throttle) -> None:
    """Whoever logs in as himself in between gains no guess at another's password: the delays go on growing."""
    _persevere(throttle, _SOURCE, 5)
    later = _NOW + timedelta(minutes=10)
    throttle.admit([_SOURCE], at=later)

    throttle.settle(forgive=[_SOURCE])

    expect(_attempts(throttle, 2, _SOURCE, at=later), [0, 40])


@_ONE.law()
def nothing_is_forgiven_below_nothing(throttle: Throttle) -> None:
    """Forgiving more than was counted earns no further free attempt."""
    throttle.admit([_LOGIN], at=_NOW)

    for _ in range(3):
        throttle.settle(forgive=[_LOGIN])

    expect(_attempts(throttle, 4, _LOGIN), [0, 0, 0, 10])


@_ONE.law()
def clearing_forgets_one_key_only(throttle: Throttle) -> None:
    """Its count begins anew; the other keys of the same attempts stay counted."""
    _attempts(throttle, 3, _LOGIN, _SOURCE)

    throttle.settle(clear=[_LOGIN, _STRANGER])

    expect((_attempts(throttle, 4, _LOGIN), _attempts(throttle, 1, _SOURCE)), ([0, 0, 0, 10], [10]))


@_ONE.law()
def one_settlement_forgives_and_clears(throttle: Throttle) -> None:
    """Some keys get one attempt back while others are forgotten."""
    _attempts(throttle, 3, _LOGIN, _SOURCE)

    throttle.settle(forgive=[_SOURCE], clear=[_LOGIN])

    expect((_attempts(throttle, 4, _LOGIN), _attempts(throttle, 2, _SOURCE)), ([0, 0, 0, 10], [0, 10]))


@_ONE.law()
def a_count_is_forgotten_some_time_after_the_last_attempt(throttle: Throttle) -> None:
    """An hour after the last attempt all are free again and counted anew; a second before, none is forgotten."""
    _attempts(throttle, 3, _LOGIN)
    almost, later = _NOW + _RULE.forget_after - _SECOND, _NOW + 2 * _RULE.forget_after

    expect(_attempts(throttle, 2, _LOGIN, at=almost), [0, 20])
    expect(_attempts(throttle, 4, _LOGIN, at=later), [0, 0, 0, 10])


@_ONE.law()
def a_leaking_count_forgets_one_attempt_at_a_time(throttle: Throttle) -> None:
    """What comes as slowly as it leaks never waits; what came faster is forgotten piece by piece, not all at once."""
    steady = [throttle.admit([_LEAKY], at=_NOW + 30 * n * _SECOND) for n in range(6)]
    after = _NOW + 150 * _SECOND

    rush = _attempts(throttle, 3, _LEAKY, at=after)

    expect((steady, rush), ([_ZERO] * 6, [0, 0, 10]))
    told = [throttle.counted(_LEAKY, at=after + n * _SECOND) for n in (0, 1, 30, 59, 60, 90, 3600)]
    expect(told, [3, 3, 2, 2, 1, 0, 0])


@_ONE.law()
def a_leaking_count_takes_back_what_is_forgiven(throttle: Throttle) -> None:
    """One attempt, and no more of the leak than it had put off."""
    _attempts(throttle, 2, _LEAKY)

    throttle.settle(forgive=[_LEAKY])

    expect([throttle.counted(_LEAKY, at=_NOW + n * _SECOND) for n in (0, 29, 30)], [1, 1, 0])


@_ONE.law()
def from_its_limit_on_a_key_admits_nothing(throttle: Throttle) -> None:
    """However long one waits between attempts, until the count is cleared or, long after, forgotten."""
    expect(_persevere(throttle, _LIMITED, 5), [0, 0, 0, 10, 10])
    last = _NOW + 20 * _SECOND

    refused = [throttle.admit([_LIMITED], at=last + after) for after in (_ZERO, 60 * _SECOND)]
    throttle.settle(clear=[_LIMITED])

    expect(refused, [timedelta(hours=1), timedelta(minutes=59)])
    expect(throttle.admit([_LIMITED], at=last + 60 * _SECOND), _ZERO)


@_ONE.law()
def a_key_can_spare_those_who_have_hardly_failed(throttle: Throttle) -> None:
    """It makes an attempt wait only if enough is counted on the other key that it names."""
    spared = attrs.evolve(_LOGIN, spared_by=_SOURCE.name, spared_below=2)
    _attempts(throttle, 3, _LOGIN)

    expect(_attempts(throttle, 3, spared, _SOURCE), [0, 0, 40])
    expect(_attempts(throttle, 1, spared), [40])


@_ONE.law()
def what_is_counted_is_told(throttle: Throttle) -> None:
    """Of each key by itself; what was refused, given back, cleared or forgotten is not among it."""
    _attempts(throttle, 4, _LOGIN)
    _attempts(throttle, 2, _SOURCE)
    throttle.settle(forgive=[_SOURCE])

    told = [throttle.counted(key, at=_NOW) for key in (_LOGIN, _SOURCE, _STRANGER)]
    throttle.settle(clear=[_LOGIN])

    expect(told, [3, 1, 0])
    expect([throttle.counted(_LOGIN, at=_NOW), throttle.counted(_SOURCE, at=_NOW + _RULE.forget_after)], [0, 0])


@_ONE.law()
def a_clock_that_went_back_locks_nobody_out(throttle: Throttle) -> None:
    """However far a clock is put back, nobody waits longer than for the delay."""
    _attempts(throttle, 3, _LOGIN)

    expect(_attempts(throttle, 1, _LOGIN, at=_NOW - timedelta(days=1)), [10])


@_ONE.law()
def nothing_to_count_is_no_reason_to_wait(throttle: Throttle) -> None:
    """An attempt without keys goes through, and a settlement without keys changes nothing."""
    _attempts(throttle, 3, _LOGIN)

    throttle.settle()
    throttle.settle(forgive=[], clear=[])

    expect((throttle.admit([], at=_NOW), _attempts(throttle, 1, _LOGIN)), (_ZERO, [10]))


@COUNTING.race()
def of_many_attempts_at_once_only_the_free_ones_are_admitted(throttles: Sequence[Throttle], threads: int) -> None:
    """However many try at once, in whatever order they name their keys, exactly the free attempts go through."""

    def attempt(number: int) -> bool:
        keys = [_LOGIN, _SOURCE] if number % 2 else [_SOURCE, _LOGIN]
        return throttles[number % len(throttles)].admit(keys, at=_NOW) == _ZERO

    expect(sum(together(attempt, threads)), min(threads, _RULE.free_attempts))
    expect(_attempts(throttles[0], 1, _SOURCE), [10 if threads >= _RULE.free_attempts else 0])


@COUNTING.race()
def no_settlement_is_lost(throttles: Sequence[Throttle], threads: int) -> None:
    """Of many attempts that are given back at once, each is."""
    rule = ThrottleRule(free_attempts=threads + 1, first_delay=10 * _SECOND, longest_delay=10 * _SECOND)
    key = ThrottleKey(name="login:marc", rule=rule)
    _attempts(throttles[0], threads, key)

    together(lambda n: throttles[n % len(throttles)].settle(forgive=[key]), threads)

    expect(_attempts(throttles[0], threads + 2, key), [0] * (threads + 1) + [10])


THROTTLE = Contract[Throttle]("throttle", [*_ONE.laws, *COUNTING.through(lambda throttle: (throttle,))])


def laws_of_throttle() -> tuple[Law[Throttle], ...]:
    """Return what every throttle does."""
    return THROTTLE.laws


def check_throttle(make: Make[Throttle], *, without: Collection[Capability] = (), threads: int = THREADS) -> Report:
    """Check every law of a throttle, each on one that has counted nothing.

    Raises:
        ExceptionGroup: of a ``LawBroken`` for each law that is broken.
    """
    return THROTTLE.check(make, without=without, threads=threads)
