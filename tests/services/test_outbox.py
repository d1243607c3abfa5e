"""Mail that waits, in the hands of an operator: what was given up is retried or dropped, and that is on record."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.town import JEANNE, Town

from coproauth import ActorKind, InvalidInput, Pathway, WaitingMail
from coproauth.core.messages import EmailChangedMessage


def _on_record(town: Town) -> list[tuple[Pathway, ActorKind | None, str | None, str | None]]:
    return [(event.pathway, event.actor_kind, event.actor, event.subject) for event in town.audit.events]


class TestBacklog:
    """What waits is told by what is to happen with it."""

    def test_due_mail_is_told_from_what_was_given_up(self, town: Town) -> None:
        """A request that no courier has seen yet, and a mail that none takes any more; to look is no event."""
        town.auth.password_reset.request(email=JEANNE, source=town.source)
        town.audit.events.clear()
        lost = town.give_up_a_mail()

        backlog = town.auth.waiting_mail.backlog()

        assert ([mail.to for mail in backlog.due], backlog.later, backlog.given_up) == ([JEANNE], (), (lost,))
        assert town.audit.events == []


class TestRetry:
    """After the mail server was repaired, what was given up is sent."""

    def test_a_mail_is_sent_by_the_next_round(self, town: Town) -> None:
        """Once it was asked for, and not before."""
        town.give_up_a_mail()
        before = town.auth.deliver_mail()

        is_retried = town.auth.waiting_mail.retry("lost", operator="odile")

        assert (before, is_retried, town.auth.deliver_mail()) == (0, True, 1)
        assert len(town.mail(EmailChangedMessage, to=JEANNE)) == 1

    def test_all_of_them_are_and_each_is_on_record(self, town: Town) -> None:
        """As many events as mails, each about the login that the mail is about."""
        town.give_up_a_mail("lost-1", identity_id="identity-1")
        town.give_up_a_mail("lost-2", identity_id="identity-2")

        count = town.auth.waiting_mail.retry_all(operator="odile")

        assert (count, town.auth.waiting_mail.retry_all()) == (2, 0)
        assert _on_record(town) == [
            (Pathway.MAIL_RETRIED, ActorKind.OPERATOR, "odile", "identity-1"),
            (Pathway.MAIL_RETRIED, ActorKind.OPERATOR, "odile", "identity-2"),
        ]


class TestDrop:
    """A mail that is dropped is never sent, so the trail tells who dropped it."""

    def test_a_notice_does_not_vanish_without_a_trace(self, town: Town) -> None:
        """Repudiation: an operator who keeps a warning from its owner is on record with the login it was about."""
        town.give_up_a_mail(identity_id="identity-1")

        is_dropped = town.auth.waiting_mail.drop("lost", operator="odile")

        assert (is_dropped, town.auth.waiting_mail.backlog().given_up) == (True, ())
        assert _on_record(town) == [(Pathway.MAIL_DROPPED, ActorKind.OPERATOR, "odile", "identity-1")]

    def test_an_address_without_a_login_is_a_pseudonym_on_record(self, town: Town) -> None:
        """The same one that its requests are on record with."""
        town.auth.password_reset.request(email=JEANNE, source=town.source)
        town.give_up_a_mail()

        town.auth.waiting_mail.drop("lost")

        requested, dropped = town.audit.events
        assert dropped.subject == requested.subject
        assert str(dropped.subject).startswith("email:")


@pytest.mark.parametrize("act", [WaitingMail.retry, WaitingMail.drop])
class TestOthers:
    """What was not given up is in a courier's hand, or gone."""

    def test_a_mail_that_waits_for_its_turn_is_left_alone(self, town: Town, act: Callable[..., bool]) -> None:
        """It is answered with False, and nothing is on record."""
        town.auth.password_reset.request(email=JEANNE, source=town.source)
        (due,) = town.auth.waiting_mail.backlog().due
        town.audit.events.clear()

        assert not act(town.auth.waiting_mail, due.id)
        assert town.auth.waiting_mail.backlog().due == (due,)
        assert town.audit.events == []

    def test_who_gives_a_name_that_is_none_changes_nothing(self, town: Town, act: Callable[..., bool]) -> None:
        """The trail must be able to keep it."""
        lost = town.give_up_a_mail()

        with pytest.raises(InvalidInput) as refusal:
            act(town.auth.waiting_mail, "lost", operator="o\ndile")

        assert refusal.value.field == "operator"
        assert town.auth.waiting_mail.backlog().given_up == (lost,)
