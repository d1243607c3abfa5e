"""The courier: nothing is lost, nothing is sent twice at once, and no answer waits for it."""

from __future__ import annotations

import logging
import smtplib
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta

import attrs
import pytest
from tests.servers import eventually
from tests.town import JEANNE, Town

from coproauth import BackgroundCourier
from coproauth.adapters.memory import MemoryMailer, MemoryStore
from coproauth.core.messages import Intention, MailKind, Message
from coproauth.errors import Unavailable
from coproauth.ports import Mailer, UnitOfWork
from coproauth.services.courier import LONGEST_WAIT, Courier
from coproauth.testing.sandbox import cheap_policy


class _FailingMailer(MemoryMailer):
    """A mailer that fails as often as it is told."""

    error: Exception = OSError("smtp password hunter2")

    def __init__(self, *, failures: int) -> None:
        super().__init__()
        self.failures = failures

    def send(self, message: Message) -> None:
        if self.failures > 0:
            self.failures -= 1
            raise self.error
        super().send(message)


class _RefusingMailer(MemoryMailer):
    """A mailer that refuses everything, as SMTP does."""

    def send(self, message: Message) -> None:
        raise smtplib.SMTPSenderRefused(550, b"hunter2", message.to)


class _SlowMailer(MemoryMailer):
    """A mailer that takes a minute for each mail, and notes how long that was still its courier's."""

    town: Town

    def __init__(self) -> None:
        super().__init__()
        self.left: list[timedelta] = []

    def send(self, message: Message) -> None:
        super().send(message)
        self.left += [mail.due_at - self.town.clock.now() for mail in _waiting(self.town) if mail.id == message.id]
        self.town.later(minutes=1)


class _BatchMailer(MemoryMailer):
    """A mailer that notes when a connection is opened and closed."""

    def __init__(self) -> None:
        super().__init__()
        self.log: list[str] = []

    @contextmanager
    def batch(self) -> Iterator[Mailer]:
        self.log.append("opened")
        yield self
        self.log.append("closed")

    def send(self, message: Message) -> None:
        super().send(message)
        self.log.append(message.to)


class _SignallingMailer(MemoryMailer):
    """A mailer that tells when it was given something."""

    def __init__(self) -> None:
        super().__init__()
        self.was_given = threading.Event()

    def send(self, message: Message) -> None:
        super().send(message)
        self.was_given.set()


class _Overheard(_SignallingMailer):
    """A mailer that has its mail in hand until its courier is asked to stop; stands before that courier, to hear it."""

    courier: Courier
    is_stopping: Callable[[], bool]

    def deliver(self, *, is_stopping: Callable[[], bool]) -> int:
        self.is_stopping = is_stopping
        return self.courier.deliver(is_stopping=is_stopping)

    def send(self, message: Message) -> None:
        super().send(message)
        assert eventually(self.is_stopping)


class _FlickeringStore(MemoryStore):
    """A store whose first units of work fail."""

    failures = 0
    error: Exception = Unavailable(reason="store_away")

    def writing(self) -> AbstractContextManager[UnitOfWork]:  # type: ignore[override]
        return self._writing()

    @contextmanager
    def _writing(self) -> Iterator[UnitOfWork]:
        if self.failures > 0:
            self.failures -= 1
            raise self.error
        with super().writing() as work:
            yield work


def _request(town: Town, email: str = JEANNE) -> None:
    town.auth.password_reset.request(email=email, source=town.source)


def _request_many(town: Town, count: int) -> list[str]:
    """Ask for so many mails, each to and from another, and return the addresses."""
    emails = [f"person{number}@example.fr" for number in range(count)]
    for number, email in enumerate(emails):
        source = attrs.evolve(town.source, address=f"198.51.100.{number}")
        town.auth.password_reset.request(email=email, source=source)
    return emails


def _waiting(town: Town) -> list[Intention]:
    with town.store.reading() as work:
        return list(work.outbox.waiting(limit=1000))


class TestDelivery:
    """What waits is delivered once."""

    def test_everything_that_waits_is_delivered_in_order(self, town: Town) -> None:
        """And the number of mails is returned, however many batches it takes."""
        emails = _request_many(town, 120)

        delivered = town.auth.deliver_mail()

        assert delivered == 120
        assert [message.to for message in town.mailer.sent] == emails

    def test_a_batch_is_sent_over_one_connection(self) -> None:
        """A mailer that can is opened once for each twenty mails, and closed after them."""
        mailer = _BatchMailer()
        town = Town.found(mailer=mailer)
        emails = _request_many(town, 25)

        town.auth.deliver_mail()

        assert mailer.log == ["opened", *emails[:20], "closed", "opened", *emails[20:], "closed"]

    def test_a_void_mail_is_removed(self, town: Town) -> None:
        """A link that would open nothing any more is neither sent nor kept."""
        town.move_in()
        _request(town)
        town.auth.deliver_mail()
        sent = len(town.mailer.sent)
        _request(town)
        with town.store.reading() as work:
            identity = work.identities.by_email(JEANNE)
        assert identity is not None
        with town.store.writing() as work:
            work.identities.save(attrs.evolve(identity, credential_stamp=9), expected_stamp=identity.credential_stamp)

        delivered = town.auth.deliver_mail()

        assert (delivered, len(town.mailer.sent), _waiting(town)) == (0, sent, [])

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


