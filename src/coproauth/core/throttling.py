"""What attempts are counted on, and what a success does to the count."""

from __future__ import annotations

import hashlib
from enum import StrEnum

import attrs

from coproauth.core.sources import Source
from coproauth.policy import Policy, ThrottleRule


class OnSuccess(StrEnum):
    """What becomes of the attempts counted on a key once one of them succeeds."""

    FORGIVE = "forgive"  # this attempt was no guess and is given back; earlier ones stay counted
    CLEAR = "clear"  # whoever holds the secret has spoken: earlier ones are forgotten, too
    KEEP = "keep"  # the thing limited is the success itself


@attrs.frozen(kw_only=True)
class ThrottleKey:
    """One counter and the rule it follows.

    Attributes:
        name: ``scope:value``; the value is a digest where it would tell something.
    """

    name: str
    rule: ThrottleRule
    on_success: OnSuccess = OnSuccess.FORGIVE


def source_key(source: Source, policy: Policy) -> ThrottleKey:
    """Count failures of one source, whatever it tries."""
    return ThrottleKey(name=f"source:{_digest(source.network)}", rule=policy.throttle_source)


def code_key(index: str, policy: Policy) -> ThrottleKey:
    """Count failures with one activation code."""
    return ThrottleKey(name=f"code:{index}", rule=policy.throttle_code)


def login_key(email_key: str, policy: Policy) -> ThrottleKey:
    """Count failures on one login, also one that does not exist; its owner's success forgets them."""
    name = f"login:{_digest(email_key)}"
    return ThrottleKey(name=name, rule=policy.throttle_login, on_success=OnSuccess.CLEAR)


def requests_key(source: Source, policy: Policy) -> ThrottleKey:
    """Count reset requests of one source, all of them."""
    name = f"requests:{_digest(source.network)}"
    return ThrottleKey(name=name, rule=policy.throttle_requests, on_success=OnSuccess.KEEP)


def mail_key(email_key: str, policy: Policy) -> ThrottleKey:
    """Count mails that strangers can have sent to one address, all of them."""
    return ThrottleKey(name=f"mail:{_digest(email_key)}", rule=policy.throttle_mail, on_success=OnSuccess.KEEP)


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:32]
