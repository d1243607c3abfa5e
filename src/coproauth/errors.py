"""Every refusal the library can answer with, and the errors for wrong configuration and for what is away.

A refusal is expected: it carries a stable ``reason`` for programs and data as attributes, and its text never
contains a secret. What a person reads is worded by the portal, from the reason. Nothing here decides anything.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import ClassVar, Literal, get_args

Outage = Literal["store_conflict", "store_away", "outcome_unknown", "throttle_away", "breaches_away"]


class ConfigurationError(Exception):
    """The embedding programmer wired something that cannot be safe; raised at construction, never later."""


class Unavailable(Exception):  # noqa: N818 - named for what the caller is to do about it: come back later
    """What the library depends on cannot do its part just now; the request may be made again later.

    It is no refusal: whoever shows refusals to people must not show an outage as one of them. A web application
    answers 503 (RFC 9110 §15.6.4). What was under way is undone, but for ``outcome_unknown``.

    Attributes:
        reason: ``store_conflict``: other units of work came in between as often as the policy allows to try.
            ``store_away``: the database cannot be reached, or does not answer in time. ``outcome_unknown``: the
            connection was lost while the commit was under way, so the whole step was kept or none of it; or it was
            kept, and could not be recorded in the audit trail.
            ``throttle_away``: attempts cannot be counted, and are not admitted uncounted (fail closed, ASVS V16.5.3).
            ``breaches_away``: leaked passwords cannot be asked for, and the policy takes no new password without.
    """

    reasons: ClassVar[tuple[str, ...]] = get_args(Outage)
    reason: Outage

    def __init__(self, *, reason: Outage) -> None:
        self.reason = reason
        super().__init__(reason)

    def __reduce__(self) -> tuple[Callable[[], Unavailable], tuple[()]]:
        """Let it travel between processes."""
        return partial(type(self), reason=self.reason), ()


class Interrupted(Unavailable):
    """A unit of work was undone by what happened beside it; run again from its start, it may well succeed.

    Stores raise it; the services try again (``services/units.py``), and what is left after that is ``Unavailable``.
    """


class Refused(Exception):  # noqa: N818 - a refusal is an answer, not an error
    """The family of expected refusals.

    Attributes:
        reason: a stable snake_case word, listed in the reference of reasons.
        is_guess: whether whoever tries secrets at random would collect this answer; such answers are counted
            against the throttle's keys, all others are given back (ASVS V6.3.1).
    """

    is_guess: ClassVar[bool] = False
    reasons: ClassVar[tuple[str, ...]] = ()
    reason: str

    def __init__(self, *, reason: str | None = None) -> None:
        self.reason = reason or next(iter(self.reasons), "refused")
        super().__init__(self.reason)

    def __reduce__(self) -> tuple[Callable[..., Refused], tuple[type[Refused], dict[str, object]]]:
        """Let a refusal travel between processes."""
        return _rebuild, (type(self), vars(self))


def _rebuild(kind: type[Refused], attributes: dict[str, object]) -> Refused:
    refusal = kind.__new__(kind, attributes["reason"])
    vars(refusal).update(attributes)
    return refusal


class ActivationRefused(Refused):
    """The activation code opens nothing."""

    is_guess = True
    reasons = ("unknown_code", "code_expired", "code_already_used")


class EmailAlreadyRegistered(Refused):
    """A login with this e-mail exists already: log in, or reset the password, instead of opening another."""

    is_guess = True
    reasons = ("email_already_registered",)


class EmailProofRequired(Refused):
    """The address must be proven with the six digits that were sent to it; call again with ``email_code=``."""

    reasons = ("email_proof_required", "email_code_wrong", "email_code_expired")

    @property
    def is_guess(self) -> bool:  # type: ignore[override]
        """Digits that were typed and did not fit are a guess; being asked for them is not."""
        return self.reason != "email_proof_required"


class InvalidInput(Refused):
    """A value has a wrong type, is too long, cannot be what it should be, or is what it should replace.

    Attributes:
        field: which argument, by its name in the call.
    """

    reasons = ("wrong_type", "too_long", "malformed", "empty", "unchanged")

    def __init__(self, *, field: str, reason: str = "malformed") -> None:
        super().__init__(reason=reason)
        self.field = field


class PasswordRejected(Refused):
    """The new password is against the policy.

    Attributes:
        violations: what is wrong with it, one stable word each, in the order in which they should be told.
    """

    reasons = ("password_rejected",)

    def __init__(self, *, violations: tuple[str, ...]) -> None:
        super().__init__()
        self.violations = violations


class LoginRefused(Refused):
    """E-mail and password do not open a session. The cause is not told (ASVS V6.3.8)."""

    is_guess = True
    reasons = ("login_refused",)


class PasswordChangeRequired(Refused):
    """The password is right, but a manager set it: its owner must choose another first.

    Attributes:
        token: authorises ``LoginService.choose_password`` and nothing else.
    """

    reasons = ("password_change_required",)

    def __init__(self, *, token: str) -> None:
        super().__init__()
        self.token = token


class SessionRefused(Refused):
    """The session token opens nothing: unknown, ended, idle for too long, or too old."""

    reasons = ("session_refused",)


class ReauthenticationRequired(Refused):
    """The current password given along with a sensitive change is not the right one."""

    is_guess = True
    reasons = ("wrong_password",)


class ResetRefused(Refused):
    """The link opens nothing: forged, already used, overtaken by a later change, or too old."""

    is_guess = True
    reasons = ("link_invalid", "link_expired")


class SwitchRefused(Refused):
    """The account cannot be selected: another's, unknown and gone are told alike."""

    reasons = ("switch_refused",)


class NotAllowed(Refused):
    """The manager may not do this: not a contact of his portfolio, or not within his reach."""

    reasons = ("not_allowed", "not_activated", "reset_link_only")


class Throttled(Refused):
    """Too many attempts, or (``busy``) more passwords to hash than the machine can bear; nothing was decided.

    With ``reset_required`` so many attempts at a login have failed that its password alone opens nothing any more: a
    reset link does, and the password in a browser that is known to it (NIST SP 800-63B-4 §3.2.2).

    Attributes:
        retry_after: how long to wait before the next attempt.
    """

    reasons = ("throttled", "reset_required", "busy")

    def __init__(self, *, retry_after: timedelta, reason: str | None = None) -> None:
        super().__init__(reason=reason)
        self.retry_after = retry_after
