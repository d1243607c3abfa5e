"""What others fell to with passwords and hashes: length, crowds, bytes that do not count, and no password at all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest
from tests.attacks.pathways import rewrite
from tests.attacks.rush import PEOPLE, PLACES
from tests.town import JEANNE, Town, refusal_of

from coproauth import Argon2Parameters, InvalidInput, LoginRefused, PasswordRejected, Refused
from coproauth.testing.sandbox import PASSWORD

_ROOT = Path(__file__).parents[2]
_MEBIBYTE = 1024  # KiB
_SPARE = 100 * _MEBIBYTE  # for two hundred threads, and all that is no hash

Give = Callable[[Town, str], object]


def _activate(town: Town, password: str) -> object:
    code = town.code_for(town.contact())
    return town.auth.activation.activate(code=code, email="new@example.fr", password=password, source=town.source)


def _activate_another(town: Town, password: str) -> object:
    code = town.code_for(town.contact())
    return town.auth.activation.activate(code=code, email=JEANNE, password=password, source=town.source)


def _change_password(town: Town, password: str) -> object:
    token = town.log_in(JEANNE).token
    town.hasher.seen.clear()
    return town.auth.login.change_password(token, current_password=PASSWORD, new_password=password, source=town.source)


def _reauthenticate(town: Town, password: str) -> object:
    token = town.log_in(JEANNE).token
    town.hasher.seen.clear()
    return town.auth.login.reauthenticate(token, password=password, source=town.source)


def _redeem(town: Town, password: str) -> None:
    town.auth.password_reset.redeem(town.reset_token(), new_password=password, source=town.source)


def _set_password(town: Town, password: str) -> object:
    contact = town.contact()
    town.activate(contact, "other@example.fr")
    town.hasher.seen.clear()
    return town.auth.password_reset.set_password(contact.id, by=town.manager, new_password=password)


_LOGGING_IN: dict[str, Give] = {
    "log_in": lambda town, password: town.log_in(JEANNE, password=password),
    "activate, with a login": _activate_another,
    "reauthenticate": _reauthenticate,
}
_CHOOSING: dict[str, Give] = {
    "activate": _activate,
    "change_password": _change_password,
    "redeem": _redeem,
    "set_password": _set_password,
}
_WAYS = {**_LOGGING_IN, **_CHOOSING}


class TestLength:
    """Whoever sends much text makes the server work on none of it."""

    @pytest.mark.parametrize("size", [4097, 1_000_000, 100_000_000], ids=["4 KB", "1 MB", "100 MB"])
    @pytest.mark.parametrize("give", _WAYS.values(), ids=_WAYS)
    def test_a66_what_is_too_long_is_refused_before_it_is_hashed(self, town: Town, give: Give, size: int) -> None:
        """On every way on which a password is given."""
        town.move_in()
        town.hasher.seen.clear()

        with pytest.raises(Refused) as refusal:
            give(town, "x" * size)

        assert "x" * size not in town.hasher.seen
        assert refusal.value.reason != "throttled"

    def test_a66_a_kilobyte_is_a_password(self, town: Town) -> None:
        """A long sentence is nobody's attack."""
        long = "la girafe violette joue du tuba " * 32

        town.move_in(password=long)

        assert town.log_in(JEANNE, password=long).session.email == JEANNE

    @pytest.mark.parametrize("give", _WAYS.values(), ids=_WAYS)
    def test_a72_length_is_looked_at_before_unicode(
        self, town: Town, give: Give, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A megabyte of combining accents is never put in order."""
        town.move_in()
        hostile = "a" + "\u0301\u0323" * 500_000
        normalize, lengths = unicodedata.normalize, list[int]()

        def watched(form: Literal["NFC", "NFKD"], text: str) -> str:
            lengths.append(len(text))
            return normalize(form, text)

        monkeypatch.setattr(unicodedata, "normalize", watched)

        with pytest.raises(Refused):
            give(town, hostile)

        assert len(hostile) not in lengths


class TestCrowds:
    """Whoever makes many log in at one instant takes no more memory than one who waits."""

    @pytest.mark.parametrize(
        ("parameters", "environment"),
        [
            (Argon2Parameters(memory_cost=64 * _MEBIBYTE, time_cost=1, parallelism=4), {}),
            (Argon2Parameters.owasp(), {"MALLOC_MMAP_THRESHOLD_": "1048576"}),
        ],
        ids=["64 MiB", "19 MiB, and malloc told to give it back"],
    )
    def test_a67_two_hundred_at_once_take_the_memory_of_two_hashes(
        self, parameters: Argon2Parameters, environment: dict[str, str]
    ) -> None:
        """Each is answered: some are in, the others told to come back; nobody is lost, nobody counted as guessing."""
        cost = (parameters.memory_cost, parameters.time_cost, parameters.parallelism)

        printed = subprocess.run(  # noqa: S603 - our own
            [sys.executable, "-m", "tests.attacks.rush", *map(str, cost)],
            cwd=_ROOT,
            env={**os.environ, **environment},
            capture_output=True,
            check=True,
        ).stdout
        seen: dict[str, Any] = json.loads(printed)

        assert set(seen["answers"]) == {"opened", "busy"}
        assert sum(seen["answers"].values()) == PEOPLE
        assert seen["answers"]["opened"] >= PLACES
        assert seen["taken"] < PLACES * parameters.memory_cost + _SPARE
        assert seen["failed_attempts"] == 0


class TestBytes:
    """Every byte of a password counts, and nothing else is hashed with it."""

    @pytest.mark.parametrize("common", [72, 128])
    def test_a69_passwords_that_begin_alike_are_two(self, town: Town, common: int) -> None:
        """Equal in their first bytes, as many as other functions read."""
        begun = ("les girafes violettes jouent du tuba sous un parapluie de laine bleue, " * 2)[:common]
        town.move_in(password=begun + "a")

        assert refusal_of(lambda: town.log_in(JEANNE, password=begun + "b"))[0] is LoginRefused
        assert town.log_in(JEANNE, password=begun + "a").session.email == JEANNE

    def test_a69_the_password_alone_is_hashed(self, town: Town) -> None:
        """Not with the address before it: a long one would push the password out."""
        town.move_in()

        town.log_in(JEANNE)

        assert set(town.hasher.seen) == {PASSWORD}


class TestNoPassword:
    """No password is not an empty one."""

    @pytest.mark.parametrize("give", _CHOOSING.values(), ids=_CHOOSING)
    def test_a70_an_empty_password_cannot_be_set(self, town: Town, give: Give) -> None:
        """It is against the policy, and never hashed, though the function would take it."""
        town.move_in()

        assert refusal_of(lambda: give(town, ""))[0] in {PasswordRejected, InvalidInput}
        assert "" not in town.hasher.seen

    @pytest.mark.parametrize("give", _LOGGING_IN.values(), ids=_LOGGING_IN)
    def test_a70_an_empty_password_opens_nothing(self, town: Town, give: Give) -> None:
        """Not a login that has one."""
        town.move_in()

        assert refusal_of(lambda: give(town, ""))[1] in {
            "login_refused",
            "email_already_registered",
            "wrong_password",
        }

    @pytest.mark.parametrize("typed", ["", PASSWORD, "None"])
    def test_a70_a_login_without_password_is_opened_by_none(self, town: Town, typed: str) -> None:
        """What was brought in and not activated has no hash, and not that of nothing."""
        town.move_in()
        rewrite(town, password_hash=None)

        assert refusal_of(lambda: town.log_in(JEANNE, password=typed)) == (LoginRefused, "login_refused")
