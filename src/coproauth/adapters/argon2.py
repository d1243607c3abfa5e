"""Argon2id, by argon2-cffi."""

from __future__ import annotations

import os

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

from coproauth.adapters.hashing_gate import HashingGate
from coproauth.policy import Argon2Parameters, Policy


class Argon2Hasher:
    """Hashes passwords with Argon2id, no more of them at once than its gate lets in.

    Attributes:
        decoy: a hash of current parameters that no password fits: of random bytes, forgotten at once.
    """

    def __init__(self, parameters: Argon2Parameters, *, gate: HashingGate | None = None) -> None:
        """Take the cost of one hash, and the gate that all hashers of the process share (None: one of its own)."""
        self._hasher = argon2.PasswordHasher(
            memory_cost=parameters.memory_cost,
            time_cost=parameters.time_cost,
            parallelism=parameters.parallelism,
        )
        self._gate = gate or HashingGate.of(Policy())
        self.decoy = self.hash(os.urandom(32).hex())

    def hash(self, password: str) -> str:
        """Return a salted hash in PHC notation, of current parameters.

        Raises:
            Throttled: too many passwords are being hashed (``busy``).
        """
        with self._gate.place():
            return self._hasher.hash(password)

    def verify(self, *, password_hash: str, password: str) -> bool:
        """Whether the password is the one that was hashed; a hash that cannot be read fits none (ASVS V11.2.5).

        Raises:
            Throttled: too many passwords are being hashed (``busy``).
        """
        try:
            with self._gate.place():
                return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError, UnicodeEncodeError):  # the last: a hash that is not ASCII
            return False

    def needs_rehash(self, password_hash: str) -> bool:
        """Whether the hash was made with other than current parameters."""
        return self._hasher.check_needs_rehash(password_hash)
