"""A courier in a thread of its own delivers for as long as it is asked to."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
from tests.mailers import FlickeringStore, SignallingMailer, request, request_many, waiting
from tests.servers import eventually
from tests.town import JEANNE, Town

from coproauth import BackgroundCourier
from coproauth.core.messages import Message
from coproauth.services.courier import Courier


class _Overheard(SignallingMailer):
    """A mailer that has its mail in hand until its courier is asked to stop; stands before that courier, to hear it."""

    courier: Courier
    is_stopping: Callable[[], bool]

    def deliver(self, *, is_stopping: Callable[[], bool]) -> int:
        self.is_stopping = is_stopping
        return self.courier.deliver(is_stopping=is_stopping)

    def send(self, message: Message) -> None:
        super().send(message)
        assert eventually(self.is_stopping)


class TestBackground:
    """A thread of its own delivers for as long as it is asked to."""

    def test_a06_it_delivers(self) -> None:
        """A-06: the answer does not wait for the mailer, which works in another thread."""
        mailer = SignallingMailer()
        town = Town.found(mailer=mailer)

        with BackgroundCourier(town.auth.courier, interval=0.001):
            request(town)
            assert mailer.was_given.wait(timeout=10)

        assert [message.to for message in mailer.sent] == [JEANNE]

    def test_it_outlives_a_store_that_is_away(self, caplog: pytest.LogCaptureFixture) -> None:
        """An outage is logged once, without a trace, and what waits is delivered once the store is back."""
        store, mailer = FlickeringStore(), SignallingMailer()
        town = Town.found(store=store, mailer=mailer)
        request(town)
        store.failures = 20

        with caplog.at_level(logging.INFO), BackgroundCourier(town.auth.courier, interval=0.001):
            assert mailer.was_given.wait(timeout=10)

        assert [record.message for record in caplog.records if record.name == "coproauth.courier"] == [
            "the outbox could not be read (store_away); trying again",
            "the outbox can be read again",
        ]
        assert "Traceback" not in caplog.text

    def test_what_nobody_foresaw_is_logged_with_its_trace(self, caplog: pytest.LogCaptureFixture) -> None:
        """Once, and the thread goes on."""
        store, mailer = FlickeringStore(), SignallingMailer()
        store.error = ZeroDivisionError()
        town = Town.found(store=store, mailer=mailer)
        request(town)
        store.failures = 20

        with BackgroundCourier(town.auth.courier, interval=0.001):
            assert mailer.was_given.wait(timeout=10)

        assert caplog.text.count("the outbox could not be read (ZeroDivisionError)") == 1
        assert caplog.text.count("Traceback") == 1

    def test_it_ends_with_the_mail_in_hand(self) -> None:
        """However much waits, the end of the block waits for one mail; the others are due at once for another."""
        mailer = _Overheard()
        town = Town.found(mailer=mailer)
        mailer.courier = town.auth.courier
        emails = request_many(town, 5)

        with BackgroundCourier(mailer, interval=0.001):  # type: ignore[arg-type]
            assert mailer.was_given.wait(timeout=10)

        assert [message.to for message in mailer.sent] == emails[:1]
        assert sorted((mail.to, mail.tries) for mail in waiting(town)) == [(email, 0) for email in emails[1:]]
