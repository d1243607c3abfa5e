"""Moving between the accounts of one login."""

from __future__ import annotations

import attrs

from coproauth.core.account_switching import decide_switch
from coproauth.core.accounts import Account, parse_id
from coproauth.core.audit import Pathway
from coproauth.core.sessions import SessionView, SignedIn
from coproauth.errors import InvalidInput, SwitchRefused
from coproauth.ports import UnitOfWork
from coproauth.services.service import Service


@attrs.frozen(kw_only=True)
class AccountSwitcher(Service):
    """Lists a login's accounts and selects one of them."""

    def accounts(self, session_token: str) -> tuple[Account, ...]:
        """Return the accounts of the login in use, in the host's order.

        Raises:
            SessionRefused: the session does not hold.
        """
        return self._sessions.view(session_token).session.accounts

    def switch(self, session_token: str, *, account_id: str) -> SignedIn:
        """Make another account the active one: a new session token, the old one is dead (ASVS V7.2.4).

        Raises:
            SessionRefused: the session does not hold.
            SwitchRefused: the account is not this person's, not there, or gone; the three look alike.
        """
        with self._attempts.by_session(Pathway.ACCOUNT_SWITCHED) as attempt:
            view = self._sessions.view(session_token)
            attempt.acts(view.identity.id)
            account = decide_switch(view.session.accounts, _parse_account_id(account_id))
            if account is None:
                raise SwitchRefused
            return self._conclude(attempt, lambda work: self._switch(work, view, account))

    def _switch(self, work: UnitOfWork, view: SessionView, account: Account) -> SignedIn:
        signed_in = self._sessions.rotate(work, view, account_id=account.id)
        active = signed_in.session.active_account
        if active is None or active.id != account.id:
            raise SwitchRefused
        return signed_in


def _parse_account_id(value: object) -> str:
    try:
        return parse_id(value, field="account_id")
    except InvalidInput as error:
        if error.reason == "wrong_type":
            raise
        raise SwitchRefused from None
