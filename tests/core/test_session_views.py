"""Signed views of a session: what they say, whom they are believed with, and for how long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coproauth import Account, Keyring, Policy, Session, ViewedSession
from coproauth.core.session_views import VIEW_MAX_LENGTH, SignedViews

_AT = datetime(2026, 1, 1, 8, 0, 0, 123_456, tzinfo=UTC)
_LIFETIME = timedelta(seconds=20)
_KEY, _OLD_KEY = "the first key, 0123456789 abcdefghij", "the older key, 0123456789 abcdefghij"
_POLICY = Policy(session_view_lifetime=_LIFETIME)
_RING = Keyring(secret_keys=[_KEY], audience="https://portail.example.fr")
_VIEWS = SignedViews(keyring=_RING, policy=_POLICY)
_DIGEST, _OTHER_DIGEST = _RING.digest("a token"), _RING.digest("another token")


def _account(number: int) -> Account:
    return Account(
        id=f"account-{number}",
        label=f"Lot {number}",
        condominium_id=f"condominium-{number}",
        condominium_name="Résidence « Les Tilleuls »",
        portfolio_id="cabinet",
    )


def _session(*, accounts: int = 2, active: int = 1) -> Session:
    owned = tuple(_account(number) for number in range(accounts))
    return Session(
        identity_id="identity-1",
        email="jeanne@example.fr",
        active_account=owned[active] if owned else None,
        accounts=owned,
        authenticated_at=_AT - timedelta(minutes=5),
        expires_at=_AT + timedelta(hours=12),
    )


_SESSION = _session()


def _sign(session: Session = _SESSION, *, views: SignedViews = _VIEWS, digest: str = _DIGEST) -> str:
    view = views.sign(session, digest=digest, seen_at=_AT)
    assert view is not None
    return view


def _read(
    view: object, *, views: SignedViews = _VIEWS, digest: str = _DIGEST, after: timedelta = timedelta(0)
) -> Session | None:
    return views.read(view, digest=digest, at=_AT + after)


_VIEW = _sign()

_TEXTS = st.text(max_size=30)
_ACCOUNTS = st.builds(
    Account, id=_TEXTS, label=_TEXTS, condominium_id=_TEXTS, condominium_name=_TEXTS, portfolio_id=_TEXTS
)


class TestContent:
    """A view says what the store said, and nothing else."""

    @given(
        accounts=st.lists(_ACCOUNTS, max_size=3, unique_by=lambda account: account.id).map(tuple),
        email=_TEXTS,
        at=st.datetimes(timezones=st.just(UTC), min_value=datetime(2000, 1, 1), max_value=datetime(2200, 1, 1)),  # noqa: DTZ001
        data=st.data(),
    )
    def test_a_session_comes_back_as_it_was(
        self, accounts: tuple[Account, ...], email: str, at: datetime, data: st.DataObject
    ) -> None:
        """Whatever names, addresses and instants it holds."""
        active = data.draw(st.sampled_from(accounts)) if accounts else None
        session = attrs.evolve(
            _SESSION, accounts=accounts, active_account=active, email=email, authenticated_at=at, expires_at=at
        )
        past = at - timedelta(seconds=1)

        view = _VIEWS.sign(session, digest=_DIGEST, seen_at=past)

        assert _VIEWS.read(view, digest=_DIGEST, at=past) == session

    def test_names_may_hold_what_is_no_text(self) -> None:
        """A lone surrogate out of a host's directory breaks no page."""
        session = attrs.evolve(_SESSION, accounts=(attrs.evolve(_account(0), label="\ud800"),), active_account=None)

        seen = _read(_sign(session))

        assert seen is not None
        assert seen.accounts == session.accounts

    def test_an_orphan_has_one_too(self) -> None:
        """Without any account."""
        assert _read(_sign(_session(accounts=0))) == _session(accounts=0)

    def test_it_fits_into_a_cookie(self) -> None:
        """ASVS V3.3.5: characters that need no quotes, and so few that a browser keeps it with its name."""
        assert _VIEW.replace("-", "").replace("_", "").replace(".", "").isalnum()
        assert (
            VIEW_MAX_LENGTH + len("__Host-coproauth_view=; Max-Age=60; Path=/; SameSite=lax; Secure; HttpOnly") < 4096
        )

    def test_a_login_with_very_many_accounts_has_none(self) -> None:
        """Rather than one that browsers drop; the store is asked each time, as without."""
        lengths = [len(_VIEWS.sign(_session(accounts=n), digest=_DIGEST, seen_at=_AT) or "") for n in range(2, 40)]
        given_ones = [length for length in lengths if length]

        assert 10 < len(given_ones) < 38
        assert lengths == given_ones + [0] * (38 - len(given_ones))
        assert max(given_ones) <= VIEW_MAX_LENGTH

    def test_it_stays_out_of_sight(self) -> None:
        """The answer that carries it does not show it."""
        assert _VIEW not in repr(ViewedSession(session=_SESSION, view=_VIEW))


