"""The servers that other tests stand on: they answer, come back, and go."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError
from tests.servers import (
    HOST,
    MariadbServer,
    PostgresServer,
    RedisServer,
    Server,
    ServerMissing,
    StopMode,
    eventually,
    find_program,
    skipped_if_missing,
)

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server that may be stopped."""
    with skipped_if_missing(), PostgresServer() as server:
        yield server


@pytest.fixture(scope="module")
def mariadb() -> Iterator[MariadbServer]:
    """A MariaDB server that may be stopped."""
    with skipped_if_missing(), MariadbServer() as server:
        yield server


@pytest.fixture(scope="module")
def redis_alone() -> Iterator[RedisServer]:
    """A Redis server that may be stopped."""
    with skipped_if_missing(), RedisServer() as server:
        yield server


@pytest.fixture(params=["postgres", "mariadb"])
def database(request: pytest.FixtureRequest) -> PostgresServer | MariadbServer:
    """Each server of databases in turn."""
    server: PostgresServer | MariadbServer = request.getfixturevalue(request.param)
    return server


@pytest.fixture(params=["postgres", "mariadb", "redis_alone"])
def server(request: pytest.FixtureRequest) -> Server:
    """Each server in turn."""
    server: Server = request.getfixturevalue(request.param)
    return server


def refuses(port: int) -> bool:
    """Whether nobody listens on a port."""
    with socket.socket() as client:
        return client.connect_ex((HOST, port)) != 0


def scalar(url: str, statement: str) -> object:
    """Return the only value of a statement's answer."""
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            return connection.scalar(text(statement))
    finally:
        engine.dispose()


def execute(url: str, *statements: str) -> None:
    """Execute statements in one transaction."""
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def test_a_new_database_speaks_unicode(database: PostgresServer | MariadbServer) -> None:
    """A database of any name is created, and takes what no single byte can hold."""
    url = database.create_database("l'été")

    execute(url, "CREATE TABLE words (word VARCHAR(9))", "INSERT INTO words VALUES ('Zoé 🏠')")

    assert scalar(url, "SELECT word FROM words") == "Zoé 🏠"


def test_three_hundred_clients_are_let_in(database: PostgresServer | MariadbServer) -> None:
    """Many threads may hold a connection at once."""
    statement = {
        PostgresServer: "SELECT current_setting('max_connections')",
        MariadbServer: "SELECT @@max_connections",
    }

    assert int(str(scalar(database.url(), statement[type(database)]))) == 300


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_database_comes_back_with_its_data(database: PostgresServer | MariadbServer, mode: StopMode) -> None:
    """A restart keeps the port and the databases, and cuts the connections off."""
    url = database.create_database(f"kept_{mode}")
    engine = create_engine(url)
    connection = engine.connect()
    connection.execute(text("SELECT 1"))

    database.restart(mode)

    with pytest.raises(OperationalError):
        connection.execute(text("SELECT 1"))
    engine.dispose()
    assert scalar(url, "SELECT 1") == 1


def test_redis_answers(redis_alone: RedisServer) -> None:
    """What is put in Redis is found there."""
    with redis.Redis.from_url(redis_alone.url) as client:
        client.set("word", "Zoé")

        assert client.get("word") == "Zoé".encode()


def test_redis_comes_back_empty(redis_alone: RedisServer) -> None:
    """A restart keeps the port and nothing else."""
    with redis.Redis.from_url(redis_alone.url) as client:
        client.set("word", "Zoé")

        redis_alone.restart()

        assert client.dbsize() == 0


def test_a_paused_redis_keeps_its_clients_waiting(redis_alone: RedisServer) -> None:
    """While it is paused a client runs out of time; afterwards it is served."""
    with redis.Redis.from_url(redis_alone.url, socket_timeout=0.1, retry=None) as client:
        redis_alone.pause()
        with pytest.raises(redis.TimeoutError):
            client.ping()

        redis_alone.resume()

        assert client.ping()


def test_options_win() -> None:
    """What a test asks of a server's command line is what it gets."""
    with (
        skipped_if_missing(),
        RedisServer(options=["--maxmemory", "2mb"]) as server,
        redis.Redis.from_url(server.url) as client,
    ):
        assert client.config_get("maxmemory") == {"maxmemory": str(2 * 1024 * 1024)}


def test_a_stopped_server_refuses_until_it_is_started(server: Server) -> None:
    """Between stop and start nobody listens; stopping twice is stopping once, starting twice is a mistake."""
    server.stop()
    server.stop()
    assert refuses(server.port)

    server.start()

    assert server.answers()
    with pytest.raises(RuntimeError, match="runs already"):
        server.start()


def test_nothing_is_left_after_the_block(server: Server) -> None:
    """A server ends with its block, and its folder goes too, even when the test fails."""
    other = type(server)()

    with pytest.raises(ZeroDivisionError), other:
        raise ZeroDivisionError

    assert refuses(other.port)
    assert not other.folder.exists()


def test_a_paused_server_ends_with_its_block() -> None:
    """A server that hangs is ended as any other."""
    with skipped_if_missing(), RedisServer() as server:
        server.pause()

    assert refuses(server.port)


def test_a_server_does_not_outlive_a_killed_process(server: Server) -> None:
    """Where the process of the tests is killed, its servers end all the same."""
    kind = type(server).__name__
    script = f"from tests.servers import {kind}\nwith {kind}() as s: print(s.port, s.folder, flush=True), input()"
    with subprocess.Popen(  # noqa: S603 - the script above
        [sys.executable, "-c", script], cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as tests:
        assert tests.stdout
        port, folder = tests.stdout.readline().split()
        assert not refuses(int(port))

        tests.kill()

    assert eventually(lambda: refuses(int(port)))
    shutil.rmtree(folder, ignore_errors=True)


def test_a_missing_program_is_told_with_its_package() -> None:
    """Who has to install something learns what."""
    with pytest.raises(ServerMissing, match=r"^no-such-server is not installed: Debian has it in the package nothing$"):
        find_program("no-such-server", package="nothing")


@pytest.mark.parametrize("kind", [PostgresServer, MariadbServer, RedisServer])
def test_a_missing_server_is_told_before_its_account_is_sought(
    kind: type[Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a package is missing, so is the account it creates."""
    monkeypatch.setattr(kind, "account", "no-such-account")
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)

    with pytest.raises(ServerMissing, match=r"the package (postgresql|mariadb-server|redis-server)$"), kind():
        pass


def test_a_missing_program_skips_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's machine need not have every server."""
    monkeypatch.delenv("CI", raising=False)

    with pytest.raises(pytest.skip.Exception, match="no-such-server"), skipped_if_missing():
        find_program("no-such-server", package="nothing")


def test_a_missing_program_is_an_error_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where every server has to be, none is passed over in silence."""
    monkeypatch.setenv("CI", "true")

    with pytest.raises(ServerMissing), skipped_if_missing():
        find_program("no-such-server", package="nothing")


def test_a_server_that_does_not_start_shows_its_log() -> None:
    """What a server complained of stands in the error, and nothing of it stays."""
    server = RedisServer(options=["--no-such-option", "1"])

    with pytest.raises(RuntimeError, match="no-such-option"), skipped_if_missing(), server:
        pass

    assert refuses(server.port)
    assert not server.folder.exists()
