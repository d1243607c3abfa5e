"""Argon2 in memory that is lent to it: the tags of RFC 9106, those of argon2-cffi, and nothing left behind."""

from __future__ import annotations

import _thread
import mmap
import threading
from collections.abc import Iterator

import argon2
import attrs
import pytest
from argon2.exceptions import HashingError
from argon2.low_level import Type
from hypothesis import given
from hypothesis import strategies as st

from coproauth import Argon2Parameters
from coproauth.adapters import argon2_core
from coproauth.adapters.argon2 import Argon2Hasher
from coproauth.adapters.argon2_core import can_lend, compute, compute_in
from coproauth.adapters.argon2_notation import Argon2Hash, Recipe

_CHEAP = Recipe.current(Argon2Parameters.unsafe_only_for_tests(), salt=b"somesalt")
_VERSIONS = (0x10, 0x13)


@st.composite
def _costs(draw: st.DrawFn) -> Argon2Parameters:
    lanes = draw(st.integers(1, 5))
    memory = draw(st.integers(8 * lanes, 300))
    return Argon2Parameters(memory_cost=memory, time_cost=draw(st.integers(1, 4)), parallelism=lanes)


_RECIPES = st.builds(
    Recipe,
    kind=st.sampled_from(Type),
    version=st.sampled_from(_VERSIONS),
    cost=_costs(),
    salt=st.binary(min_size=8, max_size=40),
    tag_length=st.integers(4, 100),
)


