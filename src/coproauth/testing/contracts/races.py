"""What happens when several do the same thing at the same instant, in one process or in several.

Each law is about any number of stores over the same data: one store that all threads share, or one for each process.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import attrs

from coproauth.core.messages import Intention
from coproauth.policy import Policy
from coproauth.ports import Store, UnitOfWork
from coproauth.services.units import persistently
from coproauth.testing.contracts.law import Capability, Contract, expect
from coproauth.testing.contracts.samples import (
    CODE,
    JEANNE,
    LATER,
    LATEST,
    MARC,
    NOW,
    SESSION,
    Link,
    codes,
    logins,
    mails,
    write,
)
from coproauth.testing.contracts.threads import in_a_unit, together

RACES = Contract[Sequence[Store]]("store")

T = TypeVar("T")


def _race(stores: Sequence[Store], threads: int, step: Callable[[UnitOfWork, int], T]) -> list[T]:
    """Return what each thread's unit of work answered, all begun at once."""
    return together(lambda n: in_a_unit(stores[n % len(stores)], lambda work: step(work, n)), threads)


@RACES.race()
def a_code_is_consumed_by_one_of_many(stores: Sequence[Store], threads: int) -> None:
    """Of many who use one code at once, one is told that it was he, and he is the one on record."""
    people = logins(threads)
    write(stores[0], CODE, *people)

    won = _race(stores, threads, lambda work, n: work.codes.consume(CODE.id, identity_id=people[n].id, at=NOW))

    with stores[0].reading() as work:
        used = work.codes.by_index([CODE.index])
    expect(sum(won), 1)
    expect(used and used.used_by, people[won.index(True)].id)


@RACES.race()
def an_address_is_given_to_one_of_many(stores: Sequence[Store], threads: int) -> None:
    """Of many new logins with one e-mail key, one is added, and the others' units of work go on."""
    people = [attrs.evolve(one, email_key=JEANNE.email_key) for one in logins(threads)]

    won = _race(stores, threads, lambda work, n: work.identities.add(people[n]))

    with stores[0].reading() as work:
        kept = [work.identities.get(one.id) for one in people]
    expect(sum(won), 1)
    expect([one is not None for one in kept], won)


@RACES.race()
def an_address_is_changed_to_by_one_of_many(stores: Sequence[Store], threads: int) -> None:
    """Of many logins that change to one e-mail key at once, one gets it."""
    people = logins(threads)
    write(stores[0], *people)
    taken = [attrs.evolve(one, email_key=JEANNE.email_key) for one in people]

    won = _race(stores, threads, lambda work, n: work.identities.save(taken[n], expected_stamp=1))

    with stores[0].reading() as work:
        kept = [work.identities.get(one.id) for one in people]
    expect(sum(won), 1)
    expect(kept, [new if one_won else old for new, old, one_won in zip(taken, people, won, strict=True)])


@RACES.race()
def a_stamp_moves_once(stores: Sequence[Store], threads: int) -> None:
    """Of many who save a login under one stamp, one does, and what he saved is kept."""
    write(stores[0], JEANNE)
    changed = [attrs.evolve(JEANNE, credential_stamp=2, last_account_id=str(n)) for n in range(threads)]

    won = _race(stores, threads, lambda work, n: work.identities.save(changed[n], expected_stamp=1))

    with stores[0].reading() as work:
        expect((sum(won), work.identities.get(JEANNE.id)), (1, changed[won.index(True)]))


@RACES.race()
def no_change_is_lost(stores: Sequence[Store], threads: int) -> None:
    """Of many who read a login and save it one stamp further on, each builds on what another left."""
    write(stores[0], JEANNE)

    def move_on(work: UnitOfWork, _: int) -> bool:
        found = work.identities.get(JEANNE.id) or MARC
        stamp = found.credential_stamp
        return work.identities.save(attrs.evolve(found, credential_stamp=stamp + 1), expected_stamp=stamp)

    saved = _race(stores, threads, move_on)

    with stores[0].reading() as work:
        found = work.identities.get(JEANNE.id)
    expect((saved, found and found.credential_stamp), ([True] * threads, 1 + threads))


@RACES.race()
def a_contact_has_one_login_after_all(stores: Sequence[Store], threads: int) -> None:
    """Of many who link one contact to logins of their own, one has it in the end."""
    people = logins(threads)
    write(stores[0], *people)

    _race(stores, threads, lambda work, n: work.links.put(contact_id="contact-1", identity_id=people[n].id, at=NOW))

    with stores[0].reading() as work:
        owners = [one.id for one in people for _ in work.links.contacts_of(one.id)]
        owner = work.identities.by_contact("contact-1")
    expect(owners, [owner and owner.id])


