"""Signed views of sessions: pages that only show something ask the store once in ``session_view_lifetime``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import attrs
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, rule
from tests.town import JEANNE, SECRET_KEY, Town

from coproauth import Coproauth, Session, SessionRefused, ViewedSession
from coproauth.testing.sandbox import PASSWORD, cheap_policy

_LIFETIME = timedelta(seconds=20)
_POLICY = attrs.evolve(cheap_policy(), session_view_lifetime=_LIFETIME)
_NEW_KEY = "a newer key of this town, 0123456789 abcdefghij"


@pytest.fixture
def quick_town() -> Town:
    """A town whose pages believe views for twenty seconds."""
    return Town.found(policy=_POLICY)


def _look(town: Town, token: str, view: str | None = None) -> ViewedSession:
    return town.auth.session_views.session(token, view=view)


def _view(town: Town, token: str) -> str:
    view = _look(town, token).view
    assert view is not None
    return view


class TestBelieved:
    """Within the lifetime a page is told what the store said, without asking it."""

    def test_it_says_what_the_store_said(self, quick_town: Town) -> None:
        """The whole session; and the browser keeps the view it has."""
        token = quick_town.move_in().token
        view = _view(quick_town, token)

        assert _look(quick_town, token, view) == ViewedSession(session=quick_town.auth.login.session(token))

    def test_it_is_asked_for_again_when_it_is_over(self, quick_town: Town) -> None:
        """From then on there is a new one."""
        token = quick_town.move_in().token
        view = _view(quick_town, token)
        quick_town.later(seconds=20)

        assert _look(quick_town, token, view).view not in {None, view}

    @pytest.mark.parametrize(
        "view", [None, "", "x", "x" * 10_000_000, "\ud800", "\x00", 7, b"view", ["view"], object()]
    )
    def test_whatever_else_a_cookie_holds_counts_as_none(self, quick_town: Town, view: str) -> None:
        """The store is asked, and nothing breaks."""
        token = quick_town.move_in().token

        assert _look(quick_town, token, view).view is not None

    @pytest.mark.parametrize("token", ["", "x", "x" * 2049, "\ud800", None, 7, b"token"])
    def test_a75_no_view_opens_what_is_no_session(self, quick_town: Town, token: str) -> None:
        """A view that is genuine, beside a token that is none."""
        view = _view(quick_town, quick_town.move_in().token)

        with pytest.raises(SessionRefused):
            _look(quick_town, token, view)

    def test_a75_it_opens_no_other_session(self, quick_town: Town) -> None:
        """Neither another person's nor another one of the same login."""
        view = _view(quick_town, quick_town.move_in().token)
        marc, jeanne = quick_town.move_in("marc@example.fr").token, quick_town.log_in(JEANNE).token

        for token in (marc, jeanne):
            seen = _look(quick_town, token, view)
            assert (seen.session, seen.view is None) == (quick_town.auth.login.session(token), False)

    def test_a_session_in_use_does_not_go_idle(self, quick_town: Town) -> None:
        """Pages that believe views keep it as alive as pages that do not: each new view is a look into the store."""
        token, view = quick_town.move_in().token, None
        for _ in range(3 * 200):
            quick_town.later(seconds=18)
            view = _look(quick_town, token, view).view or view

        assert quick_town.auth.login.session(token).email == JEANNE

    def test_by_default_every_page_asks(self, town: Town) -> None:
        """ASVS V7.4.1: what was ended is refused at once, whatever cookies the browser has kept."""
        token = town.move_in().token
        keyed_alike = town.another_server(policy=_POLICY)
        view = keyed_alike.session_views.session(token, view=None).view
        assert _look(town, token, view) == ViewedSession(session=town.auth.login.session(token))
        town.auth.login.log_out(token)

        with pytest.raises(SessionRefused):
            _look(town, token, view)


