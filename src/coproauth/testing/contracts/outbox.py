"""Mail that waits: what was queued is delivered at least once, and by one courier at a time."""

from __future__ import annotations

from datetime import datetime, timedelta

import attrs

from coproauth.core.messages import Intention
from coproauth.ports import Store
from coproauth.testing.contracts.law import Contract, expect
from coproauth.testing.contracts.samples import FULL_MAIL, LATER, LATEST, MAIL, MOMENT, NOW, mails, write

OUTBOX = Contract[Store]("outbox")


def _claimed(store: Store, *, limit: int = 9, max_tries: int = 9, at: datetime = NOW) -> list[Intention]:
    """Take what is due, for an hour."""
    with store.writing() as work:
        return list(work.outbox.claim(at=at, until=at + timedelta(hours=1), limit=limit, max_tries=max_tries))


def _waiting(store: Store) -> list[Intention]:
    with store.reading() as work:
        return list(work.outbox.waiting(limit=99))


def _ids(found: list[Intention]) -> list[str]:
    return [mail.id for mail in found]


@OUTBOX.law()
def claimed_mail_is_left_alone_until_its_lease_ends(store: Store) -> None:
    """A second courier is not given it; once the lease is over, as after a crash of the first, it is."""
    write(store, MAIL)

    found = [_claimed(store), _claimed(store), _claimed(store, at=LATER)]

    wanted = [[attrs.evolve(MAIL, due_at=LATER, tries=1)], [], [attrs.evolve(MAIL, due_at=LATEST, tries=2)]]
    expect(found, wanted)


@OUTBOX.law()
def a_claim_is_kept_on_what_waits(store: Store) -> None:
    """The lease and the try are stored, and nothing else of the mail is changed."""
    write(store, attrs.evolve(FULL_MAIL, queued_at=NOW, due_at=NOW))

    _claimed(store)

    expect(_waiting(store), [attrs.evolve(FULL_MAIL, queued_at=NOW, due_at=LATER, tries=4)])


@OUTBOX.law()
def no_more_is_taken_than_asked_for_the_oldest_first(store: Store) -> None:
    """A batch is bounded, begins with what has been due for longest, and the next goes on where it ended."""
    write(store, *reversed(mails(5)))

    batches = [_ids(_claimed(store, limit=2)) for _ in range(4)]

    expect(batches, [["mail-0", "mail-1"], ["mail-2", "mail-3"], ["mail-4"], []])


@OUTBOX.law()
def of_what_is_due_at_once_the_first_queued_comes_first(store: Store) -> None:
    """Mails that are due at the same instant are taken in the order of queueing."""
    write(store, *(attrs.evolve(mail, due_at=NOW) for mail in reversed(mails(3))))

    expect(_ids(_claimed(store)), ["mail-0", "mail-1", "mail-2"])


@OUTBOX.law()
def nothing_is_taken_before_it_is_due(store: Store) -> None:
    """A mail is due from its very instant on, and not a microsecond earlier."""
    write(store, attrs.evolve(MAIL, due_at=NOW + MOMENT), attrs.evolve(FULL_MAIL, due_at=NOW))

    expect(_ids(_claimed(store)), [FULL_MAIL.id])


@OUTBOX.law()
def what_was_tried_too_often_is_kept_but_not_taken(store: Store) -> None:
    """A mail that was given up waits for the operator, who may have it tried again."""
    write(store, attrs.evolve(MAIL, tries=2))

    expect((_claimed(store, max_tries=2), _ids(_waiting(store))), ([], [MAIL.id]))
    expect(_ids(_claimed(store, max_tries=3)), [MAIL.id])


@OUTBOX.law()
def delivered_mail_is_forgotten(store: Store) -> None:
    """What is done is never taken again; the others wait, and what is not there may be done, too."""
    write(store, MAIL, FULL_MAIL)

    with store.writing() as work:
        work.outbox.done(MAIL.id)
        work.outbox.done("no such mail")

    expect((_waiting(store), _ids(_claimed(store, at=LATER))), ([FULL_MAIL], [FULL_MAIL.id]))


@OUTBOX.law()
def postponed_mail_waits_with_its_tries_and_failure(store: Store) -> None:
    """It is not due before its time, and tells how often it was tried and what was in the way, or that nothing is."""
    write(store, MAIL, FULL_MAIL)

    with store.writing() as work:
        work.outbox.postpone(MAIL.id, due_at=LATER, tries=5, failure="OSError")
        work.outbox.postpone(FULL_MAIL.id, due_at=LATER, tries=0, failure=None)

    expect(_claimed(store), [])
    told = [
        attrs.evolve(MAIL, due_at=LATER, tries=5, failure="OSError"),
        attrs.evolve(FULL_MAIL, tries=0, failure=None),
    ]
    expect(_waiting(store), told)


@OUTBOX.law()
def what_is_gone_cannot_be_postponed(store: Store) -> None:
    """A mail that was delivered, or never queued, does not come back by being postponed."""
    write(store, MAIL)

    with store.writing() as work:
        work.outbox.done(MAIL.id)
        work.outbox.postpone(MAIL.id, due_at=LATER, tries=1, failure=None)

    expect(_waiting(store), [])


@OUTBOX.law()
def what_waits_is_listed_oldest_first_up_to_a_limit(store: Store) -> None:
    """Everything that waits is listed in the order of queueing, also what a courier has, and no more than asked for."""
    queued = mails(4)
    write(store, *(attrs.evolve(mail, due_at=LATER - place * MOMENT) for place, mail in enumerate(reversed(queued))))
    _claimed(store, limit=1, at=LATER)

    with store.reading() as work:
        found = [_ids(list(work.outbox.waiting(limit=limit))) for limit in (9, 2)]

    expect(found, [["mail-0", "mail-1", "mail-2", "mail-3"], ["mail-0", "mail-1"]])
