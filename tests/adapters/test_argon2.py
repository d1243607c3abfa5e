"""Argon2id: what it verifies, and for how much."""

from __future__ import annotations

from contextlib import nullcontext

import argon2
import attrs
import pytest
from argon2.low_level import Type

from coproauth import Argon2Parameters
from coproauth.adapters.argon2 import Argon2Hasher
from coproauth.testing.contracts import check_password_hasher
from coproauth.testing.sandbox import PASSWORD

_CHEAP = Argon2Parameters.unsafe_only_for_tests()
_LIMIT = Argon2Parameters(memory_cost=32, time_cost=3, parallelism=2)


def test_it_keeps_the_laws_of_a_hasher() -> None:
    """Those that every hasher keeps."""
    check_password_hasher(lambda: nullcontext(Argon2Hasher(_CHEAP)))


class TestCost:
    """A hash in the store says itself what it costs, and may have been written by somebody else."""

    def test_what_reaches_the_limit_is_verified(self) -> None:
        """Hashes of former parameters open until they are replaced."""
        former = Argon2Hasher(_LIMIT).hash(PASSWORD)

        assert Argon2Hasher(_CHEAP, limit=_LIMIT).verify(password_hash=former, password=PASSWORD)

    @pytest.mark.parametrize("beyond", [{"memory_cost": 33}, {"time_cost": 4}, {"parallelism": 3}])
    def test_what_is_dearer_fits_no_password(self, beyond: dict[str, int]) -> None:
        """Not even its own, in any of the three respects."""
        dear = Argon2Hasher(attrs.evolve(_LIMIT, **beyond)).hash(PASSWORD)

        assert not Argon2Hasher(_CHEAP, limit=_LIMIT).verify(password_hash=dear, password=PASSWORD)

    @pytest.mark.parametrize(("salt", "tag"), [(96, 96), (97, 32), (16, 97), (16, 10_000)])
    def test_salt_and_tag_have_ninety_six_bytes_at_most(self, salt: int, tag: int) -> None:
        """More than any system stores: the rest costs work that no parameter tells of."""
        long = argon2.low_level.hash_secret(
            PASSWORD.encode(), b"s" * salt, time_cost=1, memory_cost=8, parallelism=1, hash_len=tag, type=Type.ID
        ).decode()

        assert Argon2Hasher(_CHEAP).verify(password_hash=long, password=PASSWORD) is (max(salt, tag) <= 96)

    def test_the_policys_own_cost_is_always_allowed(self) -> None:
        """A limit below it locks nobody out."""
        hasher = Argon2Hasher(attrs.evolve(_LIMIT, memory_cost=64), limit=_LIMIT)

        assert hasher.verify(password_hash=hasher.hash(PASSWORD), password=PASSWORD)

    @pytest.mark.parametrize(
        "cost",
        [
            "m=4294967295,t=1,p=1",
            "m=8,t=4294967295,p=1",
            "m=134217720,t=1,p=16777215",
            "m=4_194_304,t=1,p=1",
            "m=8,t=1,p=1,m=4294967295",
            "m=4294967295,m=8,t=1,p=1",
            "t=1,p=1,m=4194304",
            "m=-1,t=1,p=1",
            "m=" + "9" * 5000 + ",t=1,p=1",
            "m=\u0664\u0660\u0669\u0666,t=1,p=1",
        ],
    )
    def test_a_hostile_hash_is_refused_before_anything_is_computed(self, cost: str) -> None:
        """Four gigabytes, an hour, a thread for each of a million lanes; and what two readers may read differently."""
        hostile = f"$argon2id$v=19${cost}$c29tZXNhbHQ${'A' * 43}"

        assert not Argon2Hasher(_CHEAP).verify(password_hash=hostile, password=PASSWORD)
