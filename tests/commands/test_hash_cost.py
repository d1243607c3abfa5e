"""``coproauth hash-cost``: what it measures becomes a policy."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.installation import Installation

from coproauth import Argon2Parameters, cli
from coproauth.commands import hash_cost
from coproauth.commands.hash_cost import CANDIDATES, Measured, recommend

_TARGET = timedelta(milliseconds=250)


def _measured(memory: int, passes: int, lanes: int, *, crowded: float) -> Measured:
    parameters = Argon2Parameters(memory_cost=memory, time_cost=passes, parallelism=lanes)
    return Measured(parameters=parameters, alone=timedelta(0), crowded=timedelta(milliseconds=crowded))


class TestRecommendation:
    """The strongest that is fast enough while all places are taken."""

    def test_strength_is_memory_times_passes(self) -> None:
        """What takes just the time allowed is allowed; what takes more is not, however strong."""
        weak = _measured(64, 1, 1, crowded=10)
        strong = _measured(32, 3, 1, crowded=250)
        slow = _measured(64, 3, 1, crowded=251)

        assert recommend([weak, strong, slow], target=_TARGET) == strong

    def test_of_equals_the_fastest(self) -> None:
        """Lanes make no hash stronger."""
        four, one = _measured(64, 3, 4, crowded=200), _measured(64, 3, 1, crowded=190)

        assert [recommend(rows, target=_TARGET) for rows in ([four, one], [one, four])] == [one, one]

    def test_nothing_is_recommended_where_nothing_is_fast_enough(self) -> None:
        """Rather than something that is not safe."""
        assert recommend([_measured(64, 3, 1, crowded=251)], target=_TARGET) is None

    def test_only_what_is_safe_is_measured(self) -> None:
        """Each candidate reaches what ASVS V11.4.2 asks for."""
        assert all(candidate.is_safe for candidate in CANDIDATES)


class TestCommand:
    """It measures, and ends."""

    def test_what_it_prints_can_be_written_into_the_configuration(
        self, installation: Installation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A row for each cost, then the tables of a policy."""
        cheapest = CANDIDATES[0]
        monkeypatch.setattr(hash_cost, "CANDIDATES", [cheapest])

        status = cli.main(["hash-cost", "--target", "600s"])

        table, _, advice = capsys.readouterr().out.partition("[policy]\n")
        assert status == 0
        assert " 19 MiB       2      1 " in table
        installation.configure("[policy]\n" + advice)
        with installation.open() as configuration:
            assert configuration.policy.argon2 == cheapest

    def test_what_is_far_too_slow_is_the_last_that_is_tried(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Nobody waits for the dear ones where the cheapest is too dear."""
        status = cli.main(["hash-cost", "--target", "0.001ms"])

        printed = capsys.readouterr().out
        assert status == 0
        assert printed.count(" MiB       ") == 1
        assert "Nothing that is safe takes less than 0 ms here" in printed

    @pytest.mark.parametrize("target", ["250", "fast", "-1s", "0ms", "1h", "9999999s", "\u0661s"])
    def test_what_is_no_time_is_misuse(self, target: str, capsys: pytest.CaptureFixture[str]) -> None:
        """The sentence shows how it is written."""
        with pytest.raises(SystemExit, match="2"):
            cli.main(["hash-cost", f"--target={target}"])

        assert "250ms or 0.5s" in capsys.readouterr().err
