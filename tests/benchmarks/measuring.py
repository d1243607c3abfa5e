"""How things are timed and compared, and the tables that are printed."""

from __future__ import annotations

import random
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Sequence

import attrs

_RESAMPLES = 500

Deed = Callable[[], object]
"""What is timed: one call, its key drawn before."""


@attrs.frozen(kw_only=True)
class Timing:
    """What the same deed took on several databases, round by round.

    Attributes:
        elapsed: seconds, a list for each database; the rounds of one list are those of the others.
        computing: seconds of processor time in this process, likewise.
    """

    elapsed: Sequence[Sequence[float]]
    computing: Sequence[Sequence[float]]

    def medians(self) -> list[float]:
        """Return the median of each database, in milliseconds."""
        return [1000 * statistics.median(times) for times in self.elapsed]

    def computing_medians(self) -> list[float]:
        """Return the median processor time of each database, in milliseconds."""
        return [1000 * statistics.median(times) for times in self.computing]

    def ratio(self) -> float:
        """Return how many times the first median the last one is."""
        first, *_, last = self.medians()
        return last / first

    def interval(self) -> tuple[float, float]:
        """Return between what the ratio lies with 95 %: a bootstrap over the rounds, which share their noise."""
        rounds = list(zip(self.elapsed[0], self.elapsed[-1], strict=True))
        ratios = sorted(_ratio(random.choices(rounds, k=len(rounds))) for _ in range(_RESAMPLES))  # noqa: S311
        return ratios[round(0.025 * _RESAMPLES)], ratios[round(0.975 * _RESAMPLES) - 1]


def interleaved(deeds: Sequence[Callable[[], Deed]], *, samples: int, warm_up: int) -> Timing:
    """Time deeds side by side: in each round every one once, in a random order; what disturbs one disturbs all.

    Args:
        deeds: each draws a key, unmeasured, and returns what is measured.
        samples: measured rounds.
        warm_up: rounds before those.
    """
    elapsed: list[list[float]] = [[] for _ in deeds]
    computing: list[list[float]] = [[] for _ in deeds]
    for number in range(-warm_up, samples):
        for place in random.sample(range(len(deeds)), len(deeds)):
            deed = deeds[place]()
            started, computed = time.perf_counter(), time.process_time()
            deed()
            ended, done = time.perf_counter(), time.process_time()
            if number >= 0:
                elapsed[place].append(ended - started)
                computing[place].append(done - computed)
    return Timing(elapsed=elapsed, computing=computing)


def show(title: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a Markdown table, each row as soon as it is known; numbers with three figures."""
    for line in (f"\n### {title}\n", _line(header), _line(["---"] * len(header))):
        sys.stdout.write(f"{line}\n")
    for row in rows:
        sys.stdout.write(f"{_line(row)}\n")
        sys.stdout.flush()


def _line(cells: Sequence[object]) -> str:
    return f"| {' | '.join(map(_text, cells))} |"


def _text(cell: object) -> str:
    if not isinstance(cell, float):
        return str(cell)
    return f"{cell:.0f}" if abs(cell) >= 100 else f"{cell:.3g}"


def _ratio(rounds: Sequence[tuple[float, float]]) -> float:
    return statistics.median(last for _, last in rounds) / statistics.median(first for first, _ in rounds)
