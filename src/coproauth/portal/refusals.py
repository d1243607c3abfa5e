"""How a refusal is told to a person: status, sentence, and the field it belongs to."""

from __future__ import annotations

import re

import attrs

from coproauth.core.activation_codes import SYMBOLS
from coproauth.errors import (
    ActivationRefused,
    EmailAlreadyRegistered,
    EmailProofRequired,
    InvalidInput,
    NotAllowed,
    PasswordRejected,
    ReauthenticationRequired,
    Refused,
    Throttled,
)
from coproauth.policy import Policy
from coproauth.portal.words import Words, seconds_of

_UNPROCESSABLE = 422
_END_OF_CLAUSE = re.compile(r"\s*[.:!?](?:\s|$)")
_FIELDS: tuple[tuple[type[Refused], str], ...] = (
    (ActivationRefused, "code"),
    (EmailAlreadyRegistered, "email"),
    (EmailProofRequired, "email_code"),
    (ReauthenticationRequired, "current_password"),
)
_INPUTS = {"password": "new_password"}  # arguments whose input has another name: only onboarding refuses one


@attrs.frozen
class Fault:
    """One thing that is wrong with a form.

    Attributes:
        field: which input to mend, if it is one.
    """

    text: str
    field: str | None = None

    @property
    def headline(self) -> str:
        """What is wrong, without how to mend it: that is told beside the field."""
        return _END_OF_CLAUSE.split(self.text, maxsplit=1)[0]


def status_of(refusal: Refused) -> int:
    """Return the HTTP status of the page that tells a refusal."""
    if isinstance(refusal, Throttled):
        return 429
    if isinstance(refusal, NotAllowed):
        return 404 if refusal.reason == "not_allowed" else 409
    return _UNPROCESSABLE


def headers_of(refusal: Refused) -> dict[str, str]:
    """Return the headers that go with it."""
    return {"Retry-After": str(seconds_of(refusal.retry_after))} if isinstance(refusal, Throttled) else {}


def faults_of(refusal: Refused, words: Words, policy: Policy, *, typed_code: str = "") -> tuple[Fault, ...]:
    """Return what a refusal says, sentence by sentence."""
    match refusal:
        case ActivationRefused(reason="unknown_code") if typed_code and not _has_length_of_code(typed_code):
            return (Fault(f"{words('refused.unknown_code')} {words('invalid.code')}", "code"),)
        case PasswordRejected(violations=violations):
            return tuple(Fault(_violation(word, words, policy), "new_password") for word in violations)
        case InvalidInput(field=field):
            key = f"invalid.{field}"
            return (Fault(words(key if key in words else "invalid.other"), _INPUTS.get(field, field)),)
        case Throttled(retry_after=retry_after):
            return (Fault(words(f"refused.{refusal.reason}", wait=words.wait(retry_after))),)
    mended = next((name for kind, name in _FIELDS if isinstance(refusal, kind)), None)
    return (Fault(words(f"refused.{refusal.reason}"), mended),)


def _has_length_of_code(typed: str) -> bool:
    return sum(character.isalnum() for character in typed) == SYMBOLS


def _violation(word: str, words: Words, policy: Policy) -> str:
    return words(
        f"violation.{word}",
        min_length=policy.password_min_length,
        max_length=policy.password_max_length,
        digits=policy.digits_only_min_length,
    )
