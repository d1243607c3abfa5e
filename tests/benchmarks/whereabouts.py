"""Where the time of a log-in and of a page check goes, by who wrote the code: a profile, drawn."""

from __future__ import annotations

import cProfile
import pstats
import re
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.benchmarks.chart import bars
from tests.benchmarks.databases import Town, towns
from tests.benchmarks.growth import log_in_again, page_check
from tests.benchmarks.measuring import Deed, show

_STATIC = Path(__file__).parents[2] / "docs" / "_static"
_DEEDS: Mapping[str, Callable[[Town], Deed]] = {"login": log_in_again, "page check": page_check}
_WARM_UP = 50
_LEAST = 0.01  # of the whole: what is less is not drawn
_BUILT_IN = {"sqlite3": "SQLite, in C", "argon2": "Argon2, in C", "_cffi_backend": "Argon2, in C"}


def where_the_time_goes(*, samples: int) -> None:
    """Print and draw the shares, over SQLite with hashes as good as free."""
    with towns("sqlite", [10**4]) as (town,):
        for name, draw in _DEEDS.items():
            shares = _shares(town, draw, samples)
            show(f"Where the time of a {name} goes", ["", "share"], [(owner, share) for owner, share in shares.items()])
            (_STATIC / f"profile-{name.replace(' ', '-')}.svg").write_text(
                bars(shares, title=f"Where the time of a {name} goes"), "utf-8"
            )


def _shares(town: Town, draw: Callable[[Town], Deed], samples: int) -> dict[str, float]:
    for _ in range(_WARM_UP):
        draw(town)()
    profile, deeds = cProfile.Profile(), [draw(town) for _ in range(samples)]
    profile.enable()
    for deed in deeds:
        deed()
    profile.disable()
    spent = Counter[str]()
    for (file, _, function), (_, _, own, _, _) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        spent[_owner(file, function)] += own
    return {owner: time / spent.total() for owner, time in spent.most_common() if time / spent.total() > _LEAST}


def _owner(file: str, function: str) -> str:
    """Return whose a function is."""
    generated = re.fullmatch(r"<attrs generated methods coproauth\.(\w+).*>", file)
    if generated:
        return f"coproauth, {generated[1]}"
    parts = Path(file).parts
    if file == "~":  # in C
        return next((name for word, name in _BUILT_IN.items() if word in function), "Python itself, in C")
    if "coproauth" in parts:
        place = len(parts) - 1 - parts[::-1].index("coproauth")
        return f"coproauth, {Path(*parts[place + 1 : place + 2]).stem}"
    if "site-packages" in parts:
        return Path(parts[parts.index("site-packages") + 1]).stem
    return "standard library"
