"""What can be seen of a configuration without asking anybody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from coproauth.adapters.argon2_core import can_lend
from coproauth.adapters.hashing_gate import HashingGate
from coproauth.commands.doctor.findings import Finding, bad, good
from coproauth.configuration import Configuration
from coproauth.core.portal_urls import PortalUrls
from coproauth.core.tokens import parse_keys
from coproauth.errors import ConfigurationError
from coproauth.policy import Policy

_DRAW = 'draw one by python3 -c "import secrets; print(secrets.token_urlsafe(32))"'


def examine(configuration: Configuration) -> Iterator[Finding]:
    """Yield what is to be said of address, keys and hashes."""
    yield _portal_url(configuration)
    yield _secret_keys(configuration)
    if configuration.peppers:
        yield _peppers(configuration)
    yield _hashing(configuration.policy)


def _portal_url(configuration: Configuration) -> Finding:
    try:
        urls = PortalUrls(base=configuration.portal_url)
    except ConfigurationError as error:
        return bad("portal_url", str(error), advice="give the address that people type, with https://")
    return good("portal_url", urls.base)


def _secret_keys(configuration: Configuration) -> Finding:
    return _keys("secret_keys", configuration.secret_keys, name="secret key")


def _peppers(configuration: Configuration) -> Finding:
    if set(configuration.peppers) & set(configuration.secret_keys):
        return bad("peppers", "a secret key stands there, too", advice=_DRAW)
    return _keys("peppers", configuration.peppers, name="pepper")


def _hashing(policy: Policy) -> Finding:
    kept = f"kept for {policy.hash_memory_kept.total_seconds():.0f} s after the last"
    if not policy.hash_memory_kept:
        kept = "given back after each (hash_memory_kept)"
    if not can_lend():
        kept = "taken anew for each: these bindings of argon2-cffi compute in no memory but their own"
    places, mebibytes = HashingGate.of(policy).at_once, policy.argon2.memory_cost // 1024
    return good("hashing", f"{places} at once in a process, {mebibytes} MiB each, {kept}")


def _keys(part: str, keys: Sequence[str], *, name: str) -> Finding:
    try:
        parse_keys(keys, name=name)
    except ConfigurationError as error:
        return bad(part, str(error), advice=_DRAW)
    if len(set(keys)) < len(keys):
        return bad(part, "the same key stands there twice", advice="leave one of the two out")
    shortest = min(len(key.encode()) for key in keys)
    return good(part, f"{len(keys)}, the shortest of {shortest} bytes")
