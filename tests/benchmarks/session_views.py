"""What it takes to say who is logged in: by a signed view, and by the page check that it spares, in the same rounds."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import attrs
from tests.benchmarks.measuring import Deed, interleaved, show

from coproauth.adapters.sqlalchemy import SqlStore, StandaloneDirectory, sql_engine
from coproauth.core.session_views import SignedViews
from coproauth.testing.sandbox import Sandbox, cheap_policy

_EMAIL = "jeanne@example.fr"
_POLICY = attrs.evolve(cheap_policy(), session_view_lifetime=timedelta(seconds=20))
_WARM_UP = 200  # rounds


@attrs.frozen(kw_only=True)
class ViewTimes:
    """Medians in microseconds, all taken in the same rounds.

    Attributes:
        read: the view alone: signature, age, content.
        believe: ``SessionViews.session`` with it, the digest of the token included.
        ask: ``LoginService.session`` on SQLite.
        length: of the view, in characters.
    """

    sign: float
    read: float
    believe: float
    ask: float
    length: int


def time_views(*, accounts: int, samples: int) -> ViewTimes:
    """Time a view of a login with some accounts beside a look into a file of SQLite that holds nobody else."""
    with _town() as town:
        for number in range(accounts):
            town.activate(town.contact(condominium=f"Résidence Les Tilleuls {number}"), _EMAIL)
        auth, token = town.auth, town.log_in(_EMAIL).token
        digest, now, session = auth.keyring.digest(token), town.clock.now(), auth.login.session(token)
        views = SignedViews(keyring=auth.keyring, policy=_POLICY)
        view = views.sign(session, digest=digest, seen_at=now)
        deeds: list[Deed] = [
            lambda: views.sign(session, digest=digest, seen_at=now),
            lambda: views.read(view, digest=digest, at=now),
            lambda: auth.session_views.session(token, view=view),
            lambda: auth.login.session(token),
        ]
        timing = interleaved([_kept(deed) for deed in deeds], samples=samples, warm_up=_WARM_UP)
    sign, read, believe, ask = (1e6 * statistics.median(times) for times in timing.elapsed)
    return ViewTimes(sign=sign, read=read, believe=believe, ask=ask, length=len(view or ""))


def session_views(*, samples: int) -> None:
    """Print what a view takes, and what it spares."""
    rows = []
    for accounts in (1, 2, 6):
        times = time_views(accounts=accounts, samples=samples)
        spared = f"{times.ask / times.believe:.1f}"
        rows.append([accounts, times.length, times.sign, times.read, times.believe, times.ask, spared])
    header = ["accounts", "characters", "sign (µs)", "read (µs)", "a page by it (µs)", "a page by SQLite (µs)", "ratio"]
    show("A signed view of a session", header, rows)


@contextmanager
def _town() -> Iterator[Sandbox]:
    with tempfile.TemporaryDirectory() as folder:
        engine = sql_engine(f"sqlite:///{Path(folder) / 'town.sqlite3'}")
        store = SqlStore(engine)
        store.create_tables()
        yield Sandbox.build(store=store, directory=StandaloneDirectory(engine), policy=_POLICY)
        engine.dispose()


def _kept(deed: Deed) -> Callable[[], Deed]:
    return lambda: deed
