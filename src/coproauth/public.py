"""What ``coproauth`` exports, from where it stands. Import it from ``coproauth`` itself."""

from coproauth import __version__
from coproauth.core.accounts import Account, Condominium, Contact, Manager
from coproauth.core.activation import ActivationPreview, IssuedCode
from coproauth.core.audit import ActorKind, AuditEvent, Outcome, Pathway
from coproauth.core.identities import EmailAddress, Identity
from coproauth.core.maintenance import PurgeReport, Waste
from coproauth.core.messages import (
    AccountAddedMessage,
    AccountRemovedMessage,
    ActivationNoticeMessage,
    ConfirmEmailMessage,
    EmailChangedMessage,
    EmailChangeRequestedMessage,
    EmailProofMessage,
    IdleWarningMessage,
    LoginAfterFailuresMessage,
    MailKind,
    Message,
    NewDeviceMessage,
    PasswordChangedMessage,
    ResetLinkMessage,
    TemporaryPasswordSetMessage,
    UnknownAddressMessage,
)
from coproauth.core.outbox import Backlog
from coproauth.core.password_reset import ResetLink, TemporaryPassword
from coproauth.core.personal_data import (
    PersonalCode,
    PersonalEvent,
    PersonalExport,
    PersonalIdentity,
    PersonalMail,
    PersonalSession,
)
from coproauth.core.portal_urls import PortalUrls
from coproauth.core.session_views import ViewedSession
from coproauth.core.sessions import Session, SessionSummary, SignedIn
from coproauth.core.sources import Source
from coproauth.core.tokens import Keyring
from coproauth.errors import (
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
    Unavailable,
)
from coproauth.facade import Coproauth
from coproauth.policy import Argon2Parameters, Locale, Policy, ThrottleRule
from coproauth.ports import (
    AuditSink,
    BreachedPasswords,
    Clock,
    Directory,
    Mailer,
    PasswordHasher,
    SecretSource,
    Store,
    Throttle,
)
from coproauth.services.account_switching import AccountSwitcher
from coproauth.services.activation import ActivationService
from coproauth.services.correlation import correlated, current_correlation_id
from coproauth.services.courier import BackgroundCourier, Courier
from coproauth.services.login import LoginService
from coproauth.services.maintenance import Maintenance
from coproauth.services.outbox import WaitingMail
from coproauth.services.password_reset import PasswordResetService
from coproauth.services.personal_data import PersonalData
from coproauth.services.session_views import SessionViews

__all__ = [
    "Account",
    "AccountAddedMessage",
    "AccountRemovedMessage",
    "AccountSwitcher",
    "ActivationNoticeMessage",
    "ActivationPreview",
    "ActivationRefused",
    "ActivationService",
    "ActorKind",
    "Argon2Parameters",
    "AuditEvent",
    "AuditSink",
    "BackgroundCourier",
    "Backlog",
    "BreachedPasswords",
    "Clock",
    "Condominium",
    "ConfigurationError",
    "ConfirmEmailMessage",
    "Contact",
    "Coproauth",
    "Courier",
    "Directory",
    "EmailAddress",
    "EmailAlreadyRegistered",
    "EmailChangeRequestedMessage",
    "EmailChangedMessage",
    "EmailProofMessage",
    "EmailProofRequired",
    "Identity",
    "IdleWarningMessage",
    "InvalidInput",
    "IssuedCode",
    "Keyring",
    "Locale",
    "LoginAfterFailuresMessage",
    "LoginRefused",
    "LoginService",
    "MailKind",
    "Mailer",
    "Maintenance",
    "Manager",
    "Message",
    "NewDeviceMessage",
    "NotAllowed",
    "Outcome",
    "PasswordChangeRequired",
    "PasswordChangedMessage",
    "PasswordHasher",
    "PasswordRejected",
    "PasswordResetService",
    "Pathway",
    "PersonalCode",
    "PersonalData",
    "PersonalEvent",
    "PersonalExport",
    "PersonalIdentity",
    "PersonalMail",
    "PersonalSession",
    "Policy",
    "PortalUrls",
    "PurgeReport",
    "ReauthenticationRequired",
    "Refused",
    "ResetLink",
    "ResetLinkMessage",
    "ResetRefused",
    "SecretSource",
    "Session",
    "SessionRefused",
    "SessionSummary",
    "SessionViews",
    "SignedIn",
    "Source",
    "Store",
    "SwitchRefused",
    "TemporaryPassword",
    "TemporaryPasswordSetMessage",
    "Throttle",
    "ThrottleRule",
    "Throttled",
    "Unavailable",
    "UnknownAddressMessage",
    "ViewedSession",
    "WaitingMail",
    "Waste",
    "__version__",
    "correlated",
    "current_correlation_id",
]
