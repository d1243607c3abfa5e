"""What is no longer needed, and from when on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from coproauth.policy import Policy


class Waste(StrEnum):
    """What is kept for a while after it is over, and then removed."""

    CODES = "codes"  # after they expired, used or not
    SESSIONS = "sessions"  # after the end that they could not outlive, however much they were used
    COUNTERS = "counters"  # of attempts, after they start again from nothing
    MAIL = "mail"  # that could not be delivered, so long after it was queued that it serves nobody
    AUDIT_EVENTS = "audit_events"  # after they happened


def cut_offs(policy: Policy, *, at: datetime) -> Mapping[Waste, datetime]:
    """Return, for each kind, the instant before which what was over is removed."""
    return {
        Waste.CODES: at - policy.codes_kept,
        Waste.SESSIONS: at - policy.clock_leeway,
        Waste.COUNTERS: at - policy.clock_leeway,
        Waste.MAIL: at - policy.mail_kept,
        Waste.AUDIT_EVENTS: at - policy.audit_kept,
    }
