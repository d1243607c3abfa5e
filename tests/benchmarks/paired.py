"""Contestants that are timed in turn, each in a process of its own: in each round everyone does everything once."""

from __future__ import annotations

import multiprocessing
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from multiprocessing.connection import Connection
from typing import TypeVar

import attrs
from tests.benchmarks.peers.protocol import Site
from tests.benchmarks.stand import Rush, Stand, rush, turn

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class Entry:
    """Somebody who may be compared.

    Attributes:
        name: in the table.
        module: in `peers`.
        needs: the package without which there is nobody.
        imports: of a program that logs people in over SQLite: all that is loaded by the time somebody is in.
        imports_alone: likewise with no database; None: there is no such thing.
    """

    name: str
    module: str
    needs: str
    imports: str
    imports_alone: str | None = None

    @property
    def is_here(self) -> bool:
        """Whether the package is installed."""
        return find_spec(self.needs) is not None


@attrs.frozen(kw_only=True)
class Stage:
    """What is done where, by whom.

    Attributes:
        deeds: of `stand`.
    """

    name: str
    who: Sequence[Entry]
    site: Site
    deeds: Sequence[str] = ()


Place = tuple[str, str]
"""The names of a stage and of a contestant."""
Turns = Mapping[tuple[str, str, str], Sequence[Sequence[float]]]
"""Seconds, by stage, contestant and deed: for each round a list."""


def take_turns(stages: Sequence[Stage], *, rounds: int) -> Turns:
    """Have everyone do everything once a round, in a random order; the first round warms up."""
    deeds = [(stage.name, entry.name, deed) for stage in stages for entry in stage.who for deed in stage.deeds]
    found: dict[tuple[str, str, str], list[list[float]]] = {deed: [] for deed in deeds}
    with _opened(stages) as at_work:
        for number in range(rounds + 1):
            for stage, name, deed in random.sample(deeds, len(deeds)):
                took = _ask(at_work[stage, name], turn, deed)
                if number and took:
                    found[stage, name, deed].append(took)
    return found


def take_rushes(stage: Stage, *, rounds: int) -> Mapping[str, Sequence[Rush]]:
    """Have everyone rush once a round, in a random order; the first round warms up."""
    names = [entry.name for entry in stage.who]
    found: dict[str, list[Rush]] = {name: [] for name in names}
    with _opened([stage]) as at_work:
        for number in range(rounds + 1):
            for name in random.sample(names, len(names)):
                rushed = _ask(at_work[stage.name, name], rush, "")
                if number:
                    found[name].append(rushed)
    return found


@contextmanager
def _opened(stages: Sequence[Stage]) -> Iterator[Mapping[Place, Connection]]:
    with ExitStack() as stack:
        yield {
            (stage.name, entry.name): stack.enter_context(_at_work(entry, stage.site))
            for stage in stages
            for entry in stage.who
        }


@contextmanager
def _at_work(entry: Entry, site: Site) -> Iterator[Connection]:
    """Open somebody's stand in a process of its own."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(entry.module, site, there), daemon=True)
    process.start()
    there.close()
    here.recv()
    yield here
    here.send(None)
    process.join()


def _ask(at_work: Connection, work: Callable[[Stand, str], T], deed: str) -> T:
    at_work.send((work, deed))
    answer: T = at_work.recv()
    return answer


def _serve(module: str, site: Site, orders: Connection) -> None:
    """Say that everything is ready, then do what is sent until there is no more."""
    stand = Stand(module, site)
    orders.send("ready")
    while order := orders.recv():
        work, deed = order
        orders.send(work(stand, deed))
