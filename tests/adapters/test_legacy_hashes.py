"""Hashes of other systems: what fitted there fits here, once, and for no more work than is allowed."""

from __future__ import annotations

import base64
import hashlib
import itertools
from contextlib import nullcontext
from datetime import timedelta

import attrs
import bcrypt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.town import JEANNE, Town, WatchedHasher

from coproauth import Argon2Parameters, LoginRefused, Policy, Throttled
from coproauth.adapters.argon2 import Argon2Hasher
from coproauth.adapters.hashers import can_verify, hasher_of
from coproauth.adapters.hashing_gate import HashingGate
from coproauth.adapters.legacy_hashes import LegacyHasher
from coproauth.testing.contracts import check_password_hasher
from coproauth.testing.sandbox import PASSWORD

_GATE = HashingGate(at_once=1, waiting=8, patience=timedelta(minutes=1))
_CURRENT = Argon2Hasher(Argon2Parameters.unsafe_only_for_tests(), gate=_GATE)
_HASHER = LegacyHasher(_CURRENT, gate=_GATE)
_SALT = b"sixteen bytes...;"
_LONG = "la girafe violette joue du tuba sous un parapluie de laine bleue, le soir "


def _b64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _phc(value: bytes) -> str:
    return _b64(value).rstrip("=")


def _passlib(value: bytes) -> str:
    return _phc(value).replace("+", ".")


def _bcrypt(password: bytes, *, cost: int = 4) -> str:
    return bcrypt.hashpw(password, bcrypt.gensalt(cost)).decode()


def _pbkdf2(digest: str, password: str, salt: bytes = _SALT, rounds: int = 3) -> bytes:
    return hashlib.pbkdf2_hmac(digest, password.encode(), salt, rounds)


def _scrypt(password: str, salt: bytes = _SALT, *, size: int = 32) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=16, r=8, p=2, dklen=size)


def _hashes(password: str) -> dict[str, str]:
    """Return a hash of a password in each notation."""
    salt = _phc(_SALT)
    sha256 = hashlib.sha256(password.encode()).hexdigest().encode()
    blowfish = _bcrypt(password.encode()[:72])
    return {
        "bcrypt 2b": blowfish,
        "bcrypt 2a": blowfish.replace("$2b$", "$2a$"),
        "bcrypt 2y, of PHP": blowfish.replace("$2b$", "$2y$"),
        "Django bcrypt": f"bcrypt${blowfish}",
        "Django bcrypt_sha256": f"bcrypt_sha256${_bcrypt(sha256)}",
        "PBKDF2-SHA1 of passlib": f"$pbkdf2$3${_passlib(_SALT)}${_passlib(_pbkdf2('sha1', password))}",
        **{
            f"PBKDF2-{digest} in PHC": f"$pbkdf2-{digest}$i=3,l=32${salt}${_phc(_pbkdf2(digest, password)[:32])}"
            for digest in ("sha256", "sha512")
        },
        **{
            f"PBKDF2-{digest} of passlib": f"$pbkdf2-{digest}$3${_passlib(_SALT)}${_passlib(_pbkdf2(digest, password))}"
            for digest in ("sha256", "sha512")
        },
        **{
            f"Django pbkdf2_{digest}": f"pbkdf2_{digest}$3$été;${_b64(_pbkdf2(digest, password, 'été;'.encode()))}"
            for digest in ("sha1", "sha256")
        },
        "scrypt in PHC": f"$scrypt$ln=4,r=8,p=2${salt}${_phc(_scrypt(password))}",
        "Django scrypt": f"scrypt$16$seasalt$8$2${_b64(_scrypt(password, b'seasalt', size=64))}",
    }


_NOTATIONS = list(_hashes(PASSWORD))
each_notation = pytest.mark.parametrize("notation", _NOTATIONS)


def _fits(password_hash: str, password: str) -> bool:
    return _HASHER.verify(password_hash=password_hash, password=password)


def test_it_keeps_the_laws_of_a_hasher() -> None:
    """For what is hashed here."""
    check_password_hasher(lambda: nullcontext(_HASHER))


