"""What attempts are counted on, how a count slows the next attempt, and what a success does to it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

import attrs

from coproauth.core.accounts import Manager
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
        spared_by: the name of another key of the same attempt. As long as fewer than ``spared_below`` are counted
            there, this key makes the attempt wait for nothing.
    """

    name: str
    rule: ThrottleRule
    on_success: OnSuccess = OnSuccess.FORGIVE
    spared_by: str | None = None
    spared_below: int = 0

    def is_spared_at(self, attempts: int) -> bool:
        """Whether it makes nobody wait who has so many attempts, beside this one, counted on the key that spares it."""
        return attempts < self.spared_below


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

    def current(self, rule: ThrottleRule, *, at: datetime) -> Counter:
        """Return the count as it is at an instant: forgotten, or leaked; whole, should a clock have gone back."""
        left = min(self.forget_at - at, self.forget_at - self.last_at)
        if at >= self.forget_at or left < timedelta(0):
            return uncounted(at)
        if rule.one_less_every is None:
            return self
        return attrs.evolve(self, attempts=-(-left // rule.one_less_every), forget_at=at + left)

    def one_more(self, rule: ThrottleRule, *, at: datetime) -> Counter:
        """Return the count after one more attempt; it must be current.

        A count that leaks is kept as the instant at which nothing is left of it: one attempt more puts it off.
        """
        attempts = self.attempts + 1
        every = rule.one_less_every
        return Counter(
            attempts=attempts,
            last_at=at,
            not_before=at + rule.delay_after(attempts),
            forget_at=at + rule.forget_after if every is None else self.forget_at + every,
        )

    def one_less(self, rule: ThrottleRule) -> Counter:
        """Return the count as it was before the last attempt: that one was admitted, so no wait was left then."""
        return attrs.evolve(
            self,
            attempts=max(self.attempts - 1, 0),
            not_before=self.last_at,
            forget_at=self.forget_at - (rule.one_less_every or timedelta(0)),
        )

    def wait(self, *, at: datetime) -> timedelta:
        """Return how long the next attempt must wait; never more than its delay, should a clock have gone back."""
        return max(min(self.not_before - at, self.not_before - self.last_at), timedelta(0))


def decide_admission(
    keys: Sequence[ThrottleKey], counters: Mapping[str, Counter], *, at: datetime
) -> timedelta | dict[str, Counter]:
    """Return how long an attempt must wait, or the counters after it, by the names of the keys.

    It waits for the slowest of its keys that does not spare it, and is then counted on none.
    """
    current = {key.name: _current(key, counters.get(key.name), at) for key in keys}
    waits = [current[key.name].wait(at=at) for key in keys if not _is_spared(key, current)]
    wait = max(waits, default=timedelta(0))
    if wait > timedelta(0):
        return wait
    return {key.name: current[key.name].one_more(key.rule, at=at) for key in keys}


def attempts_of(key: ThrottleKey, counter: Counter | None, *, at: datetime) -> int:
    """Return how many attempts are counted on a key, those that are forgotten by now left out."""
    return _current(key, counter, at).attempts


def is_limit_reached(keys: Sequence[ThrottleKey], wait: timedelta) -> bool:
    """Whether what an attempt on some keys must wait for is no delay that doubles, but the end of a limit."""
    return any(key.rule.limit for key in keys) and wait > max(key.rule.longest_delay for key in keys)


def _is_spared(key: ThrottleKey, current: Mapping[str, Counter]) -> bool:
    sparing = current.get(key.spared_by) if key.spared_by else None
    return sparing is not None and key.is_spared_at(sparing.attempts)


def _current(key: ThrottleKey, counter: Counter | None, at: datetime) -> Counter:
    return uncounted(at) if counter is None else counter.current(key.rule, at=at)


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
    own = source_key(source, policy)
    return (own, login_key(email_key, policy), portal_key("password", own, policy))


def portal_key(tried: Literal["password", "code"], own: ThrottleKey, policy: Policy) -> ThrottleKey:
    """Count failures at passwords, or at codes, from wherever they come.

    Guesses that are spread over many sources are slowed by it. Whoever has hardly failed himself is not: no stranger
    can close the portal by failing. ``own`` is the key of the source.
    """
    return ThrottleKey(
        name=f"portal:{tried}",
        rule=policy.throttle_portal,
        spared_by=own.name,
        spared_below=policy.throttle_portal_spares,
    )


def manager_key(manager: Manager, policy: Policy) -> ThrottleKey:
    """Count what one manager does, all of it: an account of a firm's staff may have been taken over."""
    name = f"manager:{_digest(repr((manager.portfolio_id, manager.id)))}"  # quoted: a space may stand in either
    return ThrottleKey(name=name, rule=policy.throttle_manager, on_success=OnSuccess.KEEP)


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
