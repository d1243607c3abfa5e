"""When a session holds, and what it shows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import attrs
import pytest

from coproauth import Account, Contact, Policy, Session, SessionSummary, SignedIn
from coproauth.core.identities import Identity
from coproauth.core.sessions import SessionRecord, SessionView, is_live, summarize

_AT = datetime(2026, 1, 1, 8, tzinfo=UTC)
_POLICY = Policy()
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
)
_RECORD = SessionRecord(
    digest="secret-digest",
    handle="handle-1",
    identity_id="identity-1",
    credential_stamp=3,
    account_id="account-2",
    authenticated_at=_AT,
    last_seen_at=_AT,
    expires_at=_AT + timedelta(hours=12),
    address="192.0.2.1",
    user_agent="Firefox",
)


def _contact(number: int) -> Contact:
    account = Account(
        id=f"account-{number}",
        label=f"Lot {number}",
        condominium_id="condominium-1",
        condominium_name="Les Lilas",
        portfolio_id="north",
    )
    return Contact(id=f"contact-{number}", name="Jeanne Martin", account=account)


class TestHolding:
    """A session holds while its login is unchanged, it is not too old, and it was not left unused."""

    @pytest.mark.parametrize(
        ("after", "holds"),
        [
            (timedelta(0), True),
            (timedelta(hours=1, microseconds=-1), True),
            (timedelta(hours=1), False),
            (timedelta(days=3650), False),
            (-timedelta(minutes=5), True),
        ],
    )
    def test_it_ends_when_idle(self, after: timedelta, holds: bool) -> None:  # noqa: FBT001
        """After one hour without use (ASVS V7.3.1); a clock that went back ends nothing."""
        assert is_live(_RECORD, _IDENTITY, at=_AT + after, policy=_POLICY) is holds

    @pytest.mark.parametrize(
        ("after", "holds"),
        [(timedelta(hours=12, microseconds=-1), True), (timedelta(hours=12), False), (timedelta(hours=13), False)],
    )
    def test_it_ends_when_too_old(self, after: timedelta, holds: bool) -> None:  # noqa: FBT001
        """After twelve hours, however much it is used (ASVS V7.3.2)."""
        used_just_now = attrs.evolve(_RECORD, last_seen_at=_AT + after)

        assert is_live(used_just_now, _IDENTITY, at=_AT + after, policy=_POLICY) is holds

    @pytest.mark.parametrize(("stamp", "holds"), [(3, True), (4, False), (2, False)])
    def test_a76_it_ends_with_a_change_of_its_login(self, stamp: int, holds: bool) -> None:  # noqa: FBT001
        """A-76: a changed password or e-mail ends it (ASVS V7.4.3)."""
        identity = attrs.evolve(_IDENTITY, credential_stamp=stamp)

        assert is_live(_RECORD, identity, at=_AT, policy=_POLICY) is holds


class TestShowing:
    """What a page is told follows from the directory at that moment."""

    def test_accounts_are_derived(self) -> None:
        """The session names the login, all of its accounts, and the active one."""
        contacts = (_contact(1), _contact(2))
        view = SessionView(record=_RECORD, identity=_IDENTITY, contacts=contacts)

        assert view.session == Session(
            identity_id="identity-1",
            email="jeanne@example.fr",
            active_account=contacts[1].account,
            accounts=(contacts[0].account, contacts[1].account),
            authenticated_at=_AT,
            expires_at=_AT + timedelta(hours=12),
        )

    def test_another_account_takes_the_place_of_one_that_is_gone(self) -> None:
        """S11: the active account vanishes with its condominium."""
        view = SessionView(record=_RECORD, identity=_IDENTITY, contacts=(_contact(1),))

        assert view.session.active_account == _contact(1).account

    def test_an_orphan_has_no_account(self) -> None:
        """S11: a login left with none is shown none."""
        session = SessionView(record=_RECORD, identity=_IDENTITY, contacts=()).session

        assert (session.active_account, session.accounts) == (None, ())

    @pytest.mark.parametrize(("digest", "is_current"), [("secret-digest", True), ("other", False)])
    def test_a80_a_summary_tells_its_owner_enough(self, digest: str, is_current: bool) -> None:  # noqa: FBT001
        """A-80: a handle that opens nothing, where from, since when, and whether it is this one."""
        summary = summarize(_RECORD, current=attrs.evolve(_RECORD, digest=digest))

        assert summary == SessionSummary(
            handle="handle-1",
            authenticated_at=_AT,
            last_seen_at=_AT,
            address="192.0.2.1",
            user_agent="Firefox",
            is_current=is_current,
        )

    def test_a74_no_token_and_no_digest_shows(self) -> None:
        """A-74: neither in what is stored nor in what is handed out."""
        session = SessionView(record=_RECORD, identity=_IDENTITY, contacts=()).session

        assert "secret" not in repr((_RECORD, SignedIn(token="secret", session=session)))
