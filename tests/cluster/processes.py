"""Four portal processes behind nginx, on loopback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import attrs
from httpx2 import Client, ConnectError
from tests.servers import HOST, Guarded, eventually, find_program, free_port

PROCESSES = 4
_NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
    log_format upstream '$upstream_addr';
    access_log {folder}/access.log upstream;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    upstream portal {{ {servers} }}
    server {{
        listen {host}:{port};
        location / {{
            proxy_pass http://portal;
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_next_upstream error timeout;
        }}
    }}
}}
"""


@attrs.frozen(kw_only=True)
class Cluster:
    """The running processes.

    Attributes:
        url: of nginx, where the portal is.
        direct: of each process.
        folder: where nginx logs which process it asked, and the couriers what they sent.
    """

    url: str
    direct: tuple[str, ...]
    workers: tuple[subprocess.Popen[bytes], ...]
    folder: Path

    def asked(self) -> set[str]:
        """Return the processes that nginx has asked."""
        return set((self.folder / "access.log").read_text().split())


@contextmanager
def running_cluster(folder: Path, *, database: str, redis: str) -> Iterator[Cluster]:
    """Start the processes and nginx, and end them."""
    front, ports = free_port(), [free_port() for _ in range(PROCESSES)]
    url = f"http://{HOST}:{front}"
    environment = {"DATABASE": database, "REDIS": redis, "PORTAL_URL": url, "OUTBOX": str(folder / "sent.jsonl")}
    with ExitStack() as stack:
        workers = [stack.enter_context(_portal(port, environment)) for port in ports]
        stack.enter_context(_nginx(folder, front, ports))
        direct = tuple(f"http://{HOST}:{port}" for port in ports)
        if not eventually(lambda: all(map(_is_ready, (*direct, url)))):
            raise RuntimeError("the portal did not start")
        yield Cluster(url=url, direct=direct, workers=tuple(workers), folder=folder)


def _portal(port: int, environment: dict[str, str]) -> AbstractContextManager[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "uvicorn", "--factory", "tests.cluster.app:create_app"]
    options = ["--host", HOST, "--port", str(port), "--log-level", "warning", "--no-access-log", "--no-proxy-headers"]
    return _process([*command, *options], environment)


def _nginx(folder: Path, port: int, upstream: list[int]) -> AbstractContextManager[subprocess.Popen[bytes]]:
    servers = " ".join(f"server {HOST}:{one};" for one in upstream)
    configuration = folder / "nginx.conf"
    configuration.write_text(_NGINX.format(folder=folder, servers=servers, host=HOST, port=port))
    program = find_program("nginx", package="nginx")
    return _process([program, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(configuration)], {})


@contextmanager
def _process(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    root = Path(__file__).parents[2]
    process = subprocess.Popen(command, cwd=root, env={**os.environ, **environment})  # noqa: S603 - ours
    guarded = Guarded.watch(process, last=signal.SIGTERM)
    try:
        yield process
    finally:
        guarded.end(signal.SIGTERM)


def _is_ready(url: str) -> bool:
    try:
        with Client(base_url=url) as client:
            return client.get("/ready").text == "ready"
    except ConnectError:
        return False
