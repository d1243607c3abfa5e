"""The courier: nothing is lost, nothing is sent twice at once, and no answer waits for it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta

import attrs
import pytest
from tests.town import JEANNE, Town

from coproauth import BackgroundCourier
from coproauth.adapters.memory import MemoryMailer, MemoryStore
from coproauth.core.messages import Message
from coproauth.ports import UnitOfWork
from coproauth.testing.sandbox import cheap_policy


class _FailingMailer(MemoryMailer):
    """A mailer that fails as often as it is told."""

    def __init__(self, *, failures: int) -> None:
        super().__init__()
        self.failures = failures

    def send(self, message: Message) -> None:
        if self.failures > 0:
            self.failures -= 1
            raise OSError("smtp password hunter2")
        super().send(message)


class _SignallingMailer(MemoryMailer):
    """A mailer that tells when it was given something."""

    def __init__(self) -> None:
        super().__init__()
        self.was_given = threading.Event()

    def send(self, message: Message) -> None:
        super().send(message)
        self.was_given.set()


class _FlickeringStore(MemoryStore):
    """A store whose first units of work fail."""

    failures = 0

    def writing(self) -> AbstractContextManager[UnitOfWork]:  # type: ignore[override]
        return self._writing()

    @contextmanager
    def _writing(self) -> Iterator[UnitOfWork]:
        if self.failures > 0:
            self.failures -= 1
            raise OSError("the store is away")
        with super().writing() as work:
            yield work


def _request(town: Town, email: str = JEANNE) -> None:
    town.auth.password_reset.request(email=email, source=town.source)


class TestDelivery:
    """What waits is delivered once."""

    def test_everything_that_waits_is_delivered_in_order(self, town: Town) -> None:
        """And the number of mails is returned, however many batches it takes."""
        for number in range(120):
            town.auth.password_reset.request(
                email=f"person{number}@example.fr", source=attrs.evolve(town.source, address=f"198.51.100.{number}")
            )

        delivered = town.auth.deliver_mail()

        assert delivered == 120
        assert [message.to for message in town.mailer.sent] == [f"person{number}@example.fr" for number in range(120)]

    def test_a_second_round_has_nothing_to_do(self, town: Town) -> None:
        """What was taken is forgotten."""
        _request(town)
        town.auth.deliver_mail()
        town.later(days=1)

        assert town.auth.deliver_mail() == 0

    def test_two_couriers_do_not_send_the_same_mail(self) -> None:
        """What one has in hand is not given to the other."""
        store = MemoryStore()
        counts: list[int] = []

        class _Recursive(MemoryMailer):
            def send(self, message: Message) -> None:
                super().send(message)
                counts.append(town.another_server().deliver_mail())

        mailer = _Recursive()
        town = Town.found(store=store, mailer=mailer)
        _request(town)

        town.auth.deliver_mail()

        assert (len(mailer.sent), counts) == (1, [0])

    def test_a_mail_in_hand_is_given_out_again_after_the_lease(self, town: Town) -> None:
        """A courier that crashed loses nothing: after five minutes another takes it."""
        _request(town)
        now = town.clock.now()
        with town.store.writing() as work:
            taken = work.outbox.claim(at=now, until=now + timedelta(minutes=5), limit=50, max_tries=10)

        before_the_end = town.auth.deliver_mail()
        town.later(minutes=5)

        assert (len(taken), before_the_end, town.auth.deliver_mail()) == (1, 0, 1)


class TestFailure:
    """A mailer that fails changes no answer and loses no mail."""

    def test_the_answer_is_the_same(self) -> None:
        """A-05: known and unknown are both answered with nothing while every send fails."""
        mailer = _FailingMailer(failures=0)
        town = Town.found(mailer=mailer)
        digits_free = attrs.evolve(cheap_policy(), require_email_proof=False)
        town.another_server(policy=digits_free).activation.activate(
            code=town.code_for(town.contact()), email=JEANNE, password="une girafe sous la pluie", source=town.source
        )
        mailer.failures = 1000

        for email in (JEANNE, "unknown@example.fr"):
            _request(town, email)

        assert town.auth.deliver_mail() == 0
        mailer.failures = 0
        town.later(seconds=30)
        assert town.auth.deliver_mail() == 3

    def test_a_failed_mail_waits_twice_as_long_each_time(self) -> None:
        """Thirty seconds, a minute, two minutes."""
        mailer = _FailingMailer(failures=3)
        town = Town.found(mailer=mailer)
        _request(town)
        waits = []

        town.auth.deliver_mail()
        while not mailer.sent:
            before = town.clock.now()
            failures = mailer.failures
            while mailer.failures == failures and not mailer.sent:
                town.later(seconds=10)
                town.auth.deliver_mail()
            waits.append(town.clock.now() - before)

        assert waits == [timedelta(seconds=30), timedelta(seconds=60), timedelta(seconds=120)]

    def test_one_failing_mail_does_not_hold_up_the_others(self) -> None:
        """The next is sent at once."""
        mailer = _FailingMailer(failures=1)
        town = Town.found(mailer=mailer)
        for email in ("first@example.fr", "second@example.fr"):
            _request(town, email)

        assert town.auth.deliver_mail() == 1
        assert [message.to for message in mailer.sent] == ["second@example.fr"]

    def test_after_ten_tries_it_is_left_to_the_operator(self) -> None:
        """It stays in the outbox and is tried no more."""
        mailer = _FailingMailer(failures=1000)
        town = Town.found(mailer=mailer)
        _request(town)

        for _ in range(50):
            town.auth.deliver_mail()
            town.later(days=1)

        assert 1000 - mailer.failures == 10
        with town.store.writing() as work:
            at = town.clock.now()
            assert len(work.outbox.claim(at=at, until=at, limit=50, max_tries=1000)) == 1

    def test_what_the_mailer_says_is_not_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        """A-32: an exception's text may hold anything; its class is enough for the operator."""
        town = Town.found(mailer=_FailingMailer(failures=1))
        _request(town)

        with caplog.at_level(logging.DEBUG):
            town.auth.deliver_mail()

        assert "OSError" in caplog.text
        assert "hunter2" not in caplog.text
        assert JEANNE not in caplog.text


class TestBackground:
    """A thread of its own delivers for as long as it is asked to."""

    def test_it_delivers(self) -> None:
        """A-06: the answer does not wait for the mailer, which works in another thread."""
        mailer = _SignallingMailer()
        town = Town.found(mailer=mailer)

        with BackgroundCourier(town.auth.courier, interval=0.001):
            _request(town)
            assert mailer.was_given.wait(timeout=10)

        assert [message.to for message in mailer.sent] == [JEANNE]

    def test_it_outlives_a_store_that_is_away(self, caplog: pytest.LogCaptureFixture) -> None:
        """The error is logged, and what waits is delivered once the store is back."""
        store, mailer = _FlickeringStore(), _SignallingMailer()
        town = Town.found(store=store, mailer=mailer)
        _request(town)
        store.failures = 2

        with BackgroundCourier(town.auth.courier, interval=0.001):
            assert mailer.was_given.wait(timeout=10)

        assert caplog.text.count("the outbox could not be read") == 2
