"""Sessions in Redis around another store: the laws of every store, and what two places make of a failure."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import attrs
import pytest
import redis
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test
from redis.exceptions import NoPermissionError
from tests.engines import adapters_on
from tests.servers import RedisServer, skipped_if_missing

from coproauth import Refused, SessionRefused, SignedIn, Unavailable
from coproauth.adapters.memory import MemoryDirectory, MemoryStore
from coproauth.adapters.redis import RedisSessions, RedisThrottle, eviction_policy, redis_client
from coproauth.core.accounts import Contact
from coproauth.core.maintenance import Waste
from coproauth.core.sessions import SessionRecord, SessionView
from coproauth.core.throttling import login_key
from coproauth.errors import Interrupted
from coproauth.policy import Policy
from coproauth.ports import Store, UnitOfWork
from coproauth.services.units import atomically
from coproauth.testing import Sandbox
from coproauth.testing.contracts import Law, LawBroken, laws_of_store
from coproauth.testing.contracts.samples import JEANNE, LATER, MARC, NOW, SESSION, write
from coproauth.testing.contracts.threads import elsewhere, together
from coproauth.testing.machines import CoproauthMachine, patient_policy
from coproauth.testing.sandbox import PASSWORD

EMAIL = "jeanne@example.fr"
OTHER_PASSWORD = "encore une girafe bleue"
NEWER = attrs.evolve(SESSION, digest="ef" * 32, handle="handle-9")
POLICY = Policy()

DEPARTURES = {
    "changes_are_undone_too": "an ended session stays ended, whatever becomes of the unit",
    "a_view_shows_one_state": "sessions are seen as they are, beside the view of the other store",
    "sessions_are_swept_once_they_cannot_go_on": "sessions expire by themselves",
    "a_sweep_is_of_one_kind": "sessions expire by themselves",
}
LAWS = [
    pytest.param(
        law,
        id=law.name,
        marks=[pytest.mark.xfail(reason=DEPARTURES[law.name], raises=LawBroken)] if law.name in DEPARTURES else [],
    )
    for law in laws_of_store()
]

_namespaces = (f"sessions-{number}:" for number in itertools.count())


@contextmanager
def sessions_on(server: RedisServer, inner: Store | None = None, *, namespace: str = "") -> Iterator[RedisSessions]:
    """Open a store without sessions around another, in memory unless it is given."""
    with redis_client(server.url) as client:
        yield RedisSessions(inner or MemoryStore(), client, namespace=namespace or next(_namespaces))


@pytest.fixture
def store(redis_server: RedisServer) -> Iterator[RedisSessions]:
    """A store with Jeanne and a session of hers."""
    with sessions_on(redis_server) as store:
        write(store, JEANNE, SESSION)
        yield store


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """A server that may be stopped, paused and emptied."""
    with skipped_if_missing(), RedisServer() as server:
        yield server


def sessions_of(store: Store) -> list[SessionRecord]:
    """Return Jeanne's sessions."""
    with store.reading() as work:
        return list(work.sessions.of(JEANNE.id))


def view(store: Store, digest: str = SESSION.digest) -> SessionView | None:
    """Return what a page sees."""
    return store.session_view(digest, MemoryDirectory())


def replace(work: UnitOfWork) -> bool:
    """Put a session in the place of another, if that one still holds."""
    if not work.sessions.end(SESSION.digest):
        return False
    work.sessions.add(NEWER)
    return True


@pytest.mark.parametrize("law", LAWS)
def test_it_does_what_every_store_does(law: Law[Store], redis_server: RedisServer) -> None:
    """The laws of the port hold with the sessions in Redis, but for what two places cannot do as one."""
    law.check(lambda: sessions_on(redis_server))


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


class TestOvertaken:
    """Whoever ends all sessions of a login also ends those that are on their way."""

    def test_a_replacement_that_was_on_its_way_is_not_opened(self, store: RedisSessions) -> None:
        """Logging out everywhere leaves no session that was just being switched."""
        with store.writing() as work:
            replace(work)
            elsewhere(lambda: store._keys.end_all(JEANNE.id))  # noqa: SLF001 - in memory one unit waits for another

        assert (sessions_of(store), view(store, NEWER.digest)) == ([], None)

    def test_one_that_begins_anew_is(self, store: RedisSessions) -> None:
        """Logging in while all others are ended opens a session that holds."""
        with store.writing() as work:
            work.sessions.add(NEWER)
            elsewhere(lambda: store._keys.end_all(JEANNE.id))  # noqa: SLF001

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


