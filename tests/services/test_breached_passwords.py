"""A password that leaked elsewhere is refused wherever a new one is set (NIST SP 800-63B-4 §3.1.1.2, ASVS V6.2.12)."""

from __future__ import annotations

import logging
from collections.abc import Callable

import attrs
import pytest

from coproauth import PasswordChangeRequired, PasswordRejected, Unavailable
from coproauth.testing import LeakedPasswords, Sandbox, cheap_policy
from coproauth.testing.sandbox import PASSWORD

JEANNE = "jeanne@example.fr"
LEAKED = "un chameau dans le placard"
OTHER = "un dromadaire sur le balcon"
STRICT = attrs.evolve(cheap_policy(), breach_outage="refuse")

Set = Callable[[str], object]


def _activating(town: Sandbox) -> Set:
    code = town.code_for(town.contact())
    return lambda password: town.activate_with(code, JEANNE, password=password)


def _redeeming(town: Sandbox) -> Set:
    town.activate(town.contact(), JEANNE)
    town.auth.password_reset.request(email=JEANNE, source=town.source)
    token = town.reset_token_for(JEANNE)
    return lambda password: town.auth.password_reset.redeem(token, new_password=password, source=town.source)


def _changing(town: Sandbox) -> Set:
    token = town.activate(town.contact(), JEANNE).token
    return lambda password: town.auth.login.change_password(
        token, current_password=PASSWORD, new_password=password, source=town.source
    )


def _handing_over(town: Sandbox) -> Set:
    contact = town.contact()
    town.activate(contact, JEANNE)
    return lambda password: town.auth.password_reset.set_password(contact.id, by=town.manager, new_password=password)


def _choosing(town: Sandbox) -> Set:
    contact = town.contact()
    town.activate(contact, JEANNE)
    temporary = town.auth.password_reset.set_password(contact.id, by=town.manager)
    with pytest.raises(PasswordChangeRequired) as required:
        town.log_in(JEANNE, password=temporary.password)
    token = required.value.token
    return lambda password: town.auth.login.choose_password(token, new_password=password, source=town.source)


each_way = pytest.mark.parametrize(
    "way",
    [_activating, _redeeming, _changing, _handing_over, _choosing],
    ids=["activate", "redeem", "change_password", "set_password", "choose_password"],
)
Way = Callable[[Sandbox], Set]


@each_way
def test_a_leaked_password_is_refused_on_each_pathway(way: Way) -> None:
    """The reason is told, and another password is taken then."""
    set_password = way(Sandbox.build(breaches=LeakedPasswords([LEAKED])))

    with pytest.raises(PasswordRejected) as refusal:
        set_password(LEAKED)

    assert refusal.value.violations == ("breached",)
    set_password(OTHER)


@each_way
def test_nobody_is_asked_about_a_password_that_is_refused_anyway(way: Way) -> None:
    """What is too short, or made of known words, does not leave the process."""
    breaches = LeakedPasswords()
    set_password = way(Sandbox.build(breaches=breaches))
    breaches.asked.clear()

    for password in ("court", "Bienvenue-Marseille-2026"):
        with pytest.raises(PasswordRejected):
            set_password(password)

    assert breaches.asked == []


@each_way
def test_an_outage_lets_new_passwords_pass_and_is_logged(way: Way, caplog: pytest.LogCaptureFixture) -> None:
    """The default: all other rules still hold, and nobody is locked out by a server elsewhere."""
    breaches = LeakedPasswords([LEAKED])
    set_password = way(Sandbox.build(breaches=breaches))
    breaches.failure = Unavailable(reason="breaches_away")

    set_password(LEAKED)

    logged = [record for record in caplog.records if record.name == "coproauth.passwords"]
    assert {record.levelno for record in logged} == {logging.WARNING}
    assert LEAKED not in caplog.text


@each_way
def test_an_outage_stops_new_passwords_if_the_policy_says_so(way: Way) -> None:
    """Nothing is kept of the attempt, and the same call succeeds once there is an answer again."""
    breaches = LeakedPasswords([LEAKED])
    set_password = way(Sandbox.build(policy=STRICT, breaches=breaches))
    breaches.failure = Unavailable(reason="breaches_away")

    with pytest.raises(Unavailable) as outage:
        set_password(OTHER)

    breaches.failure = None
    assert outage.value.reason == "breaches_away"
    set_password(OTHER)


@each_way
def test_nobody_is_asked_within_a_unit_of_work(way: Way) -> None:
    """A slow answer holds up nobody else: the store can be written meanwhile."""
    town: Sandbox

    class Slow(LeakedPasswords):
        def is_breached(self, password: str) -> bool:
            with town.store.writing():  # raises within another
                return super().is_breached(password)

    breaches = Slow()
    town = Sandbox.build(breaches=breaches)
    set_password = way(town)
    breaches.asked.clear()

    set_password(OTHER)

    assert set(breaches.asked) == {OTHER}


def test_a_password_that_is_only_verified_is_not_asked_about() -> None:
    """Logging in, giving the password again, or adding an account with it sets none."""
    breaches = LeakedPasswords()
    town = Sandbox.build(breaches=breaches)
    town.activate(town.contact(), JEANNE)
    breaches.asked.clear()

    token = town.log_in(JEANNE).token
    town.auth.login.reauthenticate(token, password=PASSWORD, source=town.source)
    town.activate(town.contact("Jeanne Roche", condominium="Les Pins"), JEANNE)

    assert breaches.asked == []
