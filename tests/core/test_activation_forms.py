"""What is typed on the onboarding page beside the code."""

from __future__ import annotations

import pytest

from coproauth import InvalidInput, Policy
from coproauth.core.activation_forms import ActivationForm
from coproauth.core.identities import EmailAddress

_EMAIL = "jeanne@example.fr"
_PASSWORD = "trois pommes sur un nuage"
_POLICY = Policy()


def test_what_can_be_right_is_read() -> None:
    """The digits are taken with whatever spaces they were typed with."""
    form = ActivationForm.parse(email=_EMAIL, password=_PASSWORD, email_code=" 123 456 ", policy=_POLICY)

    assert form == ActivationForm(email=EmailAddress.parse(_EMAIL), password=_PASSWORD, fault=None, email_code="123456")


@pytest.mark.parametrize(("password", "fault"), [("\ud800" * 20, "malformed"), ("a" * 10_000, "too_long")])
def test_what_cannot_be_right_is_noted_and_not_told(password: str, fault: str) -> None:
    """It is told only to who holds a usable code."""
    form = ActivationForm.parse(email="jeanne", password=password, email_code=None, policy=_POLICY)

    assert form == ActivationForm(email=None, password=None, fault=fault, email_code=None)


@pytest.mark.parametrize("field", ["email", "password", "email_code"])
def test_a_wrong_type_is_told_at_once(field: str) -> None:
    """It is a mistake of the embedding program, whatever the code."""
    typed = {"email": _EMAIL, "password": _PASSWORD, "email_code": "123456", field: 7}

    with pytest.raises(InvalidInput) as refused:
        ActivationForm.parse(
            email=typed["email"], password=typed["password"], email_code=typed["email_code"], policy=_POLICY
        )

    assert (refused.value.field, refused.value.reason) == (field, "wrong_type")


def test_nothing_that_was_typed_is_in_the_repr() -> None:
    """A form may end up in a traceback."""
    form = ActivationForm.parse(email=_EMAIL, password=_PASSWORD, email_code="123456", policy=_POLICY)

    assert repr(form) == "ActivationForm(fault=None)"
