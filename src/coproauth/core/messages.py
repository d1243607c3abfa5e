"""Mail: the intention to write to someone, and the finished message.

An intention is what a use case queues in its own transaction, and holds no secret. How it becomes a message is the
matter of ``composing``; how a message reads, of ``mail``.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import ClassVar

import attrs

from coproauth.policy import Locale

NAME_MAX_LENGTH = 200  # code points of a name that a mail shows
FAILURE_MAX_LENGTH = 80  # characters; the name of a class and a status of three digits


class MailKind(StrEnum):
    """Which message an intention will become."""

    EMAIL_PROOF = "email_proof"
    RESET_LINK = "reset_link"
    UNKNOWN_ADDRESS = "unknown_address"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - the name of a message
    TEMPORARY_PASSWORD_SET = "temporary_password_set"  # noqa: S105 - the name of a message
    ACTIVATION_NOTICE = "activation_notice"
    ACCOUNT_ADDED = "account_added"
    ACCOUNT_REMOVED = "account_removed"
    CONFIRM_EMAIL = "confirm_email"
    EMAIL_CHANGE_REQUESTED = "email_change_requested"
    EMAIL_CHANGED = "email_changed"
    IDLE_WARNING = "idle_warning"
    NEW_DEVICE = "new_device"
    LOGIN_AFTER_FAILURES = "login_after_failures"


@attrs.frozen(kw_only=True)
class Intention:
    """A mail that is to be sent.

    Attributes:
        to: the address, decided when the intention was queued.
        identity_id: whose link it carries, if any.
        credential_stamp: of that login when the link was asked for; a later stamp makes the intention void.
        nonce: from which six digits follow, if it carries any.
        condominium_name: what the message tells, if it tells of an account.
        contact_name: likewise.
        browser: what it tells of a browser, in our own words: nobody who logs in writes to the owner by its name.
        tries: how often a courier has taken it.
        failure: the kind of error that the last try ended with.
    """

    id: str
    kind: MailKind = attrs.field(converter=MailKind)
    to: str = attrs.field(repr=False)
    locale: Locale
    identity_id: str | None = None
    credential_stamp: int | None = None
    nonce: str | None = attrs.field(default=None, repr=False)
    condominium_name: str = ""
    contact_name: str = ""
    queued_at: datetime
    due_at: datetime
    tries: int = 0
    failure: str | None = None
    browser: str | None = None


@attrs.frozen(kw_only=True)
class Message:
    """A finished mail, for a mailer to render and send.

    Attributes:
        id: of the intention it was made from: the same however often it is sent, so that a double can be told. It is
            no part of what the message says: messages are equal without it.
    """

    kind: ClassVar[MailKind]
    id: str | None = attrs.field(default=None, eq=False)
    to: str = attrs.field(repr=False)
    locale: Locale


@attrs.frozen(kw_only=True)
class EmailProofMessage(Message):
    """The six digits that prove an address."""

    kind: ClassVar[MailKind] = MailKind.EMAIL_PROOF
    code: str = attrs.field(repr=False)
    condominium_name: str


@attrs.frozen(kw_only=True)
class ResetLinkMessage(Message):
    """The link with which a new password is chosen."""

    kind: ClassVar[MailKind] = MailKind.RESET_LINK
    url: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class UnknownAddressMessage(Message):
    """A reset was asked for, but no login has this address.

    Attributes:
        url: of the onboarding page.
    """

    kind: ClassVar[MailKind] = MailKind.UNKNOWN_ADDRESS
    url: str


@attrs.frozen(kw_only=True)
class PasswordChangedMessage(Message):
    """Notice: the password is another one now."""

    kind: ClassVar[MailKind] = MailKind.PASSWORD_CHANGED
    url: str


@attrs.frozen(kw_only=True)
class TemporaryPasswordSetMessage(Message):
    """Notice: the manager set a temporary password, which is not in the mail."""

    kind: ClassVar[MailKind] = MailKind.TEMPORARY_PASSWORD_SET
    url: str


@attrs.frozen(kw_only=True)
class ActivationNoticeMessage(Message):
    """Notice: the code printed for this contact was used."""

    kind: ClassVar[MailKind] = MailKind.ACTIVATION_NOTICE
    contact_name: str
    condominium_name: str


@attrs.frozen(kw_only=True)
class AccountAddedMessage(Message):
    """Notice: the login opens one more account."""

    kind: ClassVar[MailKind] = MailKind.ACCOUNT_ADDED
    condominium_name: str


@attrs.frozen(kw_only=True)
class AccountRemovedMessage(Message):
    """Notice: the login opens one account less."""

    kind: ClassVar[MailKind] = MailKind.ACCOUNT_REMOVED
    condominium_name: str


@attrs.frozen(kw_only=True)
class ConfirmEmailMessage(Message):
    """The link that makes this address the login's e-mail."""

    kind: ClassVar[MailKind] = MailKind.CONFIRM_EMAIL
    url: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class EmailChangeRequestedMessage(Message):
    """Notice to the present address: another was asked for.

    Attributes:
        url: of the forgotten-password page: a new password voids the request.
    """

    kind: ClassVar[MailKind] = MailKind.EMAIL_CHANGE_REQUESTED
    url: str


@attrs.frozen(kw_only=True)
class EmailChangedMessage(Message):
    """Notice to the former address: the login has another now."""

    kind: ClassVar[MailKind] = MailKind.EMAIL_CHANGED


@attrs.frozen(kw_only=True)
class IdleWarningMessage(Message):
    """Notice: nobody has used the login for long, and it will be removed.

    Attributes:
        url: of the login page.
        log_in_before: the day from which on the login may be gone.
    """

    kind: ClassVar[MailKind] = MailKind.IDLE_WARNING
    url: str
    log_in_before: date


@attrs.frozen(kw_only=True)
class NewDeviceMessage(Message):
    """Notice: the login was opened in a browser that was not known to it.

    Attributes:
        url: of the forgotten-password page: a new password ends every session.
        opened_at: when, aware UTC.
        browser: what it is, in two words; empty if it is of no known kind.
    """

    kind: ClassVar[MailKind] = MailKind.NEW_DEVICE
    url: str
    opened_at: datetime
    browser: str


@attrs.frozen(kw_only=True)
class LoginAfterFailuresMessage(Message):
    """Notice: the login was opened after many wrong passwords.

    Attributes:
        url: of the forgotten-password page: a new password ends every session.
        opened_at: when, aware UTC.
        browser: in which, in two words; empty if it is of no known kind.
    """

    kind: ClassVar[MailKind] = MailKind.LOGIN_AFTER_FAILURES
    url: str
    opened_at: datetime
    browser: str
