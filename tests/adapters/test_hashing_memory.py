"""The memory of the gate's places: kept warm, bounded, given back, and nobody else's after a fork."""

from __future__ import annotations

import gc
import logging
import mmap
import subprocess
import sys
import textwrap
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import timedelta

import argon2
import attrs
import pytest
from tests.servers import eventually

from coproauth import Argon2Parameters, Policy, Throttled
from coproauth.adapters import argon2 as adapter
from coproauth.adapters.argon2 import Argon2Hasher
from coproauth.adapters.hashing_gate import HashingGate
from coproauth.adapters.hashing_memory import HashingMemory
from coproauth.testing.contracts import check_password_hasher
from coproauth.testing.sandbox import PASSWORD

_MEBIBYTE = 1024 * 1024
_COST = Argon2Parameters(memory_cost=1024, time_cost=1, parallelism=1)
_LONG = timedelta(minutes=1)


def _gate(*, at_once: int = 1, memory_kept: timedelta = _LONG) -> HashingGate:
    return HashingGate(at_once=at_once, waiting=8, patience=_LONG, memory_kept=memory_kept)


def _held(gate: HashingGate) -> list[int]:
    """Return how many bytes each place holds that holds any."""
    mappings = [memory._mapping for memory in gate._places]  # noqa: SLF001 - what the system sees, and no caller
    return [len(mapping) for mapping in mappings if mapping is not None]


def _waiting(gate: HashingGate) -> int:
    """Return how many threads wait to give a gate's memory back."""
    timers = [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]
    return sum(next(iter(timer.args))() is gate for timer in timers)


class TestKept:
    """What one hash was computed in the next finds warm."""

    def test_nothing_is_held_before_the_first_hash(self) -> None:
        """A process that hashes nothing takes nothing."""
        assert _held(HashingGate.of(Policy())) == []

    def test_one_after_the_other_takes_one_memory(self) -> None:
        """However many places there are."""
        gate = _gate(at_once=4)

        hasher = Argon2Hasher(_COST, gate=gate)
        for _ in range(3):
            hasher.verify(password_hash=hasher.hash(PASSWORD), password=PASSWORD)

        assert _held(gate) == [_MEBIBYTE]

    def test_many_at_once_take_no_more_than_the_places(self) -> None:
        """Bounded by construction."""
        gate = _gate(at_once=2)
        hasher = Argon2Hasher(_COST, gate=gate)

        with ThreadPoolExecutor(8) as threads:
            hashes = list(threads.map(hasher.hash, ["a", "b"] * 20))

        assert len(set(hashes)) == 40
        assert 1 <= len(_held(gate)) <= 2
        assert set(_held(gate)) == {_MEBIBYTE}

    def test_a_dearer_hash_of_before_grows_it_and_it_is_given_back_at_once(self) -> None:
        """The memory of ``argon2_limit`` is taken for as long as such a hash is verified."""
        gate = _gate()
        former = Argon2Hasher(attrs.evolve(_COST, memory_cost=4096)).hash(PASSWORD)
        hasher = Argon2Hasher(_COST, gate=gate)

        assert hasher.verify(password_hash=former, password=PASSWORD)
        assert _held(gate) == []
        assert hasher.verify(password_hash=hasher.hash(PASSWORD), password=PASSWORD)

    def test_a_cheaper_hash_of_before_leaves_it_as_it_is(self) -> None:
        """It is computed in a part of it."""
        gate = _gate()
        hasher = Argon2Hasher(_COST, gate=gate)
        former = Argon2Hasher(Argon2Parameters.unsafe_only_for_tests()).hash(PASSWORD)

        assert hasher.verify(password_hash=former, password=PASSWORD)
        assert _held(gate) == [_MEBIBYTE]

    def test_what_is_small_is_not_kept(self) -> None:
        """It costs nothing to have it anew."""
        gate = _gate()

        Argon2Hasher(Argon2Parameters.unsafe_only_for_tests(), gate=gate)

        assert _held(gate) == []


