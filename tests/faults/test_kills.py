"""A process may be killed before and after every statement and commit: nothing is lost, and nothing is half done.

What is counted before an attempt is looked at may have been counted once more: throttles err towards caution.
"""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import attrs
import pytest
from sqlalchemy import event
from tests.engines import Adapters, adapters_on, empty
from tests.faults.deeds import DEEDS, Deed, reason_of
from tests.faults.kills import Fate, survives
from tests.faults.states import State

from coproauth.core.messages import Message
from coproauth.testing import Sandbox
from coproauth.testing.machines import patient_policy

MAILS = 3
# MariaDB takes as long as both: it is tried where there is time.
KINDS = ("sqlite", "postgresql", *(("mariadb",) if os.environ.get("HYPOTHESIS_PROFILE") == "long" else ()))
_kills: Counter[tuple[str, str]] = Counter()


@attrs.frozen
class FileMailer:
    """Writes what it is given to a file, and returns once it is on the disk.

    Attributes:
        path: holds the id of one mail a line.
        fate: may end the process before and after a mail is written.
    """

    path: Path
    fate: Fate | None = None

    def send(self, message: Message) -> None:
        """Take one message."""
        self._pass_point()
        with self.path.open("a") as file:
            file.write(f"{message.id}\n")
            file.flush()
            os.fsync(file.fileno())
        self._pass_point()

    def sent(self) -> list[str]:
        """Return the ids of what was written so far."""
        return self.path.read_text().split() if self.path.exists() else []

    def _pass_point(self) -> None:
        if self.fate is not None:
            self.fate.pass_point()


@pytest.mark.parametrize("prepare", DEEDS, ids=lambda deed: deed.__name__)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.no_cover
def test_a_use_case_is_kept_whole_or_not_at_all(
    kind: str, prepare: Callable[[Sandbox], Deed], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Wherever its process is killed, a use case has changed all it changes or nothing, and can be run again."""
    with _adapters(kind, request, tmp_path) as adapters:
        town, deed = _prepared(adapters, prepare)
        points = 0
        for points in itertools.count():
            survived = survives(partial(_run, deed), engine=adapters.engine, points=points)

            if _is_kept(town, deed, adapters):
                _require_told(town, deed)
                town, deed = _prepared(adapters, prepare)
            else:
                assert not survived  # and the next runs it again, on what this one left
            if survived:
                break
            _kills[kind, prepare.__name__] += 1

    assert points > 10


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.no_cover
def test_a_mail_is_delivered_at_least_once(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Wherever a courier is killed, each mail waits or was handed over; only the one in its hands goes out twice."""
    with _adapters(kind, request, tmp_path) as adapters:
        points = 0
        for points in itertools.count():
            town = _new_town(adapters)
            queued = _queue_mail(town)
            mailer = FileMailer(tmp_path / f"sent-{points}")

            survived = survives(partial(_courier, town, mailer), engine=adapters.engine, points=points)

            assert {*mailer.sent(), *_waiting(town)} == set(queued)
            if survived:
                assert sorted(mailer.sent()) == sorted(queued)
                break
            _kills[kind, "deliver"] += 1
            town.later(minutes=5)
            _courier(town, mailer)
            assert _waiting(town) == []
            assert set(mailer.sent()) == set(queued)
            assert len(mailer.sent()) <= MAILS + 1

    assert points > 10


def test_five_hundred_processes_were_killed() -> None:
    """The laws above were tried at so many instants that none is left out."""
    if len(_kills) < len(KINDS) * (len(DEEDS) + 1):
        pytest.skip("only some of the use cases were run")

    assert _kills.total() >= 500


@contextmanager
def _adapters(kind: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[Adapters]:
    """Open the adapters of one kind; what a killed process has written is in the machine's memory, and safe there."""
    with adapters_on(kind, request, folder) as adapters:
        if kind == "sqlite":
            event.listen(
                adapters.engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous = OFF")
            )
            adapters.engine.dispose()
        yield adapters


def _new_town(adapters: Adapters) -> Sandbox:
    """Return a town with nobody in it, whose throttle does not count how often we try."""
    empty(adapters.engine)
    return Sandbox.build(store=adapters.store, directory=adapters.directory, policy=patient_policy())


def _prepared(adapters: Adapters, prepare: Callable[[Sandbox], Deed]) -> tuple[Sandbox, Deed]:
    """Return a town in which a use case is ready to be run."""
    town = _new_town(adapters)
    deed = prepare(town)
    assert State.of(adapters.engine) == deed.before
    return town, deed


def _run(deed: Deed, _: Fate) -> str | None:
    return reason_of(deed.act)


def _is_kept(town: Sandbox, deed: Deed, adapters: Adapters) -> bool:
    """Whether a use case was kept: then all of it, else nothing; the session that it ends tells the same."""
    state = State.of(adapters.engine)
    assert state in {deed.before, deed.after}
    if deed.ended is not None:
        refusal = reason_of(partial(town.auth.login.session, deed.ended))
        assert refusal == ("session_refused" if state == deed.after else None)
    return state == deed.after


def _require_told(town: Sandbox, deed: Deed) -> None:
    """Run a use case again that was kept although nobody heard: it says so, and the login's owner gets in."""
    assert reason_of(deed.act) == deed.repeated
    if deed.opens is not None:
        email, password = deed.opens
        assert town.log_in(email, password=password).session.email == email


def _queue_mail(town: Sandbox) -> list[str]:
    """Return the ids of mail that waits for a courier."""
    for number in range(MAILS):
        town.auth.password_reset.request(email=f"person{number}@example.fr", source=town.source)
    return _waiting(town)


def _waiting(town: Sandbox) -> list[str]:
    with town.store.reading() as work:
        return [intention.id for intention in work.outbox.waiting(limit=100)]


def _courier(town: Sandbox, mailer: FileMailer, fate: Fate | None = None) -> int:
    return attrs.evolve(town.auth.courier, mailer=attrs.evolve(mailer, fate=fate)).deliver()
