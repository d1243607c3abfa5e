"""What every test may ask for."""

from __future__ import annotations

import pytest
from hypothesis import settings
from tests.town import Town

settings.register_profile("ci", derandomize=True, deadline=None, max_examples=100)
settings.load_profile("ci")


@pytest.fixture
def town() -> Town:
    """A town over memory, with the default limits and cheap hashes."""
    return Town.found()
