"""Answers who is logged in from the browser's signed view, where ``Policy.session_view_lifetime`` allows it."""

from __future__ import annotations

from functools import cached_property

import attrs

from coproauth.core.session_views import SignedViews, ViewedSession
from coproauth.services.service import Service


@attrs.frozen(kw_only=True)
class SessionViews(Service):
    """Spares pages that only show something a look into the store; switched off unless the policy says otherwise."""

    def session(self, session_token: str, *, view: str | None) -> ViewedSession:
        """Return who is logged in: by a view that is believed, else as ``LoginService.session`` does, with a new view.

        Only for requests that change nothing (GET, HEAD; RFC 9110 §9.2.1): by a view, a session that was ended and an
        account that is gone live on for up to ``Policy.session_view_lifetime``. Whatever writes, or must not be shown
        so long, asks ``LoginService.session``; every other service asks the store by itself.

        Args:
            session_token: from its cookie.
            view: what this returned before, from a cookie of its own; None if the browser has none. One that is forged,
                too old or another session's counts as none.

        Raises:
            SessionRefused: no view is believed, and the session does not hold.
        """
        digest, now = self._sessions.digest(session_token), self.clock.now()
        known = self._views.read(view, digest=digest, at=now)
        if known is not None:
            return ViewedSession(session=known)
        session = self._sessions.view_behind(digest).session
        return ViewedSession(session=session, view=self._views.sign(session, digest=digest, seen_at=now))

    @cached_property
    def _views(self) -> SignedViews:
        return SignedViews(keyring=self.keyring, policy=self.policy)
