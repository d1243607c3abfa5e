"""Many workers that begin at the same instant: threads of this process, or processes of their own."""

from __future__ import annotations

import multiprocessing
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypeVar

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


@attrs.frozen
class Failure:
    """What came of a call that neither succeeded nor was refused."""

    trace: str


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
        return Sandbox.build(
            store=self.adapters.store, directory=self.adapters.directory, policy=policy or patient_policy()
        )

    def together(self, call: Callable[[int], T], *, of: int = WORKERS) -> list[T | Refused]:
        """Return what each worker's call answered, in the order of their numbers; nothing but a refusal may be raised.

        Args:
            call: is given the number of its worker, from 0.
            of: how many workers.
        """
        answers = _by_threads(call, of) if self.workers == "threads" else _by_processes(call, of, self.adapters.engine)
        traces = [answer.trace for answer in answers if isinstance(answer, Failure)]
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


def _answer(call: Callable[[int], T], number: int) -> T | Refused | Failure:
    try:
        return call(number)
    except Refused as refused:
        return refused
    except BaseException:  # noqa: BLE001 - told by whoever waits
        return Failure(traceback.format_exc())


def _by_threads(call: Callable[[int], T], of: int) -> list[T | Refused | Failure]:
    barrier = threading.Barrier(of)
    answers: dict[int, T | Refused | Failure] = {}

    def run(number: int) -> None:
        barrier.wait(_PATIENCE)
        answers[number] = _answer(call, number)

    workers = [threading.Thread(target=run, args=[number]) for number in range(of)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return [answers[number] for number in range(of)]


def _by_processes(call: Callable[[int], T], of: int, engine: Engine) -> list[T | Refused | Failure]:
    engine.dispose()  # no connection may be carried across a fork (sqlite.org/howtocorrupt.html §2.6)
    context = multiprocessing.get_context("fork")
    barrier, answers = context.Barrier(of), context.SimpleQueue()

    def run(number: int) -> None:
        engine.connect().close()
        barrier.wait(_PATIENCE)
        answers.put((number, _answer(call, number)))
        engine.dispose()

    workers = [context.Process(target=run, args=[number]) for number in range(of)]
    for worker in workers:
        worker.start()
    by_number = dict(answers.get() for _ in workers)
    for worker in workers:
        worker.join()
    return [by_number[number] for number in range(of)]
