"""Delivers what waits in the outbox: mints links and digits, and hands finished messages to the mailer."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self, TypeVar

import attrs

from coproauth.core.messages import Intention, Message, compose
from coproauth.core.portal_urls import PortalUrls
from coproauth.core.tokens import Keyring
from coproauth.policy import Policy
from coproauth.ports import Clock, Mailer, Store, UnitOfWork
from coproauth.services.units import atomically

T = TypeVar("T")

_log = logging.getLogger("coproauth.courier")


@attrs.frozen(kw_only=True)
class Courier:
    """Delivers mail at least once; several may share one outbox."""

    store: Store
    mailer: Mailer
    clock: Clock
    keyring: Keyring
    urls: PortalUrls
    policy: Policy

    def deliver(self) -> int:
        """Deliver everything that is due, and return how many mails were handed over.

        A mail is taken for a while, sent outside any unit of work, and forgotten once the mailer has taken it: a
        crash in between sends it again, never loses it. What fails waits, each time twice as long, and is left to the
        operator after the policy's number of tries.
        """
        delivered = 0
        while batch := self._claim():
            delivered += sum(self._deliver(intention) for intention in batch)
        return delivered

    def _claim(self) -> Sequence[Intention]:
        now = self.clock.now()
        return self._atomically(
            lambda work: work.outbox.claim(
                at=now,
                until=now + self.policy.mail_lease,
                limit=self.policy.mail_batch,
                max_tries=self.policy.mail_tries,
            )
        )

    def _deliver(self, intention: Intention) -> bool:
        try:
            message = self._finish(intention)
            if message is not None:
                self.mailer.send(message)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong, the mail must wait and not be lost
            self._postpone(intention, error)
            return False
        self._atomically(lambda work: work.outbox.done(intention.id))
        return message is not None

    def _finish(self, intention: Intention) -> Message | None:
        identity = None
        if intention.identity_id is not None:
            with self.store.reading() as work:
                identity = work.identities.get(intention.identity_id)
        return compose(
            intention, identity, keyring=self.keyring, urls=self.urls, at=self.clock.now(), policy=self.policy
        )

    def _postpone(self, intention: Intention, error: Exception) -> None:
        wait = self.policy.mail_backoff * 2 ** (intention.tries - 1)
        _log.warning("mail %s (%s) not taken: %s", intention.id, intention.kind, type(error).__name__)
        self._atomically(
            lambda work: work.outbox.postpone(
                intention.id, due_at=self.clock.now() + wait, tries=intention.tries, failure=type(error).__name__
            )
        )

    def _atomically(self, step: Callable[[UnitOfWork], T]) -> T:
        return atomically(self.store, step, policy=self.policy)


class BackgroundCourier:
    """Delivers in a thread of its own, once a second, for as long as the ``with`` block lasts."""

    def __init__(self, courier: Courier, *, interval: float = 1.0) -> None:
        """Prepare the thread; ``interval`` is in seconds."""
        self._courier = courier
        self._interval = interval
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="coproauth-courier", daemon=True)

    def __enter__(self) -> Self:
        """Start delivering."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish the mail in hand, and stop."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._interval):
            try:
                self._courier.deliver()
            except Exception:  # noqa: BLE001 - the thread must outlive a store that is away for a while
                _log.exception("the outbox could not be read; trying again")
