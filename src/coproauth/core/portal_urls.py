"""Where mail sends people: under the configured address of the portal, never under a request's (ASVS V1.2.2)."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

import attrs

from coproauth.errors import ConfigurationError

_PLAIN_URL = re.compile(r"https?://[^\s?#@\\]+")  # no query, fragment, name or password


def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself, so that nobody can listen on the way."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_plain_url(url: str) -> bool:
    """Whether an address is ``https://``, or ``http://`` on loopback, with nothing in it that could point elsewhere."""
    if not (url.isascii() and url.isprintable() and _PLAIN_URL.fullmatch(url)):
        return False
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    return host is not None and (parts.scheme == "https" or is_loopback(host))


def _plain(portal_url: object) -> str:
    if not isinstance(portal_url, str) or not is_plain_url(portal_url):
        raise ConfigurationError("portal_url must be a plain https:// address (http:// on loopback only)")
    return portal_url.rstrip("/")


@attrs.frozen(kw_only=True)
class PortalUrls:
    """The addresses of the portal's pages that mail points at.

    Attributes:
        base: the portal's address, without a final slash.

    Raises:
        ConfigurationError: no plain ``https://`` address; ``http://`` will do on loopback only.
    """

    base: str = attrs.field(converter=_plain)

    def reset(self, token: str) -> str:
        """Return the address of the page that chooses a new password."""
        return f"{self.base}/reset/{token}"

    def confirm_email(self, token: str) -> str:
        """Return the address of the page that confirms a new e-mail."""
        return f"{self.base}/email/{token}"

    @property
    def login(self) -> str:
        """The page on which one logs in."""
        return f"{self.base}/login"

    @property
    def forgotten(self) -> str:
        """The page on which a reset link is asked for."""
        return f"{self.base}/forgotten-password"

    @property
    def onboarding(self) -> str:
        """The page on which an activation code is typed."""
        return f"{self.base}/activate"
