"""What is put on record: one event for each pathway and outcome, in the past tense, without secret or address."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import attrs


class Pathway(StrEnum):
    """Every way into the library that changes something or tries a secret; the value is what succeeded."""

    CODE_ISSUED = "code_issued"
    CODE_PREVIEWED = "code_previewed"
    ACTIVATED = "activated"
    ACCOUNT_LINKED = "account_linked"
    CONTACT_DISSOCIATED = "contact_dissociated"
    LOGGED_IN = "logged_in"
    LOGGED_OUT = "logged_out"
    SESSIONS_ENDED = "sessions_ended"
    REAUTHENTICATED = "reauthenticated"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - the name of an event
    PASSWORD_CHOSEN = "password_chosen"  # noqa: S105 - the name of an event
    EMAIL_CHANGE_REQUESTED = "email_change_requested"
    EMAIL_CHANGED = "email_changed"
    RESET_REQUESTED = "reset_requested"
    PASSWORD_RESET = "password_reset"  # noqa: S105 - the name of an event
    RESET_LINK_SENT = "reset_link_sent"
    TEMPORARY_PASSWORD_SET = "temporary_password_set"  # noqa: S105 - the name of an event
    ACCOUNT_SWITCHED = "account_switched"
    PURGED = "purged"
    IDLE_LOGIN_WARNED = "idle_login_warned"
    IDLE_LOGIN_REMOVED = "idle_login_removed"
    PERSONAL_DATA_EXPORTED = "personal_data_exported"
    LOGIN_ERASED = "login_erased"
    CONTACTS_IMPORTED = "contacts_imported"


class Outcome(StrEnum):
    """How it ended."""

    SUCCEEDED = "succeeded"
    REFUSED = "refused"
    FAILED = "failed"


@attrs.frozen(kw_only=True)
class AuditEvent:
    """One line of the audit trail.

    Attributes:
        at: aware UTC.
        reason: of the refusal, or the class of an unexpected error; None when it succeeded.
        actor: the manager's id, when a manager acted.
        subject: the id of the login, the contact or (codes for all) the condominium; never an address.
        address: of the source, when a browser acted.
    """

    at: datetime
    pathway: Pathway
    outcome: Outcome
    reason: str | None = None
    actor: str | None = None
    subject: str | None = None
    address: str | None = None