class TestLease:
    """Nobody sends what another may have taken meanwhile."""

    def test_nothing_is_begun_in_the_second_half_of_a_lease(self) -> None:
        """With a minute for each mail, three are begun in a lease of five minutes, and the others taken anew."""
        mailer = _SlowMailer()
        town = mailer.town = Town.found(mailer=mailer)
        emails = _request_many(town, 7)

        delivered = town.auth.deliver_mail()

        assert delivered == 7
        assert [message.to for message in mailer.sent] == emails
        assert mailer.left == [timedelta(minutes=minutes) for minutes in (5, 4, 3, 5, 4, 3, 5)]

    def test_what_was_not_begun_is_due_at_once(self) -> None:
        """A courier that stops gives back what it took, as if it had not been tried."""
        town = Town.found()
        emails = _request_many(town, 5)

        delivered = town.auth.courier.deliver(is_stopping=lambda: len(town.mailer.sent) == 3)

        assert delivered == 3
        assert sorted((mail.to, mail.tries, mail.due_at) for mail in _waiting(town)) == [
            (email, 0, town.clock.now()) for email in emails[3:]
        ]


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

    def test_the_wait_does_not_grow_for_ever(self) -> None:
        """An operator who allows many tries has one every four hours, not every few years."""
        town = Town.found(mailer=_FailingMailer(failures=1000), policy=attrs.evolve(cheap_policy(), mail_tries=100))
        _request(town)

        for _ in range(99):
            town.auth.deliver_mail()
            town.later(days=1)
        town.auth.deliver_mail()

        (mail,) = _waiting(town)
        assert (mail.tries, mail.due_at - town.clock.now()) == (100, LONGEST_WAIT)

    def test_what_was_in_the_way_is_kept_with_the_mail(self) -> None:
        """The operator sees the class of the error and the server's status, and no word of the server."""
        town = Town.found(mailer=_RefusingMailer())
        _request(town)

        town.auth.deliver_mail()

        (mail,) = _waiting(town)
        assert (mail.tries, mail.failure) == (1, "SMTPSenderRefused 550")

    def test_a_long_name_of_an_error_fits(self) -> None:
        """Whatever a mailer raises, the mail can be kept."""
        mailer = _FailingMailer(failures=1)
        mailer.error = type("Error" * 50, (Exception,), {})()
        town = Town.found(mailer=mailer)
        _request(town)

        town.auth.deliver_mail()

        assert [mail.failure for mail in _waiting(town)] == ["Error" * 16]

    def test_a_mail_that_cannot_be_finished_waits(self, town: Town) -> None:
        """What is wrong with one mail, such as an address that is none, does not keep the next from being sent."""
        now = town.clock.now()
        with town.store.writing() as work:
            work.outbox.add(
                Intention(
                    id="mail-1",
                    kind=MailKind.EMAIL_PROOF,
                    to="no address",
                    locale="fr",
                    nonce="nonce",
                    queued_at=now,
                    due_at=now,
                )
            )
        _request(town)

        delivered = town.auth.deliver_mail()

        assert delivered == 1
        assert [mail.failure for mail in _waiting(town)] == ["InvalidInput"]

    def test_a_store_that_is_away_is_no_failure_of_the_mail(self) -> None:
        """The round ends, and the mail that was in hand is due again when its lease ends."""
        store = _FlickeringStore()
        town = Town.found(store=store)
        _request(town)
        store.failures = 1

        with pytest.raises(Unavailable):
            town.auth.deliver_mail()

        assert [(mail.tries, mail.failure) for mail in _waiting(town)] == [(0, None)]
        assert town.auth.deliver_mail() == 1

    def test_the_last_failure_is_told_louder(self, caplog: pytest.LogCaptureFixture) -> None:
        """Nine are warnings; with the tenth the mail is the operator's."""
        town = Town.found(mailer=_FailingMailer(failures=1000))
        _request(town)

        for _ in range(12):
            town.auth.deliver_mail()
            town.later(days=1)

        assert [record.levelname for record in caplog.records if record.name == "coproauth.courier"] == [
            *["WARNING"] * 9,
            "ERROR",
        ]

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
        """An outage is logged once, without a trace, and what waits is delivered once the store is back."""
        store, mailer = _FlickeringStore(), _SignallingMailer()
        town = Town.found(store=store, mailer=mailer)
        _request(town)
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
        store, mailer = _FlickeringStore(), _SignallingMailer()
        store.error = ZeroDivisionError()
        town = Town.found(store=store, mailer=mailer)
        _request(town)
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
        emails = _request_many(town, 5)

        with BackgroundCourier(mailer, interval=0.001):  # type: ignore[arg-type]
            assert mailer.was_given.wait(timeout=10)

        assert [message.to for message in mailer.sent] == emails[:1]
        assert sorted((mail.to, mail.tries) for mail in _waiting(town)) == [(email, 0) for email in emails[1:]]
