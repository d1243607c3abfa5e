"""The courier: nothing is lost, nothing is sent twice at once, and no answer waits for it."""

from __future__ import annotations

import logging
from datetime import timedelta

import attrs
import pytest
from tests.mailers import (
    BatchMailer,
    FailingMailer,
    FlickeringStore,
    RefusingMailer,
    SlowMailer,
    request,
    request_many,
    waiting,
)
from tests.town import JEANNE, Town

from coproauth.adapters.memory import MemoryMailer, MemoryStore
from coproauth.core.messages import Intention, MailKind, Message
from coproauth.errors import Unavailable
from coproauth.testing.sandbox import cheap_policy


class TestDelivery:
    """What waits is delivered once."""

    def test_everything_that_waits_is_delivered_in_order(self, town: Town) -> None:
        """And the number of mails is returned, however many batches it takes."""
        emails = request_many(town, 120)

        delivered = town.auth.deliver_mail()

        assert delivered == 120
        assert [message.to for message in town.mailer.sent] == emails

    def test_a_batch_is_sent_over_one_connection(self) -> None:
        """A mailer that can is opened once for each twenty mails, and closed after them."""
        mailer = BatchMailer()
        town = Town.found(mailer=mailer)
        emails = request_many(town, 25)

        town.auth.deliver_mail()

        assert mailer.log == ["opened", *emails[:20], "closed", "opened", *emails[20:], "closed"]

    def test_a_void_mail_is_removed(self, town: Town) -> None:
        """A link that would open nothing any more is neither sent nor kept."""
        town.move_in()
        request(town)
        town.auth.deliver_mail()
        sent = len(town.mailer.sent)
        request(town)
        with town.store.reading() as work:
            identity = work.identities.by_email(JEANNE)
        assert identity is not None
        with town.store.writing() as work:
            work.identities.save(attrs.evolve(identity, credential_stamp=9), expected_stamp=identity.credential_stamp)

        delivered = town.auth.deliver_mail()

        assert (delivered, len(town.mailer.sent), waiting(town)) == (0, sent, [])

    def test_a_second_round_has_nothing_to_do(self, town: Town) -> None:
        """What was taken is forgotten."""
        request(town)
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
        request(town)

        town.auth.deliver_mail()

        assert (len(mailer.sent), counts) == (1, [0])

    def test_a_mail_in_hand_is_given_out_again_after_the_lease(self, town: Town) -> None:
        """A courier that crashed loses nothing: after five minutes another takes it."""
        request(town)
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
        mailer = SlowMailer()
        town = mailer.town = Town.found(mailer=mailer)
        emails = request_many(town, 7)

        delivered = town.auth.deliver_mail()

        assert delivered == 7
        assert [message.to for message in mailer.sent] == emails
        assert mailer.left == [timedelta(minutes=minutes) for minutes in (5, 4, 3, 5, 4, 3, 5)]

    def test_what_was_not_begun_is_due_at_once(self) -> None:
        """A courier that stops gives back what it took, as if it had not been tried."""
        town = Town.found()
        emails = request_many(town, 5)

        delivered = town.auth.courier.deliver(is_stopping=lambda: len(town.mailer.sent) == 3)

        assert delivered == 3
        assert sorted((mail.to, mail.tries, mail.due_at) for mail in waiting(town)) == [
            (email, 0, town.clock.now()) for email in emails[3:]
        ]


