"""Real servers for tests: private, on loopback only, in a temporary folder each, gone when their block ends.

Nothing here touches a server that it did not start. The data are meant to be thrown away: nothing is forced to disk.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Literal, Self

import attrs
import psycopg
import psycopg.sql
import pymysql
import pytest
import redis

HOST = "127.0.0.1"
PATIENCE = 30.0  # seconds a program may take to get ready, or to end when it is asked to

StopMode = Literal["fast", "immediate"]
"""How a server ends: ``fast`` cuts its clients off and tidies up, ``immediate`` drops everything as a crash does."""


class ServerMissing(Exception):  # noqa: N818 - not an error: the machine has no such server
    """A program is not installed; the message names the Debian package that brings it."""


@contextlib.contextmanager
def skipped_if_missing() -> Iterator[None]:
    """Skip the test where a server is not installed; where ``CI`` is set, it has to be."""
    try:
        yield
    except ServerMissing as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(missing))


def find_program(*names: str, package: str) -> str:
    """Return the path of the first of these programs that is installed; of PostgreSQL's, the newest version.

    Raises:
        ServerMissing: none of them is.
    """
    postgres = Path("/usr/lib/postgresql").glob("*/bin")
    newest_first = sorted(map(str, postgres), key=lambda folder: float(Path(folder).parent.name), reverse=True)
    folders = [*newest_first, os.environ.get("PATH", os.defpath), "/usr/sbin"]
    for name in names:
        if found := shutil.which(name, path=os.pathsep.join(folders)):
            return found
    raise ServerMissing(f"{' or '.join(names)} is not installed: Debian has it in the package {package}")


def free_port() -> int:
    """Return a port nobody listens on, below those that Linux gives to clients, so that it can be taken up again."""
    for port in random.SystemRandom().sample(range(20_000, 32_000), 100):  # Hypothesis seeds the common generator
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((HOST, port))
            return port
    raise RuntimeError("a hundred ports were tried, and all are taken")


def eventually(condition: Callable[[], bool]) -> bool:
    """Whether a condition comes true while our patience lasts; it is looked at fifty times a second."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@attrs.frozen(kw_only=True, eq=False)
class Guarded:
    """A process that ends with ours, however ours ends: a guard waits for our end of a pipe to close.

    Attributes:
        process: the server.
        guard: a shell that signals the server when it reads the end of its standard input.
    """

    process: subprocess.Popen[bytes]
    guard: subprocess.Popen[bytes]

    @classmethod
    def watch(cls, process: subprocess.Popen[bytes], *, last: signal.Signals) -> Guarded:
        """Set a guard over a process, with the signal to send when we are gone."""
        script = f'read -r _; kill -{last.value} "$0"'
        command = ["/bin/sh", "-c", script, str(process.pid)]
        guard = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)  # noqa: S603 - a script of ours
        return cls(process=process, guard=guard)

    def end(self, by: signal.Signals) -> None:
        """Signal the process, await its end, by force if it takes too long, and dismiss the guard."""
        self.process.send_signal(by)
        self.process.send_signal(signal.SIGCONT)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.process.wait()
        self.guard.kill()
        self.guard.communicate()


@attrs.define(kw_only=True, eq=False)
class Server(ABC):
    """A server of our own; as a context manager it is installed and started, and leaves nothing behind.

    Attributes:
        options: further arguments for the server's command line; they win over ours.
        port: where it listens on 127.0.0.1, the same after every restart.
        folder: where everything of it is, log included; only inside the block.
    """

    account: ClassVar[str | None] = None
    signals: ClassVar[Mapping[StopMode, signal.Signals]] = {"fast": signal.SIGTERM, "immediate": signal.SIGKILL}

    options: Sequence[str] = ()
    port: int = attrs.field(init=False, factory=free_port)
    folder: Path = attrs.field(init=False)
    _running: Guarded | None = attrs.field(init=False, default=None)
    _leftovers: contextlib.ExitStack = attrs.field(init=False, factory=contextlib.ExitStack)

    def __enter__(self) -> Self:
        """Install and start the server.

        Raises:
            ServerMissing: a program is not installed.
            RuntimeError: the server did not get ready; with the end of its log.
        """
        self.program()  # where it is missing, its account may be too
        with contextlib.ExitStack() as stack:
            self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="coproauth-")))
            stack.callback(self.stop, "immediate")
            if self._user:
                shutil.chown(self.folder, self._user, self._user)
            self.install()
            self.start()
            self._leftovers = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the server and remove its folder."""
        self._leftovers.close()

    def start(self) -> None:
        """Start the server and wait until it answers.

        Raises:
            RuntimeError: it runs already, or did not get ready; then with the end of its log.
        """
        if self._running:
            raise RuntimeError("the server runs already")
        process = self.spawn([self.program(), *self.arguments(), *self.options])
        self._running = Guarded.watch(process, last=self.signals["immediate"])
        in_time = eventually(lambda: self.answers() or process.poll() is not None)
        if not in_time or process.poll() is not None:
            raise RuntimeError(f"{type(self).__name__} did not get ready; its log ends with\n{self.log()}")

    def stop(self, mode: StopMode = "fast") -> None:
        """Stop the server and wait for its end; nothing is done where it does not run."""
        running, self._running = self._running, None
        if running:
            running.end(self.signals[mode])

    def restart(self, mode: StopMode = "fast") -> None:
        """Stop the server and start it again, on the same port."""
        self.stop(mode)
        self.start()

    def log(self) -> str:
        """Return the last lines of what the server's programs have written."""
        return "\n".join((self.folder / "log").read_text(errors="replace").splitlines()[-20:])

    def spawn(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        """Start a program in the server's folder, as the server's user if we are root, out of reach of Ctrl-C."""
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(  # noqa: S603 - commands of this file
                command,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=self._user,
                group=self._user,
                extra_groups=[] if self._user else None,
                start_new_session=True,
            )

    def run(self, command: Sequence[str]) -> None:
        """Run a program to its end.

        Raises:
            RuntimeError: it failed or took too long; with the end of the log.
        """
        with self.spawn(command) as process:
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
        if process.returncode != 0:
            raise RuntimeError(f"{command[0]} failed; the log ends with\n{self.log()}")

    @property
    def _user(self) -> str | None:
        return self.account if os.geteuid() == 0 else None

    def install(self) -> None:  # noqa: B027 - not every server has something to prepare
        """Prepare the server's folder, before the first start."""

    @abstractmethod
    def program(self) -> str:
        """Return the path of the server's program."""

    @abstractmethod
    def arguments(self) -> list[str]:
        """Return the arguments that make it serve in the foreground."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether a client is served."""


@attrs.define(kw_only=True, eq=False)
class PostgresServer(Server):
    """PostgreSQL, open to its superuser ``postgres`` without password.

    An immediate stop may lose commits of the last 0.6 s, unless ``options`` sets ``-c synchronous_commit=on``.
    """

    account = "postgres"
    signals = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}  # noqa: RUF012 - a constant of the base class

    def url(self, database: str = "postgres") -> str:
        """Return the address of a database, for SQLAlchemy."""
        return f"postgresql+psycopg://postgres@{HOST}:{self.port}/{database}"

    def create_database(self, name: str) -> str:
        """Create an empty database and return its address."""
        with self._connect() as connection:
            connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name)))
        return self.url(name)

    def install(self) -> None:
        """Create the cluster."""
        initdb = find_program("initdb", package="postgresql")
        options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
        self.run([initdb, *options, "--pgdata=data"])

    def program(self) -> str:
        """Return the path of the server's program."""
        return find_program("postgres", package="postgresql")

    def arguments(self) -> list[str]:
        """Return the arguments that make it serve in the foreground."""
        settings = {
            "listen_addresses": HOST,
            "port": self.port,
            "unix_socket_directories": self.folder,
            "max_connections": 300,
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
        }
        return ["-D", "data", *(word for name, value in settings.items() for word in ("-c", f"{name}={value}"))]

    def answers(self) -> bool:
        """Whether a client is served."""
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(
            host=HOST, port=self.port, user="postgres", dbname="postgres", connect_timeout=2, autocommit=True
        )


