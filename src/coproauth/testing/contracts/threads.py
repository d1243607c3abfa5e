"""Several threads that do something at the same instant."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from coproauth.policy import Policy
from coproauth.ports import Store, UnitOfWork
from coproauth.services.units import atomically

T = TypeVar("T")


def together(call: Callable[[int], T], threads: int) -> list[T]:
    """Return what each thread's call answered, in the order of the threads, all begun at once.

    The first error of a thread is raised when all have ended.
    """
    barrier = threading.Barrier(threads)
    answers: dict[int, T] = {}
    failures: list[BaseException] = []

    def run(number: int) -> None:
        barrier.wait()
        try:
            answers[number] = call(number)
        except BaseException as failure:  # noqa: BLE001 - told by the thread that waits
            failures.append(failure)

    workers = [threading.Thread(target=run, args=[number]) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for failure in failures:
        raise failure
    return [answers[number] for number in range(threads)]


def elsewhere(call: Callable[[], T]) -> T:
    """Return what a call answers in another thread."""
    (answer,) = together(lambda _: call(), 1)
    return answer


def in_a_unit(store: Store, step: Callable[[UnitOfWork], T]) -> T:
    """Run a step as the services do: again, if another unit of work came in between."""
    return atomically(store, step, policy=Policy())
