"""Argon2id, by argon2-cffi."""

from __future__ import annotations

import os
import threading

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

from coproauth.policy import Argon2Parameters


class Argon2Hasher:
    """Hashes passwords with Argon2id, no more of them at once than there are cores.

    Attributes:
        decoy: a hash of current parameters that no password fits: of random bytes, forgotten at once.
    """

    def __init__(self, parameters: Argon2Parameters, *, hashes_at_once: int | None = None) -> None:
        """Take the cost of one hash, and how many may be computed at the same time (None: one a core)."""
        self._hasher = argon2.PasswordHasher(
            memory_cost=parameters.memory_cost,
            time_cost=parameters.time_cost,
            parallelism=parameters.parallelism,
        )
        self._gate = threading.BoundedSemaphore(hashes_at_once or os.cpu_count() or 1)
        self.decoy = self.hash(os.urandom(32).hex())

    def hash(self, password: str) -> str:
        """Return a salted hash in PHC notation, of current parameters."""
        with self._gate:
            return self._hasher.hash(password)

    def verify(self, *, password_hash: str, password: str) -> bool:
        """Whether the password is the one that was hashed; a hash that cannot be read fits none (ASVS V11.2.5)."""
        try:
            with self._gate:
                return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError, UnicodeEncodeError):  # the last: a hash that is not ASCII
            return False

    def needs_rehash(self, password_hash: str) -> bool:
        """Whether the hash was made with other than current parameters."""
        return self._hasher.check_needs_rehash(password_hash)
