"""What is put on record: one event for each pathway and outcome, in the past tense, without secret or address."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

import attrs

CORRELATION_ID_MAX_LENGTH = 64  # characters; twice a trace id of W3C Trace Context
REASON_MAX_LENGTH = 80  # characters; no reason has so many, nor the name of any class


class Pathway(StrEnum):
    """Every way into the library that changes something, tries a secret or takes a right; the value is a success."""

    CODE_ISSUED = "code_issued"
    ACTIVATIONS_LISTED = "activations_listed"
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
    MAIL_RETRIED = "mail_retried"
    MAIL_DROPPED = "mail_dropped"


class Outcome(StrEnum):
    """How it ended."""

    SUCCEEDED = "succeeded"
    REFUSED = "refused"
    FAILED = "failed"


class ActorKind(StrEnum):
    """Who acts."""

    PERSON = "person"  # at a browser: the owner of a login, or whoever tries to be
    MANAGER = "manager"
    OPERATOR = "operator"  # of the installation, by a command or by the host's software
    SYSTEM = "system"  # the library itself, in maintenance


def _require_aware(_: object, __: object, value: datetime) -> None:
    if value.tzinfo is None:  # ASVS V16.2.2
        raise ValueError("an instant must be aware")


@attrs.frozen(kw_only=True)
class AuditEvent:
    """One line of the audit trail (ASVS V16.2.1). What it says of people is pseudonymous: ids, never an address.

    Attributes:
        at: aware UTC.
        reason: of the refusal or outage, or the class of another error; None when it succeeded.
        actor_kind: None in events that an older release recorded.
        actor: the id of the manager or operator; of a person the login's, once a secret has proven it.
        subject: what it is about: the id of the login, the contact or (codes for all) the condominium; for an address
            that is not known to have a login its pseudonym, the same each time (``Keyring.pseudonyms``).
        address: the network address of the source, when a browser acted; personal data.
        user_agent: what that browser called itself; the first 400 printable characters.
        correlation_id: of the request, as given to ``correlated``; else of this attempt alone.
    """

    at: datetime = attrs.field(validator=_require_aware)
    pathway: Pathway
    outcome: Outcome
    reason: str | None = None
    actor_kind: ActorKind | None = None
    actor: str | None = None
    subject: str | None = None
    address: str | None = None
    user_agent: str | None = None
    correlation_id: str | None = None

    @property
    def owasp_name(self) -> str:
        """The event's name in OWASP's Logging Vocabulary, for whoever watches several programs by the same words."""
        match self.outcome:
            case Outcome.SUCCEEDED:
                return OWASP_SUCCESSES[self.pathway]
            case Outcome.REFUSED:
                return self._owasp_refusal
            case Outcome.FAILED:
                return OWASP_FAILURE

    @property
    def _owasp_refusal(self) -> str:
        """A refusal is named by its reason; but where a password is tried or replaced, that is what failed."""
        name = OWASP_REFUSALS.get(self.reason or "", "authz_fail")
        if self.reason == "throttled" and self.pathway in _TRIES_A_PASSWORD:
            return "authn_login_fail_max"
        if name in _NOT_PROVEN and self.pathway in _REPLACES_A_PASSWORD:
            return "authn_password_change_fail"
        return name


OWASP_FAILURE = "sys_crash"
OWASP_SUCCESSES: Mapping[Pathway, str] = MappingProxyType(
    {
        Pathway.CODE_ISSUED: "authn_token_created",
        Pathway.ACTIVATIONS_LISTED: "sensitive_read",
        Pathway.CODE_PREVIEWED: "sensitive_read",
        Pathway.ACTIVATED: "user_created",
        Pathway.ACCOUNT_LINKED: "privilege_permissions_changed",
        Pathway.CONTACT_DISSOCIATED: "privilege_permissions_changed",
        Pathway.LOGGED_IN: "authn_login_success",
        Pathway.LOGGED_OUT: "session_expired",
        Pathway.SESSIONS_ENDED: "session_expired",
        Pathway.REAUTHENTICATED: "authn_login_success",
        Pathway.PASSWORD_CHANGED: "authn_password_change",
        Pathway.PASSWORD_CHOSEN: "authn_password_change",
        Pathway.EMAIL_CHANGE_REQUESTED: "authn_token_created",
        Pathway.EMAIL_CHANGED: "user_updated",
        Pathway.RESET_REQUESTED: "authn_token_created",
        Pathway.PASSWORD_RESET: "authn_password_change",
        Pathway.RESET_LINK_SENT: "authn_token_created",
        Pathway.TEMPORARY_PASSWORD_SET: "authn_password_change",
        Pathway.ACCOUNT_SWITCHED: "session_renewed",
        Pathway.PURGED: "sensitive_delete",
        Pathway.IDLE_LOGIN_WARNED: "user_updated",
        Pathway.IDLE_LOGIN_REMOVED: "user_deleted",
        Pathway.PERSONAL_DATA_EXPORTED: "sensitive_read",
        Pathway.LOGIN_ERASED: "user_deleted",
        Pathway.CONTACTS_IMPORTED: "sensitive_create",
        Pathway.MAIL_RETRIED: "sensitive_update",
        Pathway.MAIL_DROPPED: "sensitive_delete",
    }
)
OWASP_REFUSALS: Mapping[str, str] = MappingProxyType(
    {
        "unknown_code": "authn_login_fail",
        "code_expired": "authn_token_reuse",
        "code_already_used": "authn_token_reuse",
        "email_already_registered": "authn_login_fail",
        "email_proof_required": "authn_token_created",  # six digits were sent
        "email_code_wrong": "authn_login_fail",
        "email_code_expired": "authn_token_reuse",
        "wrong_type": "input_validation_fail",
        "too_long": "input_validation_fail",
        "malformed": "input_validation_fail",
        "empty": "input_validation_fail",
        "unchanged": "input_validation_fail",
        "password_rejected": "input_validation_fail",
        "login_refused": "authn_login_fail",
        "password_change_required": "authn_token_created",  # the password was right, and allows one thing
        "session_refused": "session_use_after_expire",
        "wrong_password": "authn_login_fail",
        "link_invalid": "authn_token_reuse",
        "link_expired": "authn_token_reuse",
        "switch_refused": "authz_fail",
        "not_allowed": "authz_fail",
        "not_activated": "authz_fail",
        "reset_link_only": "authz_fail",
        "throttled": "excess_rate_limit_exceeded",
        "reset_required": "authn_login_lock",
        "busy": "excess_rate_limit_exceeded",
    }
)
_NOT_PROVEN = frozenset({"authn_login_fail", "authn_token_reuse"})
_TRIES_A_PASSWORD = frozenset({Pathway.LOGGED_IN, Pathway.REAUTHENTICATED})
_REPLACES_A_PASSWORD = frozenset({Pathway.PASSWORD_CHANGED, Pathway.PASSWORD_CHOSEN, Pathway.PASSWORD_RESET})


def clip_correlation_id(value: object) -> str | None:
    """Return what is kept of an id from outside: a bounded word of printable ASCII; None if there is nothing of it."""
    word = "" if value is None else str(value)[:CORRELATION_ID_MAX_LENGTH]
    return "".join(symbol if "!" <= symbol <= "~" else "?" for symbol in word) or None
