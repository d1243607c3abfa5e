"""What every clock does."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

from coproauth.ports import Clock
from coproauth.testing.contracts.law import Contract, Law, Make, Report, expect

CLOCK = Contract[Clock]("clock")

_LOOKS = 1000


@CLOCK.law()
def an_instant_is_aware_in_utc(clock: Clock) -> None:
    """It is a ``datetime`` that names its zone, and the zone is UTC."""
    now: object = clock.now()

    expect(isinstance(now, datetime) and now.utcoffset(), timedelta(0))


@CLOCK.law()
def time_does_not_go_back(clock: Clock) -> None:
    """Looked at again and again, a clock that nobody sets shows no earlier instant."""
    looks = [clock.now() for _ in range(_LOOKS)]

    expect([(one, after) for one, after in pairwise(looks) if after < one], [])


def laws_of_clock() -> tuple[Law[Clock], ...]:
    """Return what every clock does."""
    return CLOCK.laws


def check_clock(make: Make[Clock]) -> Report:
    """Check every law of a clock.

    Raises:
        ExceptionGroup: of a ``LawBroken`` for each law that is broken.
    """
    return CLOCK.check(make)
