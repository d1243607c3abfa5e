"""Every number of the library: its default, and what no installation may set it to."""

from __future__ import annotations

from datetime import timedelta

import attrs
import pytest

from coproauth import Argon2Parameters, ConfigurationError, Policy


class TestDefaults:
    """The defaults are those of the standards they are taken from."""

    def test_passwords_follow_nist(self) -> None:
        """NIST SP 800-63B-4 §3.1.1.2: 15 where it is the only factor, and at least 64 allowed."""
        policy = Policy()

        assert policy.password_min_length == 15
        assert policy.password_max_length >= 64

    def test_hashes_follow_rfc_9106(self) -> None:
        """The second recommended option: 64 MiB, three passes, four lanes."""
        assert Policy().argon2 == Argon2Parameters(memory_cost=65_536, time_cost=3, parallelism=4)

    @pytest.mark.parametrize(
        ("parameters", "memory", "passes", "lanes"),
        [
            (Argon2Parameters.rfc_9106(), 2 * 1024 * 1024, 1, 4),
            (Argon2Parameters.rfc_9106_low_memory(), 64 * 1024, 3, 4),
            (Argon2Parameters.owasp(passes=1), 47_104, 1, 1),
            (Argon2Parameters.owasp(), 19_456, 2, 1),
            (Argon2Parameters.owasp(passes=3), 12_288, 3, 1),
            (Argon2Parameters.owasp(passes=4), 9_216, 4, 1),
            (Argon2Parameters.owasp(passes=5), 7_168, 5, 1),
        ],
    )
    def test_named_costs_are_those_of_their_source(
        self, parameters: Argon2Parameters, memory: int, passes: int, lanes: int
    ) -> None:
        """RFC 9106 §4 and OWASP's cheat sheet, in KiB."""
        assert (parameters.memory_cost, parameters.time_cost, parameters.parallelism) == (memory, passes, lanes)

    @pytest.mark.parametrize("passes", [0, 6])
    def test_no_other_cost_is_called_owasp(self, passes: int) -> None:
        """A name that a source does not know is a mistake."""
        with pytest.raises(ConfigurationError, match=f"not with {passes}"):
            Argon2Parameters.owasp(passes=passes)

    def test_mailed_secrets_live_as_long_as_asvs_allows(self) -> None:
        """Ten minutes for digits, an hour for a link, and a proof of the address by default."""
        policy = Policy()

        assert policy.email_code_lifetime == timedelta(minutes=10)
        assert policy.reset_link_lifetime == timedelta(hours=1)
        assert policy.require_email_proof

    def test_every_page_asks_the_store(self) -> None:
        """ASVS V7.4.1: what has ended is not shown; views of a session are switched on by the operator alone."""
        assert Policy().session_view_lifetime == timedelta(0)

    def test_a_login_has_at_most_a_hundred_guesses_a_day(self) -> None:
        """NIST SP 800-63B-4 §3.2.2: counted with every wait sat out."""
        rule = Policy().throttle_login
        elapsed, attempts = timedelta(0), 0

        while elapsed < timedelta(days=1):
            attempts += 1
            elapsed += rule.delay_after(attempts)

        assert attempts <= 100


