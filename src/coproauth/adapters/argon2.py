"""Argon2id, by argon2-cffi."""

from __future__ import annotations

import hmac
import logging
import os
from collections.abc import Sequence

from coproauth.adapters.argon2_core import can_lend, compute, compute_in
from coproauth.adapters.argon2_notation import SALT_LENGTH, Argon2Hash, Recipe
from coproauth.adapters.hashing_gate import HashingGate
from coproauth.policy import Argon2Parameters, Policy

_log = logging.getLogger("coproauth.hashing")


def can_afford(password_hash: str, *, limits: Sequence[Argon2Parameters]) -> bool:
    """Whether a hash can be read, and asks for no more than one of the limits; nothing is computed for that."""
    return _affordable(password_hash, limits) is not None


def _affordable(password_hash: str, limits: Sequence[Argon2Parameters]) -> Argon2Hash | None:
    found = Argon2Hash.parse(password_hash)
    return found if found and any(limit.covers(found.recipe.cost) for limit in limits) else None


class Argon2Hasher:
    """Hashes passwords with Argon2id, no more of them at once than its gate lets in, each in the memory of its place.

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
        self._cost = parameters
        self._limits = (parameters, limit or Policy().argon2_limit)
        self._gate = gate or HashingGate.of(Policy())
        self._decoy = self._made_of(os.urandom(32).hex())
        self.decoy = str(self._decoy)

    def hash(self, password: str) -> str:
        """Return a salted hash in PHC notation, of current parameters.

        Raises:
            Throttled: too many passwords are being hashed, or there is no memory for one more (``busy``).
        """
        return str(self._made_of(password))

    def verify(self, *, password_hash: str, password: str) -> bool:
        """Whether the password is the one that was hashed (ASVS V11.2.5).

        A hash that cannot be read, or costs more than the limit, fits none, for the work of one that does.

        Raises:
            Throttled: too many passwords are being hashed, or there is no memory for one more (``busy``).
        """
        found = _affordable(password_hash, self._limits)
        compared = found or self._decoy
        tag = self._tag(compared.recipe, password)
        return hmac.compare_digest(tag, compared.tag) and found is not None

    def needs_rehash(self, password_hash: str) -> bool:
        """Whether the hash was made with other than current parameters, or cannot be read."""
        found = Argon2Hash.parse(password_hash)
        return found is None or not found.recipe.is_like(self._decoy.recipe)

    def _made_of(self, password: str) -> Argon2Hash:
        recipe = Recipe.current(self._cost, salt=os.urandom(SALT_LENGTH))
        return Argon2Hash(recipe=recipe, tag=self._tag(recipe, password))

    def _tag(self, recipe: Recipe, password: str) -> bytes:
        """Take a place, and compute in its memory, which is kept if it is of current cost."""
        # What cannot be written in UTF-8 fits nothing, for the same work.
        octets = password.encode(errors="surrogatepass")
        kibibytes = recipe.cost.memory_cost
        with self._gate.place() as memory:
            try:
                if not can_lend():
                    return compute(recipe, octets)
                with memory.lend(kibibytes * 1024, keep=kibibytes <= self._cost.memory_cost) as lent:
                    return compute_in(lent, recipe, octets)
            except MemoryError as shortage:
                _log.warning("no memory for a password hash of %d KiB: %s", kibibytes, shortage)
                raise self._gate.busy() from shortage
