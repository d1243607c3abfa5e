"""Without Redis no session holds, and none is opened; nothing else is lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis
from tests.adapters.on_redis import EMAIL, NEWER, POLICY, replace, sessions_of, sessions_on, small_server, view
from tests.servers import RedisServer

from coproauth import SessionRefused, Unavailable
from coproauth.adapters.memory import MemoryStore
from coproauth.ports import UnitOfWork
from coproauth.services.units import atomically
from coproauth.testing import Sandbox
from coproauth.testing.contracts.samples import JEANNE, MARC, SESSION, write


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
        with small_server("noeviction") as server, sessions_on(server) as store:
            write(store, JEANNE, SESSION)
            with redis.Redis.from_url(server.url) as admin:
                admin.config_set("maxmemory", 1)

            with pytest.raises(Unavailable):
                write(store, NEWER)
            opened, before = view(store, NEWER.digest), view(store)
            ended = atomically(store, lambda work: work.sessions.end(SESSION.digest), policy=POLICY)

            assert (opened, before is not None, ended, view(store)) == (None, True, True, None)

    def test_d29_a_restart_without_persistence_ends_every_session(self, server: RedisServer) -> None:
        """Everybody logs in again; nothing else is lost."""
        with sessions_on(server) as store:
            town = Sandbox.build(store=store)
            token = town.activate(town.contact(), EMAIL).token

            server.restart()

            with pytest.raises(SessionRefused):
                town.auth.login.session(token)
            assert town.log_in(EMAIL).session.email == EMAIL
