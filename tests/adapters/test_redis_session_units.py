"""Units of work around two places: what is run again, and what is overtaken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import attrs
import pytest
from tests.adapters.on_redis import NEWER, POLICY, new_namespace, replace, sessions_of, sessions_on, view
from tests.servers import RedisServer

from coproauth import Unavailable
from coproauth.adapters.memory import MemoryStore
from coproauth.adapters.redis import RedisSessions
from coproauth.errors import Interrupted
from coproauth.ports import Store, UnitOfWork
from coproauth.services.units import atomically
from coproauth.testing.contracts.samples import JEANNE, SESSION, write
from coproauth.testing.contracts.threads import elsewhere, together


class Flaky(MemoryStore):
    """Interrupts units of work at their very end, as a database does when another came in between."""

    def __init__(self, *failures: Exception) -> None:
        """Let the first units fail, one by each of these."""
        super().__init__()
        self.failures: Sequence[Exception] = failures

    @contextmanager
    def writing(self) -> Iterator[UnitOfWork]:  # type: ignore[override]
        """Open a unit of work that may fail when it is to be kept."""
        with super().writing() as work:
            yield work
            if self.failures:
                failure, *self.failures = self.failures
                raise failure


class TestInterrupted:
    """What a unit has ended counts as its own when it is run again."""

    @pytest.fixture
    def inner(self) -> Flaky:
        """The other store, well for the moment."""
        return Flaky()

    @pytest.fixture
    def store(self, inner: Flaky, redis_server: RedisServer) -> Iterator[RedisSessions]:
        """A store with Jeanne and a session of hers, around the other."""
        with sessions_on(redis_server, inner) as store:
            write(store, JEANNE, SESSION)
            yield store

    def test_a_session_is_replaced_by_the_second_run(self, store: RedisSessions, inner: Flaky) -> None:
        """The first run ended the session; the second is told so again, and opens the new one."""
        inner.failures = [Interrupted(reason="store_conflict")] * 3

        assert atomically(store, replace, policy=POLICY)

        assert sessions_of(store) == [NEWER]

    def test_between_the_runs_nobody_else_wins(self, store: RedisSessions, inner: Flaky) -> None:
        """Another thread that comes in between is told that there was no such session."""
        inner.failures = [Interrupted(reason="store_conflict")]
        with pytest.raises(Interrupted), store.writing() as work:
            replace(work)

        other = elsewhere(lambda: atomically(store, replace, policy=POLICY))

        assert (other, atomically(store, replace, policy=POLICY)) == (False, True)
        assert sessions_of(store) == [NEWER]

    def test_a_run_that_is_cut_off_before_it_ends_anything_forgets_nothing(
        self, store: RedisSessions, inner: Flaky
    ) -> None:
        """However the runs differ, what the first one ended is still the last one's."""
        inner.failures = [Interrupted(reason="store_conflict")] * 2
        runs = iter([replace, lambda _: False, replace])

        won = atomically(store, lambda work: next(runs)(work), policy=POLICY)  # noqa: PLW0108 - another at each run

        assert (won, sessions_of(store)) == (True, [NEWER])

    def test_a_session_is_ended_once_in_one_run(self, store: RedisSessions, inner: Flaky) -> None:
        """What was carried over is used up by the first who asks."""
        inner.failures = [Interrupted(reason="store_conflict")]

        ended = atomically(store, lambda work: [work.sessions.end(SESSION.digest) for _ in range(2)], policy=POLICY)

        assert ended == [True, False]

    def test_ending_all_is_repeated(self, store: RedisSessions, inner: Flaky) -> None:
        """Nothing is left, and a session that is opened in the same unit is."""
        inner.failures = [Interrupted(reason="store_conflict")]

        def change_password(work: UnitOfWork) -> None:
            work.sessions.end_all(JEANNE.id)
            work.sessions.add(NEWER)

        atomically(store, change_password, policy=POLICY)

        assert sessions_of(store) == [NEWER]

    def test_what_was_given_up_stays_ended(self, store: RedisSessions, inner: Flaky) -> None:
        """A unit that failed for good has ended a session, and opened none."""
        inner.failures = [Unavailable(reason="outcome_unknown")]
        with pytest.raises(Unavailable), store.writing() as work:
            replace(work)

        assert sessions_of(store) == []
        assert not atomically(store, replace, policy=POLICY)

    def test_ending_all_waits_for_the_end_of_the_block(self, store: RedisSessions) -> None:
        """A unit that raises has ended nothing but what it ended by name."""

        def fail(work: UnitOfWork) -> None:
            work.sessions.end_all(JEANNE.id)
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            atomically(store, fail, policy=POLICY)

        assert sessions_of(store) == [SESSION]


def end_all(store: Store) -> None:
    """End every session of Jeanne's."""
    atomically(store, lambda work: work.sessions.end_all(JEANNE.id), policy=POLICY)


class TestOvertaken:
    """Whoever ends all sessions of a login also ends those that are on their way."""

    @pytest.fixture
    def namespace(self) -> str:
        """What two stores share."""
        return new_namespace()

    @pytest.fixture
    def store(self, redis_server: RedisServer, namespace: str) -> Iterator[RedisSessions]:
        """A store with Jeanne and a session of hers."""
        with sessions_on(redis_server, namespace=namespace) as store:
            write(store, JEANNE, SESSION)
            yield store

    @pytest.fixture
    def other(self, redis_server: RedisServer, namespace: str) -> Iterator[RedisSessions]:
        """A store with the same sessions around memory of its own, where no unit of work waits for the first's."""
        with sessions_on(redis_server, namespace=namespace) as store:
            yield store

    def test_a_replacement_that_was_on_its_way_is_not_opened(self, store: RedisSessions, other: RedisSessions) -> None:
        """Logging out everywhere leaves no session that was just being switched."""
        with store.writing() as work:
            replace(work)
            end_all(other)

        assert (sessions_of(store), view(store, NEWER.digest)) == ([], None)

    def test_one_that_begins_anew_is(self, store: RedisSessions, other: RedisSessions) -> None:
        """Logging in while all others are ended opens a session that holds."""
        with store.writing() as work:
            work.sessions.add(NEWER)
            end_all(other)

        assert sessions_of(store) == [NEWER]

    def test_a_session_is_replaced_by_one_of_many(self, store: RedisSessions) -> None:
        """Of thirty-two who replace one session at once, one does, and his holds."""
        digests = [f"{number:064x}" for number in range(32)]

        def replace_by(digest: str) -> bool:
            with store.writing() as work:
                if not work.sessions.end(SESSION.digest):
                    return False
                work.sessions.add(attrs.evolve(NEWER, digest=digest))
                return True

        won = together(lambda number: replace_by(digests[number]), 32)

        assert won.count(True) == 1
        assert [session.digest for session in sessions_of(store)] == [digests[won.index(True)]]
