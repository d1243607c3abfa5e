"""What is run again, and how often."""

from __future__ import annotations

import pickle
from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.town import Town

from coproauth import AuditEvent, Outcome, Policy, Unavailable
from coproauth.adapters.memory import MemoryStore
from coproauth.errors import Interrupted
from coproauth.services.units import atomically, looking, persistently

HASTY = Policy(store_tries=3, store_backoff=timedelta(microseconds=1), store_longest_backoff=timedelta(microseconds=9))


@given(tries=st.integers(1, 100))
@example(tries=3000)  # beyond what Python lets calls nest
def test_as_often_as_the_policy_says_and_no_more(tries: int) -> None:
    """However large the number is: what is interrupted every time ends in one named error."""
    policy = Policy(
        store_tries=tries, store_backoff=timedelta(microseconds=1), store_longest_backoff=timedelta(microseconds=1)
    )
    runs: list[int] = []

    def run() -> None:
        runs.append(1)
        raise Interrupted(reason="store_conflict")

    with pytest.raises(Unavailable, match="store_conflict") as failure:
        persistently(run, policy=policy)

    assert type(failure.value) is Unavailable
    assert len(runs) == tries


@pytest.mark.parametrize("access", [atomically, looking])
def test_an_interrupted_one_is_run_again_from_its_start(access: type) -> None:
    """The second run sees nothing of the first."""
    failures = [Interrupted(reason="store_away"), Interrupted(reason="store_conflict")]

    def step(_: object) -> str:
        if failures:
            raise failures.pop()
        return "done"

    assert access(MemoryStore(), step, policy=HASTY) == "done"


def test_a_refusal_is_not_run_again() -> None:
    """Only what was interrupted is."""
    runs: list[int] = []

    def run() -> None:
        runs.append(1)
        raise Unavailable(reason="outcome_unknown")

    with pytest.raises(Unavailable, match="outcome_unknown"):
        persistently(run, policy=HASTY)

    assert runs == [1]


@pytest.mark.parametrize("kind", [Unavailable, Interrupted])
@pytest.mark.parametrize("reason", Unavailable.reasons)
def test_an_outage_travels_between_processes(kind: type[Unavailable], reason: str) -> None:
    """As what it is, with its reason."""
    arrived = pickle.loads(pickle.dumps(kind(reason=reason)))  # type: ignore[arg-type]  # noqa: S301 - made here

    assert (type(arrived), arrived.reason) == (kind, reason)


def test_a_trail_that_is_away_after_the_commit_leaves_the_outcome_open() -> None:
    """Nobody is told that nothing was kept when it was."""

    class Trail:
        def record(self, event: AuditEvent) -> None:
            if event.outcome is Outcome.SUCCEEDED and event.subject:
                raise Unavailable(reason="store_away")

    town = Town.found(audit=Trail())

    with pytest.raises(Unavailable, match="outcome_unknown"):
        town.auth.activation.issue(town.contact().id, by=town.manager)
