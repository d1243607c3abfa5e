"""A logged-in browser: when its session holds, and what it shows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import attrs

from coproauth.core.accounts import Account, Contact, accounts_of, choose_account
from coproauth.core.identities import Identity
from coproauth.policy import Policy


@attrs.frozen(kw_only=True)
class SessionRecord:
    """What is stored of a session. The token itself is not: it is found by its digest.

    Attributes:
        handle: names the session in its owner's list; opens nothing.
        credential_stamp: of the login when it opened; a later stamp ends the session.
        account_id: the account that is active, if it still exists.
        expires_at: the end, however much it is used.
    """

    digest: str = attrs.field(repr=False)
    handle: str
    identity_id: str
    credential_stamp: int
    account_id: str | None
    authenticated_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    address: str
    user_agent: str | None


@attrs.frozen(kw_only=True)
class SessionView:
    """Everything one look into the store says of a session token: the record, its login, the login's contacts."""

    record: SessionRecord
    identity: Identity
    contacts: tuple[Contact, ...]

    @property
    def session(self) -> Session:
        """What the page is told. The accounts are derived anew each time: the directory is the truth about them."""
        accounts = accounts_of(self.contacts)
        return Session(
            identity_id=self.identity.id,
            email=self.identity.email,
            active_account=choose_account(accounts, self.record.account_id),
            accounts=accounts,
            authenticated_at=self.record.authenticated_at,
            expires_at=self.record.expires_at,
        )


@attrs.frozen(kw_only=True)
class Session:
    """Who is logged in, and as what.

    Attributes:
        active_account: None for an orphan, a login without any account.
        accounts: all that can be selected, in the host's order.
        authenticated_at: when the password was last given, aware UTC.
        expires_at: when the session ends however much it is used, aware UTC.
    """

    identity_id: str
    email: str = attrs.field(repr=False)
    active_account: Account | None
    accounts: tuple[Account, ...]
    authenticated_at: datetime
    expires_at: datetime


@attrs.frozen(kw_only=True)
class SignedIn:
    """A session was opened.

    Attributes:
        token: goes into the cookie and nowhere else.
        device_token: goes into a cookie of its own that outlives the session, so that a stranger's guesses do not slow
            this browser; see ``Source.device_token``. None where the password was not given.
    """

    token: str = attrs.field(repr=False)
    session: Session
    device_token: str | None = attrs.field(default=None, repr=False)


@attrs.frozen(kw_only=True)
class SessionSummary:
    """One of a person's sessions, as shown to that person.

    Attributes:
        handle: opaque; for ``LoginService.end_session``.
        is_current: whether it is the session that asks.
    """

    handle: str
    authenticated_at: datetime
    last_seen_at: datetime
    address: str
    user_agent: str | None
    is_current: bool


def is_live(record: SessionRecord, identity: Identity, *, at: datetime, policy: Policy) -> bool:
    """Whether a session still holds.

    1. Its login's stamp is the one it was opened under: a changed password or e-mail ends it (ASVS V7.4.3).
    2. It is not too old (ASVS V7.3.2).
    3. It was not left unused for too long (ASVS V7.3.1).
    """
    return (
        record.credential_stamp == identity.credential_stamp
        and at < record.expires_at
        and at - record.last_seen_at < policy.session_idle
    )


def giving_way(records: Iterable[SessionRecord], *, policy: Policy) -> Sequence[SessionRecord]:
    """Return which of a login's sessions end so that one more is not too many: those unused longest (ASVS V7.1.2)."""
    latest_used_first = sorted(records, key=lambda record: record.last_seen_at, reverse=True)
    return latest_used_first[policy.sessions_per_login - 1 :]


def summarize(record: SessionRecord, *, current: SessionRecord) -> SessionSummary:
    """Return what a person is shown of a session."""
    return SessionSummary(
        handle=record.handle,
        authenticated_at=record.authenticated_at,
        last_seen_at=record.last_seen_at,
        address=record.address,
        user_agent=record.user_agent,
        is_current=record.digest == current.digest,
    )
