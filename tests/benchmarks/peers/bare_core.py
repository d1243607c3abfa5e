"""The same as bare sqlite3, said with SQLAlchemy Core."""

from __future__ import annotations

import secrets
import time

import argon2
from sqlalchemy import (
    Column,
    Float,
    ForeignKey,
    Integer,
    MetaData,
    Table,
    Text,
    create_engine,
    delete,
    event,
    insert,
    select,
)
from tests.benchmarks.peers.bare_sqlite3 import LIFETIME, digest, fill
from tests.benchmarks.peers.protocol import PRAGMAS, Contestant, Peer, Site

_METADATA = MetaData()
_PEOPLE = Table(
    "people", _METADATA, Column("id", Integer, primary_key=True), Column("email", Text), Column("password_hash", Text)
)
_SESSIONS = Table(
    "sessions",
    _METADATA,
    Column("digest", Text, primary_key=True),
    Column("person_id", Integer, ForeignKey(_PEOPLE.c.id)),
    Column("expires_at", Float),
)
_OUTBOX = Table("outbox", _METADATA, Column("id", Integer, primary_key=True), Column("email", Text))


def open_contestant(site: Site) -> Contestant:
    """Fill the file if it is new."""
    fill(site, "core")
    return Contestant(peer=Core(site))


class Core(Peer):
    """One engine, one connection of its pool a question."""

    mails_strangers = True

    def __init__(self, site: Site) -> None:
        self._engine = create_engine(f"sqlite:///{site.file('core')}", pool_size=16)
        event.listen(self._engine, "connect", _prepare)
        self._decoy = site.people.password_hash()
        self._verify = argon2.PasswordHasher().verify

    def log_in(self, email: str, password: str) -> str | None:
        """Compare the hash, insert a session."""
        with self._engine.connect() as connection:
            by_email = select(_PEOPLE.c.id, _PEOPLE.c.password_hash).where(_PEOPLE.c.email == email)
            found = connection.execute(by_email).one_or_none()
        try:
            self._verify(found.password_hash if found else self._decoy, password)
        except argon2.exceptions.VerifyMismatchError:
            return None
        token = secrets.token_urlsafe()
        session = {"digest": digest(token), "person_id": found and found.id, "expires_at": time.time() + LIFETIME}
        with self._engine.begin() as connection:
            connection.execute(insert(_SESSIONS).values(session))
        return token

    def who(self, cookie: str) -> str | None:
        """One join."""
        joined = select(_PEOPLE.c.id, _PEOPLE.c.email).join(_SESSIONS)
        wanted = joined.where(_SESSIONS.c.digest == digest(cookie), _SESSIONS.c.expires_at > time.time())
        with self._engine.connect() as connection:
            found = connection.execute(wanted).one_or_none()
        return found.email if found else None

    def request_reset(self, email: str) -> None:
        """Look, and insert a mail for whatever address."""
        with self._engine.begin() as connection:
            connection.execute(select(_PEOPLE.c.id).where(_PEOPLE.c.email == email)).one_or_none()
            connection.execute(insert(_OUTBOX).values(email=email))

    def has_mail(self, email: str) -> bool:
        """Look into the outbox."""
        with self._engine.connect() as connection:
            return connection.execute(select(_OUTBOX.c.id).where(_OUTBOX.c.email == email)).first() is not None

    def forget_mail(self, email: str) -> None:
        """Empty the outbox of it."""
        with self._engine.begin() as connection:
            connection.execute(delete(_OUTBOX).where(_OUTBOX.c.email == email))


def _prepare(raw: object, _: object) -> None:
    for pragma in PRAGMAS:
        raw.execute(pragma)  # type: ignore[attr-defined]
