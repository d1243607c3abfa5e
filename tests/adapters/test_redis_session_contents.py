"""What Redis holds of a session, for how long, and what is removed with its login."""

from __future__ import annotations

import json
from collections.abc import Iterator

import attrs
import pytest
import redis
from tests.adapters.on_redis import EMAIL, NEWER, POLICY, new_namespace, replace, sessions_of, sessions_on, view
from tests.servers import RedisServer

from coproauth.adapters.memory import MemoryStore
from coproauth.adapters.redis import RedisSessions
from coproauth.core.maintenance import Waste
from coproauth.core.sessions import SessionRecord
from coproauth.services.units import atomically
from coproauth.testing import Sandbox
from coproauth.testing.contracts.samples import JEANNE, LATER, NOW, SESSION, write


@pytest.fixture
def store(redis_server: RedisServer) -> Iterator[RedisSessions]:
    """A store with Jeanne and a session of hers."""
    with sessions_on(redis_server) as store:
        write(store, JEANNE, SESSION)
        yield store


class TestWhatLiesInRedis:
    """As long as the session, and no secret in it."""

    @pytest.fixture
    def there(self, redis_server: RedisServer) -> Iterator[redis.Redis]:
        """A look into the server."""
        with redis.Redis.from_url(redis_server.url, decode_responses=True) as client:
            yield client

    def test_session_and_list_expire_with_the_session(self, redis_server: RedisServer, there: redis.Redis) -> None:
        """A minute of grace later nothing is left; a shorter session does not shorten the list."""
        namespace = new_namespace()
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
        namespace = new_namespace()
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
        namespace = new_namespace()
        with sessions_on(redis_server, namespace=namespace) as store:
            town = Sandbox.build(store=store)
            token = town.activate(town.contact(), EMAIL).token
        (name,) = there.scan_iter(f"{namespace}session:*")

        text = str(there.get(name))

        assert set(json.loads(text)) == {field.name for field in attrs.fields(SessionRecord)}
        assert token not in name + text

    def test_ended_sessions_leave_nothing(self, redis_server: RedisServer, there: redis.Redis) -> None:
        """Neither a log-out nor a switch lets the list of a login grow."""
        namespace = new_namespace()
        with sessions_on(redis_server, namespace=namespace) as store:
            write(store, JEANNE, SESSION)
            atomically(store, replace, policy=POLICY)
            between = there.zcard(f"{namespace}sessions-of:{JEANNE.id}")
            atomically(store, lambda work: work.sessions.end(NEWER.digest), policy=POLICY)

        assert (between, list(there.scan_iter(f"{namespace}*"))) == (1, [])

    def test_sessions_that_are_over_leave_the_list(self, redis_server: RedisServer, there: redis.Redis) -> None:
        """Somebody who never logs out does not gather sessions for ever."""
        namespace = new_namespace()
        with sessions_on(redis_server, namespace=namespace) as store:
            write(store, JEANNE, SESSION)
            write(store, attrs.evolve(NEWER, last_seen_at=LATER, expires_at=LATER + (LATER - NOW)))

        assert there.zcard(f"{namespace}sessions-of:{JEANNE.id}") == 1

    def test_a_list_that_was_dropped_ends_its_sessions(self, redis_server: RedisServer, there: redis.Redis) -> None:
        """A server that evicts leaves no session that could not be ended with the others."""
        namespace = new_namespace()
        with sessions_on(redis_server, namespace=namespace) as store:
            write(store, JEANNE, SESSION)
            before = view(store)

            there.delete(f"{namespace}sessions-of:{JEANNE.id}")

            assert (before is not None, view(store)) == (True, None)
            assert (atomically(store, replace, policy=POLICY), view(store, NEWER.digest)) == (True, None)

    def test_what_another_release_wrote_is_no_session(self, redis_server: RedisServer, there: redis.Redis) -> None:
        """Its owner logs in again, and no page fails."""
        namespace = new_namespace()
        with sessions_on(redis_server, namespace=namespace) as store:
            write(store, JEANNE, SESSION)

            there.set(f"{namespace}session:{SESSION.digest}", json.dumps({"identity_id": JEANNE.id, "v": 2}))

            assert (view(store), sessions_of(store)) == (None, [])


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
