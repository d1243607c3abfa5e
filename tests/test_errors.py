"""The refusals: stable reasons, data as attributes, and no secret in their text."""

from __future__ import annotations

import pickle
import re
from datetime import timedelta

import pytest

from coproauth import (
    ActivationRefused,
    ConfigurationError,
    EmailAlreadyRegistered,
    EmailProofRequired,
    InvalidInput,
    LoginRefused,
    NotAllowed,
    PasswordChangeRequired,
    PasswordRejected,
    ReauthenticationRequired,
    Refused,
    ResetRefused,
    SessionRefused,
    SwitchRefused,
    Throttled,
)

_EXAMPLES: list[Refused] = [
    ActivationRefused(),
    EmailAlreadyRegistered(),
    EmailProofRequired(),
    InvalidInput(field="email"),
    LoginRefused(),
    NotAllowed(),
    PasswordChangeRequired(token="secret"),
    PasswordRejected(violations=("too_short",)),
    ReauthenticationRequired(),
    ResetRefused(),
    SessionRefused(),
    SwitchRefused(),
    Throttled(retry_after=timedelta(seconds=30)),
]


def test_every_refusal_is_covered() -> None:
    """A new refusal fails here until it is written down above."""
    assert {type(example) for example in _EXAMPLES} == set(Refused.__subclasses__())


@pytest.mark.parametrize("refusal", _EXAMPLES, ids=lambda refusal: type(refusal).__name__)
class TestEveryRefusal:
    """What holds for each of them."""

    def test_its_reason_is_one_of_its_own(self, refusal: Refused) -> None:
        """A stable snake_case word."""
        assert refusal.reason in refusal.reasons
        assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", reason) for reason in refusal.reasons)

    def test_its_text_is_its_reason(self, refusal: Refused) -> None:
        """And nothing else: no secret, no address."""
        assert (str(refusal), refusal.args) == (refusal.reason, (refusal.reason,))

    def test_it_is_an_answer_and_not_a_misuse(self, refusal: Refused) -> None:
        """Whoever catches refusals does not swallow wrong wiring."""
        assert not isinstance(refusal, ConfigurationError)


def test_no_reason_means_two_things() -> None:
    """A page can be worded from the reason alone."""
    reasons = [reason for example in _EXAMPLES for reason in example.reasons]

    assert len(reasons) == len(set(reasons))


def test_data_are_attributes() -> None:
    """What a program needs beside the reason."""
    assert InvalidInput(field="email", reason="empty").field == "email"
    assert PasswordRejected(violations=("too_short", "common")).violations == ("too_short", "common")
    assert PasswordChangeRequired(token="secret").token == "secret"
    assert Throttled(retry_after=timedelta(seconds=30)).retry_after == timedelta(seconds=30)


@pytest.mark.parametrize(
    ("refusal", "is_guess"),
    [
        (ActivationRefused(reason="unknown_code"), True),
        (EmailAlreadyRegistered(), True),
        (EmailProofRequired(), False),
        (EmailProofRequired(reason="email_code_wrong"), True),
        (EmailProofRequired(reason="email_code_expired"), True),
        (InvalidInput(field="email"), False),
        (LoginRefused(), True),
        (NotAllowed(), False),
        (PasswordChangeRequired(token="x"), False),
        (PasswordRejected(violations=()), False),
        (ReauthenticationRequired(), True),
        (ResetRefused(), True),
        (SessionRefused(), False),
        (SwitchRefused(), False),
        (Throttled(retry_after=timedelta(0)), False),
    ],
    ids=lambda value: getattr(value, "reason", None),
)
def test_what_a_guesser_would_collect_is_a_guess(refusal: Refused, is_guess: bool) -> None:  # noqa: FBT001
    """These answers stay counted by the throttle, all others are given back."""
    assert refusal.is_guess is is_guess


def test_a_refusal_travels_between_processes_with_its_data() -> None:
    """Worker processes hand refusals on whole."""
    for refusal in (
        Throttled(retry_after=timedelta(seconds=5)),
        InvalidInput(field="email", reason="too_long"),
        PasswordRejected(violations=("too_short",)),
        LoginRefused(),
    ):
        copy = pickle.loads(pickle.dumps(refusal))  # noqa: S301 - made here

        assert (type(copy), vars(copy), str(copy)) == (type(refusal), vars(refusal), str(refusal))
