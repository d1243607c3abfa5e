"""What every store does, on every database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext

import pytest
from tests.engines import Adapters

from coproauth.adapters.sqlalchemy import SqlStore, sql_engine
from coproauth.ports import Store
from coproauth.testing.contracts import (
    Law,
    StoreAndDirectory,
    laws_of_session_view,
    laws_of_shared_store,
    laws_of_store,
    laws_of_throttle,
)
from coproauth.testing.contracts.samples import JEANNE as JEANNE  # noqa: PLC0414 - for what tests of one database do

_ELSEWHERE = {law.name for law in laws_of_throttle()}  # test_throttle.py
_OWN = [law for law in laws_of_store() if law.name not in _ELSEWHERE]


@pytest.mark.parametrize("law", _OWN, ids=str)
def test_a_store_keeps_the_law(law: Law[Store], store: Store) -> None:
    """The law says what; its name is that of the case."""
    law.check(lambda: nullcontext(store))


@pytest.mark.parametrize("law", laws_of_session_view(), ids=str)
def test_a_store_that_joins_its_directory_keeps_the_law(law: Law[StoreAndDirectory], adapters: Adapters) -> None:
    """A page shows the same, whether the directory is beside the store or elsewhere."""
    both = StoreAndDirectory(adapters.store, adapters.directory)

    law.check(lambda: nullcontext(both))


@pytest.fixture
def stores(adapters: Adapters) -> Iterator[Sequence[Store]]:
    """Two stores over the same data, each with connections of its own, as two processes have them."""
    if not isinstance(adapters.store, SqlStore):
        yield [adapters.store, adapters.store]
        return
    engine = sql_engine(adapters.engine.url)
    yield [adapters.store, SqlStore(engine)]
    engine.dispose()


@pytest.mark.parametrize("law", laws_of_shared_store(), ids=str)
def test_stores_over_the_same_data_keep_the_law(law: Law[Sequence[Store]], stores: Sequence[Store]) -> None:
    """Processes that know nothing of each other are as safe as threads."""
    law.check(lambda: nullcontext(stores))
