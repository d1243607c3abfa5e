"""The gate before the hashers: places, a bounded queue, and a bounded wait."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta

import attrs
import pytest
from tests.interrupts import CtrlC
from tests.servers import eventually

from coproauth import Argon2Parameters, Policy, Throttled
from coproauth.adapters import hashing_gate
from coproauth.adapters.argon2 import Argon2Hasher
from coproauth.adapters.hashing_gate import HashingGate

_LONG = timedelta(minutes=1)
_SHORT = timedelta(milliseconds=1)
_INSTANTS = range(1, 30)  # at which Python tells of Ctrl-C: where a function begins or a call returns


@attrs.frozen
class Crowd:
    """Threads at a gate that stay inside until they are let go.

    Attributes:
        order: who got in, in this order.
    """

    gate: HashingGate
    threads: ThreadPoolExecutor
    order: list[int] = attrs.field(factory=list)
    doors: dict[int, threading.Event] = attrs.field(factory=dict)

    def come(self, number: int) -> Future[None]:
        """Have one more thread ask for a place."""
        self.doors[number] = threading.Event()
        return self.threads.submit(self._stay, number)

    def fill(self, *numbers: int) -> None:
        """Have threads come, one after the other, until all are inside."""
        for number in numbers:
            self.come(number)
        assert eventually(lambda: set(numbers) <= set(self.order))

    def line_up(self, *numbers: int) -> list[Future[None]]:
        """Have threads come, one after the other, until all wait."""
        waiting = []
        for number in numbers:
            before = self.waiting
            waiting.append(self.come(number))
            assert eventually(lambda: self.waiting > before)  # noqa: B023 - called before the next turn
        return waiting

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self.gate._queue)  # noqa: SLF001 - nobody else can know that a thread has begun to wait

    def leave(self, number: int) -> None:
        """Let one go."""
        self.doors[number].set()

    def _stay(self, number: int) -> None:
        with self.gate.place():
            self.order.append(number)
            self.doors[number].wait()


@pytest.fixture
def at_gate() -> Iterator[Callable[[HashingGate], Crowd]]:
    """What leads a crowd to a gate; all are let go at the end."""
    crowds: list[Crowd] = []
    with ThreadPoolExecutor(16) as threads:

        def lead(gate: HashingGate) -> Crowd:
            crowds.append(Crowd(gate, threads))
            return crowds[-1]

        yield lead
        for crowd in crowds:
            for door in crowd.doors.values():
                door.set()


class TestPlaces:
    """So many are inside at once, and no more."""

    def test_who_comes_beyond_the_queue_is_turned_away_at_once(self, at_gate: Callable[[HashingGate], Crowd]) -> None:
        """Two inside, one waiting; the fourth is told when to come back."""
        gate = HashingGate(at_once=2, waiting=1, patience=_LONG)
        crowd = at_gate(gate)
        crowd.fill(1, 2)
        crowd.line_up(3)

        with pytest.raises(Throttled) as refusal, gate.place():
            pass

        assert (refusal.value.reason, refusal.value.retry_after) == ("busy", _LONG)
        assert crowd.order == [1, 2]

    def test_first_come_first_served(self, at_gate: Callable[[HashingGate], Crowd]) -> None:
        """Nobody who waits is overtaken."""
        crowd = at_gate(HashingGate(at_once=1, waiting=3, patience=_LONG))
        crowd.fill(1)
        crowd.line_up(2, 3, 4)

        for number in (1, 2, 3):
            crowd.leave(number)
            assert eventually(lambda: len(crowd.order) > number)  # noqa: B023 - called before the next turn

        assert crowd.order == [1, 2, 3, 4]

    def test_whoever_waits_too_long_is_turned_away(self, at_gate: Callable[[HashingGate], Crowd]) -> None:
        """And holds no place in the queue any longer."""
        gate = HashingGate(at_once=1, waiting=1, patience=_SHORT)
        crowd = at_gate(gate)
        crowd.fill(1)

        for _ in range(2):
            with pytest.raises(Throttled, match="busy"), gate.place():
                pass

        crowd.leave(1)
        assert eventually(lambda: not crowd.threads.submit(_can_enter, gate).exception())

    def test_a_place_is_free_again_after_an_error(self) -> None:
        """Whatever happens inside."""
        gate = HashingGate(at_once=1, waiting=0, patience=_LONG)

        with pytest.raises(ZeroDivisionError), gate.place():
            _ = 1 / 0

        _can_enter(gate)

    def test_no_place_is_lost_in_a_crowd_without_patience(self) -> None:
        """Those who give up at the very instant of their turn pass it on; afterwards all places are free."""
        gate = HashingGate(at_once=2, waiting=8, patience=timedelta(microseconds=50))
        came: list[str] = []

        def come() -> None:
            for _ in range(200):
                try:
                    with gate.place():
                        came.append("in")
                except Throttled:
                    came.append("away")

        with ThreadPoolExecutor(12) as threads:
            for _ in range(12):
                threads.submit(come)

        assert len(came) == 12 * 200
        with gate.place():
            _can_enter(gate)

    def test_ctrl_c_while_waiting_gives_the_place_in_the_queue_back(
        self, at_gate: Callable[[HashingGate], Crowd]
    ) -> None:
        """Whoever was interrupted waits no longer."""
        crowd = at_gate(HashingGate(at_once=1, waiting=1, patience=_LONG))
        crowd.fill(1)
        crowd.threads.submit(_press_ctrl_c, when=lambda: crowd.waiting == 1)

        with pytest.raises(KeyboardInterrupt), crowd.gate.place():
            pass

        assert crowd.waiting == 0

    @pytest.mark.parametrize("instant", _INSTANTS)
    def test_ctrl_c_at_the_very_turn_passes_the_place_on(
        self, at_gate: Callable[[HashingGate], Crowd], instant: int
    ) -> None:
        """A place that was handed to somebody who is gone is free again, wherever he was on his way in and out."""
        crowd = at_gate(HashingGate(at_once=1, waiting=1, patience=_LONG))
        crowd.fill(1)

        def make_way() -> None:
            if crowd.waiting:
                crowd.leave(1)

        with pytest.raises(KeyboardInterrupt), CtrlC(_ON_THE_WAY, instant, make_way), crowd.gate.place():
            pass

        crowd.leave(1)
        _can_enter(crowd.gate)

    @pytest.mark.parametrize("instant", _INSTANTS)
    def test_ctrl_c_at_whatever_instant_loses_no_place(self, instant: int) -> None:
        """On the way in or out, where nobody else comes."""
        gate = HashingGate(at_once=1, waiting=0, patience=_LONG)

        with pytest.raises(KeyboardInterrupt), CtrlC(_ON_THE_WAY, instant), gate.place():
            pass

        _can_enter(gate)

    @pytest.mark.parametrize("instant", _INSTANTS)
    def test_ctrl_c_at_whatever_instant_lets_the_next_in(
        self, at_gate: Callable[[HashingGate], Crowd], instant: int
    ) -> None:
        """Whoever leaves is interrupted; whoever is next in line is called all the same, and need not lose patience."""
        crowd = at_gate(HashingGate(at_once=1, waiting=1, patience=_LONG))

        with pytest.raises(KeyboardInterrupt):
            _leave_somebody_waiting(crowd, 2, interrupted_at=instant)

        assert eventually(lambda: crowd.order == [2])

    @pytest.mark.parametrize("instant", _INSTANTS)
    def test_ctrl_c_at_whatever_instant_of_closing_can_be_made_good(
        self, at_gate: Callable[[HashingGate], Crowd], instant: int
    ) -> None:
        """Closed once more, everybody who waits is turned away."""
        crowd = at_gate(HashingGate(at_once=1, waiting=2, patience=_LONG))
        crowd.fill(1)
        waiting = crowd.line_up(2, 3)

        with pytest.raises(KeyboardInterrupt), CtrlC(_ON_THE_WAY, instant, lambda: crowd.leave(1)):
            crowd.gate.close()
        closing = crowd.threads.submit(crowd.gate.close)

        assert {type(visit.exception()) for visit in waiting} == {Throttled}
        crowd.leave(1)
        closing.result()


_ON_THE_WAY = frozenset({hashing_gate.__file__, contextlib.__file__, threading.__file__})


def _leave_somebody_waiting(crowd: Crowd, number: int, *, interrupted_at: int) -> None:
    with CtrlC(_ON_THE_WAY, interrupted_at, counts=False) as ctrl_c, crowd.gate.place():
        crowd.line_up(number)
        ctrl_c.counts = True


def _press_ctrl_c(when: Callable[[], bool]) -> None:
    assert eventually(when)
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def _can_enter(gate: HashingGate) -> None:
    with gate.place():
        pass


class TestWidth:
    """How wide a gate is follows from the policy."""

    @pytest.mark.parametrize("cores", [1, 4, 5, 8, 29, 64])
    def test_by_default_threads_are_left_to_other_pages(self, monkeypatch: pytest.MonkeyPatch, cores: int) -> None:
        """However many cores there are: ten of the forty that Starlette answers all pages with."""
        monkeypatch.setattr(os, "cpu_count", lambda: cores)
        gate = HashingGate.of(Policy(hash_patience=_LONG))

        with ThreadPoolExecutor(40) as threads:
            held = Crowd(gate=gate, threads=threads)
            visits = [held.come(number) for number in range(40)]
            try:
                assert eventually(lambda: sum(visit.done() for visit in visits) >= 10)
            finally:
                for number in range(40):
                    held.leave(number)

    @pytest.mark.parametrize(
        ("policy", "places", "waiting"),
        [
            (Policy(), 2, 16),
            (Policy(hashes_at_once=3), 3, 24),
            (Policy(hashes_at_once=3, hashes_waiting=1), 3, 1),
            (Policy(hashes_at_once=1, hashes_waiting=0), 1, 0),
        ],
        ids=["default", "places", "queue", "no queue"],
    )
    def test_as_many_as_the_policy_says_get_in_or_wait(
        self, monkeypatch: pytest.MonkeyPatch, policy: Policy, places: int, waiting: int
    ) -> None:
        """None more, and a core each with eight waiting for it if nothing is said."""
        monkeypatch.setattr(os, "cpu_count", lambda: 2)
        gate = HashingGate.of(attrs.evolve(policy, hash_patience=_LONG))

        with ThreadPoolExecutor(places + waiting) as threads:
            crowd = Crowd(gate, threads)
            crowd.fill(*range(places))
            crowd.line_up(*range(places, places + waiting))
            with pytest.raises(Throttled, match="busy"), gate.place():
                pass

            for number in range(places + waiting):
                crowd.leave(number)


class TestClosed:
    """At the end of a process nobody is let in any more."""

    def test_whoever_comes_is_turned_away(self) -> None:
        """Though there are places."""
        gate = HashingGate(at_once=2, waiting=2, patience=_LONG)

        gate.close()

        with pytest.raises(Throttled, match="busy"), gate.place():
            pass

    def test_it_waits_for_who_is_inside_and_turns_away_who_waits(self) -> None:
        """A place that comes free is handed to nobody."""
        gate = HashingGate(at_once=1, waiting=1, patience=_LONG)
        with ThreadPoolExecutor(3) as threads:
            crowd = Crowd(gate, threads)
            crowd.fill(0)
            (waiting,) = crowd.line_up(1)

            closing = threads.submit(gate.close)
            with pytest.raises(Throttled, match="busy"):
                waiting.result()
            was_over = closing.done()
            crowd.leave(0)
            closing.result()

            assert (was_over, crowd.order) == (False, [0])

    def test_it_waits_no_longer_than_a_person_would(self) -> None:
        """A hash that does not end does not keep the process."""
        gate = HashingGate(at_once=1, waiting=0, patience=_SHORT)

        with gate.place():
            gate.close()

        with pytest.raises(Throttled, match="busy"), gate.place():
            pass


class TestHashers:
    """Hashers of one process share one gate."""

    def test_both_kinds_of_work_need_a_place(self) -> None:
        """Hashing and verifying cost the same memory; what costs nothing needs no place."""
        gate = HashingGate(at_once=1, waiting=0, patience=_LONG)
        one, other = (Argon2Hasher(Argon2Parameters.unsafe_only_for_tests(), gate=gate) for _ in range(2))

        with gate.place():
            for work in (
                lambda: one.hash("x"),
                lambda: other.hash("x"),
                lambda: one.verify(password_hash=one.decoy, password="x"),
                lambda: one.verify(password_hash="unreadable", password="x"),
            ):
                with pytest.raises(Throttled, match="busy"):
                    work()
            assert not one.needs_rehash(other.decoy)
