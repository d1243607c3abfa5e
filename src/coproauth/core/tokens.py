"""Everything that is signed, keyed or digested: one place for keys, purposes and encodings.

Session tokens are random and only their digest is stored. Links are signed values that need no table. Codes are
found, and six-digit proofs computed, with keyed hashes. The purpose, the portal and the policy's epoch are part of
whatever is signed or hashed, so that nothing made for one is ever accepted by another (ASVS V9.2.2, V9.2.3).
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Literal, TypeGuard

import attrs
from itsdangerous import BadData, Signer, TimestampSigner, URLSafeTimedSerializer
from itsdangerous.encoding import base64_decode, base64_encode, int_to_bytes

from coproauth.core.identities import Identity
from coproauth.errors import ConfigurationError
from coproauth.policy import SECRET_KEY_FLOOR, Policy

TOKEN_BYTES = 32  # 256 bits; ASVS V7.2.3 asks for 128
TOKEN_MAX_LENGTH = 2048  # characters of a link's token, the longest address inside
PROOF_DIGITS = 6  # 20 bits; ASVS V6.5.4
_PSEUDONYM_LENGTH = 32  # hexadecimal digits, 128 bits: no two addresses meet


class Purpose(StrEnum):
    """What a key or a link is for."""

    CODE_INDEX = "code-index"
    EMAIL_PROOF = "email-proof"
    FORM = "form"
    AUDIT = "audit"
    RESET = "reset"
    CHOOSE_PASSWORD = "choose-password"  # noqa: S105 - the name of a purpose
    CONFIRM_EMAIL = "confirm-email"
    DEVICE = "device"
    SESSION_VIEW = "session-view"


LinkPurpose = Literal[Purpose.RESET, Purpose.CHOOSE_PASSWORD, Purpose.CONFIRM_EMAIL]


class LinkFault(StrEnum):
    """Why a link is not accepted."""

    INVALID = "link_invalid"
    EXPIRED = "link_expired"


@attrs.frozen(kw_only=True)
class LinkClaims:
    """What a signed link says. It is void once the login is no longer as it was at the time of signing.

    Attributes:
        email_digest: of the login's comparison key, so that no address stands in a URL.
        new_email: the address that a ``CONFIRM_EMAIL`` link would set.
    """

    identity_id: str
    credential_stamp: int
    email_digest: str
    new_email: str | None = attrs.field(default=None, repr=False)

    @classmethod
    def about(cls, identity: Identity, *, new_email: str | None = None) -> LinkClaims:
        """Return the claims that bind a link to a login as it is now."""
        return cls(
            identity_id=identity.id,
            credential_stamp=identity.credential_stamp,
            email_digest=_digest_of(identity.email_key),
            new_email=new_email,
        )

    def names(self, identity: Identity | None) -> TypeGuard[Identity]:
        """Whether the login is still as it was: the same stamp and the same e-mail."""
        return identity is not None and self == LinkClaims.about(identity, new_email=self.new_email)


def parse_keys(keys: Sequence[str | bytes], *, name: str) -> tuple[bytes, ...]:
    """Return keys as bytes, in their order.

    Raises:
        ConfigurationError: no key, or a key shorter than 32 bytes (ASVS V11.2.3) or without variety.
    """
    if isinstance(keys, str | bytes) or not keys:
        raise ConfigurationError(f"{name.replace(' ', '_')}s must be a list of at least one key")
    if not all(isinstance(key, str | bytes) for key in keys):
        raise ConfigurationError(f"each {name} must be str or bytes")
    parsed = tuple(key.encode() if isinstance(key, str) else key for key in keys)
    if any(len(key) < SECRET_KEY_FLOOR or len(set(key)) < SECRET_KEY_FLOOR // 4 for key in parsed):
        raise ConfigurationError(f"each {name} must be at least {SECRET_KEY_FLOOR} random bytes")
    return parsed


def new_token(token_bytes: Callable[[int], bytes]) -> str:
    """Return 256 random bits as 43 URL-safe characters."""
    return base64_encode(token_bytes(TOKEN_BYTES)).decode("ascii")


class _Serializer(URLSafeTimedSerializer):
    """Signs and reads for one purpose. Its keys are derived once, and not for each token; it is told the time."""

    def __init__(self, keys: Sequence[bytes], *, salt: bytes) -> None:
        derived = [hmac.digest(key, salt, "sha256") for key in keys]  # what ``key_derivation="hmac"`` makes of them
        super().__init__(derived)
        self._signer = TimestampSigner(derived, digest_method=hashlib.sha256, key_derivation="none")

    def dumps_at(self, payload: Sequence[object], at: datetime) -> str:
        """Return what ``dumps`` would at an instant; uncompressed, because claims are random and hardly shrink."""
        said = base64_encode(self.serializer.dumps(payload))
        stamped = said + b"." + base64_encode(int_to_bytes(int(at.timestamp())))
        return Signer.sign(self._signer, stamped).decode("ascii")

    def iter_unsigners(self, salt: str | bytes | None = None) -> Iterator[TimestampSigner]:  # noqa: ARG002 - no other
        """Yield the one signer there is; it tries every key."""
        yield self._signer


@attrs.frozen(kw_only=True)
class Keyring:
    """The secret keys of an installation and everything made with them.

    Attributes:
        secret_keys: oldest first; the last signs, all are accepted, a key that is dropped voids what it made.
        audience: the portal's address; what was made for another portal is void here (ASVS V9.2.3).
        epoch: see ``Policy.epoch``.

    Raises:
        ConfigurationError: no key, or a key shorter than 32 bytes (ASVS V11.2.3) or without variety.
    """

    secret_keys: Sequence[str | bytes] = attrs.field(repr=False)
    audience: str
    epoch: int = 0
    _keys: tuple[bytes, ...] = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "_keys", parse_keys(self.secret_keys, name="secret key"))

    def digest(self, token: str) -> str:
        """Return what is stored of a session token: its SHA-256, bound to the epoch, in hexadecimal."""
        return hashlib.sha256(f"{self.epoch}:{token}".encode("utf-8", "surrogatepass")).hexdigest()

    def macs(self, purpose: Purpose, *parts: str) -> tuple[bytes, ...]:
        """Return the keyed hash (HMAC-SHA-256) of ``parts`` under each key, the signing key's first."""
        message = json.dumps([purpose, self.audience, self.epoch, *parts]).encode()
        return tuple(hmac.digest(key, message, "sha256") for key in reversed(self._keys))

    def seals(self, purpose: Purpose, message: bytes) -> tuple[str, ...]:
        """Return the keyed hash (HMAC-SHA-256) of a message under a key derived from each, the signing key's first.

        In hexadecimal. For what is checked on every page: purpose, portal and epoch are in the keys, once.
        """
        return tuple(hmac.digest(key, message, "sha256").hex() for key in self._sealing_keys[purpose])

    def pseudonyms(self, email_key: str) -> tuple[str, ...]:
        """Return what stands for an address on record, under each key, the signing key's first.

        Whoever reads the trail can tell that two events are about one address, and without a key not which.
        """
        return tuple(f"email:{mac.hex()[:_PSEUDONYM_LENGTH]}" for mac in self.macs(Purpose.AUDIT, email_key))

    def proof_digits(self, *, nonce: str, email_key: str) -> tuple[str, ...]:
        """Return the six digits that prove an address, under each key, the signing key's first.

        They follow from a stored nonce and the key (the truncation of RFC 4226 §5.3, with HMAC-SHA-256), so that
        neither the store nor the outbox ever holds them.
        """
        return tuple(_truncate(mac) for mac in self.macs(Purpose.EMAIL_PROOF, nonce, email_key))

    def sign_link(self, purpose: LinkPurpose, claims: LinkClaims, *, at: datetime) -> str:
        """Return the token of a link: the claims, the time and an HMAC-SHA-256 over both."""
        return self.sign(purpose, attrs.astuple(claims), at=at)

    def read_link(self, purpose: LinkPurpose, token: object, *, at: datetime, policy: Policy) -> LinkClaims | LinkFault:
        """Return what a link says if it was signed here, for this purpose, and not too long ago.

        Whether the login is still the one it names is asked with ``LinkClaims.names``.
        """
        payload = self.read(purpose, token, at=at, lifetime=_lifetime(purpose, policy), leeway=policy.clock_leeway)
        if isinstance(payload, LinkFault):
            return payload
        if not _is_payload(payload):
            return LinkFault.INVALID
        identity_id, credential_stamp, email_digest, new_email = payload
        return LinkClaims(
            identity_id=identity_id, credential_stamp=credential_stamp, email_digest=email_digest, new_email=new_email
        )

    def sign(self, purpose: Purpose, payload: Sequence[object], *, at: datetime) -> str:
        """Return a token that says something, and when: both, and an HMAC-SHA-256 over them."""
        return self._serializers[purpose].dumps_at(payload, at)

    def read(
        self, purpose: Purpose, token: object, *, at: datetime, lifetime: timedelta, leeway: timedelta
    ) -> object | LinkFault:
        """Return what a token says if it was signed here, for this purpose, and not too long ago.

        1. Type and length: nothing costly sees hostile input.
        2. The signature, over the very characters received: any changed byte, another purpose, portal or epoch fails.
        3. The age, always, with a leeway for a signer whose clock is ahead (ASVS V9.2.1).

        The shape of what it says is for the caller to check.
        """
        if not isinstance(token, str) or len(token) > TOKEN_MAX_LENGTH or not _is_canonical(token):
            return LinkFault.INVALID
        try:
            payload, signed_at = self._serializers[purpose].loads(token, return_timestamp=True)
        except BadData:
            return LinkFault.INVALID
        return payload if -leeway <= at - signed_at < lifetime else LinkFault.EXPIRED

    @cached_property
    def _serializers(self) -> Mapping[Purpose, _Serializer]:
        return {purpose: _Serializer(self._keys, salt=self._salt(purpose)) for purpose in Purpose}

    @cached_property
    def _sealing_keys(self) -> Mapping[Purpose, Sequence[bytes]]:
        return {
            purpose: [hmac.digest(key, b"seal " + self._salt(purpose), "sha256") for key in reversed(self._keys)]
            for purpose in Purpose
        }

    def _salt(self, purpose: Purpose, *kind: str) -> bytes:
        return json.dumps([purpose, self.audience, self.epoch, *kind]).encode()


