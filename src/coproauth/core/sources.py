"""Where a request comes from."""

from __future__ import annotations

import ipaddress

import attrs

from coproauth.core.text import clip
from coproauth.errors import InvalidInput
from coproauth.policy import LOCALES, Locale

TEXT_MAX_LENGTH = 400  # code points kept of what a browser says of itself


def _clip(value: object) -> str:
    return clip(value, max_length=TEXT_MAX_LENGTH)


def _require_token(_: object, __: object, value: str | None) -> None:
    if not (value is None or isinstance(value, str)):  # attrs' own validator would show it
        raise TypeError("a device token must be a str, or None")


@attrs.frozen
class Source:
    """Where a request comes from: the host software says so, never a header that the browser can set.

    Attributes:
        address: the network address of the client, as the host software knows it (ASVS V15.3.4).
        user_agent: what the browser calls itself, for the list of sessions; the first 400 printable characters.
        locale: the language of mail that answers this request and, if it opens a session, of the notices after it.
        device_token: what the browser keeps of ``SignedIn.device_token``; ``""`` if it has none yet, None if the host
            keeps none at all.
    """

    address: str = attrs.field(converter=_clip)
    user_agent: str | None = attrs.field(default=None, kw_only=True, converter=attrs.converters.optional(_clip))
    locale: Locale = attrs.field(default="fr", kw_only=True, validator=attrs.validators.in_(LOCALES))
    device_token: str | None = attrs.field(default=None, kw_only=True, repr=False, validator=_require_token)

    @classmethod
    def require(cls, value: object) -> Source:
        """Return ``value`` if it is a source.

        Raises:
            InvalidInput: it is not, so that nothing could be counted on it.
        """
        if not isinstance(value, cls):
            raise InvalidInput(field="source", reason="wrong_type")
        return value

    @property
    def network(self) -> str:
        """What counts as one source: an IPv4 address, or the /64 that one IPv6 subscriber is given.

        Text that is no address counts as itself, so that it never escapes the throttle (ASVS V15.3.4).
        """
        try:
            address = ipaddress.ip_address(self.address)
        except ValueError:
            return self.address
        if isinstance(address, ipaddress.IPv6Address):
            if address.ipv4_mapped is not None:
                return str(address.ipv4_mapped)
            return str(ipaddress.ip_network((int(address), 64), strict=False))
        return str(address)
