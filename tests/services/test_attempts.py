"""Every attempt is admitted before anything is looked at, and on record however it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import attrs
import pytest
from tests.town import JEANNE, Town, refusal_of

from coproauth import ActivationRefused, LoginRefused, Manager, ResetRefused, Throttled, Unavailable, correlated
from coproauth.adapters.memory import MemoryStore
from coproauth.adapters.memory_throttle import MemoryThrottle
from coproauth.adapters.system import SystemSecrets
from coproauth.core.activation_codes import ActivationCode
from coproauth.core.audit import ActorKind, AuditEvent, Outcome, Pathway
from coproauth.core.throttling import ThrottleKey
from coproauth.errors import Interrupted
from coproauth.testing.sandbox import PASSWORD, cheap_policy


class _OvertakenStore(MemoryStore):
    """A store in which something happens once, which undoes the unit of work that is open."""

    meanwhile: Callable[[], object] | None = None

    @contextmanager
    def writing(self) -> Iterator[Any]:
        """Open a unit of work."""
        meanwhile, self.meanwhile = self.meanwhile, None
        try:
            with super().writing() as work:
                yield work
                if meanwhile:
                    raise Interrupted(reason="store_conflict")
        finally:
            if meanwhile:
                meanwhile()


class _UnsureStore(MemoryStore):
    """A store whose connection is lost while it keeps what was written."""

    is_lost = False

    @contextmanager
    def writing(self) -> Iterator[Any]:
        """Open a unit of work."""
        with super().writing() as work:
            yield work
        if self.is_lost:
            raise Unavailable(reason="outcome_unknown")


_OTHER = "trois pommes sur un nuage"


class TestAudit:
    """One event for each attempt; that none holds a secret is shown with every pathway, in ``test_canaries``."""

    def test_a_success_names_whom_and_where(self, town: Town) -> None:
        """The login by its id, the source by its address and browser, the request by its id."""
        identity_id = town.move_in().session.identity_id
        town.audit.events.clear()

        with correlated("request-1"):
            town.log_in(JEANNE)

        assert town.audit.events == [
            AuditEvent(
                at=town.clock.now(),
                pathway=Pathway.LOGGED_IN,
                outcome=Outcome.SUCCEEDED,
                actor_kind=ActorKind.PERSON,
                actor=identity_id,
                subject=identity_id,
                address="192.0.2.1",
                user_agent="Browser",
                correlation_id="request-1",
            )
        ]

    def test_an_outage_is_told_by_its_reason(self) -> None:
        """Where nobody knows whether a unit of work was kept, the trail says so."""
        store = _UnsureStore()
        town = Town.found(store=store)
        town.move_in()
        store.is_lost = True

        with pytest.raises(Unavailable):
            town.log_in(JEANNE)

        assert (town.audit.events[-1].outcome, town.audit.events[-1].reason) == (Outcome.FAILED, "outcome_unknown")

    def test_nobody_is_named_whom_an_undone_unit_has_made(self) -> None:
        """A first try makes the login and is undone; by the second the code is revoked: on record is the pseudonym."""
        store = _OvertakenStore()
        town = Town.found(store=store, policy=attrs.evolve(cheap_policy(), require_email_proof=False))
        contact = town.contact()
        code = town.auth.activation.issue(contact.id, by=town.manager).code
        store.meanwhile = lambda: town.auth.activation.issue(contact.id, by=town.manager)

        with pytest.raises(ActivationRefused):
            town.auth.activation.activate(code=code, email=JEANNE, password=PASSWORD, source=town.source)

        event = town.audit.events[-1]
        assert (event.outcome, event.actor, event.subject) == (
            Outcome.REFUSED,
            None,
            town.auth.keyring.pseudonyms(JEANNE)[0],
        )

    def test_a_manager_is_named(self, town: Town) -> None:
        """Who acted, on whose file."""
        contact = town.contact()

        with correlated("request-1"):
            town.auth.activation.issue(contact.id, by=Manager(id="manager-7", portfolio_id="portfolio-1"))

        assert town.audit.events == [
            AuditEvent(
                at=town.clock.now(),
                pathway=Pathway.CODE_ISSUED,
                outcome=Outcome.SUCCEEDED,
                actor_kind=ActorKind.MANAGER,
                actor="manager-7",
                subject=contact.id,
                correlation_id="request-1",
            )
        ]

    def test_a_refusal_is_recorded_with_its_reason(self, town: Town) -> None:
        """Once, also when the unit of work was rolled back."""
        with pytest.raises(LoginRefused):
            town.log_in(JEANNE)

        (event,) = town.audit.events
        assert (event.pathway, event.outcome, event.reason) == (Pathway.LOGGED_IN, Outcome.REFUSED, "login_refused")

    def test_a_throttled_attempt_is_recorded(self, town: Town) -> None:
        """The operator sees an attack that is held off."""
        for _ in range(11):
            refusal_of(lambda: town.log_in(JEANNE))

        assert [event.reason for event in town.audit.events] == ["login_refused"] * 10 + ["throttled"]

    def test_an_unexpected_error_is_recorded_and_raised(self, town: Town) -> None:
        """By its class alone: its text may hold anything."""
        town.move_in()
        town.audit.events.clear()

        def fail() -> None:
            raise OSError("secret")

        town.hasher.meanwhile = fail

        with pytest.raises(OSError, match="secret"):
            town.log_in(JEANNE)

        (event,) = town.audit.events
        assert (event.outcome, event.reason) == (Outcome.FAILED, "OSError")
        assert "secret" not in str(event)

    def test_a87_a_broken_trail_opens_nothing(self) -> None:
        """A-87: what cannot be put on record is not answered with a session."""

        class _FullDisk:
            def record(self, event: AuditEvent) -> None:
                raise OSError(event.outcome)

        town = Town.found(audit=_FullDisk())

        with pytest.raises(OSError, match="refused"):
            town.log_in(JEANNE)


class TestCounting:
    """Guesses stay counted; everything else is given back."""

    def test_counts_survive_a_roll_back(self, town: Town) -> None:
        """A refused activation undoes its unit of work, not its count."""
        town.move_in()
        code = town.code_for(town.contact())

        answers = [
            refusal_of(
                lambda: town.auth.activation.activate(code=code, email=JEANNE, password=_OTHER, source=town.source)
            )[1]
            for _ in range(11)
        ]

        assert answers == ["email_already_registered"] * 10 + ["throttled"]

    def test_an_unexpected_error_stays_counted(self, town: Town) -> None:
        """ASVS V16.5.3: who can make the store fail gets no free guesses by it."""
        town.move_in()

        def fail() -> None:
            raise OSError("the disk is full")

        for _ in range(10):
            town.hasher.meanwhile = fail
            with pytest.raises(OSError, match="full"):
                town.log_in(JEANNE)

        assert refusal_of(lambda: town.log_in(JEANNE))[0] is Throttled

    def test_what_is_no_guess_is_given_back(self, town: Town) -> None:
        """A rejected password, a proof that is asked for, an address that is none: as often as one likes."""
        code = town.code_for(town.contact())
        activate = town.auth.activation.activate

        for _ in range(60):
            assert refusal_of(lambda: activate(code=code, email="x", password="x", source=town.source))[1] == (
                "malformed"
            )
            assert refusal_of(lambda: activate(code=code, email=JEANNE, password="x", source=town.source))[1] == (
                "password_rejected"
            )

        assert town.activate_with(code, JEANNE).session.email == JEANNE

    def test_d07_guessing_codes_is_slowed_by_source(self, town: Town) -> None:
        """D-07: also what is malformed, which costs no look-up."""
        code = town.code_for(town.contact())
        for number in range(50):
            guess = str(ActivationCode.draw(SystemSecrets().token_bytes)) if number % 2 else "no code"
            refusal_of(lambda: town.auth.activation.preview(guess, source=town.source))  # noqa: B023

        assert refusal_of(lambda: town.auth.activation.preview(code, source=town.source))[0] is Throttled
        town.later(seconds=5)
        assert town.auth.activation.preview(code, source=town.source).contact_name

    def test_guessing_links_is_slowed_by_source(self, town: Town) -> None:
        """Forged links are counted like wrong passwords."""
        for _ in range(50):
            answer = refusal_of(lambda: town.auth.password_reset.redeem("x", new_password=PASSWORD, source=town.source))
            assert answer[0] is ResetRefused

        assert refusal_of(lambda: town.log_in(JEANNE))[0] is Throttled


class _BrokenThrottle(MemoryThrottle):
    """Counters that cannot be reached."""

    def admit(self, keys: Sequence[ThrottleKey], *, at: datetime) -> timedelta:
        raise OSError(len(keys), at)


def test_a87_a_throttle_that_is_down_opens_nothing() -> None:
    """A-87: it fails closed; no password is looked at."""
    town = Town.found(throttle=_BrokenThrottle())

    with pytest.raises(OSError, match="1"):
        town.log_in(JEANNE)

    assert town.hasher.seen == []
