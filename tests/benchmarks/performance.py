"""This library beside bare libraries and beside others that log people in: the table of the page on performance."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
from sqlalchemy import create_engine
from tests.benchmarks.chart import Dot, dots
from tests.benchmarks.conditions import conditions
from tests.benchmarks.contestants import ENTRIES, OURS, PSYCOPG, SQLITE
from tests.benchmarks.estimates import Estimate, above, ninety_fifth, ratio, telling, typical
from tests.benchmarks.measuring import show
from tests.benchmarks.paired import Entry, Stage, Turns, take_rushes, take_turns
from tests.benchmarks.peers.protocol import Site
from tests.benchmarks.population import Population
from tests.benchmarks.stand import Rush
from tests.benchmarks.start_up import time_start
from tests.servers import PostgresServer, ServerMissing

from coproauth import Argon2Parameters

_STATIC = Path(__file__).parents[2] / "docs" / "_static"
_CHEAP = Argon2Parameters.unsafe_only_for_tests()


@attrs.frozen(kw_only=True)
class Found:
    """Everything that was measured; rushes by contestant, imports by what is there to log in over as well.

    Attributes:
        postgresql: the version of its server; None: there is none here.
    """

    turns: Turns
    postgresql: str | None
    rushes: Mapping[str, Sequence[Rush]]
    imports: Mapping[tuple[str, str], Estimate]


@attrs.frozen(kw_only=True)
class Row:
    """A row of the table.

    Attributes:
        aim: what we want of ourselves.
        of: what a contestant, by name, was found to take; None: he has no such thing.
        is_time: in seconds, and in the chart; else a number without a unit.
    """

    name: str
    aim: str
    of: Callable[[Found, str], Estimate | None]
    is_time: bool = True


def _turns(
    figure: Callable[[Sequence[Any]], float], *deeds: tuple[str, str]
) -> Callable[[Found, str], Estimate | None]:
    """Return the figure of deeds, each of a stage, that were done in the same rounds."""

    def estimate(found: Found, name: str) -> Estimate | None:
        rounds = list(zip(*(found.turns.get((stage, name, deed), ()) for stage, deed in deeds), strict=True))
        return Estimate.of(rounds, figure) if rounds else None

    return estimate


def _above_the_hash(stage: str) -> Callable[[Found, str], Estimate | None]:
    return _turns(above, (stage, "log in"), (stage, "hash"))


def _to_the_hash(stage: str) -> Callable[[Found, str], Estimate | None]:
    return _turns(ratio, (stage, "log in"), (stage, "hash"))


def _growth(deed: str) -> Callable[[Found, str], Estimate | None]:
    return _turns(ratio, ("10⁶", deed), ("10⁴", deed))


def _rushes(figure: Callable[[Sequence[Any]], float]) -> Callable[[Found, str], Estimate | None]:
    def estimate(found: Found, name: str) -> Estimate | None:
        rushes = found.rushes.get(name)
        return Estimate.of(rushes, figure) if rushes else None

    return estimate


def _speed_up(rushes: Sequence[Rush]) -> float:
    return typical([([rush.one_by_one / rush.at_once],) for rush in rushes])


def _pages(rushes: Sequence[Rush]) -> list[tuple[Sequence[float]]]:
    return [(rush.pages,) for rush in rushes]


ROWS = (
    Row(name="login, above the hash", aim="≤ 0.5 ms", of=_above_the_hash("10⁴")),
    Row(name="login ÷ its hash, 19 MiB, 2 passes", aim="", of=_to_the_hash("19 MiB"), is_time=False),
    Row(name="login ÷ its hash, 64 MiB, 3 passes", aim="≤ 0.80", of=_to_the_hash("64 MiB"), is_time=False),
    Row(name="login ÷ its hash, 46 MiB, 1 pass", aim="≤ 0.55", of=_to_the_hash("46 MiB"), is_time=False),
    Row(name="page check", aim="≤ 45 µs", of=_turns(typical, ("10⁴", "page"))),
    Row(name="page check, PostgreSQL", aim="≤ 1.3 of bare", of=_turns(typical, ("PostgreSQL", "page"))),
    Row(name="page check, from signed data", aim="≤ 15 µs", of=_turns(typical, ("10⁴", "signed page"))),
    Row(name="8 logins: one by one ÷ at once", aim="≥ 1.9", of=_rushes(_speed_up), is_time=False),
    Row(name="page check meanwhile, median", aim="≤ 0.5 ms", of=_rushes(lambda found: typical(_pages(found)))),
    Row(name="page check meanwhile, 95 of 100", aim="≤ 10 ms", of=_rushes(lambda found: ninety_fifth(_pages(found)))),
    Row(name="reset link, made", aim="≤ 25 µs", of=_turns(typical, ("19 MiB", "make link"))),
    Row(name="reset link, checked", aim="≤ 25 µs", of=_turns(typical, ("19 MiB", "check link"))),
    Row(
        name="known or unknown? login, area",
        aim="≤ 0.53",
        of=_turns(telling, ("10⁴", "log in, wrong"), ("10⁴", "log in, unknown")),
        is_time=False,
    ),
    Row(
        name="known or unknown? reset request, area",
        aim="≤ 0.53",
        of=_turns(telling, ("10⁴", "reset"), ("10⁴", "reset, unknown")),
        is_time=False,
    ),
    Row(name="login, 10⁶ logins ÷ 10⁴", aim="≤ 1.6", of=_growth("log in"), is_time=False),
    Row(name="reset request, 10⁶ logins ÷ 10⁴", aim="≤ 1.6", of=_growth("reset"), is_time=False),
    Row(name="import coproauth", aim="≤ 75 ms", of=lambda found, name: found.imports.get(("package", name))),
    Row(name="import, with no database", aim="", of=lambda found, name: found.imports.get(("memory", name))),
    Row(name="import, over SQLite", aim="", of=lambda found, name: found.imports.get(("SQLite", name))),
)


def compare_peers(*, rounds: int, many: int) -> None:
    """Print the table, and draw it.

    Args:
        rounds: of the look-ups; half as many with a hash, a third of the rushes.
        many: how many logins "a million" is.
    """
    here = [entry for entry in ENTRIES if entry.is_here]
    for entry in (entry for entry in ENTRIES if not entry.is_here):
        sys.stdout.write(f"{entry.name} is not installed: left out.\n")
    with tempfile.TemporaryDirectory(prefix="coproauth-") as folder:
        found = _measure(here, Path(folder), rounds, many)
    show("Beside others", ["", *(_title(entry) for entry in here), "aim"], _table(found, here))
    sys.stdout.write(f"\n{conditions(postgresql=found.postgresql)}\n")
    picture = dots(_dots(found, here), title="Times as long as coproauth")
    (_STATIC / "performance.svg").write_text(picture, "utf-8")


def _measure(here: Sequence[Entry], folder: Path, rounds: int, many: int) -> Found:
    def site(logins: int, cost: Argon2Parameters, postgresql: str | None = None) -> Site:
        place = folder / f"{cost.memory_cost}"
        place.mkdir(exist_ok=True)
        return Site(people=Population(logins=logins, argon2=cost), folder=place, postgresql=postgresql)

    look_ups = ["hash", "log in", "log in, wrong", "log in, unknown", "reset", "reset, unknown", "page", "signed page"]
    few = Stage(name="10⁴", who=here, site=site(10**4, _CHEAP), deeds=look_ups)
    lots = Stage(name="10⁶", who=here, site=site(many, _CHEAP), deeds=["log in", "reset"])
    owasp = Stage(name="19 MiB", who=here, site=site(10**4, Argon2Parameters.owasp()), deeds=_HASHED)
    dearer = [
        Stage(name=name, who=[SQLITE, OURS], site=site(10**4, cost), deeds=["hash", "log in"])
        for name, cost in _DEARER.items()
    ]
    imports = _imports(here, rounds // 2)
    on_postgresql, postgresql = _on_postgresql(lambda url: site(10**4, _CHEAP, url), rounds=rounds)
    turns = {
        **take_turns([few, lots], rounds=rounds),
        **take_turns([owasp, *dearer], rounds=rounds // 2),
        **on_postgresql,
    }
    rushes = take_rushes(owasp, rounds=rounds // 3)
    return Found(turns=turns, postgresql=postgresql, rushes=rushes, imports=imports)


_HASHED = ["hash", "log in", "make link", "check link"]
_DEARER = {"64 MiB": Argon2Parameters.rfc_9106_low_memory(), "46 MiB": Argon2Parameters.owasp(passes=1)}


def _on_postgresql(site: Callable[[str], Site], *, rounds: int) -> tuple[Turns, str | None]:
    """Return what was measured there, and the version of the server; nothing and None without one."""
    try:
        with PostgresServer() as server:
            url = server.create_database("peers")
            stage = Stage(name="PostgreSQL", who=[OURS, PSYCOPG], site=site(url), deeds=["page"])
            return take_turns([stage], rounds=rounds), _server_version(url)
    except ServerMissing as missing:
        sys.stdout.write(f"{missing}\n")
        return {}, None


def _server_version(url: str) -> str:
    engine = create_engine(url)
    with engine.connect() as connection:
        version = str(connection.exec_driver_sql("SHOW server_version").scalar_one()).partition(" ")[0]
    engine.dispose()
    return version


def _imports(here: Sequence[Entry], rounds: int) -> Mapping[tuple[str, str], Estimate]:
    """Return the seconds that a process lives longer for what a log-in imports, and for our package by itself."""
    statements = {("package", OURS.name): "import coproauth"}
    statements |= {("SQLite", entry.name): entry.imports for entry in here}
    statements |= {("memory", entry.name): entry.imports_alone for entry in here if entry.imports_alone}
    return {
        place: Estimate(value=found.above / 1000, low=found.low / 1000, high=found.high / 1000)
        for place, found in time_start(statements, rounds=rounds).items()
    }


def _title(entry: Entry) -> str:
    return f"{entry.name}, 95 %" if entry == OURS else entry.name


def _table(found: Found, here: Sequence[Entry]) -> Iterator[list[str]]:
    for row in ROWS:
        cells = [_cell(row, row.of(found, entry.name), is_ours=entry == OURS) for entry in here]
        yield [row.name, *cells, row.aim]


def _cell(row: Row, estimate: Estimate | None, *, is_ours: bool) -> str:
    if estimate is None:
        return "-"
    write = _duration if row.is_time else "{:.2f}".format
    between = f" ({write(estimate.low)} to {write(estimate.high)})" if is_ours else ""
    return f"**{write(estimate.value)}**{between}" if is_ours else write(estimate.value)


def _duration(seconds: float) -> str:
    """Return a duration with two figures at least, in µs below half a millisecond."""
    micro = 1e6 * seconds
    if micro < 500:
        return f"{micro:.0f} µs" if micro >= 10 else f"{micro:.1f} µs"
    return f"{micro / 1000:.0f} ms" if micro >= 10_000 else f"{micro / 1000:.1f} ms"


def _dots(found: Found, here: Sequence[Entry]) -> Iterator[Dot]:
    for row in ROWS:
        ours = row.of(found, OURS.name)
        if not row.is_time or ours is None:
            continue
        for entry in here:
            if (theirs := row.of(found, entry.name)) is not None:
                yield Dot(row=row.name, series=entry.name, value=theirs.value / ours.value)
