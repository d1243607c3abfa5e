"""What a code from a letter may do, by case. The order of the cases is part of the public contract."""

from __future__ import annotations

import hmac
from datetime import datetime
from typing import Literal, assert_never

import attrs

from coproauth.core.accounts import Contact
from coproauth.core.identities import EmailAddress, Identity
from coproauth.core.login import DemandNewPassword, OpenSession, RefuseLogin, decide_login
from coproauth.policy import Policy


@attrs.frozen(kw_only=True)
class CodeRecord:
    """What is stored of an activation code; the code itself is not.

    Attributes:
        index: its keyed hash, by which it is found.
        portfolio_id: whose manager issued it; a condominium that moves takes none of its codes along.
        used_by: the login it opened or was added to.
        proof_email_key: the address whose proof is pending, if one is.
        proof_nonce: from which, and the secret key, its six digits follow; they are not stored.
    """

    id: str
    contact_id: str
    portfolio_id: str
    index: str = attrs.field(repr=False)
    issued_at: datetime
    expires_at: datetime
    used_at: datetime | None = None
    used_by: str | None = None
    revoked_at: datetime | None = None
    proof_email_key: str | None = attrs.field(default=None, repr=False)
    proof_nonce: str | None = attrs.field(default=None, repr=False)
    proof_requested_at: datetime | None = None


@attrs.frozen(kw_only=True)
class IssuedCode:
    """A new activation code, for the letter. This is the only time it is readable.

    Attributes:
        code: ``XXXX-XXXX-XXXX-XXXX``.
    """

    code: str = attrs.field(repr=False)
    contact: Contact
    expires_at: datetime


@attrs.frozen(kw_only=True)
class ActivationPreview:
    """What the first onboarding screen shows to the holder of a code."""

    condominium_name: str
    contact_name: str


@attrs.frozen
class HeldCode:
    """A code that stands, and the person it was printed for."""

    code: CodeRecord
    contact: Contact


@attrs.frozen
class Refuse:
    """The code opens nothing."""

    reason: Literal["unknown_code", "code_expired", "code_already_used"]


@attrs.frozen
class Registered:
    """The code was spent on the login with this e-mail."""


@attrs.frozen
class WrongPassword:
    """A login with this e-mail exists, and the password given does not open it, or no longer does."""

    identity: Identity


@attrs.frozen
class MalformedEmail:
    """The address cannot be one."""


@attrs.frozen
class MustChangePassword:
    """The password is right, but a manager set it; nothing is linked before its owner has chosen another."""

    identity: Identity


@attrs.frozen
class WeakPassword:
    """The new login's password is against the policy."""

    violations: tuple[str, ...]


@attrs.frozen
class AskProof:
    """Send six digits to the address."""

    held: HeldCode
    email: EmailAddress


@attrs.frozen
class WrongProof:
    """The digits do not prove the address."""

    reason: Literal["email_code_wrong", "email_code_expired"]


@attrs.frozen
class LinkToIdentity:
    """Add the contact to the login that exists."""

    held: HeldCode
    identity: Identity


@attrs.frozen
class CreateIdentity:
    """Open a login and link the contact to it."""

    held: HeldCode
    email: EmailAddress


Refusal = Refuse | Registered | WrongPassword | MalformedEmail | MustChangePassword | WeakPassword | WrongProof
Decision = Refusal | AskProof | LinkToIdentity | CreateIdentity


@attrs.frozen(kw_only=True)
class Candidate:
    """Everything a decision about one call of ``activate`` looks at.

    Attributes:
        code: the record behind the code that was typed, if there is one.
        contact: the person the code was printed for, if the host still knows it.
        email: None when what was typed is no address.
        identity: the login with that address, if there is one.
        password_fits: whether the password is that login's.
        violations: what is wrong with the password as a new one.
        expected_digits: what would prove the address, under each key; empty if no proof of it is pending.
        email_code: the digits that were typed, if any.
    """

    code: CodeRecord | None
    contact: Contact | None
    email: EmailAddress | None
    identity: Identity | None
    password_fits: bool
    violations: tuple[str, ...]
    expected_digits: tuple[str, ...] = attrs.field(repr=False)
    email_code: str | None = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class Judgement:
    """What was found of the password outside any unit of work, and about which state of which login.

    Attributes:
        password_hash: of a new login's password; only one that is not against the policy is hashed.
    """

    identity: Identity | None
    password_fits: bool = False
    violations: tuple[str, ...] = ()
    password_hash: str | None = attrs.field(default=None, repr=False)

    @property
    def opens(self) -> Identity | None:
        """The login that existed before, if this is its password."""
        return self.identity if self.password_fits else None

    def holds_for(self, identity: Identity | None) -> bool:
        """Whether the login is still the one that was judged."""
        return identity is None if self.identity is None else self.identity.is_still(identity)


