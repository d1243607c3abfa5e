"""What every throttle does, on every database."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from coproauth.ports import Store, Throttle
from coproauth.testing.contracts import Law, laws_of_throttle


@pytest.mark.parametrize("law", laws_of_throttle(), ids=str)
def test_the_throttle_beside_a_store_keeps_the_law(law: Law[Throttle], store: Store) -> None:
    """The law says what; its name is that of the case."""
    law.check(lambda: nullcontext(store.throttle()))
