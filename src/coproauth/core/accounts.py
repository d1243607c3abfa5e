"""The host's world as the library sees it: condominiums, accounts, contacts, and who may act on them."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from coproauth.core.text import parse_text
from coproauth.errors import NotAllowed

ID_MAX_LENGTH = 255  # code points; what every SQL engine indexes without ado


def parse_id(value: object, *, field: str) -> str:
    """Return an identifier of the host or of the library if it can be one at all."""
    return parse_text(value, field=field, max_length=ID_MAX_LENGTH)


@attrs.frozen(kw_only=True)
class Condominium:
    """The building (copropriété), inside one portfolio."""

    id: str
    name: str
    portfolio_id: str


@attrs.frozen(kw_only=True)
class Account:
    """What a person acts as on the portal: a co-owner's stake in one condominium."""

    id: str
    label: str
    condominium_id: str
    condominium_name: str
    portfolio_id: str


@attrs.frozen(kw_only=True)
class Contact:
    """A person on an account, known to the host software.

    Attributes:
        email: what stands on the contact's file; never used to log in or to send a link.
    """

    id: str
    name: str
    account: Account
    email: str | None = attrs.field(default=None, repr=False)


@attrs.frozen(kw_only=True)
class Manager:
    """Who acts for a portfolio (gestionnaire).

    Attributes:
        id: who it is, for the audit trail.
        portfolio_id: the only portfolio within reach.
    """

    id: str
    portfolio_id: str


def account_in(condominium: Condominium, label: str, *, account_id: str) -> Account:
    """Return an account of a condominium."""
    return Account(
        id=account_id,
        label=label,
        condominium_id=condominium.id,
        condominium_name=condominium.name,
        portfolio_id=condominium.portfolio_id,
    )


def accounts_of(contacts: Iterable[Contact]) -> tuple[Account, ...]:
    """Return the accounts of some contacts, in their order, each once."""
    accounts: dict[str, Account] = {}
    for contact in contacts:
        accounts.setdefault(contact.account.id, contact.account)
    return tuple(accounts.values())


def choose_account(accounts: tuple[Account, ...], preferred_id: str | None) -> Account | None:
    """Return the preferred account if it is there, else the first, else none (an orphan)."""
    return next((account for account in accounts if account.id == preferred_id), accounts[0] if accounts else None)


def manages(manager: Manager, portfolio_id: str | None) -> bool:
    """Whether a portfolio is the manager's own; ``None`` and the empty string equal nothing (ASVS V8.2.2)."""
    return bool(portfolio_id) and manager.portfolio_id == portfolio_id


def require_managed(contact: Contact | None, manager: object) -> Contact:
    """Return the contact if it is there and the manager's own.

    Raises:
        NotAllowed: no manager, no such contact, or another portfolio's; all look alike (ASVS V8.2.1, V8.2.2).
    """
    if contact is None or not isinstance(manager, Manager) or not manages(manager, contact.account.portfolio_id):
        raise NotAllowed(reason="not_allowed")
    return contact
