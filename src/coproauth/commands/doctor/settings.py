"""What can be seen of a configuration without asking anybody."""

from __future__ import annotations

from collections.abc import Iterator

from coproauth.commands.doctor.findings import Finding, bad, good
from coproauth.configuration import Configuration
from coproauth.core.portal_urls import PortalUrls
from coproauth.core.tokens import Keyring
from coproauth.errors import ConfigurationError

_DRAW = 'draw one by python3 -c "import secrets; print(secrets.token_urlsafe(32))"'


def examine(configuration: Configuration) -> Iterator[Finding]:
    """Yield what is to be said of address and keys."""
    yield _portal_url(configuration)
    yield _secret_keys(configuration)


def _portal_url(configuration: Configuration) -> Finding:
    try:
        urls = PortalUrls(base=configuration.portal_url)
    except ConfigurationError as error:
        return bad("portal_url", str(error), advice="give the address that people type, with https://")
    return good("portal_url", urls.base)


def _secret_keys(configuration: Configuration) -> Finding:
    keys = configuration.secret_keys
    try:
        Keyring(secret_keys=keys, audience=configuration.portal_url, epoch=configuration.policy.epoch)
    except ConfigurationError as error:
        return bad("secret_keys", str(error), advice=_DRAW)
    if len(set(keys)) < len(keys):
        return bad("secret_keys", "the same key stands there twice", advice="leave one of the two out")
    shortest = min(len(key.encode()) for key in keys)
    return good("secret_keys", f"{len(keys)}, the shortest of {shortest} bytes")
