"""Whether a manager may act on a contact, asked the same way by every service."""

from __future__ import annotations

from coproauth.core.accounts import Contact, Manager, parse_id, require_managed
from coproauth.errors import NotAllowed
from coproauth.ports import Directory


def managed_contact(directory: Directory, contact_id: object, by: object) -> Contact:
    """Return a contact of the manager's own portfolio.

    Raises:
        InvalidInput: the contact's id is none at all.
        NotAllowed: not acting as a manager, no such contact, or another portfolio's; all alike (ASVS V8.2.1, V8.2.2).
    """
    if not isinstance(by, Manager):
        raise NotAllowed(reason="not_allowed")
    return require_managed(directory.contact(parse_id(contact_id, field="contact_id")), by)
