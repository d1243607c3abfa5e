"""What a person types on the onboarding page beside the code, read as far as it can be before the code is known."""

from __future__ import annotations

import attrs

from coproauth.core.identities import EmailAddress
from coproauth.core.password_policy import parse_password
from coproauth.core.text import parse_type
from coproauth.errors import InvalidInput
from coproauth.policy import Policy

_EMAIL_CODE_MAX_LENGTH = 32  # code points; six digits and any sane number of spaces


@attrs.frozen(kw_only=True)
class ActivationForm:
    """E-mail, password and digits; what is wrong with them is told only to who holds a usable code.

    Attributes:
        email: None when it is no address.
        password: None when it can be nobody's; ``fault`` says why.
        email_code: the digits without spaces; None where none were asked for yet.
    """

    email: EmailAddress | None = attrs.field(repr=False)
    password: str | None = attrs.field(repr=False)
    fault: str | None
    email_code: str | None = attrs.field(repr=False)

    @classmethod
    def parse(cls, *, email: object, password: object, email_code: object, policy: Policy) -> ActivationForm:
        """Return what was typed.

        Raises:
            InvalidInput: a wrong type.
        """
        parse_type(email, field="email")
        parse_type(password, field="password")
        digits = None if email_code is None else _digits(parse_type(email_code, field="email_code"))
        chosen, fault = _password(password, policy)
        return cls(email=_email(email), password=chosen, fault=fault, email_code=digits)


def _email(value: object) -> EmailAddress | None:
    try:
        return EmailAddress.parse(value)
    except InvalidInput:
        return None


def _password(value: object, policy: Policy) -> tuple[str | None, str | None]:
    """Return a password and nothing, or nothing and what is wrong with it."""
    try:
        return parse_password(value, field="password", policy=policy), None
    except InvalidInput as error:
        return None, error.reason


def _digits(value: str) -> str:
    """Return the digits that were typed; what is too long fits nothing."""
    return "".join(value[:_EMAIL_CODE_MAX_LENGTH].split())
