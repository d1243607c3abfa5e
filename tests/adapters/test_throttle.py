"""What every throttle does, on every database."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.engines import SERVERS, SQL, Adapters, adapters_on

from coproauth.adapters.sqlalchemy import SqlStore
from coproauth.core.maintenance import Waste
from coproauth.core.throttling import ThrottleKey
from coproauth.policy import ThrottleRule
from coproauth.ports import Store, Throttle
from coproauth.testing.contracts import Capability, Law, StoreAndThrottle, laws_of_joining_throttle, laws_of_throttle

_MINUTE = timedelta(minutes=1)
_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_JOINING = [
    pytest.param(kind, law, id=f"{kind}-{law}")
    for kind in SQL
    for law in laws_of_joining_throttle()
    if kind == "sqlite" or Capability.JOINING not in law.needs
]


@pytest.mark.parametrize("law", laws_of_throttle(), ids=str)
def test_the_throttle_beside_a_store_keeps_the_law(law: Law[Throttle], store: Store) -> None:
    """The law says what; its name is that of the case."""
    law.check(lambda: nullcontext(store.throttle()))


def test_who_must_wait_leaves_nothing_in_the_store(store: Store) -> None:
    """A source that is refused fills no table, however many addresses it goes on to try."""
    rule = ThrottleRule(free_attempts=1, first_delay=_MINUTE, longest_delay=_MINUTE)
    source, *logins = (ThrottleKey(name=name, rule=rule) for name in ("source:x", "login:a", "login:b", "login:c"))
    throttle = store.throttle()
    throttle.admit([source], at=_NOW)

    waits = [throttle.admit([source, login], at=_NOW) for login in logins]

    assert waits == [_MINUTE] * 3
    assert store.housekeeping().sweep(Waste.COUNTERS, before=_NOW + timedelta(days=2), limit=9) == 1


@pytest.mark.parametrize(("kind", "law"), _JOINING)
def test_counters_that_are_asked_to_join_a_unit_of_work_keep_the_law(
    kind: str, law: Law[StoreAndThrottle], sqlite: Adapters, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """They join on SQLite; elsewhere strangers would undo each other, so that they do not."""
    with adapters_on(kind, request, tmp_path) as adapters:
        assert isinstance(adapters.store, SqlStore)
        both = StoreAndThrottle(adapters.store, adapters.store.throttle(), other=sqlite.store)

        law.check(lambda: nullcontext(both))


@pytest.mark.parametrize("kind", SERVERS)
def test_counters_on_a_server_join_no_unit_of_work(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Units of work that wrote the same counter would undo each other."""
    with adapters_on(kind, request, tmp_path) as adapters:
        assert isinstance(adapters.store, SqlStore)

        with adapters.store.writing() as work:
            is_settled = adapters.store.throttle().settle_within(work)

        assert not is_settled