@RACES.race()
def one_code_stands_after_all(stores: Sequence[Store], threads: int) -> None:
    """Of many who issue a code for one contact, each revoking those before, one has issued the code that stands."""
    issued = codes(threads)

    def issue(work: UnitOfWork, number: int) -> None:
        work.codes.revoke_of(CODE.contact_id, at=NOW)
        work.codes.add(issued[number])

    _race(stores, threads, issue)

    with stores[0].reading() as work:
        found = [work.codes.by_index([code.index]) for code in issued]
    expect(sum(code is not None and code.revoked_at is None for code in found), 1)
    expect(sum(code is not None for code in found), threads, of="codes in all")


@RACES.race()
def a_session_is_ended_by_one_of_many(stores: Sequence[Store], threads: int) -> None:
    """Of many who end one session at once, one is told that it was he."""
    write(stores[0], JEANNE, SESSION)

    expect(sum(_race(stores, threads, lambda work, _: work.sessions.end(SESSION.digest))), 1)


@RACES.race()
def no_use_revives_a_session_that_is_ended_meanwhile(stores: Sequence[Store], threads: int) -> None:
    """However many pages are under way when a session is ended, it is ended."""
    write(stores[0], JEANNE, SESSION)

    def use_or_end(work: UnitOfWork, number: int) -> None:
        if number:
            work.sessions.touch(SESSION.digest, at=LATER)
        else:
            work.sessions.end_all(JEANNE.id)

    _race(stores, threads, use_or_end)

    with stores[0].reading() as work:
        expect(list(work.sessions.of(JEANNE.id)), [])


@RACES.race()
def no_mail_is_given_to_two_couriers(stores: Sequence[Store], threads: int) -> None:
    """Couriers who take mail side by side are given each mail once, and leave none behind."""
    queued = mails(3 * threads)
    write(stores[0], *queued)

    taken = [mail for batch in together(lambda n: _rounds(stores[n % len(stores)]), threads) for mail in batch]

    left = _rounds(stores[0])
    expect(sorted(mail.id for mail in [*taken, *left]), sorted(mail.id for mail in queued))


def _rounds(store: Store) -> list[Intention]:
    """Take batches of two until there is none."""
    taken: list[Intention] = []
    while batch := in_a_unit(store, lambda work: work.outbox.claim(at=NOW, until=LATEST, limit=2, max_tries=9)):
        taken.extend(batch)
    return taken


@RACES.race(Capability.HOUSEKEEPING)
def a_login_is_used_or_removed(stores: Sequence[Store], threads: int) -> None:
    """Of many logins that are used while they are removed for lack of use, each is one or the other."""
    people = logins(threads)
    write(stores[0], *people, *(Link(f"contact-{n}", one.id) for n, one in enumerate(people)))

    def use(work: UnitOfWork, number: int) -> bool:
        return work.identities.save(attrs.evolve(people[number], last_login_at=LATEST), expected_stamp=1)

    def remove(store: Store, identity_id: str) -> bool:
        housekeeping = store.housekeeping()
        return persistently(lambda: housekeeping.remove_identity(identity_id, unless_used_since=LATER), policy=Policy())

    def use_or_remove(number: int) -> bool:
        store, person = stores[number % len(stores)], number // 2
        return remove(store, people[person].id) if number % 2 else in_a_unit(store, lambda work: use(work, person))

    done = together(use_or_remove, 2 * (threads // 2))

    with stores[0].reading() as work:
        there = [work.identities.by_contact(f"contact-{n}") is not None for n in range(threads // 2)]
    expect((done[::2], done[1::2]), (there, [not stays for stays in there]))


@RACES.race()
def a_login_that_activates_is_whole(stores: Sequence[Store], threads: int) -> None:
    """Of many who open a login with one code, one does: login, link and session are his, and nothing of the others'."""
    people = logins(threads)
    write(stores[0], CODE)

    def activate(work: UnitOfWork, number: int) -> bool:
        person = people[number]
        if (found := work.codes.by_index([CODE.index])) is None or found.used_at is not None:
            return False
        work.identities.add(person)
        work.links.put(contact_id=CODE.contact_id, identity_id=person.id, at=NOW)
        work.sessions.add(attrs.evolve(SESSION, digest=f"{number:064x}", handle=str(number), identity_id=person.id))
        return work.codes.consume(CODE.id, identity_id=person.id, at=NOW)

    won = _race(stores, threads, activate)

    with stores[0].reading() as work:
        opened = [work.identities.get(one.id) is not None for one in people]
        sessions = [len(work.sessions.of(one.id)) == 1 for one in people]
    expect((sum(won), opened, sessions), (1, won, won))
