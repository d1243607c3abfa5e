"""The connection to Redis: how it is opened, what it may do, and what the operator is told of the server."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import redis
from redis.exceptions import NoPermissionError
from tests.adapters.on_redis import EMAIL, POLICY
from tests.servers import RedisServer, skipped_if_missing

from coproauth import ConfigurationError
from coproauth.adapters.memory import MemoryStore
from coproauth.adapters.redis import RedisSessions, RedisThrottle, eviction_policy, redis_client
from coproauth.core.throttling import login_key
from coproauth.testing import Sandbox
from coproauth.testing.contracts.samples import NOW


class TestEvictionPolicy:
    """What the operator is told."""

    @pytest.mark.parametrize("policy", ["noeviction", "allkeys-lru"])
    def test_it_is_that_of_the_server(self, policy: str) -> None:
        """As the server names it."""
        with (
            skipped_if_missing(),
            RedisServer(options=["--maxmemory-policy", policy]) as server,
            redis_client(server.url) as client,
        ):
            assert eviction_policy(client) == policy

    def test_a_server_that_forbids_the_question_tells_none(self, server: RedisServer) -> None:
        """Hosted servers keep it to themselves."""
        with redis_client(server.url) as client:
            client.acl_setuser("default", commands=["-info"])

            assert eviction_policy(client) is None


class TestClient:
    """A client that waits for nobody, and goes nowhere unguarded."""

    @pytest.mark.parametrize("timeout", [timedelta(0), timedelta(seconds=-1), timedelta(microseconds=999)])
    def test_no_wait_at_all_is_refused(self, timeout: timedelta) -> None:
        """To a socket it is no short wait: it answers nothing, or for ever."""
        with pytest.raises(ConfigurationError, match="millisecond"):
            redis_client("redis://localhost:6379/0", timeout=timeout)

    @pytest.mark.parametrize(
        "url",
        [
            "redis://localhost:6379/0",
            "redis://127.0.0.1",
            "redis://[::1]:6379",
            "unix:///run/redis.sock",
            "redis://:secret@redis.example.fr",
            "rediss://portal:secret@redis.example.fr:6380/1",
            "rediss://redis.example.fr?ssl_certfile=client.pem",
        ],
    )
    def test_a_server_here_or_with_a_password_is_accepted(self, url: str) -> None:
        """Nothing is connected before it is needed, and every wait is bounded."""
        with redis_client(url, timeout=timedelta(seconds=2)) as client:
            options = client.connection_pool.connection_kwargs

            assert (options["socket_timeout"], options["socket_connect_timeout"]) == (2, 2)

    @pytest.mark.parametrize("url", ["redis://redis.example.fr", "rediss://192.0.2.1/0", "redis://name@redis:6379"])
    def test_an_open_server_elsewhere_is_refused(self, url: str) -> None:
        """Whoever can write there can log in as anyone."""
        with pytest.raises(ConfigurationError, match="password"):
            redis_client(url)

    @pytest.mark.parametrize("url", ["", "localhost:6379", "http://localhost", "redis://localhost?socket_timeout=soon"])
    def test_what_is_no_address_is_refused_without_being_told(self, url: str) -> None:
        """The address may hold a password."""
        with pytest.raises(ConfigurationError, match="no URL") as caught:
            redis_client(url)

        assert not url or url not in str(caught.value)


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
