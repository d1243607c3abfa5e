"""How many passwords may be hashed at once, and how many may wait for it. Nothing here hashes."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from coproauth.errors import Throttled
from coproauth.policy import Policy

_WAITING_FOR_A_PLACE = 8  # for each that is taken; at 240 ms a hash the last of them waits two seconds
_THREADS = (
    30  # inside and waiting, unless the policy says otherwise: each holds one of the 40 that Starlette has for all
)


class HashingGate:
    """Lets a bounded number of threads in, lets a bounded number wait, and turns the rest away at once.

    First come, first served. A hash takes its memory while it is computed, so all together never take more than the
    places times the cost of one, however many ask.
    """

    def __init__(self, *, at_once: int, waiting: int, patience: timedelta) -> None:
        """Take how many may be inside, how many may wait, and for how long."""
        self._lock = threading.Lock()
        self._free = at_once
        self._waiting = waiting
        self._patience = patience
        self._queue: deque[threading.Event] = deque()

    @classmethod
    def of(cls, policy: Policy) -> HashingGate:
        """Return the gate of one process, as wide as the policy says."""
        at_once = policy.hashes_at_once or min(os.cpu_count() or 1, _THREADS)
        room = max(min(at_once * _WAITING_FOR_A_PLACE, _THREADS - at_once), 0)
        waiting = room if policy.hashes_waiting is None else policy.hashes_waiting
        return cls(at_once=at_once, waiting=waiting, patience=policy.hash_patience)

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place for as long as the block runs.

        Raises:
            Throttled: too many wait already, or it took too long until there was a place (``busy``).
        """
        self._enter()
        try:
            yield
        finally:
            self._leave()

    def _enter(self) -> None:
        turn = self._line_up()
        if turn is None:
            return
        try:
            turn.wait(self._patience.total_seconds())
        except BaseException:  # Ctrl-C: a place that was handed over meanwhile goes to the next
            if not self._step_out(turn):
                self._leave()
            raise
        if self._step_out(turn):
            raise self._busy()

    def _line_up(self) -> threading.Event | None:
        """Take a place that is free, or return what is set once one is handed over."""
        with self._lock:
            if self._free:
                self._free -= 1
                return None
            if len(self._queue) >= self._waiting:
                raise self._busy()
            self._queue.append(turn := threading.Event())
            return turn

    def _step_out(self, turn: threading.Event) -> bool:
        """Wait no longer; false if the place has been handed over, be it at the last instant."""
        with self._lock:
            if turn.is_set():
                return False
            self._queue.remove(turn)
            return True

    def _leave(self) -> None:
        with self._lock:
            if self._queue:
                self._queue.popleft().set()
            else:
                self._free += 1

    def _busy(self) -> Throttled:
        """Say to come back once those who wait now have had their turn."""
        return Throttled(retry_after=self._patience, reason="busy")
