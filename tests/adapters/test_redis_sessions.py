"""Sessions in Redis around another store: the laws of every store, and what people notice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import attrs
import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test
from tests.adapters.on_redis import EMAIL, sessions_on
from tests.engines import adapters_on
from tests.servers import RedisServer

from coproauth import Refused, SessionRefused, SignedIn
from coproauth.core.accounts import Contact
from coproauth.ports import Store
from coproauth.testing import Sandbox
from coproauth.testing.contracts import Law, LawBroken, laws_of_store
from coproauth.testing.contracts.threads import together
from coproauth.testing.machines import CoproauthMachine, patient_policy
from coproauth.testing.sandbox import PASSWORD

OTHER_PASSWORD = "encore une girafe bleue"

DEPARTURES = {
    "changes_are_undone_too": "an ended session stays ended, whatever becomes of the unit",
    "a_view_shows_one_state": "sessions are seen as they are, beside the view of the other store",
    "sessions_are_swept_once_they_cannot_go_on": "sessions expire by themselves",
    "a_sweep_is_of_one_kind": "sessions expire by themselves",
}
LAWS = [
    pytest.param(
        law,
        id=law.name,
        marks=[pytest.mark.xfail(reason=DEPARTURES[law.name], raises=LawBroken)] if law.name in DEPARTURES else [],
    )
    for law in laws_of_store()
]


@pytest.mark.parametrize("law", LAWS)
def test_it_does_what_every_store_does(law: Law[Store], redis_server: RedisServer) -> None:
    """The laws of the port hold with the sessions in Redis, but for what two places cannot do as one."""
    law.check(lambda: sessions_on(redis_server))


@pytest.fixture(params=["memory", "postgresql"])
def town(request: pytest.FixtureRequest, tmp_path: Path, redis_server: RedisServer) -> Iterator[Sandbox]:
    """A town with its sessions in Redis, and all else in memory or in a database."""
    with adapters_on(request.param, request, tmp_path) as inner, sessions_on(redis_server, inner.store) as store:
        yield Sandbox.build(store=store, directory=inner.directory, policy=patient_policy())


class TestTheWholeStory:
    """People notice nothing of where their sessions are."""

    def test_logging_in_and_out(self, town: Sandbox) -> None:
        """A session holds until it is ended, and no other with it."""
        first = town.activate(town.contact(), EMAIL).token
        second = town.log_in(EMAIL).token

        town.auth.login.log_out(first)

        assert self.holding(town, first, second) == [second]

    def test_one_more_than_a_login_may_have(self, town: Sandbox) -> None:
        """The session unused longest ends, and is on the list no more."""
        first = town.activate(town.contact(), EMAIL).token
        town.later(seconds=1)
        others = [town.log_in(EMAIL).token for _ in range(town.auth.policy.sessions_per_login)]

        assert self.holding(town, first, *others) == others
        assert len(town.auth.login.sessions(others[-1])) == len(others)

    def test_switching(self, town: Sandbox) -> None:
        """The new token shows the other account, the old one is dead."""
        lilas, pins = town.contact(condominium="Les Lilas"), town.contact(condominium="Les Pins")
        town.activate(lilas, EMAIL)
        token = town.activate(pins, EMAIL).token

        switched = town.auth.accounts.switch(token, account_id=lilas.account.id)

        assert town.auth.login.session(switched.token).active_account == lilas.account
        assert self.holding(town, token, switched.token) == [switched.token]

    def test_of_many_switches_at_once_one_is_made(self, town: Sandbox) -> None:
        """One of eight gets the new token, and it works."""
        lilas, pins = town.contact(condominium="Les Lilas"), town.contact(condominium="Les Pins")
        town.activate(lilas, EMAIL)
        token = town.activate(pins, EMAIL).token

        def switch(_: int) -> SignedIn | Refused:
            try:
                return town.auth.accounts.switch(token, account_id=lilas.account.id)
            except Refused as refused:
                return refused

        answers = together(switch, 8)

        (winner,) = [answer for answer in answers if isinstance(answer, SignedIn)]
        assert {type(answer) for answer in answers} == {SignedIn, SessionRefused}
        assert self.holding(town, winner.token) == [winner.token]

    def test_a_changed_password_ends_every_other_session(self, town: Sandbox) -> None:
        """Only the browser in which it was changed goes on."""
        tokens = [town.activate(town.contact(), EMAIL).token, town.log_in(EMAIL).token]

        changed = town.auth.login.change_password(
            tokens[0], current_password=PASSWORD, new_password=OTHER_PASSWORD, source=town.source
        )

        assert self.holding(town, *tokens, changed.token) == [changed.token]

    def test_logging_out_everywhere(self, town: Sandbox) -> None:
        """No session of the login is left, and others' are."""
        tokens = [town.activate(town.contact(), EMAIL).token, town.log_in(EMAIL).token]
        other = town.activate(town.contact("Marc Blanc"), "marc@example.fr").token

        town.auth.login.log_out_everywhere(tokens[1])

        assert self.holding(town, *tokens, other) == [other]

    def test_logging_out_everywhere_while_another_window_switches(self, town: Sandbox) -> None:
        """Whichever comes first, nothing is left of the session that was being switched."""
        lilas, pins = town.contact(condominium="Les Lilas"), town.contact(condominium="Les Pins")
        town.activate(lilas, EMAIL)
        town.activate(pins, EMAIL)

        for _ in range(10):
            tokens = _switch_while_leaving(town, lilas)

            assert self.holding(town, *tokens) == []

    def test_ending_one_of_the_listed_sessions(self, town: Sandbox) -> None:
        """The list shows them all, and one can be ended from it."""
        first, second = town.activate(town.contact(), EMAIL).token, town.log_in(EMAIL).token
        others = [entry for entry in town.auth.login.sessions(second) if not entry.is_current]

        town.auth.login.end_session(second, handle=others[0].handle)

        assert (len(others), self.holding(town, first, second)) == (1, [second])

    def test_a_session_left_unused_is_over(self, town: Sandbox) -> None:
        """Idleness counts from the last page."""
        token = town.activate(town.contact(), EMAIL).token

        found = []
        for minutes in (50, 50, 61):
            town.later(minutes=minutes)
            found += self.holding(town, token)

        assert found == [token, token]

    def test_an_erased_person_is_logged_out(self, town: Sandbox) -> None:
        """The session ends with the login."""
        token = town.activate(town.contact(), EMAIL).token

        town.auth.personal_data.erase(EMAIL)

        assert self.holding(town, token) == []

    def holding(self, town: Sandbox, *tokens: str) -> list[str]:
        """Return those of some tokens that still open a session."""
        return [token for token in tokens if _opens(town, token)]


