"""All four services at once, in any order, against a plain model, over each way of keeping things."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import attrs
import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test
from tests.engines import EVERYWHERE, adapters_on

from coproauth.testing import Sandbox
from coproauth.testing.machines import CoproauthMachine, patient_policy

_RUNS = {"memory": 200, "sqlite": 20, "postgresql": 15, "mariadb": 10}  # for a hundred examples of the profile


@pytest.mark.parametrize("kind", EVERYWHERE)
def test_the_services_do_what_the_model_says(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Whatever co-owners, managers and the host do, each answer is the model's, and so is what is found afterwards."""

    class Machine(CoproauthMachine):
        """The machine over an empty store for each run."""

        def make_sandbox(self) -> Sandbox:
            """Return an empty town."""
            self._stack = ExitStack()
            adapters = self._stack.enter_context(adapters_on(kind, request, tmp_path))
            policy = attrs.evolve(patient_policy(), require_email_proof=False)
            return Sandbox.build(store=adapters.store, directory=adapters.directory, policy=policy)

        def teardown(self) -> None:
            """Close the store."""
            self._stack.close()

    runs = _RUNS[kind] * settings().max_examples // 100
    run_state_machine_as_test(Machine, settings=settings(max_examples=runs, stateful_step_count=50, deadline=None))
