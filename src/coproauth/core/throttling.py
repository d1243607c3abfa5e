"""What attempts are counted on, how a count slows the next attempt, and what a success does to it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

import attrs

from coproauth.core.devices import Device
from coproauth.core.messages import MailKind
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


@attrs.frozen(kw_only=True)
class Counter:
    """What has been counted on one key.

    Attributes:
        not_before: when the next attempt may come.
        forget_at: when the count starts again from nothing.
    """

    attempts: int
    last_at: datetime
    not_before: datetime
    forget_at: datetime

    def one_more(self, rule: ThrottleRule, *, at: datetime) -> Counter:
        """Return the count after one more attempt."""
        attempts = self.attempts + 1
        return Counter(
            attempts=attempts,
            last_at=at,
            not_before=at + rule.delay_after(attempts),
            forget_at=at + rule.forget_after,
        )

    def one_less(self) -> Counter:
        """Return the count as it was before the last attempt: that one was admitted, so no wait was left then."""
        return attrs.evolve(self, attempts=max(self.attempts - 1, 0), not_before=self.last_at)

    def wait(self, *, at: datetime) -> timedelta:
        """Return how long the next attempt must wait; never more than its delay, should a clock have gone back."""
        return max(min(self.not_before - at, self.not_before - self.last_at), timedelta(0))


def decide_admission(
    keys: Sequence[ThrottleKey], counters: Mapping[str, Counter], *, at: datetime
) -> timedelta | dict[str, Counter]:
    """Return how long an attempt must wait, or the counters after it, by the names of the keys.

    It waits for the slowest of its keys, and is then counted on none.
    """
    current = {key.name: _current(counters.get(key.name), at) for key in keys}
    wait = max((counter.wait(at=at) for counter in current.values()), default=timedelta(0))
    if wait > timedelta(0):
        return wait
    return {key.name: current[key.name].one_more(key.rule, at=at) for key in keys}


def attempts_of(counter: Counter | None, *, at: datetime) -> int:
    """Return how many attempts are counted, those that are forgotten by now left out."""
    return _current(counter, at).attempts


def _current(counter: Counter | None, at: datetime) -> Counter:
    return uncounted(at) if counter is None or at >= counter.forget_at else counter


def uncounted(at: datetime) -> Counter:
    """Return a counter that has counted nothing."""
    return Counter(attempts=0, last_at=at, not_before=at, forget_at=at)


def source_key(source: Source, policy: Policy) -> ThrottleKey:
    """Count failures of one source, whatever it tries."""
    return ThrottleKey(name=f"source:{_digest(source.network)}", rule=policy.throttle_source)


def code_key(index: str, policy: Policy) -> ThrottleKey:
    """Count failures with one activation code."""
    return ThrottleKey(name=f"code:{index}", rule=policy.throttle_code)


def proof_key(email_key: str, policy: Policy) -> ThrottleKey:
    """Count wrong digits for one address, with whatever codes: who issues codes has as many as he likes."""
    name = f"proof:{_digest(email_key)}"
    return ThrottleKey(name=name, rule=policy.throttle_code, on_success=OnSuccess.CLEAR)


def login_key(email_key: str, policy: Policy) -> ThrottleKey:
    """Count failures on one login, also one that does not exist; its owner's success forgets them."""
    name = f"login:{_digest(email_key)}"
    return ThrottleKey(name=name, rule=policy.throttle_login, on_success=OnSuccess.CLEAR)


def device_key(device: Device, policy: Policy) -> ThrottleKey:
    """Count failures on one login from one browser in which it was opened before."""
    name = f"device:{device.nonce}"
    return ThrottleKey(name=name, rule=policy.throttle_device, on_success=OnSuccess.CLEAR)


def password_keys(source: Source, email_key: str, device: Device | None, policy: Policy) -> tuple[ThrottleKey, ...]:
    """Return what an attempt at a password is counted on.

    A browser that is known to the login is counted apart: no stranger slows it.
    """
    if device is not None:
        return (device_key(device, policy),)
    return (source_key(source, policy), login_key(email_key, policy))


def requests_key(source: Source, policy: Policy) -> ThrottleKey:
    """Count reset requests of one source, all of them."""
    name = f"requests:{_digest(source.network)}"
    return ThrottleKey(name=name, rule=policy.throttle_requests, on_success=OnSuccess.KEEP)


def mail_key(kind: MailKind, email_key: str, policy: Policy) -> ThrottleKey:
    """Count mails of one kind that others can have sent to one address, all of them.

    The kinds are counted apart, so that whoever asks for resets cannot keep the proof of an address from arriving.
    """
    name = f"mail:{kind}:{_digest(email_key)}"
    return ThrottleKey(name=name, rule=policy.throttle_mail, on_success=OnSuccess.KEEP)


def sender_key(subject_id: str, policy: Policy) -> ThrottleKey:
    """Count mails that one code or one login can have sent to addresses of its choice, all of them."""
    return ThrottleKey(name=f"sender:{subject_id}", rule=policy.throttle_mail, on_success=OnSuccess.KEEP)


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:32]
