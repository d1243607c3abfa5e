"""Known browsers: what a browser keeps of the logins that were opened in it, and how that is told from a forgery.

These are the device cookies of OWASP's "Slow Down Online Guessing Attacks with Device Cookies". A device token opens
nothing. It only decides where failures are counted, so that a stranger's guesses at a login do not slow the browser
that its owner has used before. No table is needed: the token is signed.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from datetime import datetime
from typing import TypeGuard

import attrs

from coproauth.core.identities import Identity
from coproauth.core.tokens import TOKEN_MAX_LENGTH, Keyring, Purpose
from coproauth.policy import Policy

LOGINS_KEPT = 5  # logins that one browser is known to: the computer of a family
NONCE_BYTES = 16  # 128 bits: no two browsers are counted as one
_SEPARATOR = "~"  # may stand in a cookie, and in no signed token


@attrs.frozen(kw_only=True)
class Device:
    """A browser in which one login was opened before.

    Attributes:
        identity_id: that login.
        email_mac: of its comparison key, keyed: a cookie tells nobody whose login was opened here.
        nonce: names the browser for this login, at random; its own failures are counted on it.
        credential_stamp: of the login when it was opened.
    """

    identity_id: str
    email_mac: str
    nonce: str
    credential_stamp: int

    def is_of(self, identity: Identity) -> bool:
        """Whether it was this login, and not one that had the same e-mail before."""
        return self.identity_id == identity.id

    def knows(self, identity: Identity | None) -> bool:
        """Whether the login is as it was: whoever had its password once, in however many browsers, is a stranger since.

        Without that, who hoards tokens while he has the password has ten guesses for each once it was changed.
        """
        return identity is not None and self.is_of(identity) and self.credential_stamp == identity.credential_stamp


@attrs.frozen(kw_only=True)
class Devices:
    """Reads and makes device tokens. What one browser holds is up to ``LOGINS_KEPT`` of them, one after the other."""

    keyring: Keyring
    policy: Policy

    def known(self, device_token: str | None, *, email_key: str, at: datetime) -> Device | None:
        """Return the browser, if a login with this e-mail was opened in it before.

        It is decided by what was typed and by the token alone, so that nothing is looked up before the throttle, and
        nobody learns from it whether there is such a login. A token that is forged, too old, made at another portal or
        for another e-mail counts as none.
        """
        macs = self._macs_of(email_key)
        found = [device for _, device in self._read(device_token, at) if _is_among(device.email_mac, macs)]
        return found[0] if found else None

    def renewed(self, device_token: str | None, identity: Identity, *, nonce: str, at: datetime) -> str:
        """Return the token for a browser in which a login was just opened; what it held of other logins is kept.

        A browser that is known already stays the same one, for another ``Policy.device_lifetime``.
        """
        macs = self._macs_of(identity.email_key)
        held = [(token, one, _is_among(one.email_mac, macs)) for token, one in self._read(device_token, at)]
        known = next((one for _, one, is_own in held if is_own), None)
        device = Device(
            identity_id=identity.id,
            email_mac=macs[0],
            nonce=known.nonce if known and known.is_of(identity) else nonce,
            credential_stamp=identity.credential_stamp,
        )
        others = [token for token, _, is_own in held if not is_own]
        return _SEPARATOR.join([self._sign(device, at), *others[: LOGINS_KEPT - 1]])

    def _sign(self, device: Device, at: datetime) -> str:
        return self.keyring.sign(Purpose.DEVICE, attrs.astuple(device), at=at)

    def _read(self, device_token: str | None, at: datetime) -> Iterator[tuple[str, Device]]:
        """Return the single tokens that are genuine, each with what it says."""
        for token in _parts(device_token):
            payload = self.keyring.read(
                Purpose.DEVICE, token, at=at, lifetime=self.policy.device_lifetime, leeway=self.policy.clock_leeway
            )
            if _is_payload(payload):
                identity_id, email_mac, nonce, stamp = payload
                device = Device(identity_id=identity_id, email_mac=email_mac, nonce=nonce, credential_stamp=stamp)
                yield token, device

    def _macs_of(self, email_key: str) -> tuple[str, ...]:
        return tuple(mac[:NONCE_BYTES].hex() for mac in self.keyring.macs(Purpose.DEVICE, email_key))


def _parts(device_token: str | None) -> list[str]:
    """Return the single tokens; none of what is longer than a browser was ever given."""
    if not device_token or len(device_token) > TOKEN_MAX_LENGTH:
        return []
    return device_token.split(_SEPARATOR, LOGINS_KEPT)[:LOGINS_KEPT]


def _is_among(mac: str, macs: tuple[str, ...]) -> bool:
    return any(hmac.compare_digest(mac.encode(), one.encode()) for one in macs)


def _is_payload(payload: object) -> TypeGuard[tuple[str, str, str, int]]:
    return isinstance(payload, list) and [type(claim) for claim in payload] == [str, str, str, int]
