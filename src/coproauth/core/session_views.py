"""Signed views of a session: what one look into the store said, kept by the browser beside the token for some seconds.

A view opens nothing: it counts only together with the token of the session that it was made for. It is signed, and not
encrypted: whoever holds it can read it. Which pages may believe one is not decided here.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from typing import NamedTuple

import attrs

from coproauth.core.accounts import Account, choose_account
from coproauth.core.sessions import Session
from coproauth.core.tokens import Keyring, Purpose
from coproauth.policy import Policy

VIEW_MAX_LENGTH = 2048  # characters; nginx passes 4096 bytes of all headers of an answer on, a browser keeps as many of
# one cookie (RFC 6265 §6.1)


class _Said(NamedTuple):
    """What a view says, in this order: JSON writes and reads it as a list."""

    identity_id: str
    email: str
    active_id: str | None
    accounts: Sequence[Sequence[str]]
    authenticated_at: str
    expires_at: str
    seen_at: str


_ACCOUNT = tuple(field.name for field in attrs.fields(Account))
_account_row = attrgetter(*_ACCOUNT)
_SHAPE = ",".join((*_Said._fields, *_ACCOUNT))  # another release's is void


@attrs.frozen(kw_only=True)
class ViewedSession:
    """Who is logged in, and what the browser is given to keep of that.

    Attributes:
        session: who is logged in.
        view: goes into a cookie beside the token; None if the browser's own was believed, or there is none to give.
    """

    session: Session
    view: str | None = attrs.field(default=None, repr=False)


@attrs.frozen(kw_only=True)
class SignedViews:
    """Makes and reads signed views."""

    keyring: Keyring
    policy: Policy

    def sign(self, session: Session, *, digest: str, seen_at: datetime) -> str | None:
        """Return the view of a session, or None: it is switched off, or so long that a browser might not keep it.

        Args:
            session: what the store said.
            digest: of the session's token.
            seen_at: when the store was asked, at the latest.
        """
        if not self.policy.session_view_lifetime:
            return None
        said = base64.urlsafe_b64encode(_dump(session, seen_at)).decode("ascii").rstrip("=")
        view = f"{said}.{self._seals(said, digest)[0]}"
        return view if len(view) <= VIEW_MAX_LENGTH else None

    def read(self, view: object, *, digest: str, at: datetime) -> Session | None:
        """Return what a view says, or None: then the store must be asked.

        1. Type and length, and whether there are views at all: nothing costly sees hostile input.
        2. The signature, over the very characters received: any changed byte, another session's token, another portal,
           epoch or purpose, a release with other fields, and a key that was dropped, fail. Nothing is parsed before.
        3. The age, with no leeway for a clock that is behind or was set back: asking the store costs little.
        4. The end of the session itself.
        """
        is_on = bool(self.policy.session_view_lifetime)
        if not (is_on and isinstance(view, str) and len(view) <= VIEW_MAX_LENGTH and view.isascii()):
            return None
        said, _, seal = view.rpartition(".")
        if not any(hmac.compare_digest(own, seal) for own in self._seals(said, digest)):
            return None
        session, seen_at = _load(base64.urlsafe_b64decode(f"{said}=="))
        is_young = timedelta(0) <= at - seen_at < self.policy.session_view_lifetime
        return session if is_young and at < session.expires_at else None

    def _seals(self, said: str, digest: str) -> tuple[str, ...]:
        return self.keyring.seals(Purpose.SESSION_VIEW, f"{_SHAPE} {digest} {said}".encode("ascii"))


def _dump(session: Session, seen_at: datetime) -> bytes:
    said = _Said(
        identity_id=session.identity_id,
        email=session.email,
        active_id=session.active_account.id if session.active_account else None,
        accounts=[_account_row(account) for account in session.accounts],
        authenticated_at=session.authenticated_at.isoformat(),
        expires_at=session.expires_at.isoformat(),
        seen_at=seen_at.isoformat(),
    )
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def _load(text: bytes) -> tuple[Session, datetime]:
    said = _Said._make(json.loads(text.decode("utf-8", "surrogatepass")))
    accounts = tuple(Account(**dict(zip(_ACCOUNT, row, strict=True))) for row in said.accounts)
    session = Session(
        identity_id=said.identity_id,
        email=said.email,
        active_account=choose_account(accounts, said.active_id),
        accounts=accounts,
        authenticated_at=datetime.fromisoformat(said.authenticated_at),
        expires_at=datetime.fromisoformat(said.expires_at),
    )
    return session, datetime.fromisoformat(said.seen_at)
