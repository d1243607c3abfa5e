"""An attacker who keeps everything that was sent to him, and tries all of it everywhere."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from tests.engines import adapters_on
from tests.security.mutants import MUTANTS, Spoil

from coproauth.ports import PasswordHasher
from coproauth.testing import Sandbox
from coproauth.testing.adversary import AdversaryMachine
from coproauth.testing.ledger import Law, Violated
from coproauth.testing.machines import patient_policy

_STEPS = 40
_RUNS = {"memory": 2, "sqlite": 20}  # one in so many of the profile's examples
_NAMES = [spoil.__name__ for spoil, *_ in MUTANTS]


@pytest.mark.parametrize("kind", _RUNS)
def test_no_order_of_calls_breaks_a_law(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Whatever an attacker calls with whatever he was sent, nobody sees more than he was given."""

    class Machine(AdversaryMachine):
        """The machine over an empty store for each run."""

        def make_sandbox(self, hasher: PasswordHasher) -> Sandbox:
            """Return an empty town."""
            self._stack = ExitStack()
            adapters = self._stack.enter_context(adapters_on(kind, request, tmp_path))
            return Sandbox.build(
                store=adapters.store, directory=adapters.directory, policy=patient_policy(), hasher=hasher
            )

        def teardown(self) -> None:
            """Close the store."""
            self._stack.close()

    runs = settings().max_examples // _RUNS[kind]
    run_state_machine_as_test(Machine, settings=settings(max_examples=runs, stateful_step_count=_STEPS, deadline=None))


@pytest.mark.parametrize(("spoil", "laws"), [(spoil, laws) for spoil, *laws in MUTANTS], ids=_NAMES)
@pytest.mark.no_cover
def test_each_law_can_be_broken(spoil: Spoil, laws: list[Law], monkeypatch: pytest.MonkeyPatch) -> None:
    """With one safeguard taken out, the machine finds the law that it kept."""
    spoil(monkeypatch)
    search = settings(
        max_examples=1000,
        stateful_step_count=_STEPS,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        report_multiple_bugs=False,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )

    with pytest.raises(Violated) as violated:
        run_state_machine_as_test(AdversaryMachine, settings=search)

    assert violated.value.law in laws


def test_every_law_is_broken_by_a_mutant() -> None:
    """No law is there that nothing can break."""
    assert {laws[0] for _, *laws in MUTANTS if len(laws) == 1} == set(Law)
