"""How many log-ins and page checks go through at once, by processes and their threads."""

from __future__ import annotations

import multiprocessing
import random
import statistics
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier

import attrs
from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext
from tests.benchmarks.databases import SETTINGS, Town
from tests.benchmarks.growth import log_in, page_check
from tests.benchmarks.measuring import Deed, show
from tests.benchmarks.population import Population

from coproauth.adapters.sqlalchemy import sql_engine

_PATIENCE = 60.0  # seconds a process may take to get ready
_CREWS = ((1, 1), (1, 2), (1, 4), (1, 8), (2, 1), (3, 1), (4, 1))  # processes, and the threads of each
_DEEDS: Mapping[str, Callable[[Town], Deed]] = {"log-ins": log_in, "page checks": page_check}
_HEADER = ["logins", "processes", "threads of each", "a second", "conflicts per 1000", "computing there (ms)"]


@attrs.frozen(kw_only=True)
class Rush:
    """The same use case by several threads for a while.

    Attributes:
        per_second: use cases, all threads together.
        conflicts: transactions that were undone and run again, per thousand use cases.
        computing: milliseconds of processor time in these processes, per use case.
    """

    per_second: float
    conflicts: float
    computing: float


@attrs.frozen(kw_only=True)
class Case:
    """Who rushes where.

    Attributes:
        url: of the database, password included.
        logins: how many are in it.
        deed: what is done, a key of `_DEEDS`.
        threads: of each process.
        seconds: how long.
    """

    url: str = attrs.field(repr=False)
    logins: int
    deed: str
    processes: int
    threads: int
    seconds: float


def rushes(towns: Sequence[Town], *, seconds: float, rounds: int) -> None:
    """Print how many go through, by processes and threads; the rounds are interleaved."""
    for deed in _DEEDS:
        cases = [_case(town, deed, *crew, seconds) for town in towns for crew in _CREWS]
        found: dict[Case, list[Rush]] = {case: [] for case in cases}
        for _ in range(rounds):
            for case in random.sample(cases, len(cases)):
                found[case].append(_rush(case))
        rows = [(case.logins, case.processes, case.threads, *_middle(found[case])) for case in cases]
        show(f"{deed.capitalize()} at once, hashes as good as free", _HEADER, rows)


def _case(town: Town, deed: str, processes: int, threads: int, seconds: float) -> Case:
    url, logins = town.engine.url.render_as_string(hide_password=False), town.population.logins
    return Case(url=url, logins=logins, deed=deed, processes=processes, threads=threads, seconds=seconds)


def _middle(found: Sequence[Rush]) -> tuple[float, ...]:
    return tuple(statistics.median(column) for column in zip(*map(attrs.astuple, found), strict=True))


def _rush(case: Case) -> Rush:
    """Have fresh processes rush at the same time, and add up what they did."""
    context = multiprocessing.get_context("spawn")
    ready, found = context.Barrier(case.processes), context.SimpleQueue()
    crew = [context.Process(target=_take_part, args=(case, ready, found)) for _ in range(case.processes)]
    for process in crew:
        process.start()
    for process in crew:
        process.join()
    return _together([found.get() for _ in crew])


def _together(parts: Sequence[Rush]) -> Rush:
    """Return what processes did at once: rates add up, the rest is weighed by them."""
    total = sum(part.per_second for part in parts)

    def mean(values: Iterable[float]) -> float:
        return sum(part.per_second * value for part, value in zip(parts, values, strict=True)) / total

    conflicts, computing = mean(part.conflicts for part in parts), mean(part.computing for part in parts)
    return Rush(per_second=total, conflicts=conflicts, computing=computing)


def _take_part(case: Case, ready: Barrier, found: SimpleQueue[Rush]) -> None:
    """Rush in this process, as soon as the others are ready, too."""
    engine = sql_engine(case.url, settings=SETTINGS)
    town = Town(engine=engine, population=Population(logins=case.logins), filled_in=0.0)
    _at_once(town, case.deed, threads=case.threads, seconds=0.5)  # connections are open, code and pages read
    ready.wait(_PATIENCE)
    found.put(_at_once(town, case.deed, threads=case.threads, seconds=case.seconds))
    engine.dispose()


def _at_once(town: Town, deed: str, *, threads: int, seconds: float) -> Rush:
    """Do it by several threads at once, every time as somebody else."""
    counts = [0] * threads
    conflicts = [] if deed == "page checks" else _count_conflicts(town.engine)  # heard, a page check takes a detour

    def work(place: int, until: float) -> None:
        while time.perf_counter() < until:
            _DEEDS[deed](town)()
            counts[place] += 1

    started, computed = time.perf_counter(), time.process_time()
    crew = [threading.Thread(target=work, args=(place, started + seconds)) for place in range(threads)]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()
    elapsed, computing = time.perf_counter() - started, time.process_time() - computed
    done = sum(counts)
    return Rush(per_second=done / elapsed, conflicts=1000 * len(conflicts) / done, computing=1000 * computing / done)


def _count_conflicts(engine: Engine) -> list[str]:
    """Return a list to which every transaction that is undone adds its SQLSTATE."""
    found: list[str] = []

    def note(context: ExceptionContext) -> None:
        if (state := getattr(context.original_exception, "sqlstate", None)) in {"40001", "40P01"}:
            found.append(state)

    event.listen(engine, "handle_error", note)
    return found
