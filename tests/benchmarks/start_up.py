"""What it takes to start: how much longer a process lives that imports the library than one that does nothing."""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial

import attrs
from tests.benchmarks.measuring import Deed, interleaved, show

_RESAMPLES = 500
_WIRE = """
from coproauth import Coproauth
from coproauth.adapters.memory import MemoryDirectory, MemoryMailer, MemoryStore
Coproauth(
    store=MemoryStore(), directory=MemoryDirectory(), mailer=MemoryMailer(),
    secret_keys=["a key of a benchmark, 0123456789 abcdefghij"], portal_url="https://app.example.fr",
)
"""
STATEMENTS: Mapping[str, str] = {
    "`import coproauth`": "import coproauth",
    "`from coproauth.errors import LoginRefused`": "from coproauth.errors import LoginRefused",
    "`from coproauth import Coproauth`": "from coproauth import Coproauth",
    "`Coproauth(…)`, in memory": _WIRE,
}
"""What is told apart, and how it is done."""


@attrs.frozen(kw_only=True)
class StartUp:
    """Milliseconds above an empty interpreter: the difference of the medians, and between what it lies with 95 %."""

    above: float
    low: float
    high: float


def time_start(*, rounds: int) -> Mapping[str, StartUp]:
    """Start each statement and an empty interpreter in turn, one process each, byte code written before."""
    with _environment() as environment:
        deeds = [_starts(statement, environment) for statement in ("pass", *STATEMENTS.values())]
        empty, *others = interleaved(deeds, samples=rounds, warm_up=2).elapsed
    return {name: _above(empty, elapsed) for name, elapsed in zip(STATEMENTS, others, strict=True)}


def start_up(*, rounds: int) -> None:
    """Print what it takes to start."""
    rows = (
        [name, found.above, f"{found.low:.0f}-{found.high:.0f}"] for name, found in time_start(rounds=rounds).items()
    )
    show("To start, above an empty interpreter", ["", "ms", "95 %"], rows)


@contextmanager
def _environment() -> Iterator[Mapping[str, str]]:
    """Have byte code kept, as an installation has it, whatever the shell says."""
    with tempfile.TemporaryDirectory() as folder:
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        yield {**kept, "PYTHONPYCACHEPREFIX": folder}


def _starts(statement: str, environment: Mapping[str, str]) -> Callable[[], Deed]:
    command = [sys.executable, "-c", statement]
    return lambda: partial(subprocess.run, command, check=True, env=environment)


def _above(empty: Sequence[float], elapsed: Sequence[float]) -> StartUp:
    rounds = list(zip(empty, elapsed, strict=True))
    drawn = sorted(_difference(random.choices(rounds, k=len(rounds))) for _ in range(_RESAMPLES))  # noqa: S311
    low, high = drawn[round(0.025 * _RESAMPLES)], drawn[round(0.975 * _RESAMPLES) - 1]
    return StartUp(above=_difference(rounds), low=low, high=high)


def _difference(rounds: Sequence[tuple[float, float]]) -> float:
    return 1000 * (statistics.median(last for _, last in rounds) - statistics.median(first for first, _ in rounds))
