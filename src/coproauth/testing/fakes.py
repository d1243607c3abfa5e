"""Stand-ins whose behaviour a test chooses."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

import attrs

from coproauth.ports import PasswordHasher


class FakeClock:
    """A clock that moves when it is told to; thread-safe."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, 8, tzinfo=UTC)) -> None:
        """Start at an aware instant."""
        self._lock = threading.Lock()
        self._now = start

    def now(self) -> datetime:
        """Return the present of this clock."""
        return self._now

    def advance(self, by: timedelta) -> None:
        """Move the clock, backwards too."""
        with self._lock:
            self._now += by


class LeakedPasswords:
    """A list of leaked passwords that a test chooses, and that can be away.

    Attributes:
        asked: what was asked for, in this order.
        failure: what is raised instead of an answer, if anything.
    """

    def __init__(self, passwords: Iterable[str] = (), *, failure: Exception | None = None) -> None:
        """Start with the passwords that leaked."""
        self.passwords = frozenset(passwords)
        self.failure = failure
        self.asked: list[str] = []

    def is_breached(self, password: str) -> bool:
        """Whether it is one of them."""
        self.asked.append(password)
        if self.failure is not None:
            raise self.failure
        return password in self.passwords


@attrs.define
class MeanwhileHasher:
    """A hasher that lets somebody act while it works.

    Attributes:
        meanwhile: called once, in the middle of the next password.
    """

    inner: PasswordHasher
    meanwhile: Callable[[], object] | None = None

    def hash(self, password: str) -> str:
        """Return a salted hash."""
        self._let_act()
        return self.inner.hash(password)

    def verify(self, *, password_hash: str, password: str) -> bool:
        """Whether the password is the one that was hashed."""
        self._let_act()
        return self.inner.verify(password_hash=password_hash, password=password)

    def needs_rehash(self, password_hash: str) -> bool:
        """Whether the hash was made with other than current parameters."""
        return self.inner.needs_rehash(password_hash)

    @property
    def decoy(self) -> str:
        """A hash that no password fits."""
        return self.inner.decoy

    def _let_act(self) -> None:
        act, self.meanwhile = self.meanwhile, None
        if act is not None:
            act()
