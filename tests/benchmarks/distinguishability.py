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
_KNOWN, _UNKNOWN = 0, 1  # what is over when the number of an address is divided by two
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


@attrs.frozen(kw_only=True)
class Telling:
    """How well time tells two kinds of address apart.

    Attributes:
        medians: milliseconds, of a known and of an unknown address.
        rounds: in each of which every kind was asked once, in a random order.
        area: of known against unknown.
        interval: between what that lies with 95 %.
        null: of known against known, in the same rounds: what noise alone makes of it.
        null_interval: likewise.
    """

    medians: tuple[float, float]
    rounds: int
    area: float
    interval: tuple[float, float]
    null: float
    null_interval: tuple[float, float]

    @classmethod
    def of(cls, timing: Timing) -> Telling:
        """Judge the times of known, unknown, and once more known addresses."""
        known, unknown, again = timing.elapsed
        known_median, unknown_median, _ = timing.medians()
        return cls(
            medians=(known_median, unknown_median),
            rounds=len(known),
            area=area(known, unknown),
            interval=_interval(known, unknown),
            null=area(known, again),
            null_interval=_interval(known, again),
        )


def tell_apart(*, samples: int) -> Iterator[tuple[str, str, Telling]]:
    """Time known and unknown addresses in turn; yield the cost of a hash, what was done, and how well time tells."""
    for cost, (parameters, divisor) in _COSTS.items():
        with _town(parameters) as town:
            for name, deed in _DEEDS.items():
                draws = [partial(_draw, deed, town, kind) for kind in (_KNOWN, _UNKNOWN, _KNOWN)]
                timing = interleaved(draws, samples=samples // divisor, warm_up=_WARM_UP)
                yield cost, name, Telling.of(timing)


def distinguish(*, samples: int) -> None:
    """Print how well time tells known from unknown addresses, and what noise alone would make of it."""
    header = ["a hash costs", "", "known (ms)", "unknown (ms)", "rounds", "area", "95 %", "known twice", "95 %"]
    rows = (
        [
            cost,
            name,
            *told.medians,
            told.rounds,
            *_shown(told.area, told.interval),
            *_shown(told.null, told.null_interval),
        ]
        for cost, name, told in tell_apart(samples=samples)
    )
    show("Known and unknown addresses", header, rows)


def _shown(middle: float, interval: tuple[float, float]) -> tuple[str, str]:
    low, high = interval
    return f"{middle:.3f}", f"{low:.3f}-{high:.3f}"


def _interval(first: Sequence[float], second: Sequence[float]) -> tuple[float, float]:
    """Return between what the area lies with 95 %: a bootstrap over the rounds, which share their noise."""
    rounds = list(zip(first, second, strict=True))
    areas = sorted(_area_of(random.choices(rounds, k=len(rounds))) for _ in range(_RESAMPLES))  # noqa: S311
    return areas[round(0.025 * _RESAMPLES)], areas[round(0.975 * _RESAMPLES) - 1]


def _area_of(rounds: Sequence[tuple[float, float]]) -> float:
    return area([one for one, _ in rounds], [other for _, other in rounds])


def _draw(deed: Callable[[Sandbox, str], object], town: Sandbox, kind: int) -> Deed:
    """Draw an address, of the same length whether or not it is known, and from among the others."""
    return partial(deed, town, _address(random.randrange(_LOGINS), kind))  # noqa: S311 - no secret


def _address(number: int, kind: int) -> str:
    return f"{2 * number + kind:06}@example.fr"


def _log_in(town: Sandbox, email: str) -> None:
    with suppress(LoginRefused):
        town.auth.login.log_in(email=email, password="deux loutres dans la cour", source=town.source)


def _request(town: Sandbox, email: str) -> None:
    town.auth.password_reset.request(email=email, source=town.source)


_DEEDS: Mapping[str, Callable[[Sandbox, str], object]] = {
    "`log_in`, wrong password": _log_in,
    "reset `request`": _request,
}


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
    email = EmailAddress.parse(_address(number, _KNOWN))
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