def _digest_of(email_key: str) -> str:
    return hashlib.sha256(email_key.encode()).hexdigest()[:32]


def _lifetime(purpose: LinkPurpose, policy: Policy) -> timedelta:
    """Return how long a link works; it is the policy that says so, never the link (ASVS V6.5.5)."""
    match purpose:
        case Purpose.RESET:
            return policy.reset_link_lifetime
        case Purpose.CHOOSE_PASSWORD:
            return policy.choose_password_lifetime
        case Purpose.CONFIRM_EMAIL:
            return policy.email_link_lifetime


def _truncate(mac: bytes) -> str:
    offset = mac[-1] & 0x0F
    number = int.from_bytes(mac[offset : offset + 4], "big") & 0x7FFF_FFFF
    return str(number % 10**PROOF_DIGITS).zfill(PROOF_DIGITS)


def _is_canonical(token: str) -> bool:
    """Whether the signature is spelled as it was made: base64 leaves two bits of its last character unused."""
    signature = token.rpartition(".")[2]
    try:
        return token.isascii() and base64_encode(base64_decode(signature)) == signature.encode("ascii")
    except BadData:
        return False


def _is_payload(payload: object) -> TypeGuard[tuple[str, int, str, str | None]]:
    return (
        isinstance(payload, list)
        and [type(part) for part in payload[:3]] == [str, int, str]
        and len(payload) == 4  # noqa: PLR2004 - the four claims
        and isinstance(payload[3], str | None)
    )
