"""Known browsers: what a device token proves, and to whom."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coproauth import Keyring, Policy
from coproauth.core.devices import LOGINS_KEPT, Devices
from coproauth.core.identities import Identity
from coproauth.core.tokens import TOKEN_MAX_LENGTH, LinkClaims, Purpose

_AT = datetime(2026, 1, 1, 8, tzinfo=UTC)
_KEY = "the first key, 0123456789 abcdefghij"
_POLICY = Policy()
_RING = Keyring(secret_keys=[_KEY], audience="https://portail.example.fr")
_DEVICES = Devices(keyring=_RING, policy=_POLICY)
_JEANNE = Identity(
    id="identity-1",
    email="Jeanne@example.fr",
    email_key="jeanne@example.fr",
    password_hash=None,
    credential_stamp=3,
    temporary_until=None,
    last_account_id=None,
    locale="fr",
    created_at=_AT,
    last_login_at=_AT,
)
_MARC = attrs.evolve(_JEANNE, id="identity-2", email_key="marc@example.fr")
_TOKEN = _DEVICES.renewed("", _JEANNE, nonce="n" * 32, at=_AT)


def _is_known(token: str | None, identity: Identity = _JEANNE, *, devices: Devices = _DEVICES) -> bool:
    return devices.known(token, email_key=identity.email_key, at=_AT) is not None


class TestKnown:
    """A browser is known to a login that was opened in it, and to no other."""

    def test_it_is_known_to_that_login(self) -> None:
        """By the e-mail that is typed, before anything is looked up."""
        device = _DEVICES.known(_TOKEN, email_key=_JEANNE.email_key, at=_AT)

        assert device is not None
        assert (device.nonce, device.is_of(_JEANNE), device.is_of(_MARC)) == ("n" * 32, True, False)

    def test_it_knows_the_login_as_it_was(self) -> None:
        """After a change of password it must be opened here anew; a login that is gone is known to nobody."""
        device = _DEVICES.known(_TOKEN, email_key=_JEANNE.email_key, at=_AT)
        assert device is not None

        assert device.knows(_JEANNE)
        assert not device.knows(attrs.evolve(_JEANNE, credential_stamp=4))
        assert not device.knows(attrs.evolve(_JEANNE, id="identity-3"))
        assert not device.knows(None)

    def test_it_is_not_known_to_another(self) -> None:
        """A stranger's own token does not make a known browser of his at the login he attacks."""
        assert not _is_known(_TOKEN, _MARC)

    @pytest.mark.parametrize("token", [None, "", "~", "x", "a.b.c", "é~é", "\ud800", _TOKEN * 30])
    def test_what_is_no_token_counts_as_none(self, token: str | None) -> None:
        """Whatever a browser sends in its place."""
        assert not _is_known(token)

    @given(st.integers(0, len(_TOKEN) - 1), st.sampled_from("aZ0_-~."))
    def test_a_changed_token_counts_as_none(self, place: int, symbol: str) -> None:
        """Each of its characters is signed."""
        changed = _TOKEN[:place] + symbol + _TOKEN[place + 1 :]

        assert _is_known(changed) == (changed == _TOKEN)

    @pytest.mark.parametrize(
        "changes", [{"audience": "https://other.example.fr"}, {"epoch": 1}, {"secret_keys": ["k3y" * 5 + _KEY]}]
    )
    def test_another_portal_epoch_or_key_made_none(self, changes: dict[str, object]) -> None:
        """What was made elsewhere, or before a backup was restored, counts as none."""
        ring = attrs.evolve(_RING, **changes)  # type: ignore[arg-type]

        assert not _is_known(_TOKEN, devices=Devices(keyring=ring, policy=_POLICY))

    def test_a_key_that_was_added_leaves_it_known(self) -> None:
        """Rotating the keys makes no browser unknown as long as the old key is accepted."""
        ring = attrs.evolve(_RING, secret_keys=[_KEY, "the second key, 0123456789 abcdefghij"])

        assert _is_known(_TOKEN, devices=Devices(keyring=ring, policy=_POLICY))

    @pytest.mark.parametrize(("after", "known"), [(-61, 0), (-60, 1), (180 * 86400 - 1, 1), (180 * 86400, 0)])
    def test_it_is_known_for_a_while(self, after: int, known: int) -> None:
        """For as long as the policy says, and not from the future."""
        at = _AT + timedelta(seconds=after)

        assert (_DEVICES.known(_TOKEN, email_key=_JEANNE.email_key, at=at) is not None) == known

    def test_a_link_is_no_device_token(self) -> None:
        """What was signed for another purpose counts as none, and the other way round."""
        link = _RING.sign_link(Purpose.RESET, LinkClaims.about(_JEANNE), at=_AT)

        assert not _is_known(link)
        assert not isinstance(_RING.read_link(Purpose.RESET, _TOKEN, at=_AT, policy=_POLICY), LinkClaims)

    @pytest.mark.parametrize(
        "payload", [[], ["a", "b", "c"], ["a", "b", 3, 4], ["a", "b", "c", "d"], ["a", "b", "c", True]]
    )
    def test_claims_of_another_shape_count_as_none(self, payload: list[object]) -> None:
        """A later release may sign something else under this purpose."""
        assert not _is_known(_RING.sign(Purpose.DEVICE, payload, at=_AT))

    def test_it_does_not_tell_whose_login_it_is(self) -> None:
        """The e-mail is in it under a key: whoever finds the cookie cannot try addresses on it."""
        assert "jeanne" not in _TOKEN
        assert _DEVICES.renewed("", _JEANNE, nonce="n" * 32, at=_AT) == _TOKEN


