"""Whatever state a login is in, an answer that must not tell it takes the same work: hashes, statements, round trips.

How long an answer takes is measured elsewhere, by ``python -m tests.benchmarks --only distinguishability``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import attrs
import pytest
from sqlalchemy import event
from tests.attacks.pathways import GUESS, STATES, WAYS, Scene, Way, answer_to
from tests.town import JEANNE, Town

from coproauth import Source
from coproauth.adapters.sqlalchemy import SqlStore, sql_engine
from coproauth.core.audit import AuditEvent
from coproauth.core.throttling import ThrottleKey
from coproauth.ports import Throttle
from coproauth.testing.sandbox import PASSWORD

_NOBODY = "nobody@example.org"


@attrs.frozen
class CountingThrottle:
    """A throttle whose calls are counted."""

    inner: Throttle
    work: Counter[str]

    def admit(self, keys: Sequence[ThrottleKey], *, at: datetime) -> timedelta:
        """Count an attempt."""
        self.work["throttle.admit"] += 1
        return self.inner.admit(keys, at=at)

    def settle(self, *, forgive: Sequence[ThrottleKey] = (), clear: Sequence[ThrottleKey] = ()) -> None:
        """Give an attempt back."""
        self.work["throttle.settle"] += 1
        self.inner.settle(forgive=forgive, clear=clear)

    def counted(self, key: ThrottleKey, *, at: datetime) -> int:
        """Tell what a key has counted."""
        self.work["throttle.counted"] += 1
        return self.inner.counted(key, at=at)


@attrs.frozen
class CountingAudit:
    """Counts what is recorded."""

    work: Counter[str]

    def record(self, event: AuditEvent) -> None:
        """Count one event of its pathway."""
        self.work[f"audit.record {event.pathway}"] += 1


@attrs.frozen
class Workshop:
    """A town over SQLite in which all work is counted."""

    town: Town
    work: Counter[str]

    def done_by(self, act: Callable[[], object]) -> dict[str, int]:
        """Return what a call took, whatever it is answered with."""
        self.town.hasher.seen.clear()
        self.work.clear()
        answer_to(act)
        return {**self.work, "hashes": len(self.town.hasher.seen)}


@contextmanager
def _workshop(folder: Path) -> Iterator[Workshop]:
    """Open an empty town; its source has been counted before, as it is of those who try many addresses."""
    engine = sql_engine(f"sqlite:///{folder / 'town.sqlite3'}")
    store, work = SqlStore(engine), Counter[str]()
    store.create_tables()
    throttle = CountingThrottle(store.throttle(), work)
    town = Town.found(store=store, throttle=throttle, audit=CountingAudit(work))
    town.auth.password_reset.request(email=_NOBODY, source=town.source)
    answer_to(lambda: town.log_in(_NOBODY, password=GUESS))
    event.listen(engine, "before_cursor_execute", lambda *_: work.update(["statements"]))
    event.listen(engine, "begin", lambda *_: work.update(["units of work"]))
    yield Workshop(town, work)
    engine.dispose()


@pytest.mark.parametrize("way", WAYS, ids=lambda way: f"{way.method}: {way.answer.partition(' ')[0]}")
def test_a01_a02_every_state_takes_the_same_work(way: Way, tmp_path: Path) -> None:
    """On every way that is in the table of attacks; activation tells its own states apart by design."""
    taken = {}
    for state in way.states:
        folder = tmp_path / state
        folder.mkdir()
        with _workshop(folder) as workshop:
            act = way.prepare(Scene.of(state, town=workshop.town))
            taken[state] = workshop.done_by(act)

    assert taken == dict.fromkeys(way.states, taken[way.states[0]])
    assert taken[way.states[0]]["statements"] > 1


def test_a01_a_locked_login_takes_the_same_work_as_a_locked_stranger(tmp_path: Path) -> None:
    """Nothing is looked up, and nothing hashed, while an address must wait."""
    taken = {}
    for state in STATES:
        folder = tmp_path / state
        folder.mkdir()
        with _workshop(folder) as workshop:
            town = Scene.of(state, town=workshop.town).town
            for number in range(10):
                source = Source(f"198.51.100.{number}")
                answer_to(lambda: town.auth.login.log_in(email=JEANNE, password=GUESS, source=source))  # noqa: B023
            taken[state] = workshop.done_by(lambda: town.log_in(JEANNE, password=GUESS))  # noqa: B023

    assert taken == dict.fromkeys(STATES, taken["known"])
    assert taken["known"]["hashes"] == 0


def test_the_same_mails_are_queued_for_a_taken_address_as_for_a_free_one(tmp_path: Path) -> None:
    """The one to the taken address is void: the courier sends nobody a link for it."""
    with _workshop(tmp_path) as workshop:
        town = workshop.town
        town.move_in(JEANNE)
        mallory = town.move_in("mallory@example.org").token
        town.auth.deliver_mail()
        before = len(town.mailer.sent)

        town.auth.login.change_email(mallory, new_email=JEANNE, current_password=PASSWORD, source=town.source)

        with town.store.reading() as work:
            waiting = [mail.to for mail in work.outbox.waiting(limit=10)]
        town.auth.deliver_mail()
        assert sorted(waiting) == [JEANNE, "mallory@example.org"]
        assert [mail.to for mail in town.mailer.sent[before:]] == ["mallory@example.org"]