class TestWhatLiesInRedis:
    """As long as the session, and no secret in it."""

    @pytest.fixture
    def there(self, redis_server: RedisServer) -> Iterator[redis.Redis]:
        """A look into the server."""
        with redis.Redis.from_url(redis_server.url, decode_responses=True) as client:
            yield client

    def test_session_and_list_expire_with_the_session(self, redis_server: RedisServer, there: redis.Redis) -> None:
        """A minute of grace later nothing is left; a shorter session does not shorten the list."""
        namespace = next(_namespaces)
        with sessions_on(redis_server, namespace=namespace) as store:
            write(store, JEANNE, SESSION)
            write(store, attrs.evolve(NEWER, expires_at=NOW + (LATER - NOW) / 2))

        left = {name.removeprefix(namespace): there.pttl(name) / 1000 for name in there.scan_iter(f"{namespace}*")}

        assert left == {
            f"session:{SESSION.digest}": pytest.approx(3660, abs=30),
            f"session:{NEWER.digest}": pytest.approx(1860, abs=30),
            f"sessions-of:{JEANNE.id}": pytest.approx(3660, abs=30),
        }

    def test_using_a_session_does_not_prolong_it(self, redis_server: RedisServer, there: redis.Redis) -> None:
        """Its end stays where it was, however much it is used."""
        namespace = next(_namespaces)
        name = f"{namespace}session:{SESSION.digest}"
        with sessions_on(redis_server, namespace=namespace) as store:
            write(store, JEANNE, SESSION)
            there.expire(name, 100)

            with store.writing() as work:
                work.sessions.touch(SESSION.digest, at=LATER)

            assert 0 < there.ttl(name) <= 100
            assert sessions_of(store) == [attrs.evolve(SESSION, last_seen_at=LATER)]

    def test_the_record_is_all_there_is(self, redis_server: RedisServer, there: redis.Redis) -> None:
        """The value is the session's record; the token can be had from nowhere."""
        namespace = next(_namespaces)
        with sessions_on(redis_server, namespace=namespace) as store:
            town = Sandbox.build(store=store)
            token = town.activate(town.contact(), EMAIL).token
        (name,) = there.scan_iter(f"{namespace}session:*")

        text = str(there.get(name))

        assert set(json.loads(text)) == {field.name for field in attrs.fields(SessionRecord)}
        assert token not in name + text

    def test_ended_sessions_leave_nothing(self, redis_server: RedisServer, there: redis.Redis) -> None:
        """Neither a log-out nor a switch lets the list of a login grow."""
        namespace = next(_namespaces)
        with sessions_on(redis_server, namespace=namespace) as store:
            write(store, JEANNE, SESSION)
            atomically(store, replace, policy=POLICY)
            between = there.zcard(f"{namespace}sessions-of:{JEANNE.id}")
            atomically(store, lambda work: work.sessions.end(NEWER.digest), policy=POLICY)

        assert (between, list(there.scan_iter(f"{namespace}*"))) == (1, [])

    def test_sessions_that_are_over_leave_the_list(self, redis_server: RedisServer, there: redis.Redis) -> None:
        """Somebody who never logs out does not gather sessions for ever."""
        namespace = next(_namespaces)
        with sessions_on(redis_server, namespace=namespace) as store:
            write(store, JEANNE, SESSION)
            write(store, attrs.evolve(NEWER, last_seen_at=LATER, expires_at=LATER + (LATER - NOW)))

        assert there.zcard(f"{namespace}sessions-of:{JEANNE.id}") == 1

    def test_a_list_that_was_dropped_ends_its_sessions(self, redis_server: RedisServer, there: redis.Redis) -> None:
        """A server that evicts leaves no session that could not be ended with the others."""
        namespace = next(_namespaces)
        with sessions_on(redis_server, namespace=namespace) as store:
            write(store, JEANNE, SESSION)
            before = view(store)

            there.delete(f"{namespace}sessions-of:{JEANNE.id}")

            assert (before is not None, view(store)) == (True, None)
            assert (atomically(store, replace, policy=POLICY), view(store, NEWER.digest)) == (True, None)

    def test_what_another_release_wrote_is_no_session(self, redis_server: RedisServer, there: redis.Redis) -> None:
        """Its owner logs in again, and no page fails."""
        namespace = next(_namespaces)
        with sessions_on(redis_server, namespace=namespace) as store:
            write(store, JEANNE, SESSION)

            there.set(f"{namespace}session:{SESSION.digest}", json.dumps({"identity_id": JEANNE.id, "v": 2}))

            assert (view(store), sessions_of(store)) == (None, [])