class TestFailure:
    """A mailer that fails changes no answer and loses no mail."""

    def test_a05_the_answer_is_the_same(self) -> None:
        """A-05: known and unknown are both answered with nothing while every send fails."""
        mailer = FailingMailer(failures=0)
        town = Town.found(mailer=mailer)
        digits_free = attrs.evolve(cheap_policy(), require_email_proof=False)
        town.another_server(policy=digits_free).activation.activate(
            code=town.code_for(town.contact()), email=JEANNE, password="une girafe sous la pluie", source=town.source
        )
        mailer.failures = 1000

        for email in (JEANNE, "unknown@example.fr"):
            request(town, email)

        assert town.auth.deliver_mail() == 0
        mailer.failures = 0
        town.later(seconds=30)
        assert town.auth.deliver_mail() == 3

    def test_a_failed_mail_waits_twice_as_long_each_time(self) -> None:
        """Thirty seconds, a minute, two minutes."""
        mailer = FailingMailer(failures=3)
        town = Town.found(mailer=mailer)
        request(town)
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
        mailer = FailingMailer(failures=1)
        town = Town.found(mailer=mailer)
        for email in ("first@example.fr", "second@example.fr"):
            request(town, email)

        assert town.auth.deliver_mail() == 1
        assert [message.to for message in mailer.sent] == ["second@example.fr"]

    def test_after_ten_tries_it_is_left_to_the_operator(self) -> None:
        """It stays in the outbox and is tried no more."""
        mailer = FailingMailer(failures=1000)
        town = Town.found(mailer=mailer)
        request(town)

        for _ in range(50):
            town.auth.deliver_mail()
            town.later(days=1)

        assert 1000 - mailer.failures == 10
        with town.store.writing() as work:
            at = town.clock.now()
            assert len(work.outbox.claim(at=at, until=at, limit=50, max_tries=1000)) == 1

    def test_the_wait_does_not_grow_for_ever(self) -> None:
        """An operator who allows many tries has one every four hours, not every few years."""
        town = Town.found(mailer=FailingMailer(failures=1000), policy=attrs.evolve(cheap_policy(), mail_tries=100))
        request(town)

        for _ in range(99):
            town.auth.deliver_mail()
            town.later(days=1)
        town.auth.deliver_mail()

        (mail,) = waiting(town)
        assert (mail.tries, mail.due_at - town.clock.now()) == (100, timedelta(hours=4))

    def test_what_was_in_the_way_is_kept_with_the_mail(self) -> None:
        """The operator sees the class of the error and the server's status, and no word of the server."""
        town = Town.found(mailer=RefusingMailer())
        request(town)

        town.auth.deliver_mail()

        (mail,) = waiting(town)
        assert (mail.tries, mail.failure) == (1, "SMTPSenderRefused 550")

    def test_a_long_name_of_an_error_fits(self) -> None:
        """Whatever a mailer raises, the mail can be kept."""
        mailer = FailingMailer(failures=1)
        mailer.error = type("Error" * 50, (Exception,), {})()
        town = Town.found(mailer=mailer)
        request(town)

        town.auth.deliver_mail()

        assert [mail.failure for mail in waiting(town)] == ["Error" * 16]

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
        request(town)

        delivered = town.auth.deliver_mail()

        assert delivered == 1
        assert [mail.failure for mail in waiting(town)] == ["InvalidInput"]

    def test_a_store_that_is_away_is_no_failure_of_the_mail(self) -> None:
        """The round ends when the login cannot be looked at, and the mail is due again when its lease ends."""
        store = FlickeringStore()
        town = Town.found(store=store)
        town.move_in()
        town.auth.deliver_mail()
        request(town)
        store.failed_looks = 1

        with pytest.raises(Unavailable):
            town.auth.deliver_mail()

        assert [mail.failure for mail in waiting(town)] == [None]
        town.later(minutes=5)
        assert town.auth.deliver_mail() == 1

    def test_a_mail_that_could_not_be_forgotten_is_sent_again_as_the_same(self) -> None:
        """At least once: the store goes away between the mail server's answer and our note of it."""
        store = FlickeringStore()

        class _Cutting(MemoryMailer):
            def send(self, message: Message) -> None:
                super().send(message)
                store.failures = 1 if len(self.sent) == 1 else 0

        mailer = _Cutting()
        town = Town.found(store=store, mailer=mailer)
        request(town)

        with pytest.raises(Unavailable):
            town.auth.deliver_mail()
        town.later(minutes=5)
        delivered = town.auth.deliver_mail()

        first, second = mailer.sent
        assert delivered == 1
        assert first.id == second.id is not None

    def test_the_last_failure_is_told_louder(self, caplog: pytest.LogCaptureFixture) -> None:
        """Nine are warnings; with the tenth the mail is the operator's."""
        town = Town.found(mailer=FailingMailer(failures=1000))
        request(town)

        for _ in range(12):
            town.auth.deliver_mail()
            town.later(days=1)

        assert [record.levelname for record in caplog.records if record.name == "coproauth.courier"] == [
            *["WARNING"] * 9,
            "ERROR",
        ]

    def test_a32_what_the_mailer_says_is_not_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        """A-32: an exception's text may hold anything; its class is enough for the operator."""
        town = Town.found(mailer=FailingMailer(failures=1))
        request(town)

        with caplog.at_level(logging.DEBUG):
            town.auth.deliver_mail()

        assert "OSError" in caplog.text
        assert "hunter2" not in caplog.text
        assert JEANNE not in caplog.text
