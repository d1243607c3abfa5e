"""Signed views of a session: what one look into the store said, kept by the browser beside the token for some seconds.

A view opens nothing: it counts only together with the token of the session that it was made for. It is signed, and not
encrypted: whoever holds it can read it. Which pages may believe one is not decided here.
"""

from __future__ import annotations

import base64
import hmac
import json
from datetime import datetime, timedelta

import attrs

from coproauth.core.accounts import Account, choose_account
from coproauth.core.sessions import Session
from coproauth.core.tokens import Keyring, Purpose
from coproauth.policy import Policy

VIEW_MAX_LENGTH = 2048  # characters; nginx passes 4096 bytes of all headers of an answer on, a browser keeps as many of
# one cookie (RFC 6265 §6.1)
_SHAPE = ",".join(
    field.name for kind in (Session, Account) for field in attrs.fields(kind)
)  # another release's is void


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

        1. Type and length: nothing costly sees hostile input.
        2. The signature, over the very characters received: any changed byte, another session's token, another portal,
           epoch or purpose, a release with other fields, and a key that was dropped, fail. Nothing is parsed before.
        3. The age, with no leeway for a clock that is behind or was set back: asking the store costs little.
        4. The end of the session itself.
        """
        if not isinstance(view, str) or len(view) > VIEW_MAX_LENGTH or not view.isascii():
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
    active = session.active_account
    said = (
        session.identity_id,
        session.email,
        active.id if active else None,
        [attrs.astuple(account) for account in session.accounts],
        session.authenticated_at.isoformat(),
        session.expires_at.isoformat(),
        seen_at.isoformat(),
    )
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def _load(said: bytes) -> tuple[Session, datetime]:
    identity_id, email, active_id, rows, authenticated_at, expires_at, seen_at = json.loads(
        said.decode("utf-8", "surrogatepass")
    )
    accounts = tuple(
        Account(id=id_, label=label, condominium_id=place, condominium_name=name, portfolio_id=portfolio)
        for id_, label, place, name, portfolio in rows
    )
    session = Session(
        identity_id=identity_id,
        email=email,
        active_account=choose_account(accounts, active_id),
        accounts=accounts,
        authenticated_at=datetime.fromisoformat(authenticated_at),
        expires_at=datetime.fromisoformat(expires_at),
    )
    return session, datetime.fromisoformat(seen_at)
