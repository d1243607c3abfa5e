"""Moving between the accounts of one login."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pytest
from tests.town import JEANNE, Town, refusal_of

from coproauth import Account, Contact, InvalidInput, SessionRefused, SwitchRefused
from coproauth.adapters.memory import MemoryDirectory


def _two_accounts(town: Town) -> tuple[str, Account, Account]:
    """Return a session token and the two accounts of its login, the second one active."""
    first, second = town.contact(condominium="Les Lilas"), town.contact(condominium="Le Moulin")
    town.activate(first, JEANNE)
    token = town.activate(second, JEANNE).token
    return token, first.account, second.account


class TestAccounts:
    """All accounts of the login are listed."""

    def test_in_the_hosts_order(self, town: Town) -> None:
        """S4: each with the name of its condominium."""
        token, first, second = _two_accounts(town)

        assert town.auth.accounts.accounts(token) == (first, second)

    def test_without_session_none_is_listed(self, town: Town) -> None:
        """A dead token shows nothing."""
        assert refusal_of(lambda: town.auth.accounts.accounts("x")) == (SessionRefused, "session_refused")


class TestSwitch:
    """Another account becomes the active one."""

    def test_d22_a_new_token_with_the_account_active(self, town: Town) -> None:
        """S4, D-22: the old token is dead; the session's age is unchanged."""
        token, first, _ = _two_accounts(town)
        before = town.auth.login.session(token)
        town.later(minutes=10)

        signed_in = town.auth.accounts.switch(token, account_id=first.id)

        assert signed_in.session.active_account == first
        assert signed_in.session.accounts == before.accounts
        assert (signed_in.session.authenticated_at, signed_in.session.expires_at) == (
            before.authenticated_at,
            before.expires_at,
        )
        assert town.auth.login.session(signed_in.token) == signed_in.session
        assert refusal_of(lambda: town.auth.login.session(token))[0] is SessionRefused

    def test_it_can_be_the_one_that_is_active(self, town: Town) -> None:
        """Choosing what is chosen is no error."""
        token, _, second = _two_accounts(town)

        assert town.auth.accounts.switch(token, account_id=second.id).session.active_account == second

    def test_another_browser_keeps_its_own(self, town: Town) -> None:
        """Each session has its own active account."""
        token, first, second = _two_accounts(town)
        other = town.log_in(JEANNE).token

        town.auth.accounts.switch(token, account_id=first.id)

        assert town.auth.login.session(other).active_account == second

    def test_d22_what_cannot_be_selected_looks_alike(self, town: Town) -> None:
        """D-22: another's, gone, unknown, blank and impossible ids; the session holds."""
        token, first, second = _two_accounts(town)
        theirs = town.contact()
        town.activate(theirs, "paul@example.fr")
        town.directory.remove_condominium(first.condominium_id)

        for account_id in (theirs.account.id, first.id, "account-99", "", "\x00", "x" * 10_000):
            answer = refusal_of(lambda: town.auth.accounts.switch(token, account_id=account_id))  # noqa: B023
            assert answer == (SwitchRefused, "switch_refused")
        assert town.auth.login.session(token).active_account == second

    def test_only_text_is_an_id(self, town: Town) -> None:
        """Another type is refused by the field."""
        token, _, _ = _two_accounts(town)

        with pytest.raises(InvalidInput) as refusal:
            town.auth.accounts.switch(token, account_id=7)  # type: ignore[arg-type]

        assert (refusal.value.field, refusal.value.reason) == ("account_id", "wrong_type")

    def test_without_session_nothing_is_told(self, town: Town) -> None:
        """The session is asked for first."""
        _, first, _ = _two_accounts(town)

        answer = refusal_of(lambda: town.auth.accounts.switch("x", account_id=first.id))

        assert answer == (SessionRefused, "session_refused")


class _FadingDirectory(MemoryDirectory):
    """A directory from which one contact vanishes after it was looked at so many times."""

    looks_left = 1_000

    def contacts(self, contact_ids: Collection[str]) -> Sequence[Contact]:
        self.looks_left -= 1
        found = super().contacts(contact_ids)
        return found if self.looks_left >= 0 else found[1:]


def test_a54_d19_an_account_lost_during_the_switch_is_not_selected() -> None:
    """A-54, D-19: gone between the look and the step, it is refused, and the former session holds."""
    people = _FadingDirectory()
    building = people.add_condominium(name="Les Lilas", portfolio_id="portfolio-1")
    contacts = [people.add_contact(people.add_account(building.id, label=str(n)).id, name="Jeanne") for n in (1, 2)]
    town = Town.found(directory=people)
    for contact in contacts:
        town.activate(contact, JEANNE)
    token = town.log_in(JEANNE).token
    people.looks_left = 1

    answer = refusal_of(lambda: town.auth.accounts.switch(token, account_id=contacts[0].account.id))

    assert answer == (SwitchRefused, "switch_refused")
    assert town.auth.login.session(token).active_account == contacts[1].account