class TestGivenBack:
    """Memory that nobody needs is the system's."""

    def test_it_goes_back_when_no_hash_came_for_a_while(self) -> None:
        """And so does the thread that waited for that; the next hash takes it again."""
        gate = _gate(memory_kept=timedelta(milliseconds=100))
        hasher = Argon2Hasher(_COST, gate=gate)

        for _ in range(2):
            hasher.hash(PASSWORD)
            assert eventually(lambda: not _held(gate) and not _waiting(gate))

    def test_it_may_go_back_at_any_instant(self) -> None:
        """Even while others take it: nobody computes in memory that is gone, or in another's."""
        gate = _gate(at_once=2, memory_kept=timedelta(microseconds=200))
        hasher = Argon2Hasher(_COST, gate=gate)

        def log_in(number: int) -> bool:
            return hasher.verify(password_hash=hasher.hash(str(number)), password=str(number))

        with ThreadPoolExecutor(8) as threads:
            opened = list(threads.map(log_in, range(300)))

        assert all(opened)
        assert eventually(lambda: not _held(gate) and not _waiting(gate))

    def test_one_thread_waits_for_all(self) -> None:
        """However many hashes there were."""
        gate = _gate(at_once=2)
        hasher = Argon2Hasher(_COST, gate=gate)

        with ThreadPoolExecutor(2) as threads:
            list(threads.map(hasher.hash, ["x"] * 20))

        assert _waiting(gate) == 1

    def test_at_once_where_it_is_not_to_be_kept(self) -> None:
        """Zero switches it off, and no thread waits."""
        gate = HashingGate.of(Policy(hash_memory_kept=timedelta(0)))

        Argon2Hasher(_COST, gate=gate).hash(PASSWORD)

        assert (_held(gate), _waiting(gate)) == ([], 0)

    def test_at_once_where_there_is_no_thread_to_see_to_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Rather than never; the hash is made."""

        def exhausted(_: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        gate = _gate()
        hasher = Argon2Hasher(_COST, gate=gate)
        gate.start_anew()
        monkeypatch.setattr(threading.Timer, "start", exhausted)

        made = hasher.hash(PASSWORD)

        assert _held(gate) == []
        assert argon2.PasswordHasher().verify(made, PASSWORD)

    def test_a_gate_that_is_dropped_takes_its_memory_with_it(self) -> None:
        """The thread that waits for it keeps it not."""
        gate = _gate()
        Argon2Hasher(_COST, gate=gate)
        mapping = weakref.ref(gate._places[0])  # noqa: SLF001 - who holds it cannot be asked otherwise

        del gate
        gc.collect()

        assert mapping() is None

    def test_after_an_error_it_is_given_back(self) -> None:
        """Nobody knows what is left in it."""
        memory = HashingMemory()

        with pytest.raises(ZeroDivisionError), memory.lend(_MEBIBYTE, keep=True):
            _ = 1 / 0

        assert not memory.is_held


class TestShortage:
    """A machine without memory turns people away, and tells its operator."""

    def test_whoever_comes_then_is_told_to_come_back(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """It is no guess; afterwards the place is free."""
        gate = _gate()
        hasher = Argon2Hasher(_COST, gate=gate)
        gate.start_anew()
        with monkeypatch.context() as patch:
            patch.setattr(mmap, "mmap", _none_left)
            for work in (lambda: hasher.hash(PASSWORD), lambda: hasher.verify(password_hash="x", password="x")):
                with pytest.raises(Throttled) as refusal, caplog.at_level(logging.WARNING, "coproauth.hashing"):
                    work()
                assert (refusal.value.reason, refusal.value.retry_after) == ("busy", _LONG)

        assert ["no memory for a password hash of 1024 KiB" in line for line in caplog.messages] == [True, True]
        assert hasher.verify(password_hash=hasher.hash(PASSWORD), password=PASSWORD)

    def test_more_than_there_can_be_is_refused_by_the_system(self) -> None:
        """A mapping of an exabyte."""
        with pytest.raises(MemoryError), HashingMemory().lend(1 << 60, keep=True):
            pass


def _none_left(*_: object, **__: object) -> mmap.mmap:
    raise OSError(12, "Cannot allocate memory")


class TestOwnMemory:
    """Bindings that take no memory hash in their own, behind the same gate."""

    def test_it_keeps_the_laws_of_a_hasher(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """And holds none of ours."""
        monkeypatch.setattr(adapter, "can_lend", lambda: False)
        gate = _gate()

        check_password_hasher(lambda: nullcontext(Argon2Hasher(_COST, gate=gate)))

        assert _held(gate) == []


class TestProcesses:
    """What happens to places and memory when a process forks, or ends; each in a process of its own."""

    def test_parent_and_child_hash_on(self) -> None:
        """Places that were taken, people who waited, a lock that was held: the child has none of them."""
        _run("""
            gate = HashingGate(at_once=2, waiting=8, patience=timedelta(minutes=1), memory_kept=timedelta(minutes=1))
            hasher = Argon2Hasher(COST, gate=gate)
            made = hasher.hash("x")
            entered, leave = threading.Barrier(3), threading.Event()

            def stay():
                with gate.place() as memory, memory.lend(COST.memory_cost * 1024, keep=True) as lent:
                    lent[:9] = b"a secret!"
                    entered.wait()
                    leave.wait()
                    lent[:9] = bytes(9)

            threads = [threading.Thread(target=stay) for _ in range(2)]
            for thread in threads:
                thread.start()
            entered.wait()
            waiting = threading.Thread(target=hasher.hash, args=["y"])
            waiting.start()
            while not gate._queue:
                pass
            mappings = [memory._mapping for memory in gate._places]

            with gate._lock:
                child = os.fork()
            if not child:
                clean = not any(any(mapping[:9]) for mapping in mappings)
                with ThreadPoolExecutor(8) as pool:
                    right = list(pool.map(lambda _: hasher.verify(password_hash=made, password="x"), range(16)))
                os._exit(0 if clean and all(right) and len(gate._free) == 2 else 1)
            _, status = os.waitpid(child, 0)
            leave.set()
            for thread in (*threads, waiting):
                thread.join()

            assert os.waitstatus_to_exitcode(status) == 0
            assert hasher.verify(password_hash=made, password="x")
            assert len(gate._free) == 2
        """)

    def test_a_fork_inside_a_place_gives_the_child_none_more(self) -> None:
        """What the child leaves there is the parent's place."""
        _run("""
            gate = HashingGate(at_once=1, waiting=0, patience=timedelta(minutes=1))
            with gate.place():
                child = os.fork()
            if not child:
                os._exit(len(gate._free))
            _, status = os.waitpid(child, 0)
            assert os.waitstatus_to_exitcode(status) == 1
            assert len(gate._free) == 1
        """)

    def test_a_process_ends_while_it_hashes(self) -> None:
        """Daemon threads in the middle of a hash, and memory that is kept: it ends soon, and well."""
        _run("""
            gate = HashingGate(at_once=2, waiting=8, patience=timedelta(minutes=1), memory_kept=timedelta(hours=1))
            hasher = Argon2Hasher(COST, gate=gate)
            begun = threading.Event()

            def work():
                while True:
                    hasher.hash("x")
                    begun.set()

            for _ in range(4):
                threading.Thread(target=work, daemon=True).start()
            begun.wait()
        """)

    def test_a_process_ends_after_the_hash_that_runs(self) -> None:
        """The library calls back when it is done, and an interpreter that is gone by then must not be called."""
        told = _run("""
            gate = HashingGate(at_once=1, waiting=0, patience=timedelta(minutes=1))
            dear = Recipe.current(Argon2Parameters(memory_cost=65536, time_cost=8, parallelism=1), salt=bytes(16))
            begun = threading.Event()

            def work():
                with gate.place() as memory, memory.lend(65536 * 1024, keep=False) as lent:
                    begun.set()
                    compute_in(lent, dear, b"x")
                    os.write(1, b"done")

            threading.Thread(target=work, daemon=True).start()
            begun.wait()
        """)

        assert told == "done"


def _run(script: str) -> str:
    """Run a script in a process of its own, and return what it said."""
    head = """
        import os, threading
        from concurrent.futures import ThreadPoolExecutor
        from datetime import timedelta
        from coproauth import Argon2Parameters
        from coproauth.adapters.argon2 import Argon2Hasher
        from coproauth.adapters.argon2_core import compute_in
        from coproauth.adapters.argon2_notation import Recipe
        from coproauth.adapters.hashing_gate import HashingGate
        COST = Argon2Parameters(memory_cost=4096, time_cost=2, parallelism=2)
    """
    source = textwrap.dedent(head) + textwrap.dedent(script)
    ran = subprocess.run([sys.executable, "-c", source], capture_output=True, timeout=60, check=False, text=True)  # noqa: S603
    assert ran.returncode == 0, ran.stderr
    return ran.stdout
