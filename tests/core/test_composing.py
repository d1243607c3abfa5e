"""From the intention to write to someone to the finished message."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import attrs
import pytest

from coproauth import Keyring, Policy
from coproauth.core.composing import compose
from coproauth.core.identities import Identity
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
from coproauth.core.tokens import LinkClaims, LinkPurpose, Purpose

_AT = datetime(2026, 1, 1, 8, tzinfo=UTC)
_POLICY = Policy()
_PORTAL = "https://portail.example.fr"
_RING = Keyring(secret_keys=["a key for tests, 0123456789 abcdef"], audience=_PORTAL)
_URLS = PortalUrls(base=_PORTAL)
_IDENTITY = Identity(
    id="identity-1",
    email="jeanne@example.fr",
    email_key="jeanne@example.fr",
    password_hash=None,
    credential_stamp=3,
    temporary_until=None,
    last_account_id=None,
    locale="fr",
    created_at=_AT,
    last_login_at=_AT,
    warned_at=_AT + timedelta(days=700),
)
_INTENTION = Intention(
    id="mail-1",
    kind=MailKind.RESET_LINK,
    to="jeanne@example.fr",
    locale="en",
    identity_id="identity-1",
    credential_stamp=3,
    nonce="nonce-1",
    condominium_name="Les Lilas",
    contact_name="Jeanne Martin",
    queued_at=_AT,
    due_at=_AT,
    browser="Firefox, Linux",
)
_TO = {"to": "jeanne@example.fr", "locale": "en"}
_NOTICES = {
    MailKind.UNKNOWN_ADDRESS: UnknownAddressMessage(to="jeanne@example.fr", locale="en", url=f"{_PORTAL}/activate"),
    MailKind.PASSWORD_CHANGED: PasswordChangedMessage(
        to="jeanne@example.fr", locale="en", url=f"{_PORTAL}/forgotten-password"
    ),
    MailKind.TEMPORARY_PASSWORD_SET: TemporaryPasswordSetMessage(
        to="jeanne@example.fr", locale="en", url=f"{_PORTAL}/forgotten-password"
    ),
    MailKind.ACTIVATION_NOTICE: ActivationNoticeMessage(
        to="jeanne@example.fr", locale="en", contact_name="Jeanne Martin", condominium_name="Les Lilas"
    ),
    MailKind.ACCOUNT_ADDED: AccountAddedMessage(to="jeanne@example.fr", locale="en", condominium_name="Les Lilas"),
    MailKind.ACCOUNT_REMOVED: AccountRemovedMessage(to="jeanne@example.fr", locale="en", condominium_name="Les Lilas"),
    MailKind.NEW_DEVICE: NewDeviceMessage(
        to="jeanne@example.fr",
        locale="en",
        url=f"{_PORTAL}/forgotten-password",
        opened_at=_AT,
        browser="Firefox, Linux",
    ),
    MailKind.LOGIN_AFTER_FAILURES: LoginAfterFailuresMessage(
        to="jeanne@example.fr",
        locale="en",
        url=f"{_PORTAL}/forgotten-password",
        opened_at=_AT,
        browser="Firefox, Linux",
    ),
    MailKind.EMAIL_CHANGE_REQUESTED: EmailChangeRequestedMessage(
        to="jeanne@example.fr", locale="en", url=f"{_PORTAL}/forgotten-password"
    ),
    MailKind.EMAIL_CHANGED: EmailChangedMessage(to="jeanne@example.fr", locale="en"),
}
_LINKS: dict[MailKind, LinkPurpose] = {
    MailKind.RESET_LINK: Purpose.RESET,
    MailKind.CONFIRM_EMAIL: Purpose.CONFIRM_EMAIL,
}


def _compose(intention: Intention, identity: Identity | None = _IDENTITY, *, at: datetime = _AT) -> Message | None:
    return compose(intention, identity, keyring=_RING, urls=_URLS, at=at, policy=Policy())


def test_every_kind_is_covered() -> None:
    """A new kind of mail fails here until it is written down below."""
    assert set(MailKind) == {*_NOTICES, *_LINKS, MailKind.EMAIL_PROOF, MailKind.IDLE_WARNING}


class TestNotices:
    """A notice tells what happened, and holds no secret."""

    @pytest.mark.parametrize("kind", _NOTICES)
    @pytest.mark.parametrize("identity", [_IDENTITY, None, attrs.evolve(_IDENTITY, credential_stamp=9)])
    def test_a_notice_is_always_sent(self, kind: MailKind, identity: Identity | None) -> None:
        """Also when the login has changed again or is gone."""
        assert _compose(attrs.evolve(_INTENTION, kind=kind), identity) == _NOTICES[kind]


class TestLinks:
    """A link is minted when the mail is delivered, and only if it would still open something."""

    def test_a_reset_link_opens_the_reset_page(self) -> None:
        """The token in it is for this login and this purpose, of the moment of delivery."""
        delivered_at = _AT + timedelta(minutes=45)

        message = _compose(_INTENTION, at=delivered_at)

        assert isinstance(message, ResetLinkMessage)
        assert (message.to, message.locale) == ("jeanne@example.fr", "en")
        base, _, token = message.url.rpartition("/")
        assert base == f"{_PORTAL}/reset"
        at = delivered_at + _POLICY.reset_link_lifetime - timedelta(seconds=1)
        assert _RING.read_link(Purpose.RESET, token, at=at, policy=_POLICY) == LinkClaims.about(_IDENTITY)

    def test_a_confirmation_link_carries_the_new_address(self) -> None:
        """The address that it was sent to is the one that it sets."""
        intention = attrs.evolve(_INTENTION, kind=MailKind.CONFIRM_EMAIL, to="new@example.fr")

        message = _compose(intention)

        assert isinstance(message, ConfirmEmailMessage)
        base, _, token = message.url.rpartition("/")
        assert base == f"{_PORTAL}/email"
        claims = _RING.read_link(Purpose.CONFIRM_EMAIL, token, at=_AT, policy=_POLICY)
        assert claims == LinkClaims.about(_IDENTITY, new_email="new@example.fr")

    @pytest.mark.parametrize("kind", _LINKS)
    @pytest.mark.parametrize("identity", [None, attrs.evolve(_IDENTITY, credential_stamp=4)])
    def test_a_void_link_is_not_sent(self, kind: MailKind, identity: Identity | None) -> None:
        """A login that is gone, or was changed since the mail was queued, is sent no link that works."""
        assert _compose(attrs.evolve(_INTENTION, kind=kind), identity) is None


class TestProof:
    """The six digits follow from the nonce, when the mail is delivered."""

    def test_the_digits_are_those_that_are_expected(self) -> None:
        """What is mailed is what the signing key expects for this nonce and address."""
        message = _compose(attrs.evolve(_INTENTION, kind=MailKind.EMAIL_PROOF, to="Jeanne@Example.fr"))

        (digits,) = _RING.proof_digits(nonce="nonce-1", email_key="jeanne@example.fr")
        assert message == EmailProofMessage(
            to="Jeanne@Example.fr", locale="en", code=digits, condominium_name="Les Lilas"
        )

    def test_without_nonce_nothing_is_sent(self) -> None:
        """An intention that lost its nonce is void."""
        assert _compose(attrs.evolve(_INTENTION, kind=MailKind.EMAIL_PROOF, nonce=None)) is None

    def test_digits_that_would_arrive_after_their_time_are_not_sent(self) -> None:
        """A mail server that was away for ten minutes delivers nothing useless."""
        late = attrs.evolve(_INTENTION, kind=MailKind.EMAIL_PROOF, queued_at=_AT - timedelta(minutes=10))

        assert _compose(late) is None


class TestIdleWarning:
    """The warning tells until when a log-in keeps the login, as the login is when the mail is delivered."""

    _INTENTION = attrs.evolve(_INTENTION, kind=MailKind.IDLE_WARNING)

    @pytest.mark.parametrize(
        ("warned_at", "day"),
        [
            (_AT + timedelta(days=700), date(2027, 12, 31)),
            (_AT + timedelta(days=730), date(2028, 1, 30)),
            (_AT + timedelta(days=730, hours=4), date(2028, 1, 31)),
        ],
    )
    def test_the_day_follows_from_last_use_and_warning(self, warned_at: datetime, day: date) -> None:
        """Two years after the last use, thirty days after the warning at the earliest, begun in every time zone."""
        message = _compose(self._INTENTION, attrs.evolve(_IDENTITY, warned_at=warned_at))

        assert message == IdleWarningMessage(
            to="jeanne@example.fr", locale="en", url=f"{_PORTAL}/login", log_in_before=day
        )

    @pytest.mark.parametrize("identity", [None, attrs.evolve(_IDENTITY, warned_at=None)])
    def test_a_warning_that_no_longer_holds_is_not_sent(self, identity: Identity | None) -> None:
        """A login that is gone, or was used since, needs none."""
        assert _compose(self._INTENTION, identity) is None


class TestIdentity:
    """A message is known by the intention it was made from."""

    @pytest.mark.parametrize("kind", list(MailKind))
    def test_it_keeps_its_id_however_often_it_is_made(self, kind: MailKind) -> None:
        """A second delivery, later and with another link, is a double of the first."""
        intention = attrs.evolve(_INTENTION, kind=kind)

        first = _compose(intention)
        second = _compose(attrs.evolve(intention, tries=3), at=_AT + timedelta(minutes=9))

        assert first is not None
        assert second is not None
        assert (first.id, second.id) == ("mail-1", "mail-1")


class TestSecrets:
    """A-74: neither intention nor message shows an address, a link or digits."""

    @pytest.mark.parametrize("kind", list(MailKind))
    def test_a74_nothing_shows(self, kind: MailKind) -> None:
        """Only kind, language and names are in a repr."""
        intention = attrs.evolve(_INTENTION, kind=kind)

        message = _compose(intention)

        shown = repr((intention, message))
        token = getattr(message, "url", "").rpartition("/")[2] if kind in _LINKS else "nonce-1"
        assert token not in shown
        assert "jeanne@" not in shown
        assert getattr(message, "code", "nonce-1") not in shown
