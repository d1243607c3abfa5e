"""``python -m tests.benchmarks``: measures by hand what ``docs/explanation`` says of speed and growth."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping

from tests.benchmarks.brute_force import brute_force
from tests.benchmarks.crowd import crowd
from tests.benchmarks.databases import towns
from tests.benchmarks.distinguishability import distinguish
from tests.benchmarks.growth import compare
from tests.benchmarks.links import links
from tests.benchmarks.operation import back_up, deliver, hashing, idle, sweep, weigh
from tests.benchmarks.performance import compare_peers
from tests.benchmarks.session_views import session_views
from tests.benchmarks.start_up import start_up
from tests.benchmarks.throughput import rushes
from tests.benchmarks.warm_memory import compare_memory
from tests.benchmarks.whereabouts import where_the_time_goes


def main() -> None:
    """Measure what the command line asks for, in the order that leaves the databases whole the longest."""
    options = _options()
    for name, measure in _ALONE.items():
        if name in options.what:
            measure(options.samples)
    if set(options.what) <= set(_ALONE):
        return
    with towns(options.on, options.sizes, at=options.at) as found:
        largest = found[-1]
        if "sizes" in options.what:
            weigh(largest)
        if "look-ups" in options.what:
            compare(found, samples=options.samples)
        if "backup" in options.what:
            back_up(largest)
        if "throughput" in options.what:
            rushes(found, seconds=options.seconds, rounds=3)
        if "courier" in options.what:
            deliver(largest, mails=500)
        if "purge" in options.what:
            idle(largest)
            sweep(largest)


_AT = "keep the databases (a measured purge spoils them): a folder for SQLite, for PostgreSQL a URL up to the size"
_ALONE: Mapping[str, Callable[[int], None]] = {  # what needs no filled database
    "hashing": lambda _: hashing(rounds=40),
    "warm-memory": lambda _: compare_memory(rounds=20),
    "brute-force": lambda _: brute_force(),
    "start-up": lambda _: start_up(rounds=40),
    "links": lambda samples: links(samples=samples),
    "session-view": lambda samples: session_views(samples=samples),
    "distinguishability": lambda samples: distinguish(samples=samples),
    "peers": lambda samples: compare_peers(rounds=max(3, samples // 10), many=10**6),
    "crowd": lambda _: crowd(),
    "profile": lambda samples: where_the_time_goes(samples=samples),
}
_WHAT = [*_ALONE, "sizes", "look-ups", "backup", "throughput", "courier", "purge"]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Measure speed and growth.")
    parser.add_argument("--only", nargs="+", choices=_WHAT, default=_WHAT, dest="what", help="what to measure (all)")
    parser.add_argument("--on", choices=["sqlite", "postgresql"], default="postgresql", help="the engine")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10**4, 10**6], help="logins, multiples of 100")
    parser.add_argument("--samples", type=int, default=1000, help="rounds of each look-up and comparison")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each rush")
    parser.add_argument("--at", help=_AT)
    return parser.parse_args()


if __name__ == "__main__":
    main()
