"""Who logs in: one e-mail and one password, linked to any number of contacts, also none (an orphan)."""

from __future__ import annotations

from datetime import datetime
from typing import TypeGuard

import attrs

from coproauth.core.text import parse_text
from coproauth.errors import InvalidInput
from coproauth.policy import Locale

EMAIL_MAX_LENGTH = 254  # octets; RFC 5321 §4.5.3.1.3 with the brackets taken off


@attrs.frozen(kw_only=True)
class EmailAddress:
    """An address that can be logged in with, and the key by which two spellings are told to be one.

    Attributes:
        address: as typed, its domain in lower case; what mail is sent to.
        key: ASCII, lower case, an international domain in its xn-- form; what is compared and unique.
    """

    address: str = attrs.field(repr=False)
    key: str = attrs.field(repr=False)

    @classmethod
    def parse(cls, value: object, *, field: str = "email") -> EmailAddress:
        """Return the address that was typed; spaces around it are a slip of the keyboard and dropped.

        Raises:
            InvalidInput: no single plain address: a wrong type, too long, a display name, a quoted or non-ASCII
                local part, a list, a reserved domain (RFC 5321 §4.1.2 without its quoted and literal forms).
        """
        from email_validator import validate_email  # noqa: PLC0415 - slow to import; the facade does it

        text = parse_text(value, field=field, max_length=EMAIL_MAX_LENGTH).strip(" ")
        try:
            valid = validate_email(text, check_deliverability=False, allow_smtputf8=False)
        except ValueError:  # of the library's own kind, or of an odd codec
            raise InvalidInput(field=field, reason="malformed") from None  # its text quotes the address
        ascii_email = valid.ascii_email or ""
        if not ascii_email or len(ascii_email) > EMAIL_MAX_LENGTH:
            raise InvalidInput(field=field, reason="malformed")
        return cls(address=valid.normalized, key=ascii_email.lower())


@attrs.frozen(kw_only=True)
class Identity:
    """A login.

    Attributes:
        email: what is printed, shown and written to.
        email_key: what is compared; unique.
        password_hash: in PHC notation; None until a password is set.
        credential_stamp: a number that moves with every change of password or e-mail; sessions and links carry
            the number they were made under, and die with it.
        temporary_until: set while the password is one that a manager handed over.
        last_account_id: the account that was active last.
        locale: that of the last login, for mail that no request of this person asked for.
        warned_at: when its owner was told that it will be removed because nobody uses it.
    """

    id: str
    email: str = attrs.field(repr=False)
    email_key: str = attrs.field(repr=False)
    password_hash: str | None = attrs.field(repr=False)
    credential_stamp: int
    temporary_until: datetime | None
    last_account_id: str | None
    locale: Locale
    created_at: datetime
    last_login_at: datetime
    warned_at: datetime | None = None

    def is_still(self, current: Identity | None) -> TypeGuard[Identity]:
        """Whether the login, read again, is there and has the password and the e-mail that it had."""
        return current is not None and (current.id, current.credential_stamp) == (self.id, self.credential_stamp)