class TestVerification:
    """The password that was hashed fits, and no other."""

    @each_notation
    @pytest.mark.parametrize("password", [PASSWORD, "l\u00e8tmein \U0001f992", "x", ""])
    def test_the_password_fits_and_no_other(self, notation: str, password: str) -> None:
        """In each notation, also with letters beyond ASCII."""
        password_hash = _hashes(password)[notation]

        fits = [_fits(password_hash, typed) for typed in (password, password + "x", password.upper() + "y")]

        assert fits == [True, False, False]

    @pytest.mark.parametrize(
        ("password_hash", "password"),
        [
            ("$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"),
            ("$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"),
            (
                f"$pbkdf2$4096${_phc(b'salt')}${_phc(bytes.fromhex('4b007901b765489abead49d926f721d065a429c1'))}",
                "password",
            ),
            (
                "scrypt$16384$SodiumChloride$8$1$"
                + _b64(
                    bytes.fromhex(
                        "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
                        "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887"
                    )
                ),
                "pleaseletmein",
            ),
        ],
        ids=["crypt_blowfish", "crypt_blowfish, of PHP", "RFC 6070", "RFC 7914"],
    )
    def test_published_figures_fit(self, password_hash: str, password: str) -> None:
        """What others computed."""
        assert _fits(password_hash, password)
        assert not _fits(password_hash, password + ".")

    def test_bcrypt_knows_72_bytes(self) -> None:
        """As where it comes from: a longer password opened there, and so did all that begin alike."""
        password_hash = _bcrypt(_LONG.encode()[:72])

        assert _fits(password_hash, _LONG + "end")
        assert _fits(password_hash, _LONG + "another end")
        assert not _fits(password_hash, "x" + _LONG)

    def test_a69_bcrypt_of_a_digest_knows_all(self) -> None:
        """A-69: Django's variant has no such limit."""
        password_hash = _hashes(_LONG + "end")["Django bcrypt_sha256"]

        assert [_fits(password_hash, _LONG + end) for end in ("end", "another end")] == [True, False]


class TestBringingIn:
    """What is brought in is looked at first: a hash that cannot be verified would only ever refuse its owner."""

    @each_notation
    def test_what_is_known_can_be_verified(self, notation: str) -> None:
        """Nothing is computed for that."""
        assert can_verify(_hashes(PASSWORD)[notation], policy=Policy())

    @pytest.mark.parametrize("variant", ["argon2id", "argon2i"])
    def test_argon2_of_anybody_can_be_verified(self, variant: str) -> None:
        """Within the same limit as at a log-in."""
        affordable, dear = (f"${variant}$v=19$m={memory},t=3,p=1$c29tZXNhbHQ$aGFzaA" for memory in (65_536, 2**24))

        assert can_verify(affordable, policy=Policy())
        assert not can_verify(dear, policy=Policy())

    @pytest.mark.parametrize(
        "password_hash",
        [
            "5f4dcc3b5aa765d61d8327deb882cf99",
            "md5$salt$5f4dcc3b5aa765d61d8327deb882cf99",
            "trois lapins verts",
            "",
            f"$2b$15${'C' * 53}",
            f"pbkdf2_sha256$5000001$salt${_b64(b'k' * 32)}",
        ],
    )
    def test_what_is_unknown_or_too_dear_cannot(self, password_hash: str) -> None:
        """Its owner has a reset link sent instead."""
        assert not can_verify(password_hash, policy=Policy())


class TestReplacement:
    """A hash of another system is used once."""

    @each_notation
    def test_it_is_always_due(self, notation: str) -> None:
        """However dear it was."""
        assert _HASHER.needs_rehash(_hashes(PASSWORD)[notation])
        assert not _HASHER.needs_rehash(_HASHER.hash(PASSWORD))

    @each_notation
    def test_the_first_login_replaces_it(self, town: Town, notation: str) -> None:
        """From then on the login is like any other, with every byte of what was typed."""
        password = _LONG + "end"
        town.hasher.inner = _HASHER
        town.move_in()
        self._store(town, _hashes(password)[notation])

        first = town.log_in(JEANNE, password=password).session

        assert first.email == JEANNE
        assert not town.hasher.needs_rehash(self._stored(town))
        assert town.log_in(JEANNE, password=password).session.email == JEANNE
        with pytest.raises(LoginRefused):
            town.log_in(JEANNE, password=_LONG + "another end")

    def test_a_pepper_comes_with_it(self) -> None:
        """The hash of another system has none; the one that replaces it has."""
        policy = Policy(argon2=Argon2Parameters.unsafe_only_for_tests(), unsafe_cheap_hashes=True)
        hasher = hasher_of(policy, peppers=["a pepper of at least 32 bytes, for tests"], legacy_hashes=True)
        brought = _hashes(PASSWORD)["Django scrypt"]

        assert hasher.verify(password_hash=brought, password=PASSWORD)
        assert hasher.needs_rehash(brought)
        assert hasher.hash(PASSWORD).startswith("$pepper$")

    def _store(self, town: Town, password_hash: str) -> None:
        with town.store.writing() as work:
            identity = work.identities.by_email(JEANNE)
            assert identity is not None
            changed = attrs.evolve(identity, password_hash=password_hash)
            assert work.identities.save(changed, expected_stamp=identity.credential_stamp)

    def _stored(self, town: Town) -> str:
        with town.store.reading() as work:
            identity = work.identities.by_email(JEANNE)
        assert identity is not None
        return identity.password_hash or ""


