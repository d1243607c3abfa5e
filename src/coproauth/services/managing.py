"""Whether a manager may act on a contact, asked the same way by every service."""

from __future__ import annotations

from collections.abc import Sequence

from coproauth.core.accounts import Contact, parse_id, require_managed
from coproauth.policy import Policy
from coproauth.ports import Directory
from coproauth.services.units import persistently


def managed_contact(directory: Directory, contact_id: object, by: object, *, policy: Policy) -> Contact:
    """Return a contact of the manager's own portfolio.

    Raises:
        InvalidInput: the contact's id is none at all.
        NotAllowed: not acting as a manager, no such contact, or another portfolio's; all alike (ASVS V8.2.1, V8.2.2).
        Unavailable: the directory is away, however often it is asked.
    """
    wanted = parse_id(contact_id, field="contact_id")
    return require_managed(persistently(lambda: directory.contact(wanted), policy=policy), by)


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