class TestRenewed:
    """Each login that is opened in a browser renews what it keeps."""

    def test_a_known_browser_stays_the_same(self) -> None:
        """It is named as before, for a new lifetime."""
        later = _AT + timedelta(days=100)

        renewed = _DEVICES.renewed(_TOKEN, _JEANNE, nonce="m" * 32, at=later)

        device = _DEVICES.known(renewed, email_key=_JEANNE.email_key, at=later + timedelta(days=179))
        assert device is not None
        assert device.nonce == "n" * 32

    def test_a_login_that_only_has_the_same_email_gets_a_name_of_its_own(self) -> None:
        """The login before it was erased: its browser is none of the new one's."""
        successor = attrs.evolve(_JEANNE, id="identity-3")

        device = _DEVICES.known(
            _DEVICES.renewed(_TOKEN, successor, nonce="m" * 32, at=_AT), email_key=_JEANNE.email_key, at=_AT
        )

        assert device is not None
        assert (device.nonce, device.is_of(successor)) == ("m" * 32, True)

    def test_a_browser_is_known_to_a_whole_family(self) -> None:
        """S12: who shares a computer does not make the others' browser unknown."""
        both = _DEVICES.renewed(_TOKEN, _MARC, nonce="m" * 32, at=_AT)

        assert (_is_known(both, _JEANNE), _is_known(both, _MARC)) == (True, True)

    def test_what_is_kept_has_a_limit(self) -> None:
        """The logins opened last are kept, and what they come to still fits where it is read."""
        token = ""
        people = [attrs.evolve(_JEANNE, email_key=f"{number}@example.fr") for number in range(LOGINS_KEPT + 2)]
        for person in people:
            token = _DEVICES.renewed(token, person, nonce="n" * 32, at=_AT)

        assert [_is_known(token, person) for person in people] == [False] * 2 + [True] * LOGINS_KEPT
        assert len(token) <= TOKEN_MAX_LENGTH

    def test_nothing_forged_is_kept(self) -> None:
        """A browser is given back only what was made here."""
        assert _DEVICES.renewed(f"x~{'y' * 200}", _JEANNE, nonce="n" * 32, at=_AT) == _TOKEN
