"""What breaks in the middle lets nobody in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest
from tests.town import JEANNE, Town, Wiring

from coproauth import Contact, LoginRefused, SessionRefused
from coproauth.testing.sandbox import PASSWORD

_NEW = "trois pommes sur un nuage"


class Broken(Exception):  # noqa: N818 - what a port of the host's own raises
    """Nobody foresaw this."""


@attrs.define
class Fragile:
    """A port that works until it is broken, and from then on fails at whatever it is asked."""

    inner: Any
    is_broken: bool = False

    def __getattr__(self, name: str) -> Any:
        """Return what the port has, unless it is broken."""
        if self.is_broken:
            raise Broken
        return getattr(self.inner, name)


@attrs.frozen
class _Installation:
    town: Town
    port: Fragile
    contact: Contact
    session: str
    link: str

    @classmethod
    def with_fragile(cls, name: str) -> _Installation:
        """Wire a town over one port that may break, with a login and what opens something of it."""
        town = Town.found()
        port = Fragile(town.store.throttle() if name == "throttle" else getattr(town.wiring, name))
        wiring: Wiring = attrs.evolve(town.wiring, **{name: port})  # type: ignore[arg-type]
        fragile = attrs.evolve(town, auth=attrs.evolve(town, wiring=wiring).another_server())
        contact = fragile.contact()
        fragile.activate(contact, JEANNE)
        link = fragile.reset_token()
        return cls(fragile, port, contact, fragile.log_in(JEANNE).token, link)

    def ways_in(self) -> dict[str, Callable[[], object]]:
        """Return every way that hands out a session or a new password."""
        auth, source = self.town.auth, self.town.source
        return {
            "log_in": lambda: self.town.log_in(JEANNE),
            "wrong password": lambda: self.town.log_in(JEANNE, password=_NEW),
            "reauthenticate": lambda: auth.login.reauthenticate(self.session, password=PASSWORD, source=source),
            "change_password": lambda: auth.login.change_password(
                self.session, current_password=PASSWORD, new_password=_NEW, source=source
            ),
            "redeem": lambda: auth.password_reset.redeem(self.link, new_password=_NEW, source=source),
            "switch": lambda: auth.accounts.switch(self.session, account_id=self.contact.account.id),
            "set_password": lambda: auth.password_reset.set_password(self.contact.id, by=self.town.manager),
        }


_FATAL = {  # which ways cannot do without a port; what is not named here does not ask it
    "store": {"log_in", "wrong password", "reauthenticate", "change_password", "redeem", "switch", "set_password"},
    "directory": {"log_in", "reauthenticate", "change_password", "redeem", "switch", "set_password"},
    "throttle": {"log_in", "wrong password", "reauthenticate", "change_password", "redeem"},
    "audit": {"log_in", "wrong password", "reauthenticate", "change_password", "redeem", "switch", "set_password"},
    "hasher": {"log_in", "wrong password", "reauthenticate", "change_password", "redeem", "set_password"},
    "secrets": {"log_in", "reauthenticate", "change_password", "redeem", "switch", "set_password"},
}


@pytest.mark.parametrize(("port", "way"), [(port, way) for port, ways in _FATAL.items() for way in sorted(ways)])
def test_a87_a_port_that_fails_lets_nobody_in(port: str, way: str) -> None:
    """No session and no password is handed out by a call in the middle of which anything raised."""
    installation = _Installation.with_fragile(port)
    act = installation.ways_in()[way]
    installation.port.is_broken = True

    with pytest.raises(Broken):
        act()


@pytest.mark.parametrize("port", sorted(set(_FATAL) - {"audit"}))
def test_a87_what_was_begun_is_undone(port: str) -> None:
    """Once the port works again everything is as before: the password, the session, the link."""
    installation = _Installation.with_fragile(port)
    installation.port.is_broken = True
    for way in sorted(_FATAL[port]):
        with pytest.raises(Broken):
            installation.ways_in()[way]()

    installation.port.is_broken = False

    auth = installation.town.auth
    assert auth.login.session(installation.session).email == JEANNE
    assert auth.password_reset.inspect(installation.link).email == JEANNE
    with pytest.raises(LoginRefused):
        installation.town.log_in(JEANNE, password=_NEW)


def test_a87_a_directory_that_fails_shows_no_account() -> None:
    """A page check is not answered from what was known before."""
    installation = _Installation.with_fragile("directory")
    installation.port.is_broken = True

    with pytest.raises(Broken):
        installation.town.auth.login.session(installation.session)


def test_a87_without_a_login_there_is_no_session(town: Town) -> None:
    """Nothing that is missing is taken for a yes."""
    for token in ("", "None", "null", "0"):
        with pytest.raises(SessionRefused):
            town.auth.login.session(token)
