"""What every throttle does, on every database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.engines import SQL, Adapters, adapters_on

from coproauth.adapters.memory import MemoryStore
from coproauth.adapters.sqlalchemy import SqlStore
from coproauth.adapters.sqlalchemy.throttle import SqlThrottle
from coproauth.core.maintenance import Waste
from coproauth.core.throttling import ThrottleKey
from coproauth.policy import ThrottleRule
from coproauth.ports import Store, Throttle
from coproauth.testing.contracts import Law, laws_of_throttle

_MINUTE = timedelta(minutes=1)
_NOW = datetime(2026, 1, 1, tzinfo=UTC)


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


class TestWithAUnitOfWork:
    """An attempt is given back with what it led to, where whoever writes waits for his turn in any case."""

    key = ThrottleKey(name="login:a", rule=ThrottleRule(free_attempts=9, first_delay=_MINUTE, longest_delay=_MINUTE))

    def test_it_is_given_back_with_the_unit(self, adapters: Adapters) -> None:
        """On SQLite; elsewhere strangers would undo each other, so that nothing is done."""
        throttle = _counting(adapters, self.key)

        with adapters.store.writing() as work:
            is_settled = throttle.settle_within(work, forgive=[self.key])

        assert is_settled == (adapters.engine.dialect.name == "sqlite")
        assert throttle.counted(self.key, at=_NOW) == (0 if is_settled else 1)

    def test_it_stays_counted_if_the_unit_is_undone(self, adapters: Adapters) -> None:
        """What did not happen was no success."""
        throttle = _counting(adapters, self.key)

        with suppress(LookupError), adapters.store.writing() as work:
            throttle.settle_within(work, clear=[self.key])
            raise LookupError

        assert throttle.counted(self.key, at=_NOW) == 1

    def test_nothing_is_settled_within_another_store(self, adapters: Adapters) -> None:
        """A unit of work over memory has no place for it."""
        throttle = _counting(adapters, self.key)

        with MemoryStore().writing() as work:
            is_settled = throttle.settle_within(work, clear=[self.key])

        assert not is_settled
        assert throttle.counted(self.key, at=_NOW) == 1

    @pytest.fixture(params=SQL)
    def adapters(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Adapters]:
        """A store on SQL."""
        with adapters_on(request.param, request, tmp_path) as adapters:
            yield adapters


def _counting(adapters: Adapters, key: ThrottleKey) -> SqlThrottle:
    """Return the counters beside a store, with one attempt counted."""
    assert isinstance(adapters.store, SqlStore)
    throttle = adapters.store.throttle()
    throttle.admit([key], at=_NOW)
    return throttle
