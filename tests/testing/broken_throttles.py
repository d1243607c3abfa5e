"""Throttles that do one thing wrong, and the law that each is caught by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, cast

import attrs
from tests.testing.spoilt import Faults, RacyThrottle, Spoilt, plain

from coproauth.adapters.memory_throttle import MemoryThrottle
from coproauth.core.throttling import ThrottleKey
from coproauth.ports import Throttle

_ZERO = timedelta(0)


def _throttle(**faults: Callable[..., Any]) -> Callable[[], Throttle]:
    return lambda: cast("Throttle", Spoilt(MemoryThrottle(), faults))


def _counters(real: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", real.__self__._counters)  # noqa: SLF001 - the fault


def _counts_the_refused(real: Any, keys: Any, *, at: Any) -> Any:
    wait = real(keys, at=at)
    for key in keys if wait else ():
        counter = _counters(real).get(key.name)
        if counter is not None:
            _counters(real)[key.name] = counter.one_more(key.rule, at=at)
    return wait


def _tells_the_shortest(real: Any, keys: Any, *, at: Any) -> Any:
    if not real(keys, at=at):
        return _ZERO
    waits = [_counters(real)[key.name].wait(at=at) for key in keys if key.name in _counters(real)]
    return min(wait for wait in waits if wait)


def _one_rule_for_all() -> Faults:
    rules: list[Any] = []

    def admit(real: Any, keys: Any, *, at: Any) -> Any:
        rules.extend(key.rule for key in keys)
        return real([attrs.evolve(key, rule=rules[0]) for key in keys], at=at)

    return {"admit": admit}


def _evolved(key: ThrottleKey, **changes: Any) -> ThrottleKey:
    return attrs.evolve(key, rule=attrs.evolve(key.rule, **changes))


def _counts_each_name(real: Any, keys: Sequence[ThrottleKey], *, at: Any) -> Any:
    return max([real([key], at=at) for key in keys], default=_ZERO)


def _takes_alike_for_one(real: Any, keys: Any, *, at: Any) -> Any:
    return real([attrs.evolve(key, name=plain(key.name)) for key in keys], at=at)


def _forgives_below_nothing(real: Any, *, forgive: Any = (), clear: Any = ()) -> None:
    for key in forgive:
        counter = _counters(real)[key.name]
        _counters(real)[key.name] = attrs.evolve(counter, attempts=counter.attempts - 1, not_before=counter.last_at)
    real(clear=clear)


def _clears_all(real: Any, *, forgive: Any = (), clear: Any = ()) -> None:
    real(forgive=forgive)
    if clear:
        _counters(real).clear()


def _never_forgets(real: Any, keys: Any, *, at: Any) -> Any:
    wait = real(keys, at=at)
    for name, counter in _counters(real).items():
        _counters(real)[name] = attrs.evolve(counter, forget_at=at + timedelta(days=1))
    return wait


def _trusts_the_clock(real: Any, keys: Any, *, at: Any) -> Any:
    waits = [_counters(real)[key.name].not_before - at for key in keys if key.name in _counters(real)]
    return max([_ZERO, *waits]) or real(keys, at=at)


THROTTLES: dict[str, tuple[Callable[[], Throttle], str]] = {
    "never doubles": (
        _throttle(admit=lambda real, keys, at: min(real(keys, at=at), timedelta(seconds=10))),
        "the_delay_doubles_after_the_free_attempts",
    ),
    "counts when refused": (_throttle(admit=_counts_the_refused), "the_wait_runs_down"),
    "counts key by key": (
        _throttle(admit=_counts_each_name),
        "an_attempt_that_must_wait_is_counted_on_none_of_its_keys",
    ),
    "tells the shortest wait": (_throttle(admit=_tells_the_shortest), "the_longest_wait_is_told"),
    "knows one rule": (
        lambda: cast("Throttle", Spoilt(MemoryThrottle(), _one_rule_for_all())),
        "each_key_follows_its_own_rule",
    ),
    "counts a name as often as it is told": (
        _throttle(admit=_counts_each_name),
        "a_key_that_is_named_twice_is_counted_once",
    ),
    "takes keys that look alike for one": (
        _throttle(admit=_takes_alike_for_one),
        "keys_that_look_alike_are_counted_apart",
    ),
    "never forgives": (
        _throttle(settle=lambda real, clear=(), **_: real(clear=clear)),
        "a_forgiven_attempt_was_never_made",
    ),
    "forgives everything": (
        _throttle(settle=lambda real, forgive=(), clear=(): real(clear=[*forgive, *clear])),
        "forgiving_one_attempt_leaves_the_others_counted",
    ),
    "forgives below nothing": (_throttle(settle=_forgives_below_nothing), "nothing_is_forgiven_below_nothing"),
    "forgets to clear": (
        _throttle(settle=lambda real, forgive=(), **_: real(forgive=forgive)),
        "clearing_forgets_one_key_only",
    ),
    "clears every key": (_throttle(settle=_clears_all), "clearing_forgets_one_key_only"),
    "forgives or clears": (
        _throttle(settle=lambda real, forgive=(), clear=(): real(forgive=forgive) if forgive else real(clear=clear)),
        "one_settlement_forgives_and_clears",
    ),
    "never forgets": (
        _throttle(admit=_never_forgets),
        "a_count_is_forgotten_some_time_after_the_last_attempt",
    ),
    "leaks nothing": (
        _throttle(admit=lambda real, keys, at: real([_evolved(key, one_less_every=None) for key in keys], at=at)),
        "a_leaking_count_forgets_one_attempt_at_a_time",
    ),
    "forgives the leak as well": (
        _throttle(settle=lambda real, forgive=(), clear=(): real(forgive=[*forgive, *forgive], clear=clear)),
        "a_leaking_count_takes_back_what_is_forgiven",
    ),
    "knows no limit": (
        _throttle(admit=lambda real, keys, at: real([_evolved(key, limit=None) for key in keys], at=at)),
        "from_its_limit_on_a_key_admits_nothing",
    ),
    "spares nobody": (
        _throttle(admit=lambda real, keys, at: real([attrs.evolve(key, spared_by=None) for key in keys], at=at)),
        "a_key_can_spare_those_who_have_hardly_failed",
    ),
    "tells one count for all": (
        _throttle(counted=lambda real, key, at: real(attrs.evolve(key, name="login:jeanne"), at=at)),
        "what_is_counted_is_told",
    ),
    "tells what it has forgotten": (
        _throttle(counted=lambda real, key, at: real(key, at=at - timedelta(hours=2))),
        "what_is_counted_is_told",
    ),
    "trusts the clock": (_throttle(admit=_trusts_the_clock), "a_clock_that_went_back_locks_nobody_out"),
    "wants something to count": (
        _throttle(admit=lambda real, keys, at: (max(key.name for key in keys), real(keys, at=at))[1]),
        "nothing_to_count_is_no_reason_to_wait",
    ),
    "loses counts in a race": (RacyThrottle, "of_many_attempts_at_once_only_the_free_ones_are_admitted"),
    "loses settlements in a race": (RacyThrottle, "no_settlement_is_lost"),
}