def _switch_while_leaving(town: Sandbox, contact: Contact) -> list[str]:
    """Switch in one window while another logs out everywhere; return all tokens that there have been."""
    switching, leaving = town.log_in(EMAIL).token, town.log_in(EMAIL).token

    def act(number: int) -> str:
        if number:
            town.auth.login.log_out_everywhere(leaving)
            return leaving
        try:
            return town.auth.accounts.switch(switching, account_id=contact.account.id).token
        except SessionRefused:
            return switching

    return [switching, *together(act, 2)]


def _opens(town: Sandbox, token: str) -> bool:
    try:
        town.auth.login.session(token)
    except SessionRefused:
        return False
    return True


def test_the_services_do_what_the_model_says(redis_server: RedisServer) -> None:
    """Whatever co-owners, managers and the host do, each answer is the model's with the sessions in Redis, too."""

    class Machine(CoproauthMachine):
        """The machine over an empty store for each run."""

        def make_sandbox(self) -> Sandbox:
            """Return an empty town."""
            self._stack = ExitStack()
            store = self._stack.enter_context(sessions_on(redis_server))
            return Sandbox.build(store=store, policy=attrs.evolve(patient_policy(), require_email_proof=False))

        def teardown(self) -> None:
            """Close the connections."""
            self._stack.close()

    run_state_machine_as_test(Machine, settings=settings(max_examples=25, stateful_step_count=50, deadline=None))
