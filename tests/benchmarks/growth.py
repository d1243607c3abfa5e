"""Whether a look-up takes the same time among few logins and among many."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import attrs
from sqlalchemy import Engine, event
from tests.benchmarks.databases import Town
from tests.benchmarks.measuring import Deed, interleaved, show
from tests.benchmarks.population import PASSWORD

from coproauth import LoginRefused, Source

_WARM_UP = 1000  # page checks: the first ones find the memory of the database cold


def _any(town: Town) -> int:
    """Return any login with an account."""
    return random.randrange(town.population.logins) // 100 * 100 + random.randrange(1, 100)  # noqa: S311 - no secret


def _nobody(town: Town) -> str:
    """Return an address that nobody has."""
    return town.population.email(town.population.logins + random.randrange(10**9))  # noqa: S311 - no secret


def _anywhere() -> Source:
    """Return a source, rarely the same twice."""
    return Source(f"198.51.{random.randrange(256)}.{random.randrange(256)}", user_agent="Firefox")  # noqa: S311


def page_check(town: Town) -> Deed:
    """Draw a session that is live, and look it up."""
    login = random.randrange(0, town.population.logins, 10)  # noqa: S311 - no secret
    return partial(town.auth.login.session, town.population.token(login))


def _by_email(town: Town, email: str, *, is_known: bool) -> None:
    with town.store.reading() as work:
        assert (work.identities.by_email(email) is not None) == is_known


def _known_address(town: Town) -> Deed:
    return partial(_by_email, town, town.population.email(_any(town)), is_known=True)


def _unknown_address(town: Town) -> Deed:
    return partial(_by_email, town, _nobody(town), is_known=False)


def _by_contact(town: Town) -> Deed:
    contact_id = town.population.contact_id(random.randrange(town.population.contacts))  # noqa: S311 - no secret
    return partial(town.auth.login.identifier_of, contact_id)


def _contacts_of(town: Town) -> Deed:
    condominium = random.randrange(town.population.condominiums)  # noqa: S311 - no secret
    return partial(town.directory.contacts_of, town.population.condominium_id(condominium))


def log_in(town: Town) -> Deed:
    """Draw a login, and log in with its password."""
    email = town.population.email(_any(town))
    return partial(town.auth.login.log_in, email=email, password=PASSWORD, source=_anywhere())


def log_in_again(town: Town) -> Deed:
    """Draw a login, have its owner come in once, and log in from the browser that is known since."""
    call = partial(town.auth.login.log_in, email=town.population.email(_any(town)), password=PASSWORD)
    source = attrs.evolve(_anywhere(), device_token="")
    signed_in = call(source=source)
    return partial(call, source=attrs.evolve(source, device_token=signed_in.device_token))


def _refused(town: Town) -> Deed:
    email, source = _nobody(town), _anywhere()

    def deed() -> None:
        with suppress(LoginRefused):
            town.auth.login.log_in(email=email, password=PASSWORD, source=source)

    return deed


def request_link(town: Town) -> Deed:
    """Draw a login, and have a reset link sent."""
    return partial(town.auth.password_reset.request, email=town.population.email(_any(town)), source=_anywhere())


def _vain_reset(town: Town) -> Deed:
    return partial(town.auth.password_reset.request, email=_nobody(town), source=_anywhere())


LOOK_UPS: Mapping[str, Callable[[Town], Deed]] = {
    "`session()`": page_check,
    "`by_email`, known": _known_address,
    "`by_email`, unknown": _unknown_address,
    "`by_contact`": _by_contact,
    "`contacts_of` a condominium": _contacts_of,
}
USE_CASES: Mapping[str, Callable[[Town], Deed]] = {
    "`log_in`": log_in,
    "`log_in`, unknown address": _refused,
    "reset `request`, known": request_link,
    "reset `request`, unknown": _vain_reset,
}


@attrs.define
class Traffic:
    """What went to the database."""

    statements: int = 0
    transactions: int = 0


@contextmanager
def traffic(engine: Engine) -> Iterator[Traffic]:
    """Count what goes to a database in the block."""
    counted = Traffic()

    def on_statement(*_: Any) -> None:
        counted.statements += 1

    def on_begin(*_: Any) -> None:
        counted.transactions += 1

    event.listen(engine, "before_cursor_execute", on_statement)
    event.listen(engine, "begin", on_begin)
    yield counted
    event.remove(engine, "before_cursor_execute", on_statement)
    event.remove(engine, "begin", on_begin)


def compare(towns: Sequence[Town], *, samples: int) -> None:
    """Time every look-up and use case in all databases, and print what came of it."""
    small, *_, large = towns
    sizes = [f"{town.population.logins:,} (ms)".replace(",", " ") for town in towns]
    header = ["", "statements", "transactions", *sizes, "of which computing here (ms)", "ratio", "95 %"]
    rows = (_row(draw, name, towns, samples) for name, draw in {**LOOK_UPS, **USE_CASES}.items())
    show(f"{large.population.logins / small.population.logins:.0f} times the logins", header, rows)


def _row(draw: Callable[[Town], Deed], name: str, towns: Sequence[Town], samples: int) -> list[object]:
    timing = interleaved([partial(draw, town) for town in towns], samples=samples, warm_up=_WARM_UP)
    deed = draw(towns[-1])
    with traffic(towns[-1].engine) as counted:
        deed()
    low, high = timing.interval()
    computing = timing.computing_medians()[-1]
    return [
        name,
        counted.statements,
        counted.transactions,
        *timing.medians(),
        computing,
        timing.ratio(),
        f"{low:.2f}-{high:.2f}",
    ]
