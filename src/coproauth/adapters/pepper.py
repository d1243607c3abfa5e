"""Peppers: keys that are mixed into passwords before they are hashed, and are not in the database."""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence

import attrs

from coproauth.core.tokens import parse_keys
from coproauth.ports import PasswordHasher

_PEPPERED = re.compile(r"\$pepper\$(?P<key_id>[0-9a-f]{16})(?P<password_hash>\$.*)", re.DOTALL)


@attrs.frozen
class _Pepper:
    key: bytes = attrs.field(repr=False)

    @property
    def key_id(self) -> str:
        """What stands beside a hash: it tells which key was used, and nothing about it."""
        return self._mac(b"key id").hex()[:16]

    def on(self, password: str) -> str:
        """Return what is hashed in place of the password."""
        return self._mac(b"password\0" + password.encode()).hex()

    def _mac(self, message: bytes) -> bytes:
        return hmac.digest(self.key, message, "sha256")


class PepperedHasher:
    """Mixes a secret key into each password, HMAC-SHA-256, and leaves the rest to another hasher.

    Whoever has the table and not the key cannot try a single guess. A hash is kept as ``$pepper$<key id>`` and what the
    other hasher made. Hashes from before there were peppers are verified as they are.
    """

    def __init__(self, inner: PasswordHasher, *, peppers: Sequence[str | bytes]) -> None:
        """Take what hashes, and the keys: 32 random bytes or more each, oldest first; the last one is used.

        Raises:
            ConfigurationError: no pepper, or one that is shorter than 32 bytes or without variety.
        """
        keys = [_Pepper(key) for key in parse_keys(peppers, name="pepper")]
        self._inner = inner
        self._peppers = {pepper.key_id: pepper for pepper in keys}
        self._current = keys[-1]

    def hash(self, password: str) -> str:
        """Return a salted hash of the password with the last pepper.

        Raises:
            Throttled: as the other hasher.
        """
        return self._beside(self._inner.hash(self._current.on(password)))

    def verify(self, *, password_hash: str, password: str) -> bool:
        """Whether the password is the one that was hashed; under a pepper that is not there, none is.

        One hash is computed in any case.

        Raises:
            Throttled: as the other hasher.
        """
        found = _PEPPERED.fullmatch(password_hash)
        if found is None:
            return self._inner.verify(password_hash=password_hash, password=password)
        pepper = self._peppers.get(found["key_id"])
        if pepper is None:
            self._inner.verify(password_hash=self._inner.decoy, password=password)
            return False
        return self._inner.verify(password_hash=found["password_hash"], password=pepper.on(password))

    def needs_rehash(self, password_hash: str) -> bool:
        """Whether another pepper was used, or none, or the rest is no longer current."""
        found = _PEPPERED.fullmatch(password_hash)
        if found is None or found["key_id"] != self._current.key_id:
            return True
        return self._inner.needs_rehash(found["password_hash"])

    @property
    def decoy(self) -> str:
        """A hash of current parameters that no password fits."""
        return self._beside(self._inner.decoy)

    def _beside(self, password_hash: str) -> str:
        return f"$pepper${self._current.key_id}{password_hash}"
