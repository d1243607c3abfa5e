"""Stand-ins whose behaviour a test chooses."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta


class FakeClock:
    """A clock that moves when it is told to; thread-safe."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, 8, tzinfo=UTC)) -> None:
        """Start at an aware instant."""
        self._lock = threading.Lock()
        self._now = start

    def now(self) -> datetime:
        """Return the present of this clock."""
        return self._now

    def advance(self, by: timedelta) -> None:
        """Move the clock, backwards too."""
        with self._lock:
            self._now += by
