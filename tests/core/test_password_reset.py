"""Who may have a password set for someone else."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from coproauth import Account, Contact, Manager, TemporaryPassword
from coproauth.core.identities import Identity
from coproauth.core.password_reset import HandOver, RefuseHandOver, decide_hand_over

_AT = datetime(2026, 1, 1, 8, tzinfo=UTC)
_IDENTITY = Identity(
    id="identity-1",
    email="jeanne@example.fr",
    email_key="jeanne@example.fr",
    password_hash=None,
    credential_stamp=1,
    temporary_until=None,
    last_account_id=None,
    locale="fr",
    created_at=_AT,
    last_login_at=_AT,
)


def _contacts(*portfolio_ids: str) -> tuple[Contact, ...]:
    return tuple(
        Contact(
            id=f"contact-{number}",
            name="Jeanne Martin",
            account=Account(
                id=f"account-{number}",
                label="Lot",
                condominium_id=f"condominium-{number}",
                condominium_name="Les Lilas",
                portfolio_id=portfolio_id,
            ),
        )
        for number, portfolio_id in enumerate(portfolio_ids)
    )


@pytest.mark.parametrize(
    ("identity", "contacts", "decision"),
    [
        (None, (), RefuseHandOver(reason="not_activated")),
        (_IDENTITY, _contacts("north"), HandOver(_IDENTITY)),
        (_IDENTITY, _contacts("north", "north"), HandOver(_IDENTITY)),
        (_IDENTITY, _contacts("north", "south"), RefuseHandOver(reason="reset_link_only")),
        (_IDENTITY, _contacts("south"), RefuseHandOver(reason="reset_link_only")),
        (_IDENTITY, _contacts("north", ""), RefuseHandOver(reason="reset_link_only")),
        (_IDENTITY, (), RefuseHandOver(reason="reset_link_only")),
        (_IDENTITY, _contacts("north", "north")[1:], RefuseHandOver(reason="reset_link_only")),
    ],
)
def test_d01_only_a_login_wholly_within_reach_may_be_set(
    identity: Identity | None, contacts: tuple[Contact, ...], decision: HandOver | RefuseHandOver
) -> None:
    """S10, D-01: an account outside the portfolio or in none, or the contact itself gone: only a link can be sent."""
    manager, (acted_on,) = Manager(id="m", portfolio_id="north"), _contacts("north")

    assert decide_hand_over(identity, contacts, contact=acted_on, manager=manager) == decision


def test_d04_a_manager_without_portfolio_reaches_nothing() -> None:
    """D-04: ``None`` equals nothing, not even the contact of a condominium without portfolio."""
    manager = Manager(id="m", portfolio_id="")

    decision = decide_hand_over(_IDENTITY, _contacts(""), contact=_contacts("")[0], manager=manager)

    assert decision == RefuseHandOver(reason="reset_link_only")


def test_a74_the_temporary_password_does_not_show() -> None:
    """A-74: it is read once, on the manager's page, and in no log."""
    assert "secret" not in repr(TemporaryPassword(password="secret", expires_at=_AT))
