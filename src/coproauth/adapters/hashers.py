"""The hasher of an installation, put together as its policy and its settings say."""

from __future__ import annotations

from collections.abc import Sequence

from coproauth.adapters.argon2 import Argon2Hasher
from coproauth.adapters.hashing_gate import HashingGate
from coproauth.adapters.pepper import PepperedHasher
from coproauth.policy import Policy
from coproauth.ports import PasswordHasher


def hasher_of(policy: Policy, *, peppers: Sequence[str | bytes] = ()) -> PasswordHasher:
    """Return Argon2id behind a gate of its own.

    Args:
        policy: the cost of a hash, its limit, and how many may be computed at once.
        peppers: 32 random bytes or more each, oldest first, the last is used; none: no pepper.

    Raises:
        ConfigurationError: a pepper is too short.
    """
    hasher = Argon2Hasher(policy.argon2, limit=policy.argon2_limit, gate=HashingGate.of(policy))
    return PepperedHasher(hasher, peppers=peppers) if peppers else hasher
