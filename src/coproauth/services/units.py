"""Looks into the store, or runs a step as one unit of work; and again if something came in between."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TypeVar

from coproauth.errors import Interrupted, Unavailable
from coproauth.policy import Policy, doubled
from coproauth.ports import Store, UnitOfWork

T = TypeVar("T")

_ROUNDS = 100  # how often a call may be overtaken


class Overtaken(Exception):  # noqa: N818 - not an error: another call was faster
    """What was read no longer holds; read again."""


def atomically(store: Store, step: Callable[[UnitOfWork], T], *, policy: Policy) -> T:
    """Run a step in a unit of work: all it writes is kept, or nothing.

    Databases that let units of work run side by side undo one of two that cannot both hold; it is run again from its
    start, on what the other left, so a step must do nothing but read and write through its unit of work, or what a
    second run does anew.

    Raises:
        Unavailable: it was undone as often as ``Policy.store_tries`` allows, or the store is away.
    """

    def run() -> T:
        with store.writing() as work:
            return step(work)

    return persistently(run, policy=policy)


def persistently(run: Callable[[], T], *, policy: Policy) -> T:
    """Run something again, from its start, as long as it is interrupted and the policy allows another try.

    Once its patience is over there is one more.

    Raises:
        Unavailable: it was interrupted every time.
    """
    begun = time.monotonic()
    for wait in _waits(policy):
        try:
            return run()
        except Interrupted:
            if time.monotonic() - begun > policy.store_patience.total_seconds():
                break
            _pause(wait)
    try:
        return run()
    except Interrupted as interrupted:
        raise Unavailable(reason=interrupted.reason) from interrupted


def looking(store: Store, look: Callable[[UnitOfWork], T], *, policy: Policy) -> T:
    """Return what a look into a consistent view finds; again, if the connection was lost meanwhile.

    Raises:
        Unavailable: the store is away.
    """

    def run() -> T:
        with store.reading() as work:
            return look(work)

    return persistently(run, policy=policy)


def until_settled(call: Callable[[], T]) -> T:
    """Return what a call answers once no other overtakes it.

    Each that does has gone through, so a second round is rare, and a hundredth a fault of the store.
    """
    for _ in range(_ROUNDS):
        try:
            return call()
        except Overtaken:
            continue
    raise RuntimeError("the store says again and again that another call was faster")


def _waits(policy: Policy) -> Iterator[timedelta]:
    """Yield how long to wait at most after each run but the last; most calls need none of it."""
    longest = policy.store_longest_backoff
    return (doubled(policy.store_backoff, times=done, longest=longest) for done in range(policy.store_tries - 1))


def _pause(longest: timedelta) -> None:
    """Wait a random part of a time, so that those who met once do not meet again."""
    time.sleep(random.uniform(0, longest.total_seconds()))  # noqa: S311 - no secret follows from it
