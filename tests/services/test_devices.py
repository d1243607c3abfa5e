"""A browser that has logged in before is not slowed by strangers, and does not tell whom it knows."""

from __future__ import annotations

from datetime import timedelta

import attrs
import pytest
from tests.town import JEANNE, Town, refusal_of

from coproauth import LoginRefused, ReauthenticationRequired, SignedIn, Source, Throttled
from coproauth.testing.sandbox import PASSWORD

_MARC = "marc@example.fr"
_THROTTLED = (Throttled, "throttled")
_STRANGER = Source("203.0.113.66", device_token="")


def _known(signed_in: SignedIn, *, address: str = "192.0.2.1") -> Source:
    """Return the browser that a login was opened in."""
    return Source(address, device_token=signed_in.device_token)


def _guess(town: Town, source: Source, *, times: int = 1, email: str = JEANNE) -> None:
    for _ in range(times):
        with pytest.raises(LoginRefused):
            town.auth.login.log_in(email=email, password="une autre girafe", source=source)


def _log_in(town: Town, source: Source, *, email: str = JEANNE, password: str = PASSWORD) -> SignedIn:
    return town.auth.login.log_in(email=email, password=password, source=source)


class TestHandedOut:
    """Whoever gives the right password takes a device token along."""

    def test_each_way_of_giving_the_password_hands_one_out(self, town: Town) -> None:
        """Activation, login, re-authentication and a change of password; not the switch, where none was given."""
        activated = town.move_in()
        logged_in = town.log_in(JEANNE)
        again = town.auth.login.reauthenticate(logged_in.token, password=PASSWORD, source=town.source)
        changed = town.auth.login.change_password(
            again.token, current_password=PASSWORD, new_password="trois pommes sur un nuage", source=town.source
        )
        account = changed.session.accounts[0]
        switched = town.auth.accounts.switch(changed.token, account_id=account.id)

        assert all(signed_in.device_token for signed_in in (activated, logged_in, again, changed))
        assert switched.device_token is None

    def test_it_stays_out_of_sight(self, town: Town) -> None:
        """Neither the answer nor the source shows it."""
        signed_in = town.move_in()

        assert str(signed_in.device_token) not in repr((signed_in, _known(signed_in)))


class TestAgainstStrangers:
    """A stranger's attack does not lock the owner out of the browser he has used before (A-65)."""

    def test_a65_the_owner_logs_in_during_an_attack(self, town: Town) -> None:
        """Everybody else must wait."""
        browser = _known(town.move_in())
        _guess(town, _STRANGER, times=10)

        with pytest.raises(Throttled):
            _log_in(town, Source("192.0.2.1", device_token=""))

        assert _log_in(town, browser).session.email == JEANNE

    def test_a65_the_owner_logs_in_from_the_strangers_network(self, town: Town) -> None:
        """Neither the source's failures count on a known browser."""
        browser = _known(town.move_in(), address=_STRANGER.address)
        for number in range(50):
            _guess(town, _STRANGER, email=f"{number}@example.fr")
        assert refusal_of(lambda: _log_in(town, _STRANGER)) == _THROTTLED

        assert _log_in(town, browser).session.email == JEANNE

    def test_a65_his_login_ends_the_attack_s_effect(self, town: Town) -> None:
        """The stranger's failures are forgotten: the owner may use a new browser, too."""
        browser = _known(town.move_in())
        _guess(town, _STRANGER, times=10)

        _log_in(town, browser)

        assert _log_in(town, Source("192.0.2.9", device_token="")).session.email == JEANNE

    def test_a65_x23_guesses_in_a_known_browser_are_slowed_like_any(self, town: Town) -> None:
        """A stolen cookie buys ten guesses, and then waits of up to an hour."""
        browser = _known(town.move_in())

        _guess(town, browser, times=10)

        with pytest.raises(Throttled) as throttled:
            _log_in(town, browser)
        assert throttled.value.retry_after == timedelta(seconds=30)

    def test_a65_guesses_in_a_known_browser_slow_nobody_else(self, town: Town) -> None:
        """They are counted apart, both ways."""
        browser = _known(town.move_in())
        _guess(town, browser, times=10)

        assert _log_in(town, Source("192.0.2.1", device_token="")).session.email == JEANNE

    def test_a63_giving_the_password_again_is_not_slowed_either(self, town: Town) -> None:
        """Re-authentication counts where login does (A-63)."""
        signed_in = town.move_in()
        _guess(town, _STRANGER, times=10)

        again = town.auth.login.reauthenticate(signed_in.token, password=PASSWORD, source=_known(signed_in))

        assert again.session.email == JEANNE

    def test_a65_adding_an_account_by_password_is_not_slowed_either(self, town: Town) -> None:
        """S7 during an attack on the login: the code and the source are counted, the login is not."""
        browser = _known(town.move_in())
        second = town.code_for(town.contact())
        _guess(town, _STRANGER, times=10)

        activated = town.auth.activation.activate(code=second, email=JEANNE, password=PASSWORD, source=browser)

        assert len(activated.session.accounts) == 2

    def test_a65_wrong_passwords_in_a_stolen_session_are_counted(self, town: Town) -> None:
        """A session without the cookie of its browser is a stranger's."""
        session = town.move_in().token
        for _ in range(10):
            with pytest.raises(ReauthenticationRequired):
                town.auth.login.reauthenticate(session, password="une autre girafe", source=_STRANGER)

        assert refusal_of(lambda: _log_in(town, _STRANGER)) == _THROTTLED


