"""One of several portal processes, wired from its environment as an operator would."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import attrs
from redis import Redis
from sqlalchemy import Engine
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from coproauth import BackgroundCourier, Coproauth, Message
from coproauth.adapters.redis import RedisSessions, RedisThrottle, redis_client
from coproauth.adapters.sqlalchemy import SqlStore, StandaloneDirectory, sql_engine
from coproauth.portal import create_portal
from coproauth.testing.sandbox import cheap_policy

SECRET_KEY = "a key that all processes share, 0123456789"


@attrs.frozen
class FileMailer:
    """Appends each message to a file that all processes share; a short line is written whole (POSIX O_APPEND)."""

    path: Path

    def send(self, message: Message) -> None:
        """Append one message."""
        line = {"id": message.id, "to": message.to, "kind": message.kind, "code": getattr(message, "code", None)}
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")


def wire(engine: Engine, client: Redis, *, portal_url: str, outbox: Path) -> Coproauth:
    """Return the library over PostgreSQL and Redis."""
    policy = attrs.evolve(cheap_policy(), throttle_recovery=timedelta(0))
    return Coproauth(
        store=RedisSessions(SqlStore(engine), client),
        directory=StandaloneDirectory(engine),
        mailer=FileMailer(outbox),
        secret_keys=[SECRET_KEY],
        portal_url=portal_url,
        policy=policy,
        throttle=RedisThrottle(client, policy=policy),
    )


def create_app() -> Starlette:
    """Return the application of one process, with a courier of its own."""
    auth = wire(
        sql_engine(os.environ["DATABASE"]),
        redis_client(os.environ["REDIS"]),
        portal_url=os.environ["PORTAL_URL"],
        outbox=Path(os.environ["OUTBOX"]),
    )

    @asynccontextmanager
    async def deliver(_: Starlette) -> AsyncIterator[None]:
        with BackgroundCourier(auth.courier, interval=0.1):
            yield

    async def answer(_: Request) -> PlainTextResponse:
        return PlainTextResponse("ready")

    routes = [Route("/ready", answer), Mount("/", create_portal(auth, trusted_proxies=1))]
    return Starlette(routes=routes, lifespan=deliver)
