"""Whether a manager may act on a contact, asked the same way by every service."""

from __future__ import annotations

from collections.abc import Sequence

from coproauth.core.accounts import Contact, require_managed
from coproauth.policy import Policy
from coproauth.ports import Directory
from coproauth.services.units import persistently


def managed_contact(directory: Directory, contact_id: str, by: object, *, policy: Policy) -> Contact:
    """Return a contact of the manager's own portfolio.

    Raises:
        NotAllowed: not acting as a manager, no such contact, or another portfolio's; all alike (ASVS V8.2.1, V8.2.2).
        Unavailable: the directory is away, however often it is asked.
    """
    return require_managed(persistently(lambda: directory.contact(contact_id), policy=policy), by)


def managed_contacts(directory: Directory, condominium_id: str, by: object, *, policy: Policy) -> Sequence[Contact]:
    """Return the contacts of a condominium of the manager's own portfolio.

    Raises:
        NotAllowed: not acting as a manager, no such condominium, one without contacts, or another portfolio's.
        Unavailable: the directory is away, however often it is asked.
    """
    contacts = persistently(lambda: directory.contacts_of(condominium_id), policy=policy)
    if not contacts:
        require_managed(None, by)
    return [require_managed(contact, by) for contact in contacts]
