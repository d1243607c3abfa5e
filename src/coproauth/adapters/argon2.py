"""Argon2id, by argon2-cffi."""

from __future__ import annotations

import os
from collections.abc import Sequence

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

from coproauth.adapters.hashing_gate import HashingGate
from coproauth.policy import Argon2Parameters, Policy


def can_afford(password_hash: str, *, limits: Sequence[Argon2Parameters]) -> bool:
    """Whether a hash can be read, and asks for no more than one of the limits; nothing is computed for that."""
    try:
        found = argon2.extract_parameters(password_hash)
    except InvalidHashError:
        return False
    cost = Argon2Parameters(memory_cost=found.memory_cost, time_cost=found.time_cost, parallelism=found.parallelism)
    return any(limit.covers(cost) for limit in limits)


class Argon2Hasher:
    """Hashes passwords with Argon2id, no more of them at once than its gate lets in.

    Attributes:
        decoy: a hash of current parameters that no password fits: of random bytes, forgotten at once.
    """

    def __init__(
        self,
        parameters: Argon2Parameters,
        *,
        limit: Argon2Parameters | None = None,
        gate: HashingGate | None = None,
    ) -> None:
        """Take what a hash costs, and what bounds the work.

        Args:
            parameters: the cost of one hash.
            limit: the most that a hash made elsewhere may cost to be verified; that of the default policy if not given.
            gate: what all hashers of the process share; one of its own, of the default policy, if not given.
        """
        self._limits = (parameters, limit or Policy().argon2_limit)
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
        """Whether the password is the one that was hashed (ASVS V11.2.5).

        A hash that cannot be read, or costs more than the limit, fits none, for the work of one that does.

        Raises:
            Throttled: too many passwords are being hashed (``busy``).
        """
        is_affordable = can_afford(password_hash, limits=self._limits)
        with self._gate.place():
            fits = self._fits(password_hash if is_affordable else self.decoy, password)
        return fits and is_affordable

    def needs_rehash(self, password_hash: str) -> bool:
        """Whether the hash was made with other than current parameters."""
        return self._hasher.check_needs_rehash(password_hash)

    def _fits(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError, UnicodeEncodeError):  # the last: a hash that is not ASCII
            return False
