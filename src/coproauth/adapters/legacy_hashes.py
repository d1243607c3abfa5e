"""Hashes of other systems, for logins that are brought in with them: bcrypt, PBKDF2 and scrypt.

They are verified and never made. Each is replaced when its owner logs in next.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable
from typing import Protocol

import attrs
import bcrypt

from coproauth.adapters.hashing_gate import HashingGate
from coproauth.ports import PasswordHasher

_BCRYPT_BYTES = 72  # of a password; bcrypt, and every system that used it, reads no more
BCRYPT_LIMIT = 14  # as a power of two; about a second
PBKDF2_LIMIT = 5_000_000  # iterations, for each block of output; Django 6.0 takes 1 200 000
SCRYPT_MEMORY_LIMIT = 256 * 1024 * 1024  # bytes; Django takes 16 MiB
SCRYPT_WORK_LIMIT = 1024 * 1024 * 1024  # bytes, memory times lanes
_SCRYPT_LANE = 16  # blocks of mixing that cost what it costs to fill one lane and to hash it

_BCRYPT = re.compile(
    r"(?P<django>bcrypt\$|(?P<sha256>bcrypt_sha256\$))?\$2[aby]\$(?P<cost>\d\d)\$(?P<rest>[./A-Za-z0-9]{53})", re.ASCII
)
_PBKDF2 = re.compile(
    r"\$pbkdf2(?:-(?P<digest>sha1|sha256|sha512))?\$(?:i=)?(?P<rounds>\d{1,9})(?:,l=\d{1,3})?"
    r"\$(?P<salt>[./+A-Za-z0-9]{1,128})\$(?P<key>[./+A-Za-z0-9]{11,128})",
    re.ASCII,
)
_DJANGO_PBKDF2 = re.compile(
    r"pbkdf2_(?P<digest>sha1|sha256|sha512)\$(?P<rounds>\d{1,9})\$(?P<salt>[^$]{1,128})\$(?P<key>[/+A-Za-z0-9]{11,128}={0,2})",
    re.ASCII,
)
_SCRYPT = re.compile(
    r"\$scrypt\$ln=(?P<ln>\d{1,2}),r=(?P<r>\d{1,4}),p=(?P<p>\d{1,4})"
    r"\$(?P<salt>[./+A-Za-z0-9]{1,128})\$(?P<key>[./+A-Za-z0-9]{11,128})",
    re.ASCII,
)
_DJANGO_SCRYPT = re.compile(
    r"scrypt\$(?P<n>\d{1,10})\$(?P<salt>[^$]{1,128})\$(?P<r>\d{1,4})\$(?P<p>\d{1,4})\$(?P<key>[/+A-Za-z0-9]{11,128}={0,2})",
    re.ASCII,
)


class LegacyHash(Protocol):
    """A hash that another system made."""

    @property
    def is_affordable(self) -> bool:
        """Whether it costs no more to verify than is allowed here."""
        ...

    def fits(self, password: str) -> bool:
        """Whether the password is the one that was hashed."""
        ...


@attrs.frozen(kw_only=True)
class _Bcrypt:
    """bcrypt, of the password or of its SHA-256 in hexadecimal, as Django does."""

    cost: int
    rest: str = attrs.field(repr=False)
    of_sha256: bool

    @property
    def is_affordable(self) -> bool:
        return self.cost <= BCRYPT_LIMIT

    def fits(self, password: str) -> bool:
        given = password.encode()
        if self.of_sha256:
            given = hashlib.sha256(given).hexdigest().encode()
        try:
            return bcrypt.checkpw(given[:_BCRYPT_BYTES], f"$2b${self.cost:02}${self.rest}".encode())
        except ValueError:  # a cost or a salt that there is not
            return False


@attrs.frozen(kw_only=True)
class _Pbkdf2:
    digest: str
    rounds: int
    salt: bytes = attrs.field(repr=False)
    key: bytes = attrs.field(repr=False)

    @property
    def is_affordable(self) -> bool:
        blocks = -(-len(self.key) // hashlib.new(self.digest, usedforsecurity=False).digest_size)
        return 0 < self.rounds * blocks <= PBKDF2_LIMIT

    def fits(self, password: str) -> bool:
        found = hashlib.pbkdf2_hmac(self.digest, password.encode(), self.salt, self.rounds, dklen=len(self.key))
        return hmac.compare_digest(found, self.key)


@attrs.frozen(kw_only=True)
class _Scrypt:
    n: int
    r: int
    p: int
    salt: bytes = attrs.field(repr=False)
    key: bytes = attrs.field(repr=False)

    @property
    def is_affordable(self) -> bool:
        memory = 128 * self.r * (self.n + self.p)  # what is mixed, and all lanes
        work = 128 * self.r * self.p * (self.n + _SCRYPT_LANE)
        return 0 < memory <= SCRYPT_MEMORY_LIMIT and 0 < work <= SCRYPT_WORK_LIMIT

    def fits(self, password: str) -> bool:
        room = 128 * self.r * (self.n + self.p + 2) + 1024  # what OpenSSL takes, exactly, and a little more
        try:
            found = hashlib.scrypt(
                password.encode(), salt=self.salt, n=self.n, r=self.r, p=self.p, maxmem=room, dklen=len(self.key)
            )
        except ValueError:  # n is no power of two
            return False
        return hmac.compare_digest(found, self.key)


def parse_legacy(password_hash: str) -> LegacyHash | None:
    """Return the hash of another system that is written there; None if it is none that is known here."""
    for pattern, build in _NOTATIONS:
        found = pattern.fullmatch(password_hash)
        if found is not None:
            try:
                return build(found)
            except (binascii.Error, UnicodeEncodeError):  # the latter: a salt that cannot be written down
                return None
    return None


def _bcrypt(found: re.Match[str]) -> LegacyHash:
    return _Bcrypt(cost=int(found["cost"]), rest=found["rest"], of_sha256=bool(found["sha256"]))


def _pbkdf2(found: re.Match[str]) -> LegacyHash:
    return _Pbkdf2(
        digest=found["digest"] or "sha1",
        rounds=int(found["rounds"]),
        salt=_bytes_of(found["salt"]),
        key=_bytes_of(found["key"]),
    )


def _django_pbkdf2(found: re.Match[str]) -> LegacyHash:
    return _Pbkdf2(
        digest=found["digest"],
        rounds=int(found["rounds"]),
        salt=found["salt"].encode(),
        key=_bytes_of(found["key"]),
    )


def _scrypt(found: re.Match[str]) -> LegacyHash:
    return _Scrypt(
        n=2 ** int(found["ln"]),
        r=int(found["r"]),
        p=int(found["p"]),
        salt=_bytes_of(found["salt"]),
        key=_bytes_of(found["key"]),
    )


def _django_scrypt(found: re.Match[str]) -> LegacyHash:
    return _Scrypt(
        n=int(found["n"]),
        r=int(found["r"]),
        p=int(found["p"]),
        salt=found["salt"].encode(),
        key=_bytes_of(found["key"]),
    )


_NOTATIONS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], LegacyHash]], ...] = (
    (_BCRYPT, _bcrypt),
    (_PBKDF2, _pbkdf2),
    (_DJANGO_PBKDF2, _django_pbkdf2),
    (_SCRYPT, _scrypt),
    (_DJANGO_SCRYPT, _django_scrypt),
)


def _bytes_of(text: str) -> bytes:
    """Return what is written in base64, with or without padding, or in the variant of passlib."""
    bare = text.rstrip("=").replace(".", "+")
    return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)


class LegacyHasher:
    """Verifies hashes of other systems as well, and leaves all else to the hasher in use here.

    A bcrypt hash knows the first 72 bytes of a password, as it did where it comes from; what was typed then becomes the
    password, whole, with the hash that replaces it.
    """

    def __init__(self, inner: PasswordHasher, *, gate: HashingGate) -> None:
        """Take the hasher in use, and the gate that it hashes behind."""
        self._inner = inner
        self._gate = gate

    def hash(self, password: str) -> str:
        """Return a hash of the hasher in use.

        Raises:
            Throttled: as that hasher.
        """
        return self._inner.hash(password)

    def verify(self, *, password_hash: str, password: str) -> bool:
        """Whether the password is the one that was hashed, here or elsewhere.

        A hash that is too dear fits none, for the work of one that does.

        Raises:
            Throttled: too many passwords are being hashed (``busy``).
        """
        legacy = parse_legacy(password_hash)
        if legacy is None:
            return self._inner.verify(password_hash=password_hash, password=password)
        if not legacy.is_affordable:
            self._inner.verify(password_hash=self._inner.decoy, password=password)
            return False
        with self._gate.place():
            return legacy.fits(password)

    def needs_rehash(self, password_hash: str) -> bool:
        """Whether the hash is of another system, or no longer current."""
        return parse_legacy(password_hash) is not None or self._inner.needs_rehash(password_hash)

    @property
    def decoy(self) -> str:
        """A hash of current parameters that no password fits."""
        return self._inner.decoy
