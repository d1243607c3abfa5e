"""Sessions: how long they hold, how they end, and whom they show."""

from __future__ import annotations

from datetime import timedelta

import attrs
import pytest
from tests.town import JEANNE, Town

from coproauth import LoginRefused, SessionRefused, Source
from coproauth.testing.sandbox import PASSWORD, cheap_policy


def _is_live(town: Town, token: str) -> bool:
    try:
        return town.auth.login.session(token).email == JEANNE
    except SessionRefused as refusal:
        return refusal.reason != "session_refused"


class TestHolding:
    """A session holds until it is idle, too old, or ended."""

    @pytest.mark.parametrize(("minutes", "holds"), [(59, True), (60, False), (60 * 24 * 365, False)])
    def test_it_ends_when_unused_for_an_hour(self, town: Town, minutes: int, holds: bool) -> None:  # noqa: FBT001
        """ASVS V7.3.1."""
        token = town.move_in().token
        town.later(minutes=minutes)

        assert _is_live(town, token) is holds

    def test_it_ends_after_twelve_hours_of_use(self, town: Town) -> None:
        """ASVS V7.3.2: however often it is used."""
        token = town.move_in().token

        held = []
        for _ in range(13):
            town.later(minutes=59)
            held.append(_is_live(town, token))

        assert held == [True] * 12 + [False]

    def test_use_within_a_minute_is_use(self, town: Town) -> None:
        """The record of the last use is at most a minute behind."""
        token = town.move_in().token
        town.later(minutes=1)
        assert _is_live(town, token)

        town.later(minutes=60, seconds=-1)

        assert _is_live(town, token)

    def test_d25_a_clock_going_back_revives_nothing_ended(self, town: Town) -> None:
        """D-25: what was logged out stays out."""
        token = town.move_in().token
        town.auth.login.log_out(token)
        town.later(minutes=-30)

        assert not _is_live(town, token)

    def test_the_limits_are_the_policys(self) -> None:
        """Five minutes of idleness where the policy says so."""
        town = Town.found(policy=attrs.evolve(cheap_policy(), session_idle=timedelta(minutes=5)))
        token = town.move_in().token
        town.later(minutes=5)

        assert not _is_live(town, token)

    @pytest.mark.parametrize("token", ["", "x", "x" * 43, "x" * 2048, "x" * 2049, "\ud800", "\x00", "é"])
    def test_a75_unknown_tokens_are_refused(self, town: Town, token: str) -> None:
        """A-75: no token is ever adopted."""
        town.move_in()

        assert not _is_live(town, token)

    def test_a75_each_login_has_a_token_of_its_own(self, town: Town) -> None:
        """A-75: logging in again gives another token; both hold."""
        town.move_in()
        tokens = {town.log_in(JEANNE).token for _ in range(5)}

        assert len(tokens) == 5
        assert all(_is_live(town, token) for token in tokens)


class TestTheDirectoryIsTheTruth:
    """Accounts are derived anew at each request."""

    def test_a77_d19_a_deleted_condominium_is_gone_at_once(self, town: Town) -> None:
        """S11, A-77, D-19: no call to the library is needed; the session holds and shows what is left."""
        first, second = town.contact(), town.contact()
        town.activate(first, JEANNE)
        token = town.activate(second, JEANNE).token

        town.directory.remove_condominium(second.account.condominium_id)

        session = town.auth.login.session(token)
        assert (session.active_account, session.accounts) == (first.account, (first.account,))

    def test_a77_the_last_one_leaves_an_orphan(self, town: Town) -> None:
        """S11: logged in, with no account."""
        contact = town.contact()
        token = town.activate(contact, JEANNE).token

        town.directory.remove_contact(contact.id)

        session = town.auth.login.session(token)
        assert (session.active_account, session.accounts) == (None, ())

    def test_accounts_come_in_the_hosts_order(self, town: Town) -> None:
        """Whatever the order of activation."""
        contacts = [town.contact() for _ in range(4)]
        for contact in reversed(contacts):
            town.activate(contact, JEANNE)

        session = town.log_in(JEANNE).session

        assert session.accounts == tuple(contact.account for contact in contacts)


class TestNumber:
    """A login has no more sessions than the policy says."""

    @pytest.fixture
    def town(self) -> Town:
        """A town in which two are enough."""
        return Town.found(policy=attrs.evolve(cheap_policy(), sessions_per_login=2))

    def test_however_often_one_logs_in_there_are_no_more(self, town: Town) -> None:
        """The latest stay; another login's are untouched."""
        paul = town.move_in("paul@example.fr").token
        tokens = [town.move_in().token]
        for _ in range(4):
            town.later(seconds=1)
            tokens.append(town.log_in(JEANNE).token)

        assert [_is_live(town, token) for token in tokens] == [False, False, False, True, True]
        assert len(town.auth.login.sessions(tokens[-1])) == 2
        assert town.auth.login.session(paul).email == "paul@example.fr"

    def test_activating_further_accounts_opens_no_more(self, town: Town) -> None:
        """With a code, e-mail and password a session opens as by a log-in."""
        tokens = []
        for _ in range(4):
            town.later(seconds=1)
            tokens.append(town.activate(town.contact(), JEANNE).token)

        assert [_is_live(town, token) for token in tokens] == [False, False, True, True]

    def test_a_session_that_is_replaced_makes_room_for_the_new_one(self, town: Town) -> None:
        """Giving the password again ends no other session."""
        there, here = town.move_in().token, town.log_in(JEANNE).token

        again = town.auth.login.reauthenticate(here, password=PASSWORD, source=town.source).token

        assert [_is_live(town, token) for token in (there, here, again)] == [True, False, True]

    def test_a_login_that_is_refused_ends_nothing(self, town: Town) -> None:
        """Whoever does not know the password throws nobody out."""
        tokens = [town.move_in().token, town.log_in(JEANNE).token]

        with pytest.raises(LoginRefused):
            town.auth.login.log_in(email=JEANNE, password="not the right one", source=town.source)

        assert [_is_live(town, token) for token in tokens] == [True, True]


