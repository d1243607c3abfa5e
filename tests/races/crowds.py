"""Many workers that begin at the same instant: threads of this process, or processes of their own."""

from __future__ import annotations

import multiprocessing
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Generic, Literal, Protocol, TypeAlias, TypeVar

import attrs
import pytest
from sqlalchemy import Engine
from tests.engines import EVERYWHERE, Adapters, adapters_on

from coproauth import Policy, Refused
from coproauth.testing import Sandbox
from coproauth.testing.machines import patient_policy

T = TypeVar("T")
Workers = Literal["threads", "processes"]

WORKERS = 50
STAGES: tuple[tuple[str, Workers], ...] = (
    *((kind, "threads") for kind in EVERYWHERE),
    *((kind, "processes") for kind in EVERYWHERE if kind != "memory"),
)
_PATIENCE = 60.0  # seconds until every worker has to be ready
_LONGEST = 300.0  # seconds until every worker has to have answered; fifty share as few processors as there are


@attrs.frozen
class Failure:
    """What came of a call that neither succeeded nor was refused."""

    trace: str


_Answer: TypeAlias = T | Refused | Failure


@attrs.frozen
class Crowd:
    """People in front of one installation.

    Attributes:
        adapters: the store and the directory that all of them share.
        workers: what each of them is.
    """

    adapters: Adapters
    workers: Workers

    def town(self, *, policy: Policy | None = None) -> Sandbox:
        """Return a town; unless a policy is given, its throttle does not hide the race."""
        patient = attrs.evolve(policy or patient_policy(), store_patience=timedelta(minutes=2))
        return Sandbox.build(store=self.adapters.store, directory=self.adapters.directory, policy=patient)

    def together(self, call: Callable[[int], T], *, of: int = WORKERS) -> list[T | Refused]:
        """Return what each worker's call answered, in the order of their numbers; nothing but a refusal may be raised.

        Args:
            call: is given the number of its worker, from 0.
            of: how many workers.
        """
        answers = _by_threads(call, of) if self.workers == "threads" else _by_processes(call, of, self.adapters.engine)
        traces = [answer.trace for answer in answers if isinstance(answer, Failure)]
        traces.sort(key=lambda trace: threading.BrokenBarrierError.__name__ in trace)  # what broke it comes first
        assert not traces, f"{len(traces)} workers failed, one of them with\n{traces[0]}"
        return [answer for answer in answers if not isinstance(answer, Failure)]


@contextmanager
def gathered(stage: tuple[str, Workers], request: pytest.FixtureRequest, folder: Path) -> Iterator[Crowd]:
    """Gather a crowd on a stage: a kind of database, and what the workers are."""
    kind, workers = stage
    with adapters_on(kind, request, folder) as adapters:
        yield Crowd(adapters, workers)


def successes(answers: list[T | Refused]) -> list[T]:
    """Return the answers that are no refusals."""
    return [answer for answer in answers if not isinstance(answer, Refused)]


class _Barrier(Protocol):
    """Where workers wait for each other."""

    def wait(self, timeout: float | None = None) -> object:
        """Wait until all are there."""
        ...

    def abort(self) -> None:
        """Send all away who wait, or come later."""
        ...


def _answer(call: Callable[[int], T], number: int, barrier: _Barrier, prepare: Callable[[], object]) -> _Answer[T]:
    """Return what came of a worker's call; nothing is raised, so that whoever waits is told."""
    try:
        prepare()
        barrier.wait(_PATIENCE)
    except BaseException:  # noqa: BLE001 - told by whoever waits
        barrier.abort()
        return Failure(traceback.format_exc())
    try:
        return call(number)
    except Refused as refused:
        return refused
    except BaseException:  # noqa: BLE001 - told by whoever waits
        return Failure(traceback.format_exc())


def _by_threads(call: Callable[[int], T], of: int) -> list[_Answer[T]]:
    barrier = threading.Barrier(of)
    answers: dict[int, _Answer[T]] = {}

    def run(number: int) -> None:
        answers[number] = _answer(call, number, barrier, lambda: None)

    workers = [threading.Thread(target=run, args=[number], daemon=True) for number in range(of)]
    for worker in workers:
        worker.start()
    deadline = time.monotonic() + _LONGEST
    for worker in workers:
        worker.join(_left_until(deadline))
    return [answers.get(number, Failure(f"thread {number} is silent")) for number in range(of)]


def _by_processes(call: Callable[[int], T], of: int, engine: Engine) -> list[_Answer[T]]:
    engine.dispose()  # no connection may be carried across a fork (sqlite.org/howtocorrupt.html §2.6)
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(of)

    def run(number: int, outlet: Connection) -> None:
        outlet.send(_answer(call, number, barrier, lambda: engine.connect().close()))
        engine.dispose()

    def start(number: int) -> _Process[T]:
        inlet, outlet = context.Pipe(duplex=False)
        process = context.Process(target=run, args=[number, outlet], daemon=True)
        process.start()
        outlet.close()  # the worker's is then the only one, and what it leaves unsaid is heard
        return _Process[T](process, inlet)

    with warnings.catch_warnings():
        # Since Python 3.12 any thread beside a fork is warned of; those of the test runner hold nothing a worker needs.
        warnings.filterwarnings("ignore", message=".*fork", category=DeprecationWarning)
        workers = [start(number) for number in range(of)]
    deadline = time.monotonic() + _LONGEST
    return [worker.answer(_left_until(deadline)) for worker in workers]


@attrs.frozen
class _Process(Generic[T]):
    """A worker in a process of its own."""

    process: BaseProcess
    inlet: Connection

    def answer(self, patience: float) -> _Answer[T]:
        """Return the worker's answer, and see to its end."""
        with self.inlet:
            try:
                return self._receive(patience)
            except EOFError:
                self.process.join(_PATIENCE)
                return Failure(f"{self.process.name} ended with {self.process.exitcode} before it answered")
            finally:
                self._end()

    def _receive(self, patience: float) -> _Answer[T]:
        if not self.inlet.poll(patience):
            self.process.kill()
            return Failure(f"{self.process.name} is silent")
        answer: _Answer[T] = self.inlet.recv()
        return answer

    def _end(self) -> None:
        self.process.join(_PATIENCE)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def _left_until(deadline: float) -> float:
    return max(deadline - time.monotonic(), 0)