class TestCost:
    """What is over is shown until the view is, and not a microsecond longer; whatever writes is refused at once."""

    _ENDINGS: tuple[Callable[[Town, str], object], ...] = (
        lambda town, token: town.auth.login.log_out(token),
        lambda town, token: town.auth.login.log_out_everywhere(token),
        lambda town, _: town.auth.login.log_out_elsewhere(town.log_in(JEANNE).token),
        lambda town, token: town.auth.accounts.switch(token, account_id=_account_of(town, token)),
        lambda town, token: town.auth.login.reauthenticate(token, password=PASSWORD, source=town.source),
        lambda town, _: town.auth.password_reset.redeem(
            town.reset_token(), new_password="trois pommes sur un nuage", source=town.source
        ),
        lambda town, _: town.auth.personal_data.erase(email=JEANNE, operator="odile"),
    )

    @pytest.mark.parametrize("end", _ENDINGS)
    def test_a_session_that_ended_is_shown_until_its_view_is_over(
        self, quick_town: Town, end: Callable[[Town, str], object]
    ) -> None:
        """By log-out, here or elsewhere, rotation, another password, erasure."""
        token = quick_town.move_in().token
        view = _view(quick_town, token)
        end(quick_town, token)

        quick_town.later(seconds=20, microseconds=-1)
        assert _look(quick_town, token, view).session.email == JEANNE
        quick_town.later(microseconds=1)

        with pytest.raises(SessionRefused):
            _look(quick_town, token, view)

    @pytest.mark.parametrize("end", _ENDINGS)
    def test_no_service_believes_a_view(self, quick_town: Town, end: Callable[[Town, str], object]) -> None:
        """While pages still show the session, whatever it could do is refused."""
        town = quick_town
        token = town.move_in().token
        view, account_id = _view(town, token), _account_of(town, token)
        end(town, token)
        assert _look(town, token, view).view is None

        for act in (
            lambda: town.auth.login.session(token),
            lambda: town.auth.login.sessions(token),
            lambda: town.auth.accounts.switch(token, account_id=account_id),
            lambda: town.auth.activation.link(token, code="0000-0000-0000-0000", source=town.source),
            lambda: town.auth.login.log_out_everywhere(token),
            lambda: town.auth.login.reauthenticate(token, password=PASSWORD, source=town.source),
        ):
            with pytest.raises(SessionRefused):
                act()

    def test_a_condominium_that_was_deleted_is_shown_until_the_view_is_over(self, quick_town: Town) -> None:
        """The right to an account is as old as the view."""
        signed_in = quick_town.move_in()
        (account,) = signed_in.session.accounts
        view = _view(quick_town, signed_in.token)
        quick_town.directory.remove_condominium(account.condominium_id)

        assert _look(quick_town, signed_in.token, view).session.accounts == (account,)
        quick_town.later(seconds=20)

        assert _look(quick_town, signed_in.token, view).session.accounts == ()

    def test_a_slow_store_makes_no_view_live_longer(self, quick_town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
        """The lifetime runs from when the store was asked, not from when it answered."""
        token = quick_town.move_in().token
        answer = quick_town.store.session_view

        def answer_late(*arguments: object) -> object:
            found = answer(*arguments)  # type: ignore[arg-type]
            quick_town.later(seconds=15)
            return found

        monkeypatch.setattr(type(quick_town.store), "session_view", lambda _, *arguments: answer_late(*arguments))
        view = _view(quick_town, token)
        monkeypatch.undo()
        quick_town.later(seconds=5)

        assert _look(quick_town, token, view).view is not None


def _account_of(town: Town, token: str) -> str:
    return town.auth.login.session(token).accounts[0].id


@attrs.frozen
class _Kept:
    """A view as the model knows it: when, for which session, and under which keys it was made, and what it says."""

    view: str
    token: str
    at: datetime
    key: str
    session: Session


class ViewMachine(RuleBasedStateMachine):
    """Any order of looks, ends, switches, deletions, steps of the clock and of the keys, against a plain model."""

    tokens: Bundle[str] = Bundle("tokens")
    views: Bundle[_Kept] = Bundle("views")

    @initialize()
    def found(self) -> None:
        """Found a town with a login of two accounts."""
        self.town = Town.found(policy=_POLICY)
        self.keys: tuple[str, ...] = (SECRET_KEY,)
        self.server: Coproauth = self.town.auth
        self.town.move_in()
        self.town.activate(self.town.contact(), JEANNE)

    @rule(target=tokens)
    def log_in(self) -> str:
        """Open a session."""
        return self.town.log_in(JEANNE).token

    @rule(token=tokens)
    def log_out(self, token: str) -> None:
        """End one."""
        self.town.auth.login.log_out(token)

    @rule(target=tokens, token=tokens, place=st.integers(0, 1))
    def switch(self, token: str, place: int) -> str:
        """Select an account, if the session holds: a new token."""
        try:
            accounts = self.town.auth.login.session(token).accounts
            return self.town.auth.accounts.switch(token, account_id=accounts[place % len(accounts)].id).token
        except SessionRefused:
            return token

    @rule(seconds=st.sampled_from([-30, -1, 1, 10, 19, 20]))
    def wait(self, seconds: int) -> None:
        """Move the clock, backwards too."""
        self.town.later(seconds=seconds)

    @rule(keys=st.sampled_from([(SECRET_KEY,), (SECRET_KEY, _NEW_KEY), (_NEW_KEY,)]))
    def rotate_keys(self, keys: tuple[str, ...]) -> None:
        """Have pages answered by a server with other keys."""
        self.keys = keys
        self.server = self.town.another_server(policy=_POLICY, secret_keys=keys)

    @rule(target=views, token=tokens)
    def ask(self, token: str) -> _Kept:
        """Open a page in a browser without a view."""
        at, key = self.town.clock.now(), self.keys[-1]
        try:
            seen = self.server.session_views.session(token, view=None)
        except SessionRefused:
            return _Kept("", token, at, key, _NOBODY)
        assert seen.session == self.server.login.session(token)
        assert seen.view
        return _Kept(seen.view, token, at, key, seen.session)

    @rule(token=tokens, kept=views)
    def show(self, token: str, kept: _Kept) -> None:
        """Open a page with some token and some view: it is told what the model says."""
        age = self.town.clock.now() - kept.at
        fits = kept.view and token == kept.token and kept.key in self.keys
        if fits and timedelta(0) <= age < _LIFETIME:
            assert self.server.session_views.session(token, view=kept.view) == ViewedSession(session=kept.session)
        else:
            assert _answer(lambda: self.server.session_views.session(token, view=kept.view).session) == _answer(
                lambda: self.server.login.session(token)
            )


_NEVER = datetime(1, 1, 1, tzinfo=UTC)
_NOBODY = Session(
    identity_id="",
    email="",
    active_account=None,
    accounts=(),
    authenticated_at=_NEVER,
    expires_at=_NEVER,
)


def _answer(ask: Callable[[], Session]) -> Session | str:
    try:
        return ask()
    except SessionRefused as refusal:
        return refusal.reason


TestViewMachine = ViewMachine.TestCase
TestViewMachine.settings = settings(max_examples=60, stateful_step_count=30)
