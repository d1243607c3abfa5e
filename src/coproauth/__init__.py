"""Activation, login, password reset and account switching for the co-owners of condominiums."""

from coproauth.core.accounts import Account, Condominium, Contact, Manager
from coproauth.core.activation import ActivationPreview, IssuedCode
from coproauth.core.password_reset import ResetLink, TemporaryPassword
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
)
from coproauth.facade import Coproauth
from coproauth.policy import Argon2Parameters, Policy, ThrottleRule
from coproauth.services.account_switching import AccountSwitcher
from coproauth.services.activation import ActivationService
from coproauth.services.courier import BackgroundCourier, Courier
from coproauth.services.login import LoginService
from coproauth.services.password_reset import PasswordResetService

__version__ = "0.1.0"

__all__ = [
    "Account",
    "AccountSwitcher",
    "ActivationPreview",
    "ActivationRefused",
    "ActivationService",
    "Argon2Parameters",
    "BackgroundCourier",
    "Condominium",
    "ConfigurationError",
    "Contact",
    "Coproauth",
    "Courier",
    "EmailAlreadyRegistered",
    "EmailProofRequired",
    "InvalidInput",
    "IssuedCode",
    "Keyring",
    "LoginRefused",
    "LoginService",
    "Manager",
    "NotAllowed",
    "PasswordChangeRequired",
    "PasswordRejected",
    "PasswordResetService",
    "Policy",
    "ReauthenticationRequired",
    "Refused",
    "ResetLink",
    "ResetRefused",
    "Session",
    "SessionRefused",
    "SessionSummary",
    "SignedIn",
    "Source",
    "SwitchRefused",
    "TemporaryPassword",
    "ThrottleRule",
    "Throttled",
    "__version__",
]
