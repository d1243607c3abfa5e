"""Whether the time of an answer tells a known address from an unknown one: the area under the ROC curve.

0.5 is a coin; 0.55 means that of two answers, one of each kind, the slower is the expected one 55 times in 100.
"""

from __future__ import annotations

import random
import tempfile
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import attrs
from tests.benchmarks.measuring import Deed, Timing, interleaved, show

from coproauth import Argon2Parameters, LoginRefused
from coproauth.adapters.argon2 import Argon2Hasher
from coproauth.adapters.sqlalchemy import SqlStore, StandaloneDirectory, sql_engine
from coproauth.core.identities import EmailAddress, Identity
from coproauth.testing import FakeClock, Sandbox
from coproauth.testing.machines import patient_policy

_LOGINS = 1000
_WARM_UP = 100  # rounds
_RESAMPLES = 300
_COSTS: Mapping[str, tuple[Argon2Parameters, int]] = {  # and how many times the samples are divided by
    "next to nothing": (Argon2Parameters.unsafe_only_for_tests(), 1),
    "OWASP: 19 MiB, 2, 1": (Argon2Parameters.owasp(), 4),
}


def area(first: Sequence[float], second: Sequence[float]) -> float:
    """Return the area under the ROC curve: how often one of the first is longer, ties counted half."""
    ordered = sorted(second)
    longer = sum(bisect_left(ordered, time) + bisect_right(ordered, time) for time in first)
    return longer / (2 * len(first) * len(second))


def distinguish(*, samples: int) -> None:
    """Time known and unknown addresses in turn, and print how well time tells them apart."""
    header = ["a hash costs", "", "known (ms)", "unknown (ms)", "rounds", "area", "95 %"]
    rows = (row for cost, (_, divisor) in _COSTS.items() for row in _rows(cost, samples // divisor))
    show("Known and unknown addresses", header, rows)


def _rows(cost: str, samples: int) -> Iterator[list[object]]:
    with _town(_COSTS[cost][0]) as town:
        for name, deed in {"`log_in`, wrong password": _log_in, "reset `request`": _request}.items():
            draws = [partial(_draw, deed, town, kind) for kind in ("known", "other")]
            timing = interleaved(draws, samples=samples, warm_up=_WARM_UP)
            known, unknown = timing.elapsed
            low, high = _interval(timing)
            yield [cost, name, *timing.medians(), len(known), f"{area(known, unknown):.3f}", f"{low:.3f}-{high:.3f}"]


def _interval(timing: Timing) -> tuple[float, float]:
    """Return between what the area lies with 95 %: a bootstrap over the rounds, which share their noise."""
    rounds = list(zip(*timing.elapsed, strict=True))
    areas = sorted(_area_of(random.choices(rounds, k=len(rounds))) for _ in range(_RESAMPLES))  # noqa: S311
    return areas[round(0.025 * _RESAMPLES)], areas[round(0.975 * _RESAMPLES) - 1]


def _area_of(rounds: Sequence[tuple[float, ...]]) -> float:
    return area([known for known, _ in rounds], [unknown for _, unknown in rounds])


def _draw(deed: Callable[[Sandbox, str], object], town: Sandbox, kind: str) -> Deed:
    """Draw an address, of the same length whether or not it is known."""
    return partial(deed, town, f"{kind}{random.randrange(_LOGINS):06}@example.fr")  # noqa: S311 - no secret


def _log_in(town: Sandbox, email: str) -> None:
    with suppress(LoginRefused):
        town.auth.login.log_in(email=email, password="deux loutres dans la cour", source=town.source)


def _request(town: Sandbox, email: str) -> None:
    town.auth.password_reset.request(email=email, source=town.source)


@contextmanager
def _town(cost: Argon2Parameters) -> Iterator[Sandbox]:
    """Open a town over SQLite whose logins have one password, hashed at the given cost."""
    policy = attrs.evolve(patient_policy(), argon2=cost)
    with tempfile.TemporaryDirectory() as folder:
        engine = sql_engine(f"sqlite:///{Path(folder) / 'town.sqlite3'}")
        store = SqlStore(engine)
        store.create_tables()
        town = Sandbox.build(store=store, directory=StandaloneDirectory(engine), policy=policy)
        password_hash = Argon2Hasher(cost).hash("une girafe sous la pluie")
        with store.writing() as work:
            for number in range(_LOGINS):
                work.identities.add(_login(number, password_hash, town.clock))
        yield town
        engine.dispose()


def _login(number: int, password_hash: str, clock: FakeClock) -> Identity:
    email = EmailAddress.parse(f"known{number:06}@example.fr")
    return Identity(
        id=f"{number:032}",
        email=email.address,
        email_key=email.key,
        password_hash=password_hash,
        credential_stamp=1,
        temporary_until=None,
        last_account_id=None,
        locale="fr",
        created_at=clock.now(),
        last_login_at=clock.now(),
    )
