"""Who may have a password reset, and what a reset link is told to be."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Literal

import attrs

from coproauth.core.accounts import Contact, Manager, manages
from coproauth.core.identities import Identity


@attrs.frozen(kw_only=True)
class ResetLink:
    """A reset link that can be used now.

    Attributes:
        email: of the login it resets.
    """

    email: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class TemporaryPassword:
    """A password for a manager to hand over; its owner must change it at the next login.

    Attributes:
        expires_at: when it stops opening that step, aware UTC.
    """

    password: str = attrs.field(repr=False)
    expires_at: datetime


@attrs.frozen
class HandOver:
    """The manager may set a temporary password on this login."""

    identity: Identity


@attrs.frozen(kw_only=True)
class RefuseHandOver:
    """The manager may not set a password here."""

    reason: Literal["not_activated", "reset_link_only"]


def decide_hand_over(
    identity: Identity | None, contacts: Collection[Contact], *, contact: Contact, manager: Manager
) -> HandOver | RefuseHandOver:
    """Decide whether a manager may set the password of a login.

    He may when the contact he acts on still belongs to it, and every account it opens is within his portfolio.
    Otherwise he is told to send a link, whatever the cause, so that nothing shows about accounts that are not his
    (account takeover by a malicious manager).
    """
    if identity is None:
        return RefuseHandOver(reason="not_activated")
    if contact in contacts and all(manages(manager, each.account.portfolio_id) for each in contacts):
        return HandOver(identity)
    return RefuseHandOver(reason="reset_link_only")
