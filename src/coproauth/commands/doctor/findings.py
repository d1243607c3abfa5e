"""What a check comes to, and checks that several parts of an installation have in common."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import attrs

from coproauth.ports import Clock


@attrs.frozen(kw_only=True)
class Finding:
    """What one check came to.

    Attributes:
        subject: what was looked at.
        text: what was seen.
        advice: what to do about it; None if it is as it should be.
    """

    subject: str
    text: str
    advice: str | None = None

    @property
    def is_well(self) -> bool:
        """Whether nothing is to be done."""
        return self.advice is None

    def __str__(self) -> str:
        text = " ".join(self.text.split())  # one line, whatever a server wrote
        return f"ok   {self.subject}: {text}" if self.is_well else f"FAIL {self.subject}: {text} → {self.advice}"


def good(subject: str, text: str) -> Finding:
    """Return what is as it should be."""
    return Finding(subject=subject, text=text)


def bad(subject: str, text: str, *, advice: str) -> Finding:
    """Return what something is to be done about."""
    return Finding(subject=subject, text=text, advice=advice)


def compare_clocks(subject: str, read: Callable[[], datetime], clock: Clock, *, leeway: timedelta) -> Finding:
    """Tell whether a server's clock is right by ours, as far as can be told while it is asked."""
    before = clock.now()
    theirs = read()
    after = clock.now()
    difference = max(before - theirs, theirs - after, timedelta(0))
    text = f"its clock and ours differ by {difference.total_seconds():.1f} s"
    if difference <= leeway:
        return good(subject, text)
    return bad(
        subject, f"{text}, more than the {leeway.total_seconds():.0f} s of clock_leeway", advice="set both by NTP"
    )
