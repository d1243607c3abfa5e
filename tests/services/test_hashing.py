"""Hashing as a bounded resource: what a busy hasher answers, and what stays as it was."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TypeAlias

import attrs
import pytest
from tests.town import JEANNE, Town, refusal_of

from coproauth import (
    Argon2Parameters,
    EmailProofRequired,
    LoginRefused,
    Outcome,
    PasswordChangeRequired,
    Throttled,
)
from coproauth.adapters.argon2 import Argon2Hasher
from coproauth.adapters.hashing_gate import HashingGate
from coproauth.testing.sandbox import PASSWORD

_OTHER = "trois pommes sur un nuage"
_MANY = 60  # more than any throttle leaves free

Call: TypeAlias = Callable[[], object]


@pytest.fixture
def gate(town: Town) -> HashingGate:
    """The one place before the town's hasher, with nobody waiting."""
    gate = HashingGate(at_once=1, waiting=0, patience=timedelta(seconds=5))
    town.hasher.inner = Argon2Hasher(Argon2Parameters.unsafe_only_for_tests(), gate=gate)
    return gate


def _log_in(town: Town) -> Call:
    return lambda: town.log_in(JEANNE)


def _reauthenticate(town: Town) -> Call:
    token = town.log_in(JEANNE).token
    return lambda: town.auth.login.reauthenticate(token, password=PASSWORD, source=town.source)


def _change_password(town: Town) -> Call:
    token = town.log_in(JEANNE).token
    return lambda: town.auth.login.change_password(
        token, current_password=PASSWORD, new_password=_OTHER, source=town.source
    )


def _change_email(town: Town) -> Call:
    token = town.log_in(JEANNE).token
    return lambda: town.auth.login.change_email(
        token, new_email="j@example.fr", current_password=PASSWORD, source=town.source
    )


def _choose_password(town: Town) -> Call:
    contact = town.contact()
    town.activate(contact, "other@example.fr")
    temporary = town.auth.password_reset.set_password(contact.id, by=town.manager).password
    with pytest.raises(PasswordChangeRequired) as refusal:
        town.log_in("other@example.fr", password=temporary)
    return lambda: town.auth.login.choose_password(refusal.value.token, new_password=_OTHER, source=town.source)


def _redeem(town: Town) -> Call:
    token = town.reset_token()
    return lambda: town.auth.password_reset.redeem(token, new_password=_OTHER, source=town.source)


def _set_password(town: Town) -> Call:
    contact = town.contact()
    town.activate(contact, "other@example.fr")
    return lambda: town.auth.password_reset.set_password(contact.id, by=town.manager)


def _activate_another(town: Town) -> Call:
    code = town.code_for(town.contact())
    return lambda: town.auth.activation.activate(code=code, email=JEANNE, password=PASSWORD, source=town.source)


def _activate_new(town: Town) -> Call:
    code = town.code_for(town.contact())

    def activate(digits: str | None) -> object:
        return town.auth.activation.activate(
            code=code, email="new@example.fr", password=PASSWORD, email_code=digits, source=town.source
        )

    with pytest.raises(EmailProofRequired):
        activate(None)
    digits = town.digits_for("new@example.fr")
    return lambda: activate(digits)


_PATHWAYS = {
    "log_in": _log_in,
    "reauthenticate": _reauthenticate,
    "change_password": _change_password,
    "change_email": _change_email,
    "choose_password": _choose_password,
    "redeem": _redeem,
    "set_password": _set_password,
    "activate with a login": _activate_another,
    "activate without": _activate_new,
}


