"""How many passwords may be hashed at once, in which memory, and how many may wait for it. Nothing here hashes."""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import attrs

from coproauth.adapters.hashing_memory import HashingMemory
from coproauth.errors import Throttled
from coproauth.policy import Policy

_WAITING_FOR_A_PLACE = 8  # for each that is taken; at 130 ms a hash the last of them waits a second
# Inside and waiting, unless the policy says otherwise: each holds one of the 40 that Starlette has for all.
_THREADS = 30

_GATES: weakref.WeakSet[HashingGate] = weakref.WeakSet()  # those of the process, to begin again after a fork


def _shut() -> threading.Lock:
    """Return what somebody waits for. No event: a lock is opened in one step, in which no Ctrl-C can come."""
    lock = threading.Lock()
    lock.acquire()
    return lock


@attrs.define(eq=False)
class _Turn:
    """Somebody who wants a place, and the one he has: it is his until he leaves, wherever Ctrl-C may find him.

    Attributes:
        has_come: shut until he is called.
    """

    has_come: threading.Lock = attrs.field(factory=_shut)
    memory: HashingMemory | None = None


class HashingGate:
    """Lets a bounded number of threads in, lets a bounded number wait, and turns the rest away at once.

    First come, first served. A place is the memory of one hash, so all together never take more than the places times
    the cost of one, however many ask. A memory that was used is kept warm for the next hash, and goes back to the
    system when none came for a while; so long, and no longer, one daemon thread waits to see to that.

    A forked child begins with all places free, nobody waiting, and no memory. A process that ends waits for the hashes
    that run, no longer than a person would.

    Attributes:
        at_once: how many places there are.
    """

    def __init__(
        self, *, at_once: int, waiting: int, patience: timedelta, memory_kept: timedelta = timedelta(0)
    ) -> None:
        """Take how many may be inside, how many may wait and for how long, and how long unused memory is kept."""
        self.at_once = at_once
        self._waiting = waiting
        self._patience = patience
        self._memory_kept = memory_kept
        self._open()
        _GATES.add(self)

    @classmethod
    def of(cls, policy: Policy) -> HashingGate:
        """Return the gate of one process, as wide as the policy says."""
        at_once = policy.hashes_at_once or min(os.cpu_count() or 1, _THREADS)
        room = max(min(at_once * _WAITING_FOR_A_PLACE, _THREADS - at_once), 0)
        waiting = room if policy.hashes_waiting is None else policy.hashes_waiting
        return cls(at_once=at_once, waiting=waiting, patience=policy.hash_patience, memory_kept=policy.hash_memory_kept)

    @contextmanager
    def place(self) -> Iterator[HashingMemory]:
        """Hold a place, and its memory, for as long as the block runs.

        Raises:
            Throttled: too many wait already, or it took too long until there was a place (``busy``).
        """
        turn = _Turn()
        try:
            yield self._enter(turn)
        finally:
            try:
                self._leave(turn)
            finally:  # once more, if Ctrl-C came just then; whoever has left has nothing to leave
                self._leave(turn)

    def busy(self) -> Throttled:
        """Say to come back once those who wait now have had their turn."""
        return Throttled(retry_after=self._patience, reason="busy")

    def close(self) -> None:
        """Let nobody in any more, and wait for who is inside, no longer than somebody would wait for a place.

        A hash calls back into Python when it is done, in whatever thread: not into an interpreter that ends.
        """
        with self._lock:
            self._is_closed = True
            while self._queue:
                self._call_next(_Turn())  # without a place
            if len(self._free) == self.at_once:
                return
        if self._is_empty.acquire(timeout=self._patience.total_seconds()):
            self._is_empty.release()  # for whoever closes it as well

    def tidy(self) -> None:
        """Give back memory that was not used for long enough, and look again when the next is due; a timer calls it."""
        with self._lock:
            self._is_watched = False
            self._tidy()

    def start_anew(self) -> None:
        """Begin again in a forked child: the threads that held places, waited or tidied are the parent's."""
        for memory in self._places:
            memory.abandon()
        self._open()

    def _open(self) -> None:
        self._lock = threading.Lock()
        self._places = tuple(HashingMemory() for _ in range(self.at_once))
        self._free = list(self._places)  # the last that came free is the next: the fewest are in use
        self._queue: deque[_Turn] = deque()
        self._is_watched = False
        self._is_closed = False
        self._is_empty = _shut()  # until it is closed, and the last has left

    def _enter(self, turn: _Turn) -> HashingMemory:
        if not self._is_served(turn):
            turn.has_come.acquire(timeout=self._patience.total_seconds())
        if turn.memory is None:
            raise self.busy()
        return turn.memory

    def _is_served(self, turn: _Turn) -> bool:
        """Give a place that is free, or have him line up."""
        with self._lock:
            if self._free and not self._is_closed:
                turn.memory = self._free[-1]
                self._free.pop()
                return True
            if self._is_closed or len(self._queue) >= self._waiting:
                raise self.busy()
            self._queue.append(turn)
            return False

    def _leave(self, turn: _Turn) -> None:
        """Pass on a place, be it that it came at the last instant, or have somebody wait no longer who has none.

        Python tells of Ctrl-C where a call begins or returns: in between nothing is left half done.
        """
        with self._lock:
            if turn in self._queue:
                self._queue.remove(turn)
            if turn.memory is None or turn.memory not in self._places:
                return  # the latter was taken before a fork: the child's places are others
            if self._queue and not self._is_closed:
                self._call_next(turn)
                return
            memory, turn.memory = turn.memory, None
            self._free.append(memory)
            self._tidy()
            if self._is_closed and len(self._free) == self.at_once:
                self._is_empty.release()

    def _call_next(self, leaving: _Turn) -> None:
        """Have the first in line wait no longer, with the place of somebody who leaves."""
        following = self._queue[0]
        following.memory, leaving.memory = leaving.memory, None
        try:
            self._queue.popleft()
        finally:  # also if Ctrl-C came just then
            following.has_come.release()

    def _tidy(self) -> None:
        for memory in self._free:
            if memory.idle_for >= self._memory_kept:
                memory.give_back()
        idle = [memory.idle_for for memory in self._free if memory.is_held]
        if idle and not self._is_watched:
            self._is_watched = self._watch(self._memory_kept - max(idle))

    def _watch(self, wait: timedelta) -> bool:
        """Have it tidied after a while, by a thread that keeps neither the process nor the gate."""
        timer = threading.Timer(wait.total_seconds(), _tidy_if_there, [weakref.ref(self)])
        timer.daemon = True
        try:
            timer.start()
        except RuntimeError:  # no thread is to be had, or the process ends: then nothing is kept
            for memory in self._free:
                memory.give_back()
            return False
        return True


def _tidy_if_there(reference: weakref.ref[HashingGate]) -> None:
    if gate := reference():
        gate.tidy()


def _start_anew() -> None:
    for gate in list(_GATES):
        gate.start_anew()


def _close() -> None:
    for gate in list(_GATES):
        gate.close()


os.register_at_fork(after_in_child=_start_anew)
atexit.register(_close)
