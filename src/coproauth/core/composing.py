"""From the intention to write to someone to the finished message: link or digits are minted here, at delivery.

What waits in the outbox holds no secret, so what a message opens is decided by the login as it is now.
"""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

import attrs

from coproauth.core.identities import EmailAddress, Identity
from coproauth.core.maintenance import log_in_before, removal_at
from coproauth.core.messages import (
    AccountAddedMessage,
    AccountRemovedMessage,
    ActivationNoticeMessage,
    ConfirmEmailMessage,
    EmailChangedMessage,
    EmailChangeRequestedMessage,
    EmailProofMessage,
    IdleWarningMessage,
    Intention,
    LoginAfterFailuresMessage,
    MailKind,
    Message,
    NewDeviceMessage,
    PasswordChangedMessage,
    ResetLinkMessage,
    TemporaryPasswordSetMessage,
    UnknownAddressMessage,
)
from coproauth.core.portal_urls import PortalUrls
from coproauth.core.tokens import Keyring, LinkClaims, Purpose
from coproauth.policy import Policy


def compose(
    intention: Intention, identity: Identity | None, *, keyring: Keyring, urls: PortalUrls, at: datetime, policy: Policy
) -> Message | None:
    """Return the finished message, its link or digits minted now; None if the intention has become void.

    A link is void when its login is gone or its stamp has moved since the intention was queued: a password that was
    changed meanwhile must not be followed by a link that works (ASVS V6.6.2). Digits are void when they would arrive
    after their time.
    """
    message = _worded(intention, identity, keyring=keyring, urls=urls, at=at, policy=policy)
    return message and attrs.evolve(message, id=intention.id)


def _worded(  # noqa: C901, PLR0911, PLR0912 - one line a kind of mail
    intention: Intention, identity: Identity | None, *, keyring: Keyring, urls: PortalUrls, at: datetime, policy: Policy
) -> Message | None:
    to, locale = intention.to, intention.locale
    condominium, contact = intention.condominium_name, intention.contact_name
    match intention.kind:
        case MailKind.EMAIL_PROOF:
            return _email_proof(intention, keyring, at=at, policy=policy)
        case MailKind.RESET_LINK | MailKind.CONFIRM_EMAIL:
            return _with_link(intention, identity, keyring=keyring, urls=urls, at=at)
        case MailKind.UNKNOWN_ADDRESS:
            return UnknownAddressMessage(to=to, locale=locale, url=urls.onboarding)
        case MailKind.PASSWORD_CHANGED:
            return PasswordChangedMessage(to=to, locale=locale, url=urls.forgotten)
        case MailKind.TEMPORARY_PASSWORD_SET:
            return TemporaryPasswordSetMessage(to=to, locale=locale, url=urls.forgotten)
        case MailKind.ACTIVATION_NOTICE:
            return ActivationNoticeMessage(to=to, locale=locale, contact_name=contact, condominium_name=condominium)
        case MailKind.ACCOUNT_ADDED:
            return AccountAddedMessage(to=to, locale=locale, condominium_name=condominium)
        case MailKind.ACCOUNT_REMOVED:
            return AccountRemovedMessage(to=to, locale=locale, condominium_name=condominium)
        case MailKind.EMAIL_CHANGE_REQUESTED:
            return EmailChangeRequestedMessage(to=to, locale=locale, url=urls.forgotten)
        case MailKind.EMAIL_CHANGED:
            return EmailChangedMessage(to=to, locale=locale)
        case MailKind.IDLE_WARNING:
            return _idle_warning(intention, identity, urls=urls, policy=policy)
        case MailKind.NEW_DEVICE | MailKind.LOGIN_AFTER_FAILURES:
            return _login_notice(intention, urls)
        case other:
            assert_never(other)


def _email_proof(intention: Intention, keyring: Keyring, *, at: datetime, policy: Policy) -> Message | None:
    if intention.nonce is None or at - intention.queued_at >= policy.email_code_lifetime:
        return None
    digits = keyring.proof_digits(nonce=intention.nonce, email_key=EmailAddress.parse(intention.to).key)
    return EmailProofMessage(
        to=intention.to,
        locale=intention.locale,
        code=digits[0],
        condominium_name=intention.condominium_name,
    )


def _login_notice(intention: Intention, urls: PortalUrls) -> Message:
    kind = NewDeviceMessage if intention.kind is MailKind.NEW_DEVICE else LoginAfterFailuresMessage
    return kind(
        to=intention.to,
        locale=intention.locale,
        url=urls.forgotten,
        opened_at=intention.queued_at,
        browser=intention.browser or "",
    )


def _idle_warning(
    intention: Intention, identity: Identity | None, *, urls: PortalUrls, policy: Policy
) -> Message | None:
    """Return the warning with the day that follows from the login as it is now; None once it was used again."""
    removal = removal_at(identity, policy) if identity else None
    if removal is None:
        return None
    return IdleWarningMessage(
        to=intention.to, locale=intention.locale, url=urls.login, log_in_before=log_in_before(removal)
    )


def _with_link(
    intention: Intention, identity: Identity | None, *, keyring: Keyring, urls: PortalUrls, at: datetime
) -> Message | None:
    if identity is None or identity.credential_stamp != intention.credential_stamp:
        return None
    if intention.kind is MailKind.RESET_LINK:
        token = keyring.sign_link(Purpose.RESET, LinkClaims.about(identity), at=at)
        return ResetLinkMessage(to=intention.to, locale=intention.locale, url=urls.reset(token))
    claims = LinkClaims.about(identity, new_email=intention.to)
    token = keyring.sign_link(Purpose.CONFIRM_EMAIL, claims, at=at)
    return ConfirmEmailMessage(to=intention.to, locale=intention.locale, url=urls.confirm_email(token))
