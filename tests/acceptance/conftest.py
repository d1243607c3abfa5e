"""Every situation is run over each way of keeping things."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.engines import EVERYWHERE, adapters_on

from coproauth.testing import Sandbox


@pytest.fixture(params=EVERYWHERE)
def town(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Sandbox]:
    """An installation without anyone in it."""
    with adapters_on(request.param, request, tmp_path) as adapters:
        yield Sandbox.build(store=adapters.store, directory=adapters.directory)
