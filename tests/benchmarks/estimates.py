"""What rounds say: a figure, and between what it lies."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from itertools import chain
from statistics import median, quantiles
from typing import TypeVar

import attrs
from tests.benchmarks.distinguishability import area

_RESAMPLES = 300
T = TypeVar("T")


@attrs.frozen(kw_only=True)
class Estimate:
    """A figure, and between what it lies with 95 %."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, rounds: Sequence[T], figure: Callable[[Sequence[T]], float]) -> Estimate:
        """Estimate a figure by a bootstrap over rounds: what was measured in one shares its noise."""
        drawn = sorted(figure(random.choices(rounds, k=len(rounds))) for _ in range(_RESAMPLES))  # noqa: S311
        low, high = drawn[round(0.025 * _RESAMPLES)], drawn[round(0.975 * _RESAMPLES) - 1]
        return cls(value=figure(rounds), low=low, high=high)


Turn = Sequence[float]


def typical(turns: Sequence[tuple[Turn, ...]], place: int = 0) -> float:
    """Return the median of all times of a deed, which are at a place in each round."""
    return median(_all(turns, place))


def ratio(turns: Sequence[tuple[Turn, Turn]]) -> float:
    """Return the first median divided by the second."""
    return typical(turns) / typical(turns, 1)


def above(turns: Sequence[tuple[Turn, Turn]]) -> float:
    """Return how much more the first median is than the second."""
    return typical(turns) - typical(turns, 1)


def telling(turns: Sequence[tuple[Turn, Turn]]) -> float:
    """Return the area under the ROC curve of the first against the second, whichever is the slower."""
    found = area(_all(turns, 0), _all(turns, 1))
    return max(found, 1 - found)


def ninety_fifth(turns: Sequence[tuple[Turn, ...]]) -> float:
    """Return what 95 of 100 stay below."""
    return quantiles(_all(turns, 0), n=20)[-1]


def _all(turns: Sequence[tuple[Turn, ...]], place: int) -> list[float]:
    return list(chain.from_iterable(turn[place] for turn in turns))