class TestBounds:
    """A number outside what its source allows is refused at construction."""

    @pytest.mark.parametrize(
        "change",
        [
            {"password_min_length": 7},
            {"mail_batch": 10_001},
            {"throttle_source": attrs.evolve(Policy().throttle_source, limit=100)},
            {"throttle_code": attrs.evolve(Policy().throttle_code, limit=100)},
            {"purge_batch": 10_001},
            {"password_min_length": 0},
            {"password_max_length": 63},
            {"password_min_length": 100, "password_max_length": 99},
            {"argon2": Argon2Parameters.unsafe_only_for_tests()},
            {"argon2": Argon2Parameters(memory_cost=46 * 1024 - 1, time_cost=1, parallelism=1)},
            {"argon2": Argon2Parameters(memory_cost=19 * 1024 - 1, time_cost=2, parallelism=1)},
            {"argon2": Argon2Parameters(memory_cost=12 * 1024 - 1, time_cost=9, parallelism=1)},
            {"argon2": Argon2Parameters.owasp(passes=4)},
            {"session_lifetime": timedelta(days=30, seconds=1)},
            {"session_idle": timedelta(hours=13)},
            {"session_idle": timedelta(0)},
            {"session_idle": timedelta(seconds=-1)},
            {"session_view_lifetime": timedelta(seconds=61)},
            {"session_view_lifetime": timedelta(microseconds=-1)},
            {"session_view_lifetime": timedelta(seconds=31), "session_idle": timedelta(seconds=90)},
            {"reset_link_lifetime": timedelta(hours=24, seconds=1)},
            {"email_link_lifetime": timedelta(hours=24, seconds=1)},
            {"clock_leeway": timedelta(seconds=61)},
            {"clock_leeway": timedelta(seconds=-1)},
        ],
    )
    def test_what_cannot_be_safe_is_refused(self, change: dict[str, object]) -> None:
        """Each limit with the value just beyond it."""
        with pytest.raises(ConfigurationError):
            attrs.evolve(Policy(), **change)  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        "change",
        [
            {"password_min_length": 8},
            {"password_max_length": 64},
            {"argon2": Argon2Parameters.owasp()},
            {"argon2": Argon2Parameters(memory_cost=46 * 1024, time_cost=1, parallelism=1)},
            {"argon2": Argon2Parameters(memory_cost=12 * 1024, time_cost=3, parallelism=1)},
            {"argon2": Argon2Parameters.unsafe_only_for_tests(), "unsafe_cheap_hashes": True},
            {"session_lifetime": timedelta(days=30)},
            {"session_idle": timedelta(hours=12)},
            {"session_view_lifetime": timedelta(seconds=60)},
            {"session_view_lifetime": timedelta(0)},
            {"session_view_lifetime": timedelta(seconds=30), "session_idle": timedelta(seconds=90)},
            {"reset_link_lifetime": timedelta(hours=24)},
            {"clock_leeway": timedelta(seconds=60)},
            {"clock_leeway": timedelta(0)},
        ],
    )
    def test_the_limit_itself_is_allowed(self, change: dict[str, object]) -> None:
        """Each limit with the value that just passes."""
        policy = attrs.evolve(Policy(), **change)  # type: ignore[arg-type]

        assert {name: getattr(policy, name) for name in change} == change

    def test_a_policy_cannot_be_changed_afterwards(self) -> None:
        """What was checked at construction stays so."""
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            Policy().password_min_length = 1  # type: ignore[misc]


class TestQuantities:
    """Numbers that nothing could be done with are told at construction."""

    @pytest.mark.parametrize(
        "limits",
        [
            {"reset_link_lifetime": timedelta(0)},
            {"code_lifetime": timedelta(days=-1)},
            {"email_code_lifetime": timedelta(minutes=11)},
            {"hashes_at_once": 0},
            {"hashes_at_once": -1},
            {"hashes_waiting": -1},
            {"hash_patience": timedelta(0)},
            {"code_lifetime": timedelta(seconds=10**12)},
            {"audit_kept": timedelta(days=36_501)},
            {"mail_tries": 0},
            {"epoch": -1},
            {"clock_leeway": timedelta(seconds=-1)},
            {"session_touch": timedelta(hours=2)},
        ],
    )
    def test_nothing_negative_and_no_zero_where_something_is_needed(self, limits: dict[str, timedelta]) -> None:
        """A limit that would refuse everything, or nothing, is a mistake."""
        with pytest.raises(ConfigurationError):
            attrs.evolve(Policy(), **limits)  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        "numbers",
        [
            {"free_attempts": 0},
            {"first_delay": timedelta(0)},
            {"forget_after": timedelta(seconds=10**12)},
            {"first_delay": timedelta(hours=2)},
            {"forget_after": timedelta(minutes=1)},
        ],
    )
    def test_a_throttle_slows_somebody_but_not_everybody(self, numbers: dict[str, timedelta]) -> None:
        """One attempt is free, those after the free ones wait, and the count outlasts the wait."""
        with pytest.raises(ConfigurationError):
            attrs.evolve(Policy().throttle_login, **numbers)  # type: ignore[arg-type]
