"""Peppers: a stolen table is worth nothing without them, and they can be replaced."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from contextlib import nullcontext

import pytest
from tests.town import JEANNE, Town, WatchedHasher

from coproauth import Argon2Parameters, ConfigurationError, LoginRefused
from coproauth.adapters.argon2 import Argon2Hasher
from coproauth.adapters.pepper import PepperedHasher
from coproauth.testing.contracts import check_password_hasher
from coproauth.testing.sandbox import PASSWORD

_OLD, _NEW = "pepper of 2025, of at least 32 bytes", "pepper of 2026, of at least 32 bytes"
_PLAIN = Argon2Hasher(Argon2Parameters.unsafe_only_for_tests())


def _hasher(*peppers: str | bytes) -> PepperedHasher:
    return PepperedHasher(_PLAIN, peppers=peppers)


def test_it_keeps_the_laws_of_a_hasher() -> None:
    """Those that every hasher keeps, with one pepper or several."""
    for peppers in ([_NEW], [_OLD, _NEW]):
        check_password_hasher(lambda: nullcontext(_hasher(*peppers)))  # noqa: B023 - called at once


class TestSecret:
    """Without the pepper nobody can try a guess."""

    def test_the_hash_is_not_one_of_the_password(self) -> None:
        """Taken out of its envelope it fits the keyed hash of the password, and not the password."""
        inner = _hasher(_NEW).hash(PASSWORD)[len("$pepper$") + 16 :]
        keyed = hmac.digest(_NEW.encode(), b"password\0" + PASSWORD.encode(), "sha256").hex()

        assert [_PLAIN.verify(password_hash=inner, password=typed) for typed in (PASSWORD, keyed)] == [False, True]

    def test_under_another_pepper_it_fits_nothing(self) -> None:
        """Not even when the hash says that it was the other."""
        hashed = _hasher(_OLD).hash(PASSWORD)
        renamed = _hasher(_NEW).hash(PASSWORD)[:24] + hashed[24:]

        assert not _hasher(_NEW).verify(password_hash=hashed, password=PASSWORD)
        assert not _hasher(_NEW, _OLD).verify(password_hash=renamed, password=PASSWORD)

    def test_a_pepper_that_is_not_there_costs_as_much_as_a_wrong_password(self) -> None:
        """One hash: nobody can tell from outside which logins have it."""
        watched = WatchedHasher(_PLAIN)
        hasher = PepperedHasher(watched, peppers=[_NEW])

        hasher.verify(password_hash=_hasher(_OLD).hash(PASSWORD), password=PASSWORD)

        assert len(watched.seen) == 1

    def test_the_key_shows_nowhere(self) -> None:
        """Not in the hash, not in a repr, not in what a debugger prints of it."""
        hasher = _hasher(_NEW)

        shown = [hasher.hash(PASSWORD), hasher.decoy, repr(hasher), repr(vars(hasher))]

        assert not [text for text in shown if "pepper of 2026" in text]

    @pytest.mark.parametrize(
        "peppers",
        [[], "a single string that is long enough to be a key", ["x" * 31], ["x" * 64], [_OLD, b"short"], [7]],
    )
    def test_what_is_no_secret_is_refused(self, peppers: Sequence[str]) -> None:
        """32 random bytes each, as for the secret keys."""
        with pytest.raises(ConfigurationError, match="pepper"):
            PepperedHasher(_PLAIN, peppers=peppers)


class TestRotation:
    """The last pepper is used, the others are known."""

    def test_what_was_hashed_under_an_older_one_fits_and_is_due(self) -> None:
        """Until its owner logs in."""
        hashed = _hasher(_OLD).hash(PASSWORD)
        rotated = _hasher(_OLD, _NEW)

        assert rotated.verify(password_hash=hashed, password=PASSWORD)
        assert rotated.needs_rehash(hashed)
        assert not rotated.needs_rehash(rotated.hash(PASSWORD))

    def test_what_was_hashed_without_one_fits_and_is_due(self) -> None:
        """A pepper can be introduced where logins exist."""
        hashed = _PLAIN.hash(PASSWORD)

        assert _hasher(_NEW).verify(password_hash=hashed, password=PASSWORD)
        assert _hasher(_NEW).needs_rehash(hashed)

    def test_a_key_of_bytes_and_its_text_are_one(self) -> None:
        """However the host keeps it."""
        hashed = _hasher(_NEW.encode()).hash(PASSWORD)

        assert _hasher(_NEW).verify(password_hash=hashed, password=PASSWORD)

    def test_a_login_moves_to_the_new_pepper(self, town: Town) -> None:
        """From none to the old one to the new one; then the old one can go, and whoever never came needs a reset."""
        town.move_in()
        town.move_in("away@example.fr")
        for peppers in ([_OLD], [_OLD, _NEW], [_NEW]):
            town.hasher.inner = _hasher(*peppers)
            assert town.log_in(JEANNE).session.email == JEANNE
            if peppers == [_OLD]:
                town.log_in("away@example.fr")

        with pytest.raises(LoginRefused):
            town.log_in("away@example.fr")
