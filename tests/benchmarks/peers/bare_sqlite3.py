"""argon2-cffi, sqlite3, itsdangerous and hmac, and nothing else: two tables, no throttle, no audit, no checks."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import sqlite3
import threading
import time
from contextlib import closing

import argon2
from itsdangerous import URLSafeTimedSerializer
from tests.benchmarks.peers.protocol import KEY, PRAGMAS, Contestant, Peer, Site, insert

TABLES = (
    "CREATE TABLE people (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, password_hash TEXT NOT NULL)",
    "CREATE TABLE sessions (digest TEXT PRIMARY KEY, person_id INTEGER NOT NULL REFERENCES people, expires_at REAL)",
    "CREATE TABLE outbox (id INTEGER PRIMARY KEY, email TEXT NOT NULL)",
)
BY_EMAIL = "SELECT id, password_hash FROM people WHERE email = ?"
OPENED = "INSERT INTO sessions VALUES (?, ?, ?)"
WHO = "SELECT id, email FROM people JOIN sessions ON id = person_id WHERE digest = ? AND expires_at > ?"
LIFETIME = 3600.0  # seconds


def open_contestant(site: Site) -> Contestant:
    """Fill the file if it is new."""
    fill(site, "sqlite3")
    return Contestant(peer=Bare(site), signed=Signed(), links=BareLinks())


def fill(site: Site, name: str) -> None:
    """Create the tables and the people."""
    file = site.file(name)
    if file.exists():
        return
    with closing(sqlite3.connect(file)) as raw:
        for statement in (*PRAGMAS, *TABLES):
            raw.execute(statement)
    password_hash = site.people.password_hash()
    people = ({"email": site.people.email(n), "password_hash": password_hash} for n in range(site.people.logins))
    insert(file, "people", people)


def digest(token: str) -> str:
    """Return what is stored of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


class Bare(Peer):
    """One connection a thread, one statement a question."""

    mails_strangers = True

    def __init__(self, site: Site) -> None:
        self._file, self._local = site.file("sqlite3"), threading.local()
        self._decoy = site.people.password_hash()
        self._verify = argon2.PasswordHasher().verify  # the cost is in the hash

    @property
    def _raw(self) -> sqlite3.Connection:
        raw: sqlite3.Connection | None = getattr(self._local, "raw", None)
        if raw is None:
            raw = self._local.raw = sqlite3.connect(self._file, isolation_level=None, timeout=30)
            for pragma in PRAGMAS:
                raw.execute(pragma)
        return raw

    def log_in(self, email: str, password: str) -> str | None:
        """Compare the hash, insert a session."""
        person_id, password_hash = self._raw.execute(BY_EMAIL, [email]).fetchone() or (None, self._decoy)
        try:
            self._verify(password_hash, password)
        except argon2.exceptions.VerifyMismatchError:
            return None
        token = secrets.token_urlsafe()
        self._raw.execute(OPENED, [digest(token), person_id, time.time() + LIFETIME])
        return token

    def who(self, cookie: str) -> str | None:
        """One join."""
        _, email = self._raw.execute(WHO, [digest(cookie), time.time()]).fetchone() or (None, None)
        return email

    def request_reset(self, email: str) -> None:
        """Look, and insert a mail for whatever address."""
        self._raw.execute(BY_EMAIL, [email]).fetchone()
        self._raw.execute("INSERT INTO outbox (email) VALUES (?)", [email])

    def has_mail(self, email: str) -> bool:
        """Look into the outbox."""
        return self._raw.execute("SELECT 1 FROM outbox WHERE email = ?", [email]).fetchone() is not None

    def forget_mail(self, email: str) -> None:
        """Empty the outbox of it."""
        self._raw.execute("DELETE FROM outbox WHERE email = ?", [email])


class Signed(Peer):
    """A name and its HMAC-SHA-256."""

    def log_in(self, email: str, password: str) -> str | None:  # noqa: ARG002 - what matters is the cookie
        """Sign the address."""
        return f"{email}.{_signature(email)}"

    def who(self, cookie: str) -> str | None:
        """Compare the signature."""
        email, _, signature = cookie.rpartition(".")
        return email if hmac.compare_digest(_signature(email), signature) else None


def _signature(text: str) -> str:
    return hmac.digest(KEY.encode(), text.encode(), "sha256").hex()


class BareLinks:
    """A serializer of itsdangerous with SHA-256 that is kept."""

    def __init__(self) -> None:
        self._signer = URLSafeTimedSerializer([KEY], salt="reset", signer_kwargs={"digest_method": hashlib.sha256})

    def make(self) -> str:
        """Sign a login, its stamp and a digest of its address."""
        return str(self._signer.dumps(("0" * 32, 3, "0" * 32)))

    def check(self, token: str) -> object:
        """Read it back, if it is not too old."""
        return self._signer.loads(token, max_age=int(LIFETIME))
