"""Adapters that do one thing wrong: a sound one, and what stands before some of its methods."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, cast

import attrs

from coproauth.adapters.memory import MemoryStore
from coproauth.adapters.memory_throttle import MemoryThrottle
from coproauth.core.throttling import ThrottleKey, decide_admission
from coproauth.ports import Store
from coproauth.testing.contracts.law import THREADS

Fault = Callable[..., Any]  # takes the sound method, then what the method takes
Faults = Mapping[str, Fault]


class Spoilt:
    """Stands before an object; a method that is named among the faults is done by its fault.

    A dot leads to what an attribute, a method or a context manager of the object yields: ``writing.codes.consume``.
    """

    def __init__(self, sound: object, faults: Faults) -> None:
        """Take the sound object and, by name, what is done instead."""
        self.sound, self.faults = sound, faults

    def __getattr__(self, name: str) -> Any:
        sound = getattr(self.sound, name)
        if name in self.faults:
            sound = partial(self.faults[name], sound)
        within = {path.partition(".")[2]: fault for path, fault in self.faults.items() if path.startswith(f"{name}.")}
        if not within:
            return sound
        return partial(_spoilt_answer, sound, within) if callable(sound) else Spoilt(sound, within)


def _spoilt_answer(sound: Callable[..., Any], within: Faults, *args: object) -> object:
    answer = sound(*args)
    return _spoilt_block(answer, within) if hasattr(answer, "__enter__") else Spoilt(answer, within)


@contextmanager
def _spoilt_block(block: Any, within: Faults) -> Iterator[Spoilt]:
    with block as yielded:
        yield Spoilt(yielded, within)


def spoilt_work(faults: Faults) -> Faults:
    """Return the faults of a unit of work, for both ways in which a store opens one."""
    return {f"{way}.{path}": fault for way in ("reading", "writing") for path, fault in faults.items()}


def only_in_its_thread(sound: Callable[..., Any], *args: object, **named: object) -> Any:
    """Answer only in the thread that runs the tests."""
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("made in another thread")
    return sound(*args, **named)


class _Meeting:
    """Where threads wait for each other, so that a race is lost every time; the thread that runs the tests does not."""

    def __init__(self) -> None:
        self._barrier = threading.Barrier(THREADS, timeout=5)

    def meet(self) -> None:
        if threading.current_thread() is threading.main_thread():
            return
        try:
            self._barrier.wait()
        except threading.BrokenBarrierError:
            return  # fewer came than should: they go on alone


class LastWriterWins(MemoryStore):
    """Lets units of work run side by side and keeps what the last one leaves.

    Those that end sessions come first.
    """

    def __init__(self) -> None:
        """Start empty."""
        super().__init__()
        self._meeting = _Meeting()

    @contextmanager
    def writing(self) -> Iterator[Any]:
        """Open a unit of work on the same state as everybody else."""
        tables = self._tables.copy()
        self._meeting.meet()
        yield tables
        if tables.sessions.rows:
            self._meeting.meet()
        self._tables = tables
        if not tables.sessions.rows:
            self._meeting.meet()


class RacyThrottle(MemoryThrottle):
    """Reads, waits for the others to have read, and writes."""

    def __init__(self) -> None:
        """Start with nothing counted."""
        super().__init__()
        self._meeting = _Meeting()

    def admit(self, keys: Any, *, at: Any) -> Any:
        """Count on what was read before."""
        decision = decide_admission(keys, dict(self._counters), at=at)
        self._meeting.meet()
        if isinstance(decision, dict):
            self._counters.update(decision)
        return decision if not isinstance(decision, dict) else at - at

    def settle(self, *, forgive: Any = (), clear: Any = ()) -> None:
        """Forgive on what was read before."""
        known: list[ThrottleKey] = [key for key in forgive if key.name in self._counters]
        fewer = {key.name: self._counters[key.name].one_less(key.rule) for key in known}
        self._meeting.meet()
        self._counters.update(fewer)
        for key in clear:
            self._counters.pop(key.name, None)


def store_with(faults: Callable[[], Faults] | Faults) -> Callable[[], Store]:
    """Return what makes a spoilt store; faults that remember something are made anew with each."""
    return lambda: cast("Store", Spoilt(MemoryStore(), faults() if callable(faults) else faults))


def work_with(**faults: Callable[..., Any]) -> Callable[[], Store]:
    """Return what makes a store whose units of work are spoilt; two underscores stand for a dot."""
    return store_with(spoilt_work({name.replace("__", "."): fault for name, fault in faults.items()}))


def rows_of(method: Any) -> dict[str, Any]:
    """Return the rows that a sound method works on."""
    return cast("dict[str, Any]", method.__self__.rows)


def change(method: Any, key: str, **changes: object) -> bool:
    """Change fields of a row, if it is there; the answer is yes either way."""
    rows = rows_of(method)
    if key in rows:
        rows[key] = attrs.evolve(rows[key], **changes)
    return True


def plain(text: str) -> str:
    """Return what a careless database compares."""
    return text.casefold().strip()
