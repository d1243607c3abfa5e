"""Chapter V7 of OWASP ASVS 5.0, sessions: what no other test was written for."""

from __future__ import annotations

from datetime import timedelta

import attrs
import pytest
from tests.portal.conftest import Browser
from tests.town import JEANNE, Town, refusal_of

from coproauth import ConfigurationError, Policy, SessionRefused
from coproauth.testing.sandbox import PASSWORD, Sandbox


def test_v7_1_1_both_limits_are_bounded(town: Town) -> None:
    """An unused session never outlives a used one, and none outlives thirty days (NIST SP 800-63B-4)."""
    assert town.auth.policy.session_idle == timedelta(hours=1)
    assert town.auth.policy.session_lifetime == timedelta(hours=12)
    for idle, lifetime in (
        (timedelta(hours=2), timedelta(hours=1)),
        (timedelta(hours=1), timedelta(days=30, seconds=1)),
    ):
        with pytest.raises(ConfigurationError):
            Policy(session_idle=idle, session_lifetime=lifetime)


def test_v7_1_2_fifty_sessions_hold_and_one_more_ends_the_one_unused_longest(town: Town) -> None:
    """Who logs in somewhere else does not log out here, unless it is the fifty-first time; all are listed."""
    tokens = [town.move_in().token, *(town.log_in(JEANNE).token for _ in range(49))]
    town.later(minutes=1)
    assert {town.auth.login.session(token).email for token in tokens if token != tokens[7]} == {JEANNE}

    latest = town.log_in(JEANNE).token

    with pytest.raises(SessionRefused):
        town.auth.login.session(tokens[7])
    assert {town.auth.login.session(token).email for token in tokens if token != tokens[7]} == {JEANNE}
    assert len(town.auth.login.sessions(latest)) == 50


def test_v7_4_4_every_page_of_a_person_offers_to_log_out(sandbox: Sandbox, browser: Browser) -> None:
    """A button of its own, that works without scripts."""
    sandbox.activate(sandbox.contact(), JEANNE)
    browser.log_in(JEANNE, PASSWORD)

    for path in ("/", "/profile/sessions", "/profile/password", "/profile/email", "/accounts/add"):
        page = browser.get(path).text
        assert '<form class="menu__logout" method="post" action="/logout">' in page, path
        assert "<button>Se déconnecter</button>" in page, path


def test_v7_4_5_the_operator_ends_the_sessions_of_one_login_or_of_all(town: Town) -> None:
    """A temporary password or a dissociation ends those of one, the epoch those of everybody."""
    contact, other = town.contact(), town.contact()
    town.activate(contact, JEANNE)
    town.activate(other, "marc@example.fr")
    town.auth.password_reset.set_password(other.id, by=town.manager)
    mine, theirs = town.log_in(JEANNE).token, town.move_in("luc@example.fr").token

    town.auth.activation.dissociate(contact.id, by=town.manager)
    assert refusal_of(lambda: town.auth.login.session(mine))[0] is SessionRefused
    assert town.auth.login.session(theirs).email == "luc@example.fr"

    later = town.another_server(policy=attrs.evolve(town.auth.policy, epoch=1))
    assert refusal_of(lambda: later.login.session(theirs))[0] is SessionRefused


def test_v7_4_1_a_session_that_was_logged_out_is_not_brought_back(town: Town) -> None:
    """Not by a request that began before, nor by its token shown again."""
    token = town.move_in().token
    view = town.store.session_view(town.auth.keyring.digest(token), town.directory)
    assert view is not None

    town.auth.login.log_out(token)
    with town.store.writing() as work:
        work.sessions.touch(view.record.digest, at=town.clock.now())

    assert refusal_of(lambda: town.auth.login.session(token))[0] is SessionRefused
