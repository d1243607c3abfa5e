"""Audit trails and counters that join units of work and do one thing wrong, and the law that each is caught by."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from tests.testing.spoilt import Spoilt

from coproauth.adapters.memory import MemoryAudit, MemoryStore
from coproauth.adapters.memory_throttle import MemoryThrottle
from coproauth.testing.contracts import StoreAndSink, StoreAndThrottle


class _Host(MemoryStore):
    """Does what joined a unit of work once that is kept.

    Attributes:
        under_way: the units of work of every host.
    """

    under_way: ClassVar[list[object]] = []

    def __init__(self) -> None:
        """Start empty, with no unit of work under way."""
        super().__init__()
        self._work: object = None
        self._due: list[Callable[[], object]] = []

    @contextmanager
    def writing(self) -> Iterator[Any]:
        """Open a unit of work."""
        with super().writing() as work:
            self._work, self._due = work, []
            self.under_way.append(work)
            try:
                yield work
            finally:
                self.under_way.remove(work)
        for do in self._due:
            do()

    def admits(self, work: object, do: Callable[[], object]) -> bool:
        """Have something done with a unit of work, if that is the one under way."""
        if work is not self._work:
            return False
        self._due.append(do)
        return True


class _Audit(MemoryAudit):
    def __init__(self, host: _Host) -> None:
        super().__init__()
        self._host = host

    def record(self, event: Any) -> None:
        super().record(event)

    def record_within(self, work: object, event: Any) -> bool:
        return self._host.admits(work, lambda: self.record(event))


class _Throttle(MemoryThrottle):
    def __init__(self, host: _Host) -> None:
        super().__init__()
        self._host = host

    def settle(self, **keys: Any) -> None:
        super().settle(**keys)

    def settle_within(self, work: object, **keys: Any) -> bool:
        return self._host.admits(work, lambda: self.settle(**keys))


def sound_joining_sink() -> StoreAndSink:
    """Return a trail in memory beside its store."""
    return _beside(None)


def sound_joining_throttle() -> StoreAndThrottle:
    """Return counters in memory beside their store."""
    return _counting_beside(None)


def _beside(fault: Callable[..., Any] | None) -> StoreAndSink:
    host = _Host()
    return _with_sink(host, _Audit(host), fault)


def _with_sink(host: _Host, sink: _Audit, fault: Callable[..., Any] | None = None) -> StoreAndSink:
    return StoreAndSink(host, _spoilt(sink, "record_within", fault), lambda: sink.events, other=_Host())


def _counting_beside(fault: Callable[..., Any] | None) -> StoreAndThrottle:
    host = _Host()
    return _with_throttle(host, _Throttle(host), fault)


def _with_throttle(host: _Host, throttle: _Throttle, fault: Callable[..., Any] | None = None) -> StoreAndThrottle:
    return StoreAndThrottle(host, _spoilt(throttle, "settle_within", fault), other=_Host())


def _spoilt(sound: object, method: str, fault: Callable[..., Any] | None) -> Any:
    return sound if fault is None else Spoilt(sound, {method: fault})


class _OwnRecord(_Audit):
    def record(self, event: Any) -> None:
        super().record(event)


class _OwnSettle(_Throttle):
    def settle(self, **keys: Any) -> None:
        super().settle(**keys)


def _overriding_record() -> StoreAndSink:
    host = _Host()
    return _with_sink(host, _OwnRecord(host))


def _overriding_settle() -> StoreAndThrottle:
    host = _Host()
    return _with_throttle(host, _OwnSettle(host))


def _says_yes(real: Any, *_: object, **__: object) -> bool:
    del real
    return True


def _does_and_says_no(real: Any, *told: object, **named: object) -> bool:
    real(*told, **named)
    return False


def _apart(real: Any, _: object, *told: object, **named: object) -> bool:
    """Do it at once, in whatever unit of work."""
    joining = real.__self__
    apart = "record" if isinstance(joining, _Audit) else "settle"
    getattr(joining, apart)(*told, **named)
    return True


def _in_any(real: Any, work: object, *told: object, **named: object) -> bool:
    """Join the units of its own store, and take those of any other of its kind for them."""
    if real(work, *told, **named):
        return True
    return any(work is known for known in _Host.under_way) and _apart(real, work, *told, **named)


def _once() -> Callable[..., Any]:
    """Take what was said before for what was done."""
    said: list[object] = []

    def join(real: Any, *told: object, **named: object) -> bool:
        if said:
            return True
        said.append(told)
        return bool(real(*told, **named))

    return join


_FAULTS: dict[str, tuple[Callable[[], Callable[..., Any]], str]] = {
    "says yes and does nothing": (lambda: _says_yes, "what_joins_a_unit_is_kept_with_it"),
    "does it and says no": (lambda: _does_and_says_no, "what_cannot_join_a_unit_is_not_done"),
    "does it apart": (lambda: _apart, "what_joined_a_unit_is_undone_with_it"),
    "joins one run": (_once, "what_joined_a_unit_joins_its_second_run"),
    "joins any unit of its kind": (lambda: _in_any, "nothing_joins_a_unit_of_another_store"),
}


def _made(beside: Callable[..., Any], fault: Callable[[], Callable[..., Any]]) -> Callable[[], Any]:
    return lambda: beside(fault())


JOINING_SINKS = {name: (_made(_beside, fault), law) for name, (fault, law) in _FAULTS.items()} | {
    "overrides one method of two": (_overriding_record, "what_can_join_a_unit_is_asked_to"),
}
JOINING_THROTTLES = {name: (_made(_counting_beside, fault), law) for name, (fault, law) in _FAULTS.items()} | {
    "forgives without clearing": (
        lambda: _counting_beside(lambda real, work, forgive, **_: real(work, forgive=forgive)),
        "what_joins_a_unit_is_kept_with_it",
    ),
    "overrides one method of two": (_overriding_settle, "what_can_join_a_unit_is_asked_to"),
}
