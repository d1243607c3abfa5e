"""What is asked of everybody who is compared. Each way is the one its own pages take, without HTTP around it."""

from __future__ import annotations

import random
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path
from typing import ClassVar, Protocol

import attrs
from tests.benchmarks.population import Population

KEY = "a key of a benchmark, 0123456789 abcdefghij"
PRAGMAS = ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", "PRAGMA foreign_keys = ON")
"""The rules of every SQLite file: what was answered is kept."""


@attrs.frozen(kw_only=True)
class Site:
    """Where somebody works.

    Attributes:
        people: who may log in, all with one password, hashed at the site's cost.
        folder: for a SQLite file.
        postgresql: the URL of a database in place of that.
    """

    people: Population
    folder: Path
    postgresql: str | None = attrs.field(default=None, repr=False)

    def email(self) -> str:
        """Return the address of somebody."""
        return self.people.email(random.randrange(self.people.logins) // 100 * 100 + random.randrange(1, 100))  # noqa: S311

    def nobody(self) -> str:
        """Return an address of the same length that nobody has."""
        return self.email().replace("martin", "morton")

    def file(self, name: str) -> Path:
        """Return the path of somebody's database."""
        return self.folder / f"{name}-{self.people.logins}.sqlite3"


class Peer(ABC):
    """A way of logging people in.

    Attributes:
        mails_strangers: whether an address that nobody has is mailed, too, if a reset link is asked for.
    """

    mails_strangers: ClassVar[bool] = False

    def greet(self, email: str, password: str) -> None:
        """Log in once, untimed: what is read next is warm for everybody, and the browser known where one can be."""
        self.log_in(email, password)

    @abstractmethod
    def log_in(self, email: str, password: str) -> str | None:
        """Return what goes into the cookie, everything committed; None if refused."""

    @abstractmethod
    def who(self, cookie: str) -> str | None:
        """Return the address of who is logged in, as every page asks."""

    def request_reset(self, email: str) -> None:
        """Have a reset link sent to an address, if it is known; sending takes no time."""
        raise NotImplementedError

    def has_mail(self, email: str) -> bool:
        """Whether a mail to an address was made since its mail was forgotten; untimed."""
        raise NotImplementedError

    def forget_mail(self, email: str) -> None:
        """Drop the mail to an address; untimed."""
        raise NotImplementedError

    def serving(self) -> AbstractContextManager[None]:
        """Be called by several threads in the block, as a server would."""
        return nullcontext()


class Links(Protocol):
    """Reset links for a login that has been read already."""

    def make(self) -> str:
        """Return a token."""
        ...

    def check(self, token: str) -> object:
        """Return something that is true: the token is good."""
        ...


@attrs.frozen(kw_only=True)
class Contestant:
    """Somebody at work; None: he has no such thing.

    Attributes:
        peer: knows who is logged in from the database.
        signed: knows it from signed data.
    """

    peer: Peer
    signed: Peer | None = None
    links: Links | None = None


def insert(file: Path, table: str, rows: Iterable[Mapping[str, object]]) -> None:
    """Fill a table quickly; the first row says which columns."""
    iterator = iter(rows)
    first = next(iterator)
    columns, places = ", ".join(first), ", ".join(f":{name}" for name in first)
    with closing(sqlite3.connect(file)) as raw, raw:
        raw.execute(f"INSERT INTO {table} ({columns}) VALUES ({places})", first)  # noqa: S608 - ours
        raw.executemany(f"INSERT INTO {table} ({columns}) VALUES ({places})", iterator)  # noqa: S608 - ours
        raw.execute("ANALYZE")
