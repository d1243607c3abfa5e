"""Delivers what waits in the outbox: mints links and digits, and hands finished messages to the mailer.

``docs/explanation/delivery.md`` tells what happens when it is cut off in the middle.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from types import TracebackType
from typing import Self, TypeVar

import attrs

from coproauth.core.composing import compose
from coproauth.core.identities import Identity
from coproauth.core.messages import FAILURE_MAX_LENGTH, Intention, Message
from coproauth.core.outbox import is_given_up
from coproauth.core.portal_urls import PortalUrls
from coproauth.core.tokens import Keyring
from coproauth.errors import Unavailable
from coproauth.policy import Policy, doubled
from coproauth.ports import BatchMailer, Clock, Mailer, Store, UnitOfWork
from coproauth.services.units import atomically, looking

T = TypeVar("T")

_log = logging.getLogger("coproauth.courier")


def _never() -> bool:
    return False


@attrs.frozen(kw_only=True)
class Courier:
    """Delivers mail at least once; several may share one outbox."""

    store: Store
    mailer: Mailer
    clock: Clock
    keyring: Keyring
    urls: PortalUrls
    policy: Policy

    def deliver(self, *, is_stopping: Callable[[], bool] = _never) -> int:
        """Deliver everything that is due, and return how many mails were handed over.

        A mail is taken for a while, sent outside any unit of work, and forgotten once the mailer has taken it: a
        crash in between sends it again, never loses it. What fails waits, each time twice as long, and is given up
        after the policy's number of tries.

        Args:
            is_stopping: asked between two mails; once it says so, the mails that were taken are given back.

        Raises:
            Unavailable: the store is away; what was taken is due again when its lease ends.
        """
        delivered = 0
        while not is_stopping():
            lease_begins = self.clock.now()
            batch = self._claim(lease_begins)
            if not batch:
                break
            delivered += self._deliver_batch(batch, lease_begins, is_stopping)
        return delivered

    def _claim(self, now: datetime) -> Sequence[Intention]:
        return self._atomically(
            lambda work: work.outbox.claim(
                at=now,
                until=now + self.policy.mail_lease,
                limit=self.policy.mail_batch,
                max_tries=self.policy.mail_tries,
            )
        )

    def _deliver_batch(
        self, batch: Sequence[Intention], lease_begins: datetime, is_stopping: Callable[[], bool]
    ) -> int:
        """Deliver mails over one connection, as long as the lease is in its first half.

        The second half is for the mail that was begun last: however slow the server, it is told of and forgotten
        before another courier is given it.
        """
        last_begin = lease_begins + self.policy.mail_lease / 2
        delivered = 0
        with self._connection() as mailer:
            for place, intention in enumerate(batch):
                # The first is begun in any case: a courier that gives everything back would take it again forever.
                if place and (is_stopping() or self.clock.now() > last_begin):
                    self._give_back(batch[place:])
                    break
                delivered += self._deliver(intention, mailer)
        return delivered

    def _connection(self) -> AbstractContextManager[Mailer]:
        return self.mailer.batch() if isinstance(self.mailer, BatchMailer) else nullcontext(self.mailer)

    def _deliver(self, intention: Intention, mailer: Mailer) -> bool:
        identity = self._identity_of(intention)
        try:
            message = self._finish(intention, identity)
            if message is not None:
                mailer.send(message)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong, the mail must wait and not be lost
            self._postpone(intention, error)
            return False
        self._atomically(lambda work: work.outbox.done(intention.id))
        return message is not None

    def _identity_of(self, intention: Intention) -> Identity | None:
        identity_id = intention.identity_id
        if identity_id is None:
            return None
        return looking(self.store, lambda work: work.identities.get(identity_id), policy=self.policy)

    def _finish(self, intention: Intention, identity: Identity | None) -> Message | None:
        return compose(
            intention, identity, keyring=self.keyring, urls=self.urls, at=self.clock.now(), policy=self.policy
        )

    def _postpone(self, intention: Intention, error: Exception) -> None:
        failure = _name_failure(error)
        is_left = is_given_up(intention, self.policy)
        _log.log(
            logging.ERROR if is_left else logging.WARNING,
            "mail %s (%s) not taken: %s%s",
            intention.id,
            intention.kind,
            failure,
            "; given up" if is_left else "",
        )
        due_at = self.clock.now() + doubled(
            self.policy.mail_backoff, times=intention.tries - 1, longest=self.policy.mail_longest_backoff
        )
        self._atomically(
            lambda work: work.outbox.postpone(intention.id, due_at=due_at, tries=intention.tries, failure=failure)
        )

    def _give_back(self, untouched: Sequence[Intention]) -> None:
        """Let others have at once what was taken and not begun, as if it had not been tried."""
        now = self.clock.now()

        def postpone(work: UnitOfWork) -> None:
            for mail in untouched:
                work.outbox.postpone(mail.id, due_at=now, tries=mail.tries - 1, failure=mail.failure)

        self._atomically(postpone)

    def _atomically(self, step: Callable[[UnitOfWork], T]) -> T:
        return atomically(self.store, step, policy=self.policy)


def _name_failure(error: Exception) -> str:
    """Return the class of an error, and the mail server's status if it has one.

    Never its text: servers quote addresses, and some what they were sent (ASVS V16.2.5).
    """
    status = getattr(error, "smtp_code", None)
    name = type(error).__name__
    return (f"{name} {status}" if isinstance(status, int) else name)[:FAILURE_MAX_LENGTH]


class BackgroundCourier:
    """Delivers in a thread of its own, once a second, for as long as the ``with`` block lasts."""

    def __init__(self, courier: Courier, *, interval: float = 1.0) -> None:
        """Prepare the thread; ``interval`` is in seconds."""
        self._courier = courier
        self._interval = interval
        self._stop = threading.Event()
        self._outage: str | None = None  # what was last logged, until a round goes well
        self._thread = threading.Thread(target=self._run, name="coproauth-courier", daemon=True)

    def __enter__(self) -> Self:
        """Start delivering."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish the mail in hand, give back the others, and stop."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._interval):
            try:
                self._courier.deliver(is_stopping=self._stop.is_set)
            except Exception as error:  # noqa: BLE001 - the thread must outlive a store that is away for a while
                self._note_outage(error)
            else:
                self._note_recovery()

    def _note_outage(self, error: Exception) -> None:
        """Log an outage when it begins, and not every second of it; with its trace only if it was not foreseen."""
        is_foreseen = isinstance(error, Unavailable)
        outage = error.reason if isinstance(error, Unavailable) else type(error).__name__
        if outage != self._outage:
            _log.error("the outbox could not be read (%s); trying again", outage, exc_info=not is_foreseen)
        self._outage = outage

    def _note_recovery(self) -> None:
        if self._outage is not None:
            _log.info("the outbox can be read again")
        self._outage = None