@attrs.define(kw_only=True, eq=False)
class MariadbServer(Server):
    """MariaDB, open to its superuser ``root`` without password.

    An immediate stop may lose commits of the last second, unless ``options`` sets
    ``--innodb-flush-log-at-trx-commit=2``.
    """

    account = "mysql"

    def url(self, database: str = "mysql") -> str:
        """Return the address of a database, for SQLAlchemy."""
        return f"mysql+pymysql://root@{HOST}:{self.port}/{database}?charset=utf8mb4"

    def create_database(self, name: str) -> str:
        """Create an empty database and return its address."""
        quoted = name.replace("`", "``")
        with self._connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE `{quoted}`")
        return self.url(name)

    def install(self) -> None:
        """Create the system tables."""
        program = find_program("mariadb-install-db", package="mariadb-server")
        options = ["--auth-root-authentication-method=normal", "--skip-test-db", "--force"]
        self.run([program, "--no-defaults", *options, *self._storage()])

    def program(self) -> str:
        """Return the path of the server's program."""
        return find_program("mariadbd", package="mariadb-server")

    def arguments(self) -> list[str]:
        """Return the arguments that make it serve in the foreground."""
        return [
            "--no-defaults",
            *self._storage(),
            f"--bind-address={HOST}",
            f"--port={self.port}",
            f"--socket={self.folder / 'socket'}",
            f"--pid-file={self.folder / 'pid'}",
            "--max-connections=300",
            "--skip-name-resolve",
            "--character-set-server=utf8mb4",
        ]

    def answers(self) -> bool:
        """Whether a client is served."""
        try:
            self._connect().close()
        except pymysql.OperationalError:
            return False
        return True

    def _storage(self) -> list[str]:
        return [
            f"--datadir={self.folder / 'data'}",
            f"--tmpdir={self.folder}",  # two that are installed at once would remove each other's tables
            "--innodb-buffer-pool-size=32M",
            "--innodb-log-file-size=8M",
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-doublewrite=0",
        ]

    def _connect(self) -> pymysql.Connection:
        return pymysql.connect(host=HOST, port=self.port, user="root", connect_timeout=2)


@attrs.define(kw_only=True, eq=False)
class RedisServer(Server):
    """Redis or Valkey, without password, in memory only: what it held is gone after every stop."""

    @property
    def url(self) -> str:
        """The address of its database 0."""
        return f"redis://{HOST}:{self.port}/0"

    def program(self) -> str:
        """Return the path of the server's program."""
        return find_program("redis-server", "valkey-server", package="redis-server")

    def arguments(self) -> list[str]:
        """Return the arguments that make it serve in the foreground."""
        where = ["--bind", HOST, "--port", str(self.port), "--dir", str(self.folder)]
        return [*where, "--save", "", "--appendonly", "no"]

    def answers(self) -> bool:
        """Whether a client is served."""
        try:
            with redis.Redis.from_url(self.url, socket_timeout=2) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def pause(self) -> None:
        """Let the server hang: connections are taken, nothing is answered."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let the server go on with what it was sent meanwhile."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if not self._running:
            raise RuntimeError("the server does not run")
        self._running.process.send_signal(number)
