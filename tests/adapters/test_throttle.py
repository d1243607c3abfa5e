"""What every throttle does, on every database."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta

import pytest

from coproauth.core.maintenance import Waste
from coproauth.core.throttling import ThrottleKey
from coproauth.policy import ThrottleRule
from coproauth.ports import Store, Throttle
from coproauth.testing.contracts import Law, laws_of_throttle


@pytest.mark.parametrize("law", laws_of_throttle(), ids=str)
def test_the_throttle_beside_a_store_keeps_the_law(law: Law[Throttle], store: Store) -> None:
    """The law says what; its name is that of the case."""
    law.check(lambda: nullcontext(store.throttle()))


def test_who_must_wait_leaves_nothing_in_the_store(store: Store) -> None:
    """A source that is refused fills no table, however many addresses it goes on to try."""
    minute, now = timedelta(minutes=1), datetime(2026, 1, 1, tzinfo=UTC)
    rule = ThrottleRule(free_attempts=1, first_delay=minute, longest_delay=minute)
    source, *logins = (ThrottleKey(name=name, rule=rule) for name in ("source:x", "login:a", "login:b", "login:c"))
    throttle = store.throttle()
    throttle.admit([source], at=now)

    waits = [throttle.admit([source, login], at=now) for login in logins]

    assert waits == [minute] * 3
    assert store.housekeeping().sweep(Waste.COUNTERS, before=now + timedelta(days=2), limit=9) == 1