class TestLogOut:
    """A session ends when its owner says so."""

    def test_one_session_ends(self, town: Town) -> None:
        """The other browser stays logged in."""
        here, there = town.move_in().token, town.log_in(JEANNE).token

        town.auth.login.log_out(here)

        assert (_is_live(town, here), _is_live(town, there)) == (False, True)

    def test_an_ended_session_is_no_error(self, town: Town) -> None:
        """Logging out twice is logging out."""
        token = town.move_in().token
        town.auth.login.log_out(token)

        town.auth.login.log_out(token)

        assert not _is_live(town, token)

    def test_all_sessions_end(self, town: Town) -> None:
        """Everywhere means here, too; another login's are untouched."""
        tokens = [town.move_in().token, town.log_in(JEANNE).token]
        paul = town.move_in("paul@example.fr").token

        town.auth.login.log_out_everywhere(tokens[0])

        assert [_is_live(town, token) for token in tokens] == [False, False]
        assert town.auth.login.session(paul).email == "paul@example.fr"

    def test_all_others_end(self, town: Town) -> None:
        """Elsewhere means everywhere but here; another login's are untouched."""
        tokens = [town.move_in().token, town.log_in(JEANNE).token, town.log_in(JEANNE).token]
        paul = town.move_in("paul@example.fr").token

        town.auth.login.log_out_elsewhere(tokens[1])

        assert [_is_live(town, token) for token in tokens] == [False, True, False]
        assert town.auth.login.session(paul).email == "paul@example.fr"

    def test_only_a_live_session_ends_all(self, town: Town) -> None:
        """A token that was stolen and ended cannot throw its owner out."""
        ended, here = town.move_in().token, town.log_in(JEANNE).token
        town.auth.login.log_out(ended)

        with pytest.raises(SessionRefused):
            town.auth.login.log_out_everywhere(ended)
        with pytest.raises(SessionRefused):
            town.auth.login.log_out_elsewhere(ended)

        assert _is_live(town, here)


class TestList:
    """A person sees the login's sessions and can end each."""

    def test_it_tells_where_from_and_which_is_this(self, town: Town) -> None:
        """Latest first, with address and browser as the host told them."""
        town.move_in()
        town.later(minutes=5)
        here = town.log_in(JEANNE).token
        town.later(minutes=5)
        phone = Source("198.51.100.7", user_agent="Phone")
        town.auth.login.log_in(email=JEANNE, password=PASSWORD, source=phone)

        summaries = town.auth.login.sessions(here)

        shown = [(summary.address, summary.user_agent, summary.is_current) for summary in summaries]
        assert shown == [
            ("198.51.100.7", "Phone", False),
            ("192.0.2.1", "Browser", True),
            ("192.0.2.1", "Browser", False),
        ]

    def test_ended_and_idle_sessions_are_not_listed(self, town: Town) -> None:
        """Only what still opens something."""
        ended = town.move_in().token
        town.auth.login.log_out(ended)
        town.log_in(JEANNE)
        town.later(hours=1)
        here = town.log_in(JEANNE).token

        assert [summary.is_current for summary in town.auth.login.sessions(here)] == [True]

    def test_one_that_moved_to_another_account_is_ended_all_the_same(self, town: Town) -> None:
        """A stranger does not escape by switching: the browser keeps the handle it was listed under."""
        lilas, pins = town.contact(condominium="Les Lilas"), town.contact(condominium="Les Pins")
        town.activate(lilas, JEANNE)
        town.activate(pins, JEANNE)
        here, stranger = town.log_in(JEANNE).token, town.log_in(JEANNE).token
        (listed,) = [one for one in town.auth.login.sessions(stranger) if one.is_current]
        moved = town.auth.accounts.switch(stranger, account_id=lilas.account.id).token

        town.auth.login.end_session(here, handle=listed.handle)

        with pytest.raises(SessionRefused):
            town.auth.login.session(moved)

    def test_a80_one_can_be_ended_by_its_handle(self, town: Town) -> None:
        """A-80: the handle is no token, and opens nothing."""
        there, here = town.move_in().token, town.log_in(JEANNE).token
        (handle,) = [summary.handle for summary in town.auth.login.sessions(here) if not summary.is_current]

        town.auth.login.end_session(here, handle=handle)

        assert (_is_live(town, there), _is_live(town, here), _is_live(town, handle)) == (False, True, False)

    def test_anothers_cannot_be_ended(self, town: Town) -> None:
        """Another login's handle, an unknown one and one that has ended are answered alike, and end nothing."""
        paul = town.move_in("paul@example.fr").token
        (theirs,) = [summary.handle for summary in town.auth.login.sessions(paul)]
        here = town.move_in().token

        for handle in (theirs, "0" * 16):
            town.auth.login.end_session(here, handle=handle)
        assert town.auth.login.session(here).email == JEANNE
        assert town.auth.login.session(paul).email == "paul@example.fr"

    def test_a53_two_logins_see_only_their_own(self, town: Town) -> None:
        """A-53: nobody is shown another's session."""
        paul = town.move_in("paul@example.fr").token
        here = town.move_in().token

        assert [len(town.auth.login.sessions(token)) for token in (paul, here)] == [1, 1]
