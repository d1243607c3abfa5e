"""What is no longer needed, and from when on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone
from enum import StrEnum

import attrs

from coproauth.core.identities import Identity
from coproauth.policy import Policy

_LAST_TIME_ZONE = timezone(timedelta(hours=-12))  # where every day begins last


class Waste(StrEnum):
    """What is kept for a while after it is over, and then removed."""

    CODES = "codes"  # after they expired, used or not
    SESSIONS = "sessions"  # after the end that they could not outlive, however much they were used
    COUNTERS = "counters"  # of attempts, after they start again from nothing
    MAIL = "mail"  # that was not delivered, so long after it was queued that it serves nobody
    AUDIT_EVENTS = "audit_events"  # after they happened


@attrs.frozen(kw_only=True)
class PurgeReport:
    """What a purge did.

    Attributes:
        removed: how many of each kind.
        logins_warned: how many owners of unused logins were written to.
        logins_removed: how many logins were removed because nobody used them.
    """

    removed: Mapping[Waste, int]
    logins_warned: int
    logins_removed: int


def cut_offs(policy: Policy, *, at: datetime) -> Mapping[Waste, datetime]:
    """Return, for each kind, the instant before which what was over is removed."""
    return {
        Waste.CODES: at - policy.codes_kept,
        Waste.SESSIONS: at - policy.clock_leeway,
        Waste.COUNTERS: at - policy.clock_leeway,
        Waste.MAIL: at - policy.mail_kept,
        Waste.AUDIT_EVENTS: at - policy.audit_kept,
    }


def removal_at(identity: Identity, policy: Policy) -> datetime | None:
    """Return when a login may be removed if nobody logs in; None as long as its owner was not warned.

    Nobody loses a login without the whole time of the warning, however long it was unused before.
    """
    if identity.warned_at is None:
        return None
    return max(identity.last_login_at + policy.login_idle, identity.warned_at + policy.login_idle_warning)


def log_in_before(removal: datetime) -> date:
    """Return the day that must not begin, wherever one lives, before a log-in that keeps the login."""
    return removal.astimezone(_LAST_TIME_ZONE).date()