class TestAccess:
    """The how-to page says which rights the library needs."""

    def test_the_user_of_the_guide_may_do_what_is_to_be_done(self, server: RedisServer) -> None:
        """Counting, opening, using, listing and ending sessions, and what the doctor asks; nothing else."""
        page = Path(__file__).parents[2] / "docs/how-to/use_redis.md"
        (line,) = (line.split() for line in page.read_text("utf-8").splitlines() if line.strip().startswith("user "))
        with redis.Redis.from_url(server.url) as admin:
            admin.execute_command("ACL", "SETUSER", *line[1:])
        password = next(word for word in line if word.startswith(">"))[1:]

        with redis_client(server.url.replace("//", f"//coproauth:{password}@")) as client:
            throttle, key = RedisThrottle(client, policy=POLICY), login_key(EMAIL, POLICY)
            throttle.admit([key], at=NOW)
            throttle.settle(forgive=[key], clear=[key])
            town = Sandbox.build(store=RedisSessions(MemoryStore(), client))
            token = town.activate(town.contact(), EMAIL).token
            town.later(minutes=5)
            second = town.log_in(EMAIL).token
            listed = town.auth.login.sessions(token)
            town.auth.login.log_out(second)
            town.auth.login.log_out_everywhere(token)

            assert (len(listed), eviction_policy(client), len(client.time())) == (2, "noeviction", 2)
            for forbidden in (client.flushall, lambda: client.get("another's")):
                with pytest.raises(NoPermissionError):
                    forbidden()


class TestAway:
    """Without Redis no session holds, and none is opened."""

    @pytest.mark.parametrize("outage", ["stop", "pause"])
    def test_nothing_is_answered_and_nothing_done(self, server: RedisServer, outage: str) -> None:
        """Every use of sessions says that the store is away, and what else the unit did is undone."""
        with sessions_on(server) as store:
            write(store, JEANNE, SESSION)
            getattr(server, outage)()

            for use in (
                lambda: view(store),
                lambda: sessions_of(store),
                lambda: atomically(store, replace, policy=POLICY),
                lambda: write(store, MARC, NEWER),
                lambda: store.housekeeping().remove_identity(JEANNE.id),
            ):
                with pytest.raises(Unavailable, match="store_away"):
                    use()

            server.start() if outage == "stop" else server.resume()
            with store.reading() as work:
                assert (work.identities.get(JEANNE.id), work.identities.get(MARC.id)) == (JEANNE, None)

    def test_everything_else_goes_on(self, server: RedisServer) -> None:
        """Units without sessions need no Redis."""
        with sessions_on(server) as store:
            server.stop()

            write(store, MARC)

            with store.reading() as work:
                assert work.identities.get(MARC.id) == MARC

    def test_a_session_that_cannot_be_stored_after_all_leaves_its_unit_kept(self, server: RedisServer) -> None:
        """Whoever asks then cannot know what was kept, and may ask again."""

        class Ending(MemoryStore):
            @contextmanager
            def writing(self) -> Iterator[UnitOfWork]:  # type: ignore[override]
                with super().writing() as work:
                    yield work
                server.stop()

        with sessions_on(server, Ending()) as store:
            with pytest.raises(Unavailable, match="outcome_unknown"):
                write(store, JEANNE, SESSION)

            with store.reading() as work:
                assert work.identities.get(JEANNE.id) == JEANNE

    def test_full_memory_opens_no_session(self) -> None:
        """A server that takes nothing more opens none, keeps what is there, and ends what is to be ended."""
        options = ["--maxmemory", "2mb", "--maxmemory-policy", "noeviction"]
        with skipped_if_missing(), RedisServer(options=options) as server, sessions_on(server) as store:
            write(store, JEANNE, SESSION)
            with redis.Redis.from_url(server.url) as admin:
                admin.config_set("maxmemory", 1)

            with pytest.raises(Unavailable):
                write(store, NEWER)
            opened, before = view(store, NEWER.digest), view(store)
            ended = atomically(store, lambda work: work.sessions.end(SESSION.digest), policy=POLICY)

            assert (opened, before is not None, ended, view(store)) == (None, True, True, None)

    def test_a_restart_without_persistence_ends_every_session(self, server: RedisServer) -> None:
        """Everybody logs in again; nothing else is lost."""
        with sessions_on(server) as store:
            town = Sandbox.build(store=store)
            token = town.activate(town.contact(), EMAIL).token

            server.restart()

            with pytest.raises(SessionRefused):
                town.auth.login.session(token)
            assert town.log_in(EMAIL).session.email == EMAIL


