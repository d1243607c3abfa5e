"""Attempts counted in memory: for tests, and for as long as Redis is away."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime, timedelta

from coproauth.core.throttling import Counter, ThrottleKey, attempts_of, decide_admission

_TIDY_EVERY = timedelta(minutes=1)  # to look through 100 000 counters takes some 6 ms, and holds up all attempts


class MemoryThrottle:
    """Counts attempts in memory; thread-safe."""

    def __init__(self) -> None:
        """Start with nothing counted."""
        self._lock = threading.Lock()
        self._counters: dict[str, Counter] = {}
        self._tidied_at: datetime | None = None

    def admit(self, keys: Sequence[ThrottleKey], *, at: datetime) -> timedelta:
        """Count one attempt on every key and return zero; or count none and return the longest wait."""
        with self._lock:
            decision = decide_admission(keys, self._counters, at=at)
            if isinstance(decision, timedelta):
                return decision
            self._counters.update(decision)
            return timedelta(0)

    def settle(self, *, forgive: Sequence[ThrottleKey] = (), clear: Sequence[ThrottleKey] = ()) -> None:
        """Take one attempt back from some keys, with the wait that followed; forget everything about others."""
        with self._lock:
            for key in forgive:
                counter = self._counters.get(key.name)
                if counter is not None:
                    self._counters[key.name] = counter.one_less(key.rule)
            for key in clear:
                self._counters.pop(key.name, None)

    def counted(self, key: ThrottleKey, *, at: datetime) -> int:
        """Return how many attempts are counted on a key."""
        return attempts_of(key, self._counters.get(key.name), at=at)

    def tidy(self, *, at: datetime) -> None:
        """Drop counters that started again from nothing, at most once a minute: for whoever has no sweeper."""
        with self._lock:
            if self._tidied_at is not None and abs(at - self._tidied_at) < _TIDY_EVERY:
                return
            self._tidied_at = at
        self.sweep(before=at, limit=len(self._counters))

    def sweep(self, *, before: datetime, limit: int) -> int:
        """Drop counters that started again from nothing before an instant."""
        with self._lock:
            over = [name for name, counter in self._counters.items() if counter.forget_at < before][:limit]
            for name in over:
                del self._counters[name]
            return len(over)
