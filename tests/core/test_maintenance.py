"""When something is over for good, and when an unused login may go."""

from __future__ import annotations

from datetime import timedelta

import attrs

from coproauth.core.maintenance import Waste, cut_offs, removal_at
from coproauth.policy import Policy
from coproauth.testing.contracts.samples import JEANNE, NOW

_POLICY = Policy()


def test_everything_is_kept_as_long_as_the_policy_says() -> None:
    """What is over is removed only some time later, never before."""
    assert cut_offs(_POLICY, at=NOW) == {
        Waste.CODES: NOW - _POLICY.codes_kept,
        Waste.SESSIONS: NOW - _POLICY.clock_leeway,
        Waste.COUNTERS: NOW - _POLICY.clock_leeway,
        Waste.MAIL: NOW - _POLICY.mail_kept,
        Waste.AUDIT_EVENTS: NOW - _POLICY.audit_kept,
    }


def test_a_login_goes_once_it_was_unused_long_enough() -> None:
    """A warning that came early shortens nothing."""
    warned = attrs.evolve(JEANNE, last_login_at=NOW, warned_at=NOW)

    assert removal_at(warned, _POLICY) == NOW + _POLICY.login_idle


def test_whoever_is_warned_late_has_the_whole_time() -> None:
    """A login unused for ages still has all the days that the warning promises."""
    late = NOW + _POLICY.login_idle + timedelta(days=365)
    warned = attrs.evolve(JEANNE, last_login_at=NOW, warned_at=late)

    assert removal_at(warned, _POLICY) == late + _POLICY.login_idle_warning
