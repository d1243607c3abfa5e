"""The hasher of an installation, put together as its policy and its settings say."""

from __future__ import annotations

from collections.abc import Sequence

from coproauth.adapters.argon2 import Argon2Hasher, can_afford
from coproauth.adapters.hashing_gate import HashingGate
from coproauth.adapters.pepper import PepperedHasher
from coproauth.policy import Policy
from coproauth.ports import PasswordHasher


def hasher_of(policy: Policy, *, peppers: Sequence[str | bytes] = (), legacy_hashes: bool = False) -> PasswordHasher:
    """Return Argon2id behind a gate of its own.

    Args:
        policy: the cost of a hash, its limit, and how many may be computed at once.
        peppers: 32 random bytes or more each, oldest first, the last is used; none: no pepper.
        legacy_hashes: also verify bcrypt, PBKDF2 and scrypt, for logins that were brought in with such hashes; needs
            the extra ``legacy-hashes``.

    Raises:
        ConfigurationError: a pepper is too short.
    """
    gate = HashingGate.of(policy)
    hasher: PasswordHasher = Argon2Hasher(policy.argon2, limit=policy.argon2_limit, gate=gate)
    if legacy_hashes:
        from coproauth.adapters.legacy_hashes import LegacyHasher  # noqa: PLC0415 - an extra

        hasher = LegacyHasher(hasher, gate=gate)
    return PepperedHasher(hasher, peppers=peppers) if peppers else hasher


def can_verify(password_hash: str, *, policy: Policy) -> bool:
    """Whether a hash of another system can be brought in: its notation is known, and it costs no more than is allowed.

    Nothing is computed for that. It is asked of what ``hasher_of(legacy_hashes=True)`` verifies; needs the same extra.
    """
    from coproauth.adapters.legacy_hashes import parse_legacy  # noqa: PLC0415 - an extra

    legacy = parse_legacy(password_hash)
    if legacy is None:
        return can_afford(password_hash, limits=(policy.argon2, policy.argon2_limit))
    return legacy.is_affordable