class TestWork:
    """What a hash costs is read before it is computed."""

    @pytest.mark.parametrize(
        "hostile",
        [
            _bcrypt(b"x").replace("$04$", "$15$"),
            _bcrypt(b"x").replace("$04$", "$31$"),
            f"bcrypt_sha256${_bcrypt(b'x').replace('$04$', '$31$')}",
            f"pbkdf2_sha256$5000001$salt${_b64(b'k' * 32)}",
            f"pbkdf2_sha1$1250001$salt${_b64(b'k' * 80)}",
            f"$pbkdf2-sha512$999999999${_phc(_SALT)}${_phc(b'k' * 64)}",
            f"$scrypt$ln=22,r=8,p=1${_phc(_SALT)}${_phc(b'k' * 32)}",
            f"$scrypt$ln=99,r=9999,p=9999${_phc(_SALT)}${_phc(b'k' * 32)}",
            f"$scrypt$ln=14,r=8,p=65${_phc(_SALT)}${_phc(b'k' * 32)}",
            f"$scrypt$ln=1,r=200,p=9999${_phc(_SALT)}${_phc(b'k' * 32)}",
            f"scrypt$4194304$salt$8$1${_b64(b'k' * 64)}",
            f"$scrypt$ln=1,r=9999,p=400${_phc(_SALT)}${_phc(b'k' * 32)}",  # hardly any mixing, for 512 MB of lanes
        ],
        ids=map(str, itertools.count()),  # salts are drawn, and the processes that share the tests must name them alike
    )
    def test_what_is_too_dear_costs_as_much_as_a_wrong_password(self, hostile: str) -> None:
        """One hash of ours, and nobody gets in."""
        watched = WatchedHasher(_CURRENT)
        hasher = LegacyHasher(watched, gate=HashingGate(at_once=1, waiting=0, patience=timedelta(seconds=1)))

        assert not hasher.verify(password_hash=hostile, password="x")
        assert watched.seen == ["x"]

    @pytest.mark.parametrize(
        "broken",
        [
            f"scrypt$15$salt$8$1${_b64(b'k' * 64)}",
            f"scrypt$0$salt$8$1${_b64(b'k' * 64)}",
            f"scrypt$16$salt$0$1${_b64(b'k' * 64)}",
            f"scrypt$16$salt$8$0${_b64(b'k' * 64)}",
            f"pbkdf2_sha256$0$salt${_b64(b'k' * 32)}",
            f"pbkdf2_sha256$-1$salt${_b64(b'k' * 32)}",
            "pbkdf2_sha256$1$salt$" + "A" * 13,
            f"pbkdf2_md5$1$salt${_b64(b'k' * 32)}",
            f"pbkdf2_sha256$1$\udc80${_b64(b'k' * 32)}",
            f"scrypt$16$\udc80$8$1${_b64(b'k' * 64)}",
            f"$2b$03${'C' * 53}",
            f"$2b$99${'C' * 53}",
            f"$2x$04${'C' * 53}",
            f"$2b$04${'.' * 52}=",
            "bcrypt$",
            "md5$salt$5f4dcc3b5aa765d61d8327deb882cf99",
            "5f4dcc3b5aa765d61d8327deb882cf99",
        ],
    )
    def test_what_cannot_be_read_fits_none(self, broken: str) -> None:
        """It is no error, and no way in."""
        assert not _fits(broken, PASSWORD)

    @given(st.sampled_from(sorted(_hashes(PASSWORD).values())), st.integers(0, 200), st.text(max_size=3))
    def test_a_hash_with_a_slip_opens_nothing_by_chance(self, password_hash: str, place: int, slip: str) -> None:
        """Whatever is changed in a hash, another password does not fit, and nothing fails."""
        place %= len(password_hash)
        spoilt = password_hash[:place] + slip + password_hash[place + 1 :]

        if not any(digit in slip for digit in "0123456789"):  # more rounds only take longer
            assert not _fits(spoilt, "an altogether different password")

    @each_notation
    def test_it_needs_a_place_at_the_gate(self, notation: str) -> None:
        """A crowd with old hashes is bounded like any other."""
        gate = HashingGate(at_once=1, waiting=0, patience=timedelta(seconds=1))
        hasher = LegacyHasher(Argon2Hasher(Argon2Parameters.unsafe_only_for_tests(), gate=gate), gate=gate)

        with gate.place(), pytest.raises(Throttled, match="busy"):
            hasher.verify(password_hash=_hashes(PASSWORD)[notation], password=PASSWORD)
