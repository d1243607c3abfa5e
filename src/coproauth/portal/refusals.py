"""How a refusal is told to a person: status, sentence, and the field it belongs to."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import timedelta
from functools import partial
from typing import Final

import attrs

from coproauth.core.activation_codes import SYMBOLS
from coproauth.errors import (
    ActivationRefused,
    EmailProofRequired,
    InvalidInput,
    NotAllowed,
    PasswordRejected,
    ReauthenticationRequired,
    Refused,
    Throttled,
)
from coproauth.policy import LOCALES, Policy
from coproauth.portal.words import Words, load_texts, seconds_of

_UNPROCESSABLE = 422
_END_OF_CLAUSE = re.compile(r"\s*[.:!?](?:\s|$)")
_FIELDS: tuple[tuple[type[Refused], str], ...] = (
    (ActivationRefused, "code"),
    (EmailProofRequired, "email_code"),
    (ReauthenticationRequired, "current_password"),
)
_INPUTS = {"password": "new_password"}  # arguments whose input has another name: only onboarding refuses one


@attrs.frozen(kw_only=True)
class Fault:
    """One thing that is wrong with a form, in no language yet.

    Attributes:
        key: of the sentence that tells it.
        field: which input to mend, if it is one.
        also: the key of a sentence that follows, if one does.
        wait: how long to wait, where the sentence tells it.
        reason: of the refusal, by which a page shows more than a sentence; None if no service refused anything.
    """

    key: str
    field: str | None = None
    also: str | None = None
    wait: timedelta = timedelta(0)
    reason: str | None = None


CARRIED: Final = "faults of " + ",".join(attrs.fields_dict(Fault))  # what is signed: another release's is void


@attrs.frozen(kw_only=True)
class ToldFault:
    """A fault in words."""

    reason: str | None
    field: str | None
    text: str

    @property
    def headline(self) -> str:
        """What is wrong, without how to mend it: that is told beside the field."""
        return _END_OF_CLAUSE.split(self.text, maxsplit=1)[0]


def tell(fault: Fault, words: Words, policy: Policy) -> ToldFault:
    """Return a fault in the language of a page."""
    values = {
        "min_length": policy.password_min_length,
        "max_length": policy.password_max_length,
        "digits": policy.digits_only_min_length,
        "wait": words.wait(fault.wait),
    }
    sentences = [words(key, **values) for key in (fault.key, fault.also) if key]
    return ToldFault(reason=fault.reason, field=fault.field, text=" ".join(sentences))


def write_faults(faults: Iterable[Fault]) -> str:
    """Return faults as a form carries them, signed as ``CARRIED``, for the next page to tell in another language."""
    return json.dumps([attrs.asdict(fault) for fault in faults], default=timedelta.total_seconds)


def read_faults(text: str) -> tuple[Fault, ...]:
    """Return what ``write_faults`` wrote, without what there is no sentence for any more; its signature was checked."""
    faults = (Fault(**fields | {"wait": timedelta(seconds=fields["wait"])}) for fields in json.loads(text))
    return tuple(fault for fault in faults if {fault.key, fault.also} - {None} <= load_texts(LOCALES[0]).keys())


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


def faults_of(refusal: Refused, *, typed_code: str = "") -> tuple[Fault, ...]:
    """Return what a refusal says, sentence by sentence."""
    fault = partial(Fault, reason=refusal.reason)
    match refusal:
        case ActivationRefused(reason="unknown_code") if typed_code and not _has_length_of_code(typed_code):
            return (fault(key="refused.unknown_code", field="code", also="invalid.code"),)
        case PasswordRejected(violations=violations):
            return tuple(fault(key=f"violation.{word}", field="new_password") for word in violations)
        case InvalidInput(field=field, reason=reason):
            keys = (f"refused.{reason}", f"invalid.{field}")
            key = next((key for key in keys if key in load_texts(LOCALES[0])), "invalid.other")
            return (fault(key=key, field=_INPUTS.get(field, field)),)
        case Throttled(retry_after=retry_after):
            return (fault(key=f"refused.{refusal.reason}", wait=retry_after),)
    mended = next((name for kind, name in _FIELDS if isinstance(refusal, kind)), None)
    return (fault(key=f"refused.{refusal.reason}", field=mended),)


def _has_length_of_code(typed: str) -> bool:
    return sum(character.isalnum() for character in typed) == SYMBOLS