@pytest.fixture
def lent() -> Iterator[mmap.mmap]:
    """Three hundred KiB of zeros."""
    with mmap.mmap(-1, 300 * 1024, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as mapping:
        yield mapping


class TestSameTags:
    """Where the memory comes from changes nothing."""

    def test_rfc_9106_5_3(self, lent: mmap.mmap) -> None:
        """The test vector of Argon2id, with secret and associated data."""
        cost = Argon2Parameters(memory_cost=32, time_cost=3, parallelism=4)
        recipe = Recipe.current(cost, salt=b"\2" * 16)

        tag = compute_in(lent, recipe, b"\1" * 32, secret=b"\3" * 8, associated_data=b"\4" * 12)

        assert tag.hex() == "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659"

    @given(recipe=_RECIPES, password=st.binary(max_size=100))
    def test_they_are_those_of_the_library(self, recipe: Recipe, password: bytes) -> None:
        """In any memory, passes and lanes, of any kind and version, for any password, salt and length."""
        with mmap.mmap(-1, 300 * 1024, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as mapping:
            for _ in range(2):  # the second time in memory that was used
                assert compute_in(mapping, recipe, password) == compute(recipe, password)

    @given(cost=_costs(), password=st.text(max_size=60), other=st.text(max_size=60))
    def test_each_verifies_what_the_other_made(self, cost: Argon2Parameters, password: str, other: str) -> None:
        """Ours and ``argon2.PasswordHasher``; and both refuse another password."""
        ours = Argon2Hasher(cost)
        theirs = argon2.PasswordHasher(
            memory_cost=cost.memory_cost, time_cost=cost.time_cost, parallelism=cost.parallelism
        )
        made = theirs.hash(password)

        assert theirs.verify(ours.hash(password), password)
        assert not theirs.check_needs_rehash(ours.decoy)
        assert not ours.needs_rehash(made)
        assert ours.verify(password_hash=made, password=password)
        assert ours.verify(password_hash=made, password=other) == (password == other)

    @given(recipe=_RECIPES, tag=st.binary(min_size=4, max_size=60))
    def test_what_is_written_is_read_again(self, recipe: Recipe, tag: bytes) -> None:
        """By us, and as to the cost by argon2-cffi."""
        written = Argon2Hash(recipe=attrs.evolve(recipe, tag_length=len(tag)), tag=tag)

        assert Argon2Hash.parse(str(written)) == written
        assert argon2.extract_parameters(str(written)).memory_cost == recipe.cost.memory_cost

    def test_a_hash_that_names_no_version_is_of_the_first(self) -> None:
        """As the library reads it."""
        recipe = attrs.evolve(_CHEAP, version=0x10, kind=Type.I, tag_length=32)
        text = str(Argon2Hash(recipe=recipe, tag=compute(recipe, b"x"))).replace("$v=16", "")

        assert argon2.PasswordHasher().verify(text, "x")
        assert Argon2Hasher(recipe.cost).verify(password_hash=text, password="x")

    @pytest.mark.parametrize(
        ("salt", "tag"),
        [
            ("c29tZXNhbHR", "A" * 43),
            ("c29tZXNhbHQ", "A" * 42 + "B"),
            ("c29tZXNhb", "A" * 43),
            ("c29tZXNhbHQ=", "AAAAAA"),
        ],
        ids=["bits left over", "bits left over in the tag", "short", "padded"],
    )
    def test_what_the_library_does_not_read_is_not_read(self, salt: str, tag: str) -> None:
        """There is one way to write a hash."""
        text = f"$argon2id$v=19$m=8,t=1,p=1${salt}${tag}"

        with pytest.raises(argon2.exceptions.VerificationError) as refusal:
            argon2.PasswordHasher().verify(text, "x")

        assert not isinstance(refusal.value, argon2.exceptions.VerifyMismatchError)
        assert Argon2Hash.parse(text) is None


class TestLentMemory:
    """What is lent is used, within its bounds, and comes back empty."""

    def test_nothing_is_left_in_it(self, lent: mmap.mmap) -> None:
        """When the library says that it is done, every byte is zero: ours frees nothing, and wipes nothing."""
        recipe = attrs.evolve(_CHEAP, cost=Argon2Parameters(memory_cost=300, time_cost=2, parallelism=3))

        compute_in(lent, recipe, b"password")

        assert lent[:] == bytes(len(lent))

    def test_it_is_what_the_library_computes_in(self, lent: mmap.mmap) -> None:
        """What is too small by one block is refused, and not left."""
        recipe = attrs.evolve(_CHEAP, cost=Argon2Parameters(memory_cost=304, time_cost=1, parallelism=1))

        with pytest.raises(MemoryError):
            compute_in(lent, recipe, b"password")

    @pytest.mark.parametrize("beyond", [{"memory_cost": 7}, {"time_cost": 0}, {"parallelism": 2}])
    def test_a_cost_that_there_is_not_is_an_error(self, lent: mmap.mmap, beyond: dict[str, int]) -> None:
        """By both ways, and no shortage of memory."""
        recipe = attrs.evolve(_CHEAP, cost=attrs.evolve(_CHEAP.cost, **beyond))

        with pytest.raises(HashingError):
            compute_in(lent, recipe, b"password")
        with pytest.raises(HashingError):
            compute(recipe, b"password")

    def test_other_threads_run_meanwhile(self) -> None:
        """The library computes without Python's lock, or places would be worth nothing."""
        done = threading.Event()
        hasher = Argon2Hasher(Argon2Parameters(memory_cost=16 * 1024, time_cost=3, parallelism=1))
        steps = 0

        def work() -> None:
            hasher.hash("x")
            done.set()

        threading.Thread(target=work).start()
        while not done.is_set():
            steps += 1

        assert steps > 1000

    def test_ctrl_c_meanwhile_is_not_lost(self, lent: mmap.mmap) -> None:
        """It is told in whatever Python runs first, which mostly is a callback, whose errors C drops."""
        recipe = attrs.evolve(_CHEAP, cost=Argon2Parameters(memory_cost=300, time_cost=50, parallelism=1))
        begun = threading.Event()

        def interrupt() -> None:
            begun.wait()
            _thread.interrupt_main()

        def work() -> None:
            begun.set()
            for _ in range(500):
                compute_in(lent, recipe, b"password")

        threading.Thread(target=interrupt).start()
        with pytest.raises(KeyboardInterrupt):
            work()

        assert lent[:] == bytes(len(lent))


class TestBindings:
    """Other bindings may not take memory; then the library's own is taken."""

    def test_these_do(self) -> None:
        """What ``pip`` installs."""
        assert can_lend()

    @pytest.mark.parametrize("fault", [AttributeError, MemoryError, HashingError, None])
    def test_whatever_goes_wrong_means_that_they_do_not(
        self, monkeypatch: pytest.MonkeyPatch, fault: type[Exception] | None
    ) -> None:
        """A missing field, no closures on a hardened system, another tag."""

        def broken(*_: object) -> bytes:
            if fault is not None:
                raise fault
            return b"another tag"

        monkeypatch.setattr(argon2_core, "compute_in", broken)

        assert not can_lend.__wrapped__()

    def test_memory_that_is_not_wiped_is_not_lent(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What one password left there would be read by whoever comes next."""

        def untidy(lent: mmap.mmap, recipe: Recipe, password: bytes) -> bytes:
            tag = compute_in(lent, recipe, password)
            lent[100] = 1
            return tag

        monkeypatch.setattr(argon2_core, "compute_in", untidy)

        assert not can_lend.__wrapped__()