class TestSignature:
    """Whatever is not exactly what was signed says nothing."""

    def test_every_changed_character_is_refused(self) -> None:
        """Each, by one bit, by another letter, left out, or doubled."""
        for place, character in enumerate(_VIEW):
            for other in (chr(ord(character) ^ 1), character.swapcase(), "", character * 2, "A", "=", "."):
                forged = _VIEW[:place] + other + _VIEW[place + 1 :]
                assert forged == _VIEW or _read(forged) is None

    @given(st.text(max_size=200) | st.binary(max_size=200) | st.none() | st.integers())
    def test_what_was_never_signed_is_refused(self, view: object) -> None:
        """Text of any kind, and what is no text."""
        assert _read(view) is None

    @pytest.mark.parametrize(
        "view",
        ["", ".", "..", _VIEW + " ", " " + _VIEW, _VIEW + ".", _VIEW + "=", _VIEW + "é", "\ud800", _VIEW * 9],
    )
    def test_what_only_looks_alike_is_refused(self, view: str) -> None:
        """Nothing is trimmed, and nothing is made to fit."""
        assert _read(view) is None

    def test_it_is_worth_nothing_without_its_token(self) -> None:
        """Beside another session's token, of the same login too, it is not believed."""
        assert _read(_VIEW, digest=_OTHER_DIGEST) is None

    def test_another_portal_or_epoch_does_not_believe_it(self) -> None:
        """Nor does another kind of message under the same keys."""
        for change in ({"audience": "https://autre.example.fr"}, {"epoch": 1}):
            other = attrs.evolve(_VIEWS, keyring=attrs.evolve(_RING, **change))
            assert _read(_VIEW, views=other) is None

    def test_what_another_release_signed_is_no_view(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """One whose sessions have other fields: it is asked for again, and no page breaks."""
        monkeypatch.setattr("coproauth.core.session_views._SHAPE", "identity_id,email")
        foreign = _sign()
        monkeypatch.undo()

        assert _read(foreign) is None

    def test_d26_it_outlives_a_new_key_and_not_the_loss_of_its_own(self) -> None:
        """D-26: keys are rotated without a page that waits."""
        both = attrs.evolve(_VIEWS, keyring=attrs.evolve(_RING, secret_keys=[_OLD_KEY, _KEY]))
        old = attrs.evolve(_VIEWS, keyring=attrs.evolve(_RING, secret_keys=[_OLD_KEY]))

        assert _read(_sign(views=old), views=both) == _SESSION
        assert _read(_sign(views=both)) == _SESSION
        assert _read(_sign(views=old)) is None


class TestLifetime:
    """A view is believed from the instant the store was asked, and until the policy's lifetime is over."""

    @pytest.mark.parametrize(
        ("after", "is_believed"),
        [
            (timedelta(0), True),
            (_LIFETIME - timedelta(microseconds=1), True),
            (_LIFETIME, False),
            (timedelta(days=400), False),
            (-timedelta(microseconds=1), False),
            (-timedelta(days=400), False),
        ],
    )
    def test_it_ends_to_the_microsecond(self, after: timedelta, is_believed: bool) -> None:  # noqa: FBT001
        """A clock that was set back, or that is behind another server's, makes no view live longer."""
        assert (_read(_VIEW, after=after) is not None) is is_believed

    def test_the_policy_says_how_long_and_not_the_view(self) -> None:
        """A shorter lifetime holds for views that are out, and none for all of them."""
        for seconds, is_believed in ((11, True), (10, False), (0, False)):
            policy = attrs.evolve(_POLICY, session_view_lifetime=timedelta(seconds=seconds))
            views = attrs.evolve(_VIEWS, policy=policy)
            assert (_read(_VIEW, views=views, after=timedelta(seconds=10)) is not None) is is_believed

    def test_it_ends_with_its_session(self) -> None:
        """ASVS V7.3.2: a session too old is not shown, however young the view."""
        view = _sign(attrs.evolve(_SESSION, expires_at=_AT + timedelta(seconds=5)))

        assert _read(view, after=timedelta(seconds=5) - timedelta(microseconds=1)) is not None
        assert _read(view, after=timedelta(seconds=5)) is None

    def test_by_default_there_are_none(self) -> None:
        """None is signed, and none is believed."""
        views = SignedViews(keyring=_RING, policy=Policy())

        assert views.sign(_SESSION, digest=_DIGEST, seen_at=_AT) is None
        assert _read(_VIEW, views=views) is None
