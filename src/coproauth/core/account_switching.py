"""Which of a person's accounts may become the active one."""

from __future__ import annotations

from coproauth.core.accounts import Account


def decide_switch(accounts: tuple[Account, ...], account_id: str) -> Account | None:
    """Return the account to switch to; another's, an unknown one and one that is gone are all None."""
    return next((account for account in accounts if account.id == account_id), None)
