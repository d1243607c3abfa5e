"""``coproauth hash-cost``: measure what password hashes cost on this machine, and say which to take."""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import attrs

from coproauth.commands.options import positive_duration
from coproauth.commands.terminal import say
from coproauth.policy import Argon2Parameters

NAME = "hash-cost"
HELP = "measure what a password hash costs on this machine, and recommend parameters"

_BUDGET = timedelta(seconds=10)  # for all measuring; the row that is begun is finished
_ROUNDS = 5  # of each row, the median counts
_TOO_SLOW = 3  # times the target; then what is dearer need not be tried
_MEMORY_SHARE = 4  # all hashes at once may take this part of the machine's memory
_PASSWORD = "trois petits chats sous la pluie"  # noqa: S105 - nobody's


_HEAD = "  memory  passes  lanes     alone {:>11}  a second  memory in all"


def _cost(mebibytes: int, passes: int, lanes: int) -> Argon2Parameters:
    return Argon2Parameters(memory_cost=mebibytes * 1024, time_cost=passes, parallelism=lanes)


CANDIDATES = (  # from the cheapest to the dearest; each at one lane, and at the four of RFC 9106
    Argon2Parameters.owasp(),
    Argon2Parameters.owasp(passes=1),
    *(_cost(64, passes, lanes) for passes in (1, 2) for lanes in (4, 1)),
    Argon2Parameters.rfc_9106_low_memory(),
    _cost(64, 3, 1),
    *(_cost(mebibytes, passes, lanes) for mebibytes in (128, 256) for passes in (2, 3) for lanes in (4, 1)),
    *(_cost(1024, 1, lanes) for lanes in (4, 1)),
    Argon2Parameters.rfc_9106(),
)


@attrs.frozen(kw_only=True)
class Measured:
    """What one cost comes to.

    Attributes:
        alone: how long a hash takes while nothing else is computed.
        crowded: how long each takes while all places are taken.
    """

    parameters: Argon2Parameters
    alone: timedelta
    crowded: timedelta

    @property
    def strength(self) -> int:
        """Memory times passes: what a guess costs whoever stole the table."""
        return self.parameters.memory_cost * self.parameters.time_cost


def recommend(measured: Sequence[Measured], *, target: timedelta) -> Measured | None:
    """Return the strongest cost whose hashes take no longer than the target while all places are taken.

    Of several that are as strong, the fastest; None if even the cheapest takes longer.
    """
    fitting = [each for each in measured if each.crowded <= target]
    return max(fitting, key=lambda each: (each.strength, -each.crowded), default=None)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare how long a hash may take."""
    parser.add_argument(
        "--target",
        type=positive_duration,
        metavar="TIME",
        default=timedelta(milliseconds=250),
        help="how long a hash may take, such as 250ms or 0.5s; 250ms if not given",
    )


def run(options: argparse.Namespace) -> int:
    """Measure for ten seconds or so, and print the table and what to write into the configuration."""
    from coproauth.adapters.argon2_core import can_lend  # noqa: PLC0415 - only when it runs

    places = os.cpu_count() or 1
    say(f"Cores: {places}. Memory: {_memory() // 1024} MiB. Each cost is measured alone, and {places} at once.")
    say(f"Memory is {'kept warm between hashes' if can_lend() else 'taken anew for each hash'}.\n")
    say(_HEAD.format(f"{places} at once"))
    measured = []
    for row in _measurements(places, options.target):
        measured.append(row)
        say(_as_row(row, places))
    say("\n" + _advice(recommend(measured, target=options.target), places, options.target))
    return 0


def _measurements(places: int, target: timedelta) -> Iterator[Measured]:
    """Yield one cost after the other, until the next would take too much of anything."""
    until = time.monotonic() + _BUDGET.total_seconds()
    affordable = [each for each in CANDIDATES if each.memory_cost * places <= _memory() // _MEMORY_SHARE]
    for parameters in affordable:
        row = _measure(parameters, places)
        yield row
        if time.monotonic() > until or row.alone > _TOO_SLOW * target:
            return


def _measure(parameters: Argon2Parameters, places: int) -> Measured:
    from coproauth.adapters.argon2 import Argon2Hasher  # noqa: PLC0415 - only when it runs
    from coproauth.adapters.hashing_gate import HashingGate  # noqa: PLC0415

    gate = HashingGate(at_once=places, waiting=0, patience=_BUDGET, memory_kept=_BUDGET)
    hasher = Argon2Hasher(parameters, gate=gate)

    def took(_: int = 0) -> float:
        begun = time.perf_counter()
        hasher.hash(_PASSWORD)
        return time.perf_counter() - begun

    with ThreadPoolExecutor(places) as threads:
        alone = [took() for _ in range(_ROUNDS)]
        crowded = list(threads.map(took, range(places * _ROUNDS)))
    return Measured(
        parameters=parameters,
        alone=timedelta(seconds=statistics.median(alone)),
        crowded=timedelta(seconds=statistics.median(crowded)),
    )


def _as_row(row: Measured, places: int) -> str:
    cost, mebibytes = row.parameters, row.parameters.memory_cost // 1024
    return (
        f"{mebibytes:>4} MiB {cost.time_cost:>7} {cost.parallelism:>6} {_milliseconds(row.alone):>6} ms"
        f" {_milliseconds(row.crowded):>8} ms {places / row.crowded.total_seconds():>9.1f} {mebibytes * places:>10} MiB"
    )


def _advice(chosen: Measured | None, places: int, target: timedelta) -> str:
    if chosen is None:
        return (
            f"Nothing that is safe takes less than {_milliseconds(target)} ms here while all places are taken."
            " Allow more time with --target, or take a faster machine."
        )
    cost = chosen.parameters
    memory = cost.memory_cost // 1024 * places
    return f"""\
The strongest within {_milliseconds(target)} ms while all places are taken; all together take {memory} MiB at most.
For the configuration, the places divided by the processes of this machine:

[policy]
hashes_at_once = {places}

[policy.argon2]
memory_cost = {cost.memory_cost}
time_cost = {cost.time_cost}
parallelism = {cost.parallelism}"""


def _milliseconds(duration: timedelta) -> int:
    return round(duration / timedelta(milliseconds=1))


def _memory() -> int:
    """Return the memory of the machine in KiB."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1024
