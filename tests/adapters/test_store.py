"""What every store does, on every database."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
from tests.engines import Adapters

from coproauth.ports import Store
from coproauth.testing.contracts import Law, StoreAndDirectory, laws_of_session_view, laws_of_store, laws_of_throttle
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