class TestBusy:
    """While the hasher is busy a call is refused, and nothing has happened."""

    @pytest.mark.parametrize("prepare", _PATHWAYS.values(), ids=_PATHWAYS)
    def test_nothing_is_consumed_or_counted(
        self, town: Town, gate: HashingGate, prepare: Callable[[Town], Call]
    ) -> None:
        """However often: the same call goes through as soon as there is a place."""
        town.move_in()
        call = prepare(town)

        with gate.place():
            answers = {refusal_of(call) for _ in range(_MANY)}
        call()

        assert answers == {(Throttled, "busy")}

    def test_the_answer_says_when_to_come_back(self, town: Town, gate: HashingGate) -> None:
        """And the trail says that it was no failed login."""
        town.move_in()

        with gate.place(), pytest.raises(Throttled) as refusal:
            town.log_in(JEANNE)

        assert refusal.value.retry_after == timedelta(seconds=5)
        event = town.audit.events[-1]
        assert (event.outcome, event.reason) == (Outcome.REFUSED, "busy")

    def test_a01_it_is_the_same_for_whoever_asks(self, town: Town, gate: HashingGate) -> None:
        """A-01: known, unknown, without password: all are told to come back."""
        town.move_in()
        town.move_in("imported@example.fr")
        with town.store.writing() as work:
            imported = work.identities.by_email("imported@example.fr")
            assert imported is not None
            assert work.identities.save(attrs.evolve(imported, password_hash=None), expected_stamp=1)

        with gate.place():
            answers = {
                refusal_of(lambda: town.log_in(email))  # noqa: B023
                for email in (JEANNE, "imported@example.fr", "unknown@example.fr")
            }

        assert answers == {(Throttled, "busy")}

    def test_guesses_that_were_tried_stay_counted(self, town: Town, gate: HashingGate) -> None:
        """A rush gives nobody further guesses."""
        town.move_in()
        for _ in range(10):
            with gate.place(), pytest.raises(Throttled):
                town.log_in(JEANNE)
            with pytest.raises(LoginRefused):
                town.log_in(JEANNE, password=_OTHER)

        assert refusal_of(lambda: town.log_in(JEANNE)) == (Throttled, "throttled")


class TestRehash:
    """A hash of former parameters is replaced at login, by compare-and-set."""

    @pytest.fixture(autouse=True)
    def moved_in(self, town: Town) -> None:
        """A login whose hash is no longer current."""
        town.move_in()
        town.hasher.inner = Argon2Hasher(Argon2Parameters(memory_cost=16, time_cost=1, parallelism=1))

    def _stored(self, town: Town) -> str:
        with town.store.reading() as work:
            identity = work.identities.by_email(JEANNE)
        assert identity is not None
        return identity.password_hash or ""

    def test_the_stored_hash_is_current_afterwards(self, town: Town) -> None:
        """The password is the same."""
        assert town.hasher.needs_rehash(self._stored(town))

        town.log_in(JEANNE)

        assert not town.hasher.needs_rehash(self._stored(town))
        assert town.hasher.verify(password_hash=self._stored(town), password=PASSWORD)

    def test_it_does_not_bring_back_a_password_that_was_changed_meanwhile(self, town: Town) -> None:
        """A reset between the verification and the rehash wins, and the old password opens nothing."""
        link = town.reset_token()

        def at_the_second_hash() -> None:
            town.hasher.meanwhile = lambda: town.auth.password_reset.redeem(
                link, new_password=_OTHER, source=town.source
            )

        town.hasher.meanwhile = at_the_second_hash

        answer = refusal_of(lambda: town.log_in(JEANNE))

        assert answer == (LoginRefused, "login_refused")
        assert town.hasher.verify(password_hash=self._stored(town), password=_OTHER)
        assert town.log_in(JEANNE, password=_OTHER).session.email == JEANNE

    def test_two_at_once_both_open(self, town: Town) -> None:
        """Whichever hash is kept, it is a current one of this password."""

        def at_the_second_hash() -> None:
            town.hasher.meanwhile = lambda: town.log_in(JEANNE)

        town.hasher.meanwhile = at_the_second_hash

        assert town.log_in(JEANNE).session.email == JEANNE
        assert not town.hasher.needs_rehash(self._stored(town))

    def test_a_busy_hasher_does_not_keep_anybody_out(self, town: Town) -> None:
        """The password fitted; the hash is replaced another day."""
        gate = HashingGate(at_once=1, waiting=0, patience=timedelta(seconds=5))
        parameters = Argon2Parameters(memory_cost=16, time_cost=1, parallelism=1)
        free, busy = Argon2Hasher(parameters), Argon2Hasher(parameters, gate=gate)
        town.hasher.inner = free
        former = self._stored(town)

        def at_the_second_hash() -> None:
            town.hasher.meanwhile = lambda: setattr(town.hasher, "inner", busy)

        town.hasher.meanwhile = at_the_second_hash
        with gate.place():
            opened = town.log_in(JEANNE)

        assert (opened.session.email, self._stored(town)) == (JEANNE, former)