class TestHousekeeping:
    """What the operator removes is removed from both places."""

    def test_an_erased_login_leaves_no_session(self, store: RedisSessions) -> None:
        """Address and browser of a person go with the person."""
        removed = store.housekeeping().remove_identity(JEANNE.id)

        assert (removed, sessions_of(store), view(store)) == (True, [], None)

    def test_a_login_that_was_used_keeps_its_sessions(self, store: RedisSessions) -> None:
        """Whoever came back in time notices nothing."""
        removed = store.housekeeping().remove_identity(JEANNE.id, unless_used_since=NOW)

        assert (removed, sessions_of(store)) == (False, [SESSION])

    def test_sessions_of_before_are_swept_from_the_other_store(self, redis_server: RedisServer) -> None:
        """Those that were opened before Redis came open nothing, and go when they are over."""
        inner = MemoryStore()
        write(inner, JEANNE, SESSION)

        with sessions_on(redis_server, inner) as store:
            seen = view(store)
            swept = store.housekeeping().sweep(Waste.SESSIONS, before=LATER + (LATER - NOW), limit=9)

        assert (seen, swept) == (None, 1)

    def test_a_session_of_a_login_that_is_gone_shows_nothing(self, redis_server: RedisServer) -> None:
        """Without its login a session is worth nothing, whatever Redis holds."""
        inner = MemoryStore()
        with sessions_on(redis_server, inner) as store:
            write(store, JEANNE, SESSION)

            inner.housekeeping().remove_identity(JEANNE.id)

            assert view(store) is None


@pytest.fixture(params=["memory", "sqlite", "postgresql", "mariadb"])
def town(request: pytest.FixtureRequest, tmp_path: Path, redis_server: RedisServer) -> Iterator[Sandbox]:
    """A town with its sessions in Redis, and all else in each kind of store."""
    with adapters_on(request.param, request, tmp_path) as inner, sessions_on(redis_server, inner.store) as store:
        yield Sandbox.build(store=store, directory=inner.directory, policy=patient_policy())


