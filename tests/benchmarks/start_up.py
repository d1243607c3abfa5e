"""What it takes to start: how much longer a process lives that imports the library than one that does nothing."""

from __future__ import annotations

import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

import attrs
from tests.benchmarks.measuring import Deed, interleaved, show

K = TypeVar("K")

_RESAMPLES = 500
_WARM_UP = 2
_WIRE = """
from coproauth import Coproauth
from coproauth.adapters.memory import MemoryDirectory, MemoryMailer, MemoryStore
auth = Coproauth(
    store=MemoryStore(), directory=MemoryDirectory(), mailer=MemoryMailer(),
    secret_keys=["a key of a benchmark, 0123456789 abcdefghij"], portal_url="https://app.example.fr",
)
"""
_LOG_IN = """
from coproauth import LoginRefused, Source
try:
    auth.login.log_in(email="a@example.fr", password="deux loutres dans la cour", source=Source("192.0.2.1"))
except LoginRefused:
    pass
"""
STATEMENTS: Mapping[str, str] = {
    "`import coproauth`": "import coproauth",
    "`from coproauth.errors import LoginRefused`": "from coproauth.errors import LoginRefused",
    "`from coproauth import Coproauth`": "from coproauth import Coproauth",
    "`Coproauth(…)`, in memory": _WIRE,
    "the same, and the first `log_in`": _WIRE + _LOG_IN,
}
"""What is told apart, and how it is done."""


@attrs.frozen(kw_only=True)
class StartUp:
    """Milliseconds above an empty interpreter: the difference of the medians, and between what it lies with 95 %.

    Attributes:
        computing: likewise of processor time, which other work on the machine disturbs less.
    """

    above: float
    low: float
    high: float
    computing: float


def time_start(statements: Mapping[K, str], *, rounds: int) -> Mapping[K, StartUp]:
    """Start each statement and an empty interpreter in turn, one process each, byte code written before."""
    with _environment() as environment:
        starts = [_Start(statement, environment) for statement in ("pass", *statements.values())]
        elapsed = interleaved([start.again for start in starts], samples=rounds, warm_up=_WARM_UP).elapsed
    empty, *others = zip(elapsed, [start.computing[_WARM_UP:] for start in starts], strict=True)
    return {name: _above(*empty, *other) for name, other in zip(statements, others, strict=True)}


def start_up(*, rounds: int) -> None:
    """Print what it takes to start."""
    rows = (
        [name, found.above, f"{found.low:.0f}-{found.high:.0f}", found.computing]
        for name, found in time_start(STATEMENTS, rounds=rounds).items()
    )
    show("To start, above an empty interpreter", ["", "ms", "95 %", "ms of processor time"], rows)


@contextmanager
def _environment() -> Iterator[Mapping[str, str]]:
    """Have byte code kept, as an installation has it, whatever the shell says."""
    with tempfile.TemporaryDirectory() as folder:
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        yield {**kept, "PYTHONPYCACHEPREFIX": folder}


@attrs.frozen
class _Start:
    """Starts a process again and again, and notes what each computed, in seconds."""

    statement: str
    environment: Mapping[str, str]
    computing: list[float] = attrs.field(factory=list, init=False)

    def again(self) -> Deed:
        return self._run

    def _run(self) -> None:
        before = _computed_by_children()
        subprocess.run([sys.executable, "-c", self.statement], check=True, env=self.environment)  # noqa: S603 - ours
        self.computing.append(_computed_by_children() - before)


def _computed_by_children() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def _above(
    empty: Sequence[float], empty_computing: Sequence[float], elapsed: Sequence[float], computing: Sequence[float]
) -> StartUp:
    rounds = list(zip(empty, elapsed, strict=True))
    drawn = sorted(_difference(random.choices(rounds, k=len(rounds))) for _ in range(_RESAMPLES))  # noqa: S311
    low, high = drawn[round(0.025 * _RESAMPLES)], drawn[round(0.975 * _RESAMPLES) - 1]
    computed = _difference(list(zip(empty_computing, computing, strict=True)))
    return StartUp(above=_difference(rounds), low=low, high=high, computing=computed)


def _difference(rounds: Sequence[tuple[float, float]]) -> float:
    return 1000 * (statistics.median(last for _, last in rounds) - statistics.median(first for first, _ in rounds))
