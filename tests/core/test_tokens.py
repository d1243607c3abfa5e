"""Everything that is signed or keyed: accepted only as it was made, for what it was made, and not for ever."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import get_args

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import URLSafeSerializer, URLSafeTimedSerializer

from coproauth import ConfigurationError, Keyring, Policy
from coproauth.core.identities import Identity
from coproauth.core.tokens import LinkClaims, LinkFault, LinkPurpose, Purpose, new_token
from coproauth.testing.strategies import hostile_values

_AT = datetime(2026, 1, 1, 8, tzinfo=UTC)
_OLD_KEY = "the first key, 0123456789 abcdefghij"
_KEY = "the second key, 0123456789 abcdefghij"
_PORTAL = "https://portail.example.fr"
_POLICY = Policy()
_PURPOSES: tuple[LinkPurpose, ...] = (Purpose.RESET, Purpose.CHOOSE_PASSWORD, Purpose.CONFIRM_EMAIL)
_RING = Keyring(secret_keys=[_KEY], audience=_PORTAL)
_IDENTITY = Identity(
    id="identity-1",
    email="Jeanne@example.fr",
    email_key="jeanne@example.fr",
    password_hash="$argon2id$...",
    credential_stamp=3,
    temporary_until=None,
    last_account_id=None,
    locale="fr",
    created_at=_AT,
    last_login_at=_AT,
)
_CLAIMS = LinkClaims.about(_IDENTITY)
_TOKEN = _RING.sign_link(Purpose.RESET, _CLAIMS, at=_AT)


def _read(
    token: object, *, ring: Keyring = _RING, purpose: LinkPurpose = Purpose.RESET, after: timedelta = timedelta(0)
) -> LinkClaims | LinkFault:
    return ring.read_link(purpose, token, at=_AT + after, policy=_POLICY)


class TestSignature:
    """A link is accepted over exactly the characters that were made."""

    def test_a_genuine_link_says_what_was_signed(self) -> None:
        """What is read is what was signed, a new e-mail included."""
        claims = LinkClaims.about(_IDENTITY, new_email="new@example.fr")

        token = _RING.sign_link(Purpose.CONFIRM_EMAIL, claims, at=_AT)

        assert _read(token, purpose=Purpose.CONFIRM_EMAIL) == claims

    def test_every_changed_character_is_refused(self) -> None:
        """No other character of the alphabet, at any place, makes a link that is accepted."""
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ %"

        for place, symbol in enumerate(_TOKEN):
            for other in alphabet.replace(symbol, ""):
                assert _read(_TOKEN[:place] + other + _TOKEN[place + 1 :]) is LinkFault.INVALID

    @given(st.integers(0, len(_TOKEN)), st.text(min_size=1, max_size=5))
    def test_anything_inserted_is_refused(self, place: int, text: str) -> None:
        """A link with something put in, before or behind is refused."""
        assert _read(_TOKEN[:place] + text + _TOKEN[place:]) is LinkFault.INVALID

    @given(st.integers(0, len(_TOKEN) - 1), st.integers(1, 20))
    def test_anything_cut_out_is_refused(self, place: int, size: int) -> None:
        """A link with a piece missing is refused."""
        assert _read(_TOKEN[:place] + _TOKEN[place + size :]) is LinkFault.INVALID

    @given(st.integers(0, len(_TOKEN)), st.sampled_from(["\ud800", "\x00", "\n", "é", "\u202e", "\U0001f600"]))
    def test_hostile_characters_are_refused(self, place: int, symbol: str) -> None:
        """A lone surrogate or a control character anywhere is a refusal, never an error."""
        assert _read(_TOKEN[:place] + symbol + _TOKEN[place:]) is LinkFault.INVALID

    @given(hostile_values())
    def test_hostile_values_are_refused(self, value: object) -> None:
        """Whatever else arrives as a token is refused."""
        assert _read(value) is LinkFault.INVALID

    @pytest.mark.parametrize("size", [0, 1, 2049, 10_000_000])
    def test_length_is_bounded(self, size: int) -> None:
        """A token of no or of too many characters is refused without being decoded."""
        assert _read("A" * size) is LinkFault.INVALID

    def test_another_key_is_refused(self) -> None:
        """What another installation signed is refused."""
        assert _read(_TOKEN, ring=attrs.evolve(_RING, secret_keys=[_OLD_KEY])) is LinkFault.INVALID

    def test_a_payload_without_signature_is_refused(self) -> None:
        """The claims alone open nothing, also in the form that an ``alg: none`` parser would take."""
        payload = base64.urlsafe_b64encode(json.dumps(attrs.astuple(_CLAIMS)).encode()).decode().rstrip("=")

        for forged in (payload, f"{payload}.", f"{payload}..", f"..{payload}", f"{_TOKEN.rpartition('.')[0]}."):
            assert _read(forged) is LinkFault.INVALID

    @pytest.mark.parametrize("digest_method", [hashlib.sha1, hashlib.md5, hashlib.sha512])
    def test_another_digest_is_refused(self, digest_method: object) -> None:
        """A link signed with the right key but another hash function (itsdangerous' own SHA-1) is refused."""
        salt = json.dumps([Purpose.RESET, _PORTAL, 0])
        weak = URLSafeTimedSerializer(
            [_KEY.encode()], salt=salt, signer_kwargs={"digest_method": digest_method, "key_derivation": "hmac"}
        )

        assert _read(weak.dumps(attrs.astuple(_CLAIMS))) is LinkFault.INVALID

    def test_a27_a_link_without_time_is_refused(self) -> None:
        """A-27: a value signed with the right key but no timestamp never counts as fresh."""
        timeless = URLSafeSerializer(
            [_KEY.encode()],
            salt=json.dumps([Purpose.RESET, _PORTAL, 0]),
            signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
        )

        assert _read(timeless.dumps(attrs.astuple(_CLAIMS))) is LinkFault.INVALID

    @pytest.mark.parametrize(
        "parts",
        [
            (7, 3, "x", None),
            ("identity-1", True, "x", None),
            ("identity-1", "3", "x", None),
            ("identity-1", 3, None, None),
            ("identity-1", 3, "x", 5),
            (["identity-1"], 3, "x", None),
        ],
    )
    def test_claims_of_another_shape_are_refused(self, parts: tuple[object, object, object, object]) -> None:
        """Signed here and for this purpose, by a release that meant something else."""
        names = ("identity_id", "credential_stamp", "email_digest", "new_email")
        foreign = LinkClaims(**dict(zip(names, parts, strict=True)))  # type: ignore[arg-type]

        assert _read(_RING.sign_link(Purpose.RESET, foreign, at=_AT)) is LinkFault.INVALID


class TestLibrary:
    """A link is what itsdangerous makes with HMAC-SHA-256, for key derivation as well, and a salt per purpose."""

    @staticmethod
    def _plain(*secret_keys: str) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(
            [key.encode() for key in secret_keys],
            salt=json.dumps([Purpose.RESET, _PORTAL, 0]),
            signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
        )

    def test_the_library_alone_reads_a_link(self) -> None:
        """Claims and time are where it looks for them, under the last of several keys."""
        token = attrs.evolve(_RING, secret_keys=[_OLD_KEY, _KEY]).sign_link(Purpose.RESET, _CLAIMS, at=_AT)

        assert self._plain(_KEY).loads(token, return_timestamp=True) == ([*attrs.astuple(_CLAIMS)], _AT)

    @pytest.mark.parametrize("new_email", [None, "x" * 200 + "@example.fr"])
    def test_a_link_of_the_library_alone_is_read(self, new_email: str | None) -> None:
        """Also one that it made shorter by compression."""
        claims = LinkClaims.about(_IDENTITY, new_email=new_email)

        token = self._plain(_KEY).dumps(attrs.astuple(claims))

        assert token.startswith(".") == (new_email is not None)
        assert _RING.read_link(Purpose.RESET, token, at=datetime.now(UTC), policy=_POLICY) == claims


class TestPurpose:
    """What was made for one purpose, portal or epoch is void for every other."""

    def test_every_kind_of_link_is_covered(self) -> None:
        """The matrix below has a row for each purpose a link can have."""
        assert set(_PURPOSES) == set(get_args(LinkPurpose))

    @pytest.mark.parametrize("made_for", _PURPOSES)
    @pytest.mark.parametrize("read_for", _PURPOSES)
    def test_a29_only_the_diagonal_is_accepted(self, made_for: LinkPurpose, read_for: LinkPurpose) -> None:
        """A-29: each kind of link at each reader; only its own takes it."""
        token = _RING.sign_link(made_for, _CLAIMS, at=_AT)

        answer = _read(token, purpose=read_for)

        assert answer == (_CLAIMS if made_for is read_for else LinkFault.INVALID)

    def test_a48_another_portal_is_refused(self) -> None:
        """A-48: a link of one portal is void on another that has the same keys."""
        assert _read(_TOKEN, ring=attrs.evolve(_RING, audience="https://other.example.fr")) is LinkFault.INVALID

    def test_d28_another_epoch_is_refused(self) -> None:
        """D-28: a link from before the epoch was raised is void."""
        assert _read(_TOKEN, ring=attrs.evolve(_RING, epoch=1)) is LinkFault.INVALID

    def test_a29_salts_are_joined_unambiguously(self) -> None:
        """A-29: no other split of the same characters into parts has the same keyed hash."""
        assert _RING.macs(Purpose.FORM, "ab", "c") != _RING.macs(Purpose.FORM, "a", "bc")
        assert _RING.macs(Purpose.FORM, "a", "") != _RING.macs(Purpose.FORM, "a")

    @pytest.mark.parametrize("change", [{"audience": "https://other.example.fr"}, {"epoch": 1}])
    def test_keyed_hashes_differ_by_portal_and_epoch(self, change: dict[str, object]) -> None:
        """A code's index or a form's token of another portal or epoch is another."""
        other = attrs.evolve(_RING, **change)  # type: ignore[arg-type]

        assert other.macs(Purpose.CODE_INDEX, "x") != _RING.macs(Purpose.CODE_INDEX, "x")

    def test_a_pseudonym_is_made_for_the_record_alone(self) -> None:
        """It is the hash for that purpose, so no other of the same address can be told by it."""
        (mac,) = _RING.macs(Purpose.AUDIT, "a@example.fr")

        assert _RING.pseudonyms("a@example.fr")[0].removeprefix("email:") == mac.hex()[:32]

    def test_keyed_hashes_differ_by_purpose(self) -> None:
        """No two purposes ever share a keyed hash."""
        assert len({_RING.macs(purpose, "x") for purpose in Purpose}) == len(Purpose)

    def test_seals_differ_by_purpose_portal_and_epoch(self) -> None:
        """And from every keyed hash and signature of the same purpose: their keys are derived apart."""
        rings = (_RING, attrs.evolve(_RING, audience="https://other.example.fr"), attrs.evolve(_RING, epoch=1))
        seals = [ring.seals(purpose, b"x")[0] for ring in rings for purpose in Purpose]
        salt = json.dumps([Purpose.DEVICE, _PORTAL, 0]).encode()

        signed = hmac.digest(hmac.digest(_KEY.encode(), salt, "sha256"), b"x", "sha256").hex()

        assert len({*seals, signed, _RING.macs(Purpose.DEVICE, "x")[0].hex()}) == 3 * len(Purpose) + 2


class TestAge:
    """A link works until its own lifetime is over; the policy says how long that is."""

    @pytest.mark.parametrize(
        ("after", "is_fresh"),
        [
            (timedelta(0), True),
            (timedelta(minutes=60, seconds=-1), True),
            (timedelta(minutes=60), False),
            (timedelta(minutes=60, seconds=1), False),
            (timedelta(days=3650), False),
        ],
    )
    def test_a27_a_link_is_refused_from_its_lifetime_on(self, after: timedelta, is_fresh: bool) -> None:  # noqa: FBT001
        """A-27: accepted one second before the end, and never again from the end on."""
        assert _read(_TOKEN, after=after) == (_CLAIMS if is_fresh else LinkFault.EXPIRED)

    @pytest.mark.parametrize(
        ("ahead", "is_fresh"),
        [(timedelta(seconds=60), True), (timedelta(seconds=61), False), (timedelta(days=1), False)],
    )
    def test_d25_a_signer_may_be_ahead_by_the_leeway(self, ahead: timedelta, is_fresh: bool) -> None:  # noqa: FBT001
        """D-25: the clocks of two servers may differ by the policy's leeway and no more."""
        assert _read(_TOKEN, after=-ahead) == (_CLAIMS if is_fresh else LinkFault.EXPIRED)

    def test_d25_no_leeway_is_possible(self) -> None:
        """D-25: the leeway is configurable, down to nothing."""
        strict = Policy(clock_leeway=timedelta(0))

        answer = _RING.read_link(Purpose.RESET, _TOKEN, at=_AT - timedelta(seconds=1), policy=strict)

        assert answer is LinkFault.EXPIRED

    @pytest.mark.parametrize("purpose", _PURPOSES)
    def test_a30_each_purpose_has_its_own_lifetime(self, purpose: LinkPurpose) -> None:
        """A-30: reset, confirmation and choice of a password each obey their own limit."""
        lifetimes = {
            Purpose.RESET: timedelta(minutes=7),
            Purpose.CONFIRM_EMAIL: timedelta(minutes=11),
            Purpose.CHOOSE_PASSWORD: timedelta(minutes=13),
        }
        policy = Policy(
            reset_link_lifetime=lifetimes[Purpose.RESET],
            email_link_lifetime=lifetimes[Purpose.CONFIRM_EMAIL],
            choose_password_lifetime=lifetimes[Purpose.CHOOSE_PASSWORD],
        )
        token = _RING.sign_link(purpose, _CLAIMS, at=_AT)
        end = _AT + lifetimes[purpose]

        assert _RING.read_link(purpose, token, at=end - timedelta(seconds=1), policy=policy) == _CLAIMS
        assert _RING.read_link(purpose, token, at=end, policy=policy) is LinkFault.EXPIRED

    def test_a30_the_lifetime_is_the_readers(self) -> None:
        """A-30: a policy that is made stricter holds for links that are out already."""
        stricter = Policy(reset_link_lifetime=timedelta(minutes=5))

        answer = _RING.read_link(Purpose.RESET, _TOKEN, at=_AT + timedelta(minutes=5), policy=stricter)

        assert answer is LinkFault.EXPIRED


class TestClaims:
    """A link is void once the login is no longer as it was."""

    def test_the_login_as_it_was_is_named(self) -> None:
        """The login that the link was made for, unchanged, is the one."""
        assert _CLAIMS.names(_IDENTITY)

    @pytest.mark.parametrize(
        "change",
        [{"credential_stamp": 4}, {"credential_stamp": 2}, {"email_key": "other@example.fr"}, {"id": "identity-2"}],
    )
    def test_a_changed_login_is_not_named(self, change: dict[str, object]) -> None:
        """A changed password, e-mail or login voids the link."""
        assert not _CLAIMS.names(attrs.evolve(_IDENTITY, **change))  # type: ignore[arg-type]

    def test_no_login_is_not_named(self) -> None:
        """A link names nothing where there is nothing."""
        assert not _CLAIMS.names(None)

    def test_other_changes_do_not_matter(self) -> None:
        """Logging in or switching accounts does not void a link."""
        used = attrs.evolve(_IDENTITY, last_login_at=_AT + timedelta(hours=1), last_account_id="account-1")

        assert _CLAIMS.names(used)

    def test_no_address_stands_in_a_link(self) -> None:
        """A reset link tells its reader no e-mail."""
        payload = _TOKEN.split(".")[0]

        assert b"jeanne" not in base64.urlsafe_b64decode(payload + "==").lower()


class TestKeyRotation:
    """D-26: keys are listed oldest first; the last signs, all are accepted."""

    def test_d26_the_last_key_signs(self) -> None:
        """What two keys made is accepted by the new one alone."""
        both = attrs.evolve(_RING, secret_keys=[_OLD_KEY, _KEY])

        assert _read(both.sign_link(Purpose.RESET, _CLAIMS, at=_AT)) == _CLAIMS

    def test_d26_older_keys_are_accepted(self) -> None:
        """What the old key alone made is accepted as long as it is listed."""
        old = attrs.evolve(_RING, secret_keys=[_OLD_KEY])
        both = attrs.evolve(_RING, secret_keys=[_OLD_KEY, _KEY])

        assert _read(old.sign_link(Purpose.RESET, _CLAIMS, at=_AT), ring=both) == _CLAIMS

    def test_d26_a_dropped_key_voids_what_it_made(self) -> None:
        """A key that leaked is dropped, and its links with it."""
        old = attrs.evolve(_RING, secret_keys=[_OLD_KEY])

        assert _read(old.sign_link(Purpose.RESET, _CLAIMS, at=_AT)) is LinkFault.INVALID

    def test_d26_keyed_hashes_come_under_every_key_the_signing_one_first(self) -> None:
        """Codes that were issued under an older key are still found."""
        both = attrs.evolve(_RING, secret_keys=[_OLD_KEY, _KEY])
        old = attrs.evolve(_RING, secret_keys=[_OLD_KEY])

        assert both.macs(Purpose.CODE_INDEX, "x") == (
            *_RING.macs(Purpose.CODE_INDEX, "x"),
            *old.macs(Purpose.CODE_INDEX, "x"),
        )
        assert both.seals(Purpose.SESSION_VIEW, b"x") == (
            *_RING.seals(Purpose.SESSION_VIEW, b"x"),
            *old.seals(Purpose.SESSION_VIEW, b"x"),
        )

    def test_d26_session_digests_do_not_depend_on_keys(self) -> None:
        """Sessions survive a rotation."""
        assert attrs.evolve(_RING, secret_keys=[_OLD_KEY]).digest("token") == _RING.digest("token")


class TestSessionTokens:
    """A session's token is random; only its digest is stored."""

    def test_a_token_is_256_bits(self) -> None:
        """43 URL-safe characters, made of 32 bytes."""
        token = new_token(lambda size: bytes(range(size)))

        assert base64.urlsafe_b64decode(token + "=") == bytes(range(32))

    @given(st.text(), st.text())
    def test_digests_are_equal_exactly_for_equal_tokens(self, one: str, other: str) -> None:
        """No two tokens share a digest."""
        assert (_RING.digest(one) == _RING.digest(other)) == (one == other)

    def test_d28_the_digest_depends_on_the_epoch(self) -> None:
        """D-28: sessions from before the epoch was raised are not found."""
        assert attrs.evolve(_RING, epoch=1).digest("token") != _RING.digest("token")

    def test_the_digest_is_not_the_token(self) -> None:
        """Who reads the store cannot log in with what he finds."""
        assert "token" not in _RING.digest("token")


class TestProofDigits:
    """Six digits prove an address."""

    @given(st.text(max_size=32), st.text(max_size=32))
    def test_they_are_six_digits(self, nonce: str, email_key: str) -> None:
        """Always six, leading zeros included."""
        (digits,) = _RING.proof_digits(nonce=nonce, email_key=email_key)

        assert len(digits) == 6
        assert digits.isascii()
        assert digits.isdigit()

    def test_a40_they_follow_from_nonce_and_address(self) -> None:
        """A-40: another request or another address has other digits, the same has the same."""
        digits = {
            _RING.proof_digits(nonce=nonce, email_key=email_key)
            for nonce in ("n1", "n2", "n1")
            for email_key in ("a@example.fr", "b@example.fr")
        }

        assert len(digits) == 4

    @given(st.text(max_size=32))
    def test_they_are_truncated_as_the_standard_says(self, nonce: str) -> None:
        """RFC 4226 §5.3: the low four bits of the last byte say which 31 bits are taken, the first of them highest."""
        (mac,) = _RING.macs(Purpose.EMAIL_PROOF, nonce, "a@example.fr")
        start = int(mac.hex()[-1], 16)
        taken = int(mac.hex()[2 * start : 2 * start + 8], 16) % 2**31

        assert _RING.proof_digits(nonce=nonce, email_key="a@example.fr") == (f"{taken:010}"[-6:],)

    def test_every_digit_occurs_everywhere(self) -> None:
        """A thousand proofs leave no digit out at any of the six places."""
        (*all_digits,) = (_RING.proof_digits(nonce=str(n), email_key="a@example.fr")[0] for n in range(1000))

        assert all(len(set(place)) == 10 for place in zip(*all_digits, strict=True))


class TestConfiguration:
    """A key ring that cannot be safe is never made."""

    @pytest.mark.parametrize(
        "secret_keys",
        [
            [],
            (),
            None,
            _KEY,
            _KEY.encode(),
            ["x" * 31],
            [b"0123456789abcdef0123456789abcde"],
            [_KEY, "short"],
            ["a" * 64],
            [None],
            [12345678],
        ],
    )
    def test_unsafe_keys_are_refused(self, secret_keys: object) -> None:
        """No key, one that is short or of one letter, text instead of a list, or no text at all."""
        with pytest.raises(ConfigurationError):
            Keyring(secret_keys=secret_keys, audience=_PORTAL)  # type: ignore[arg-type]

    def test_thirty_two_bytes_are_enough(self) -> None:
        """The floor is 32 bytes, counted in UTF-8."""
        assert Keyring(secret_keys=["é123456789abcdef0123456789abcde"], audience=_PORTAL).digest("x")

    def test_a74_keys_do_not_show(self) -> None:
        """A-74: the repr of a key ring holds no key."""
        assert _KEY not in repr(_RING)