def pending_nonce(code: CodeRecord | None, email: EmailAddress | None) -> str | None:
    """Return what the six digits for this code and this address follow from, if they were asked for."""
    if code is None or email is None or code.proof_email_key != email.key:
        return None
    return code.proof_nonce


def decide_code(code: CodeRecord | None, contact: Contact | None, *, at: datetime) -> HeldCode | Refuse:
    """Return the code if it can be used now, or was used before; else why not.

    1. Unknown, revoked, its contact gone, or issued by a firm that no longer looks after the condominium: all read
       as unknown, so that nothing is told about what was (ASVS V6.4.1).
    2. A code that was used stays used: its expiry no longer means anything, and whoever types it again is shown
       the way to the login page.
    3. Expired: decided here, at use, not by a cleaner.
    """
    if code is None or code.revoked_at is not None or contact is None:
        return Refuse("unknown_code")
    if contact.account.portfolio_id != code.portfolio_id:
        return Refuse("unknown_code")
    if code.used_at is None and at >= code.expires_at:
        return Refuse("code_expired")
    return HeldCode(code, contact)


def decide_unused_code(code: CodeRecord | None, contact: Contact | None, *, at: datetime) -> HeldCode | Refuse:
    """Return the code if it can be used now; one that was used is refused as such."""
    held = decide_code(code, contact, at=at)
    if isinstance(held, HeldCode) and held.code.used_at is not None:
        return Refuse("code_already_used")
    return held


def decide_activation(candidate: Candidate, *, at: datetime, policy: Policy) -> Decision:
    """Decide one call of ``activate``; the cases in the order of the public contract.

    1. The code opens nothing: nothing else is looked at, so a guess at codes learns nothing about e-mails.
    2. It was used: by the login of this e-mail, or by another.
    3. The e-mail is no address.
    4. The e-mail has a login: its own password decides, never the policy and never a proof by mail, so that a code
       cannot take over a login or set its password (account pre-hijacking).
    5. The e-mail is new: password policy, then proof of the address, then the login.
    """
    held = decide_code(candidate.code, candidate.contact, at=at)
    if isinstance(held, Refuse):
        return held
    if held.code.used_at is not None:
        known = candidate.identity is not None and candidate.identity.id == held.code.used_by
        return Registered() if known else Refuse("code_already_used")
    if candidate.email is None:
        return MalformedEmail()
    if candidate.identity is not None:
        return _decide_known(held, candidate.identity, password_fits=candidate.password_fits, at=at)
    return _decide_new(held, candidate.email, candidate, at=at, policy=policy)


def _decide_known(held: HeldCode, identity: Identity, *, password_fits: bool, at: datetime) -> Decision:
    match decide_login(identity, password_fits=password_fits, at=at):
        case OpenSession():
            return LinkToIdentity(held, identity)
        case DemandNewPassword():
            return MustChangePassword(identity)
        case RefuseLogin():
            return WrongPassword(identity)
        case other:
            assert_never(other)


def _decide_new(held: HeldCode, email: EmailAddress, candidate: Candidate, *, at: datetime, policy: Policy) -> Decision:
    if candidate.violations:
        return WeakPassword(candidate.violations)
    if not policy.require_email_proof:
        return CreateIdentity(held, email)
    if candidate.email_code is None:
        return AskProof(held, email)
    asked_at = held.code.proof_requested_at if pending_nonce(held.code, email) else None
    if asked_at is None or at - asked_at >= policy.email_code_lifetime:
        return WrongProof("email_code_expired")
    if not _fits_any(candidate.email_code, candidate.expected_digits):
        return WrongProof("email_code_wrong")
    return CreateIdentity(held, email)


def _fits_any(typed: str, expected: tuple[str, ...]) -> bool:
    return typed.isascii() and any(hmac.compare_digest(typed, digits) for digits in expected)
