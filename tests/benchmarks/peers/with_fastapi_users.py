"""FastAPI-Users with SQLAlchemy and aiosqlite, as its full example has it; tokens in the database, or JWT."""
# pyright: reportMissingImports=false

from __future__ import annotations

import asyncio
import sqlite3
import threading
import uuid
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from typing import Any, ClassVar, TypeVar

from fastapi.security import OAuth2PasswordRequestForm
from fastapi_users import BaseUserManager, UUIDIDMixin, exceptions
from fastapi_users.authentication import JWTStrategy
from fastapi_users.authentication.strategy.db import DatabaseStrategy
from fastapi_users.jwt import decode_jwt
from fastapi_users.password import PasswordHelper
from fastapi_users_db_sqlalchemy import SQLAlchemyBaseUserTableUUID, SQLAlchemyUserDatabase
from fastapi_users_db_sqlalchemy.access_token import SQLAlchemyAccessTokenDatabase, SQLAlchemyBaseAccessTokenTableUUID
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import create_engine, event
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase
from tests.benchmarks.peers.protocol import KEY, PRAGMAS, Contestant, Links, Peer, Site, insert
from tests.benchmarks.population import PASSWORD

_LIFETIME = 3600  # seconds
_T = TypeVar("_T")


class Base(DeclarativeBase):
    """Tables."""


class User(SQLAlchemyBaseUserTableUUID, Base):
    """Somebody."""


class AccessToken(SQLAlchemyBaseAccessTokenTableUUID, Base):
    """A session."""


class UserManager(UUIDIDMixin, BaseUserManager[User, uuid.UUID]):
    """What an application writes; mails are dropped, the last token is kept.

    Attributes:
        mailed: addresses.
    """

    reset_password_token_secret = verification_token_secret = KEY
    last_token = ""
    mailed: ClassVar[set[str]] = set()

    async def on_after_forgot_password(self, user: User, token: str, request: object = None) -> None:  # noqa: ARG002
        """Keep the token."""
        self.last_token = token
        self.mailed.add(user.email)


def open_contestant(site: Site) -> Contestant:
    """Fill the file if it is new."""
    cost = site.people.argon2
    hasher = Argon2Hasher(memory_cost=cost.memory_cost, time_cost=cost.time_cost, parallelism=cost.parallelism)
    helper = PasswordHelper(PasswordHash((hasher,)))
    _fill(site, helper.hash(PASSWORD))
    engine = create_async_engine(f"sqlite+aiosqlite:///{site.file('fastapi_users')}")
    event.listen(engine.sync_engine, "connect", _prepare)
    loop = asyncio.new_event_loop()
    peer = FastApiUsers(engine, helper, loop, is_signed=False)
    signed = FastApiUsers(engine, helper, loop, is_signed=True)
    return Contestant(peer=peer, signed=signed, links=FastApiLinks(peer, site.email()))


def _fill(site: Site, password_hash: str) -> None:
    file = site.file("fastapi_users")
    if file.exists():
        return
    with closing(sqlite3.connect(file)) as raw:
        raw.execute(PRAGMAS[0])
    engine = create_engine(f"sqlite:///{file}")
    Base.metadata.create_all(engine)
    engine.dispose()
    row = {"hashed_password": password_hash, "is_active": 1, "is_superuser": 0, "is_verified": 1}
    emails = map(site.people.email, range(site.people.logins))
    insert(file, '"user"', (row | {"id": str(uuid.uuid4()), "email": email} for email in emails))


def _prepare(raw: Any, _: object) -> None:
    for pragma in PRAGMAS:
        raw.execute(pragma)


class FastApiUsers(Peer):
    """What its routers do, each time with a database session of its own."""

    def __init__(
        self, engine: AsyncEngine, helper: PasswordHelper, loop: asyncio.AbstractEventLoop, *, is_signed: bool
    ) -> None:
        self._sessions = async_sessionmaker(engine, expire_on_commit=False)
        self._helper, self._loop, self._is_signed = helper, loop, is_signed

    def log_in(self, email: str, password: str) -> str | None:
        """Authenticate, write a token."""
        return self.run(self._log_in(email, password))

    def who(self, cookie: str) -> str | None:
        """Read a token."""
        return self.run(self._who(cookie))

    def request_reset(self, email: str) -> None:
        """Make a token, if there is such a user."""
        self.run(self._request_reset(email))

    def has_mail(self, email: str) -> bool:
        """Ask the managers."""
        return email in UserManager.mailed

    def forget_mail(self, email: str) -> None:
        """Have the managers forget."""
        UserManager.mailed.discard(email)

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Run the loop in a thread of its own, as a server has it."""
        thread = threading.Thread(target=self._loop.run_forever)
        thread.start()
        try:
            yield
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join()

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run to the end, in the loop that is there."""
        if self._loop.is_running():
            return asyncio.run_coroutine_threadsafe(work, self._loop).result()
        return self._loop.run_until_complete(work)

    @asynccontextmanager
    async def manager(self) -> AsyncIterator[tuple[AsyncSession, UserManager]]:
        """Give a manager, and the database session it is on."""
        async with self._sessions() as session:
            yield session, UserManager(SQLAlchemyUserDatabase(session, User), self._helper)

    def _strategy(self, session: AsyncSession) -> Any:
        if self._is_signed:
            return JWTStrategy(secret=KEY, lifetime_seconds=_LIFETIME)
        return DatabaseStrategy(SQLAlchemyAccessTokenDatabase(session, AccessToken), lifetime_seconds=_LIFETIME)

    async def _log_in(self, email: str, password: str) -> str | None:
        async with self.manager() as (session, manager):
            form = OAuth2PasswordRequestForm(username=email, password=password)
            user = await manager.authenticate(form)
            if user is None:
                return None
            token = await self._strategy(session).write_token(user)
            await manager.on_after_login(user)
            return str(token)

    async def _who(self, cookie: str) -> str | None:
        async with self.manager() as (session, manager):
            user = await self._strategy(session).read_token(cookie, manager)
            return str(user.email) if user else None

    async def _request_reset(self, email: str) -> None:
        async with self.manager() as (_, manager):
            try:
                user = await manager.get_by_email(email)
            except exceptions.UserNotExists:
                return
            await manager.forgot_password(user)


class FastApiLinks(Links):
    """Its tokens, for a user who was read; to check one it verifies a hash of the hash."""

    def __init__(self, peer: FastApiUsers, email: str) -> None:
        self._peer, self._email = peer, email
        self._user, self._manager = peer.run(self._read())

    def make(self) -> str:
        """Hash the hash, and sign."""
        self._peer.run(self._manager.forgot_password(self._user))
        return self._manager.last_token

    def check(self, token: str) -> object:
        """Read the token, and verify the hash in it."""
        data = decode_jwt(token, KEY, [self._manager.reset_password_token_audience])
        return self._manager.password_helper.verify_and_update(self._user.hashed_password, data["password_fgpt"])[0]

    async def _read(self) -> tuple[User, UserManager]:
        async with self._peer.manager() as (_, manager):
            return await manager.get_by_email(self._email), manager