class TestNoOracle:
    """A token counts only with the login it was made for, and tells nothing of others."""

    def test_x23_a_strangers_own_token_does_not_help_at_another_login(self, town: Town) -> None:
        """The attacker has a login of his own, and its token."""
        town.move_in()
        attacker = _known(town.move_in(_MARC), address=_STRANGER.address)

        _guess(town, attacker, times=10)

        assert refusal_of(lambda: _log_in(town, _STRANGER)) == _THROTTLED

    def test_known_and_unknown_addresses_are_counted_alike(self, town: Town) -> None:
        """With any token, an address with a login and one without wait after the same number of guesses."""
        town.move_in()
        attacker = _known(town.move_in(_MARC))

        for email in (JEANNE, "nobody@example.fr"):
            _guess(town, attacker, times=10, email=email)

            assert refusal_of(lambda: _log_in(town, attacker, email=email)) == _THROTTLED  # noqa: B023

    def test_a_host_that_keeps_none_is_counted_as_before(self, town: Town) -> None:
        """On source and login."""
        town.move_in()
        _guess(town, attrs.evolve(_STRANGER, device_token=None), times=10)

        assert refusal_of(lambda: town.log_in(JEANNE)) == _THROTTLED


class TestForgotten:
    """Whoever proves to be the owner by other means has every failure forgotten."""

    def test_a_redeemed_link_forgets_the_browsers_own_failures(self, town: Town) -> None:
        """The owner who forgot the password resets it in the browser where he tried it ten times."""
        browser = _known(town.move_in())
        _guess(town, browser, times=10)

        town.auth.password_reset.redeem(
            town.reset_token(JEANNE), new_password="trois pommes sur un nuage", source=browser
        )

        assert _log_in(town, browser, password="trois pommes sur un nuage").session.email == JEANNE

    def test_a_temporary_password_forgets_what_was_guessed_before(self, town: Town) -> None:
        """Who cannot read mail is let in by the manager, also during an attack."""
        contact = town.contact()
        town.activate(contact, JEANNE)
        _guess(town, _STRANGER, times=10)

        temporary = town.auth.password_reset.set_password(contact.id, by=town.manager)

        assert refusal_of(lambda: town.log_in(JEANNE, password=temporary.password)) != _THROTTLED