class TestTheWholeStory:
    """People notice nothing of where their sessions are."""

    def test_logging_in_and_out(self, town: Sandbox) -> None:
        """A session holds until it is ended, and no other with it."""
        first = town.activate(town.contact(), EMAIL).token
        second = town.log_in(EMAIL).token

        town.auth.login.log_out(first)

        assert self.holding(town, first, second) == [second]

    def test_switching(self, town: Sandbox) -> None:
        """The new token shows the other account, the old one is dead."""
        lilas, pins = town.contact(condominium="Les Lilas"), town.contact(condominium="Les Pins")
        town.activate(lilas, EMAIL)
        token = town.activate(pins, EMAIL).token

        switched = town.auth.accounts.switch(token, account_id=lilas.account.id)

        assert town.auth.login.session(switched.token).active_account == lilas.account
        assert self.holding(town, token, switched.token) == [switched.token]

    def test_of_many_switches_at_once_one_is_made(self, town: Sandbox) -> None:
        """One of eight gets the new token, and it works."""
        lilas, pins = town.contact(condominium="Les Lilas"), town.contact(condominium="Les Pins")
        town.activate(lilas, EMAIL)
        token = town.activate(pins, EMAIL).token

        def switch(_: int) -> SignedIn | Refused:
            try:
                return town.auth.accounts.switch(token, account_id=lilas.account.id)
            except Refused as refused:
                return refused

        answers = together(switch, 8)

        (winner,) = [answer for answer in answers if isinstance(answer, SignedIn)]
        assert {type(answer) for answer in answers} == {SignedIn, SessionRefused}
        assert self.holding(town, winner.token) == [winner.token]

    def test_a_changed_password_ends_every_other_session(self, town: Sandbox) -> None:
        """Only the browser in which it was changed goes on."""
        tokens = [town.activate(town.contact(), EMAIL).token, town.log_in(EMAIL).token]

        changed = town.auth.login.change_password(
            tokens[0], current_password=PASSWORD, new_password=OTHER_PASSWORD, source=town.source
        )

        assert self.holding(town, *tokens, changed.token) == [changed.token]

    def test_logging_out_everywhere(self, town: Sandbox) -> None:
        """No session of the login is left, and others' are."""
        tokens = [town.activate(town.contact(), EMAIL).token, town.log_in(EMAIL).token]
        other = town.activate(town.contact("Marc Blanc"), "marc@example.fr").token

        town.auth.login.log_out_everywhere(tokens[1])

        assert self.holding(town, *tokens, other) == [other]

    def test_logging_out_everywhere_while_another_window_switches(self, town: Sandbox) -> None:
        """Whichever comes first, nothing is left of the session that was being switched."""
        lilas, pins = town.contact(condominium="Les Lilas"), town.contact(condominium="Les Pins")
        town.activate(lilas, EMAIL)
        town.activate(pins, EMAIL)

        for _ in range(10):
            tokens = _switch_while_leaving(town, lilas)

            assert self.holding(town, *tokens) == []

    def test_ending_one_of_the_listed_sessions(self, town: Sandbox) -> None:
        """The list shows them all, and one can be ended from it."""
        first, second = town.activate(town.contact(), EMAIL).token, town.log_in(EMAIL).token
        others = [entry for entry in town.auth.login.sessions(second) if not entry.is_current]

        town.auth.login.end_session(second, handle=others[0].handle)

        assert (len(others), self.holding(town, first, second)) == (1, [second])

    def test_a_session_left_unused_is_over(self, town: Sandbox) -> None:
        """Idleness counts from the last page."""
        token = town.activate(town.contact(), EMAIL).token

        found = []
        for minutes in (50, 50, 61):
            town.later(minutes=minutes)
            found += self.holding(town, token)

        assert found == [token, token]

    def test_an_erased_person_is_logged_out(self, town: Sandbox) -> None:
        """The session ends with the login."""
        token = town.activate(town.contact(), EMAIL).token

        town.auth.personal_data.erase(EMAIL)

        assert self.holding(town, token) == []

    def holding(self, town: Sandbox, *tokens: str) -> list[str]:
        """Return those of some tokens that still open a session."""
        return [token for token in tokens if _opens(town, token)]


def _switch_while_leaving(town: Sandbox, contact: Contact) -> list[str]:
    """Switch in one window while another logs out everywhere; return all tokens that there have been."""
    switching, leaving = town.log_in(EMAIL).token, town.log_in(EMAIL).token

    def act(number: int) -> str:
        if number:
            town.auth.login.log_out_everywhere(leaving)
            return leaving
        try:
            return town.auth.accounts.switch(switching, account_id=contact.account.id).token
        except SessionRefused:
            return switching

    return [switching, *together(act, 2)]


def _opens(town: Sandbox, token: str) -> bool:
    try:
        town.auth.login.session(token)
    except SessionRefused:
        return False
    return True


def test_the_services_do_what_the_model_says(redis_server: RedisServer) -> None:
    """Whatever co-owners, managers and the host do, each answer is the model's with the sessions in Redis, too."""

    class Machine(CoproauthMachine):
        """The machine over an empty store for each run."""

        def make_sandbox(self) -> Sandbox:
            """Return an empty town."""
            self._stack = ExitStack()
            store = self._stack.enter_context(sessions_on(redis_server))
            return Sandbox.build(store=store, policy=attrs.evolve(patient_policy(), require_email_proof=False))

        def teardown(self) -> None:
            """Close the connections."""
            self._stack.close()

    run_state_machine_as_test(Machine, settings=settings(max_examples=25, stateful_step_count=50, deadline=None))
