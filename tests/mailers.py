"""Mailers and a store that misbehave as a test asks, and mail for them."""

from __future__ import annotations

import smtplib
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta

import attrs
from tests.town import JEANNE, Town

from coproauth.adapters.memory import MemoryMailer, MemoryStore
from coproauth.core.messages import Intention, Message
from coproauth.errors import Unavailable
from coproauth.ports import Mailer, UnitOfWork


class FailingMailer(MemoryMailer):
    """A mailer that fails as often as it is told."""

    error: Exception = OSError("smtp password hunter2")

    def __init__(self, *, failures: int) -> None:
        super().__init__()
        self.failures = failures

    def send(self, message: Message) -> None:
        """Fail while failures are left."""
        if self.failures > 0:
            self.failures -= 1
            raise self.error
        super().send(message)


class RefusingMailer(MemoryMailer):
    """A mailer that refuses everything, as SMTP does."""

    def send(self, message: Message) -> None:
        """Refuse it, quoting what must not be kept."""
        raise smtplib.SMTPSenderRefused(550, b"hunter2", message.to)


class SlowMailer(MemoryMailer):
    """A mailer that takes a minute for each mail, and notes how long that was still its courier's."""

    town: Town

    def __init__(self) -> None:
        super().__init__()
        self.left: list[timedelta] = []

    def send(self, message: Message) -> None:
        """Take it, and let a minute pass."""
        super().send(message)
        self.left += [mail.due_at - self.town.clock.now() for mail in waiting(self.town) if mail.id == message.id]
        self.town.later(minutes=1)


class BatchMailer(MemoryMailer):
    """A mailer that notes when a connection is opened and closed."""

    def __init__(self) -> None:
        super().__init__()
        self.log: list[str] = []

    @contextmanager
    def batch(self) -> Iterator[Mailer]:
        """Note the beginning and the end."""
        self.log.append("opened")
        yield self
        self.log.append("closed")

    def send(self, message: Message) -> None:
        """Take it, and note for whom it is."""
        super().send(message)
        self.log.append(message.to)


class SignallingMailer(MemoryMailer):
    """A mailer that tells when it was given something."""

    def __init__(self) -> None:
        super().__init__()
        self.was_given = threading.Event()

    def send(self, message: Message) -> None:
        """Take it, and tell."""
        super().send(message)
        self.was_given.set()


class FlickeringStore(MemoryStore):
    """A store whose next units of work fail, or its next looks."""

    failures = 0
    failed_looks = 0
    error: Exception = Unavailable(reason="store_away")

    def writing(self) -> AbstractContextManager[UnitOfWork]:  # type: ignore[override]
        """Open a unit of work, unless one is to fail."""
        return self._writing()

    def reading(self) -> AbstractContextManager[UnitOfWork]:  # type: ignore[override]
        """Open a view, unless one is to fail."""
        if self.failed_looks > 0:
            self.failed_looks -= 1
            raise self.error
        return super().reading()

    @contextmanager
    def _writing(self) -> Iterator[UnitOfWork]:
        if self.failures > 0:
            self.failures -= 1
            raise self.error
        with super().writing() as work:
            yield work


def request(town: Town, email: str = JEANNE) -> None:
    town.auth.password_reset.request(email=email, source=town.source)


def request_many(town: Town, count: int) -> list[str]:
    """Ask for so many mails, each to and from another, and return the addresses."""
    emails = [f"person{number}@example.fr" for number in range(count)]
    for number, email in enumerate(emails):
        source = attrs.evolve(town.source, address=f"198.51.100.{number}")
        town.auth.password_reset.request(email=email, source=source)
    return emails


def waiting(town: Town) -> list[Intention]:
    with town.store.reading() as work:
        return list(work.outbox.waiting(limit=1000))
