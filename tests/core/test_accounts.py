"""Who may act on what, and which account is active."""

from __future__ import annotations

import pytest

from coproauth import Account, Contact, InvalidInput, Manager, NotAllowed
from coproauth.core.account_switching import decide_switch
from coproauth.core.accounts import accounts_of, choose_account, manages, parse_id, require_managed


def _account(number: int, *, portfolio_id: str = "north") -> Account:
    return Account(
        id=f"account-{number}",
        label=f"Lot {number}",
        condominium_id="condominium-1",
        condominium_name="Les Lilas",
        portfolio_id=portfolio_id,
    )


def _contact(account: Account, name: str = "Jeanne Martin") -> Contact:
    return Contact(id=f"contact of {account.id}", name=name, account=account, email="jeanne@example.fr")


_FIRST, _SECOND, _THIRD = (_account(number) for number in (1, 2, 3))
_MANAGER = Manager(id="manager-1", portfolio_id="north")


class TestPortfolio:
    """A manager acts within his own portfolio; None equals nothing (ASVS V8.2.2)."""

    @pytest.mark.parametrize(
        ("own", "asked", "expected"),
        [
            ("north", "north", True),
            ("north", "south", False),
            ("north", "North", False),
            ("north", None, False),
            ("north", "", False),
            (None, None, False),
            ("", "", False),
            (None, "north", False),
            ("", None, False),
        ],
    )
    def test_d04_only_the_same_portfolio_is_managed(self, own: str, asked: str | None, expected: bool) -> None:  # noqa: FBT001
        """D-04: also two portfolios without id are not the same."""
        assert manages(Manager(id="manager-1", portfolio_id=own), asked) is expected

    def test_ones_own_contact_is_returned(self) -> None:
        """A contact within the portfolio is handed on."""
        contact = _contact(_FIRST)

        assert require_managed(contact, _MANAGER) == contact

    @pytest.mark.parametrize("contact", [None, _contact(_account(1, portfolio_id="south"))])
    def test_d04_anothers_contact_and_none_look_alike(self, contact: Contact | None) -> None:
        """D-04: whether there is such a contact elsewhere does not show."""
        with pytest.raises(NotAllowed) as refusal:
            require_managed(contact, _MANAGER)

        assert refusal.value.reason == "not_allowed"


class TestAccountsOfAPerson:
    """Accounts follow from contacts, in the host's order."""

    def test_each_account_is_listed_once(self) -> None:
        """S12: two contacts on one account and one login are one account."""
        contacts = [_contact(_SECOND), _contact(_FIRST), _contact(_SECOND, "Paul Martin")]

        assert accounts_of(contacts) == (_SECOND, _FIRST)

    @pytest.mark.parametrize(
        ("accounts", "preferred_id", "expected"),
        [
            ((), None, None),
            ((), "account-1", None),
            ((_FIRST, _SECOND), None, _FIRST),
            ((_FIRST, _SECOND), "account-2", _SECOND),
            ((_FIRST, _SECOND), "account-3", _FIRST),
        ],
    )
    def test_the_preferred_else_the_first_else_none(
        self, accounts: tuple[Account, ...], preferred_id: str | None, expected: Account | None
    ) -> None:
        """S1: last used, else the first; an orphan has none."""
        assert choose_account(accounts, preferred_id) == expected


class TestSwitching:
    """An account can be selected if it is the person's own, and there."""

    @pytest.mark.parametrize(
        ("account_id", "expected"), [("account-1", _FIRST), ("account-2", _SECOND), ("account-3", None), ("", None)]
    )
    def test_d22_only_ones_own_can_be_selected(self, account_id: str, expected: Account | None) -> None:
        """D-22: another's, unknown and gone are all None."""
        assert decide_switch((_FIRST, _SECOND), account_id) == expected


class TestIdentifiers:
    """An identifier is printable text of 1 to 255 code points."""

    @pytest.mark.parametrize("value", ["1", "contact-1", "é", "x" * 255])
    def test_text_passes(self, value: str) -> None:
        """What the host calls its contacts is the host's business."""
        assert parse_id(value, field="contact_id") == value

    @pytest.mark.parametrize(
        ("value", "reason"),
        [
            (None, "wrong_type"),
            (1, "wrong_type"),
            (b"1", "wrong_type"),
            ([], "wrong_type"),
            ("", "empty"),
            ("x" * 256, "too_long"),
            ("a\x00", "malformed"),
            ("a\n", "malformed"),
            ("\ud800", "malformed"),
        ],
    )
    def test_anything_else_is_refused_by_name(self, value: object, reason: str) -> None:
        """Type first, then length, then content."""
        with pytest.raises(InvalidInput) as refusal:
            parse_id(value, field="contact_id")

        assert (refusal.value.field, refusal.value.reason) == ("contact_id", reason)


def test_the_address_on_the_file_does_not_show() -> None:
    """A contact in a log line tells no address."""
    assert "@" not in repr(_contact(_FIRST))
