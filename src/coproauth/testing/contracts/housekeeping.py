"""What the operator reads and removes: only what is over, and no more at once than asked for."""

from __future__ import annotations

from datetime import timedelta

import attrs

from coproauth.core.maintenance import Waste
from coproauth.core.throttling import ThrottleKey
from coproauth.policy import ThrottleRule
from coproauth.ports import Store
from coproauth.testing.contracts.law import Capability, Contract, expect, expect_false, expect_true
from coproauth.testing.contracts.samples import (
    CODE,
    FULL_MAIL,
    JEANNE,
    LATER,
    LATEST,
    MAIL,
    MARC,
    MOMENT,
    NOW,
    SESSION,
    Link,
    codes,
    logins,
    mails,
    write,
)

HOUSEKEEPING = Contract[Store]("housekeeping")

_needs = Capability.HOUSEKEEPING
_HOUR = timedelta(hours=1)
_ONE_FREE = ThrottleRule(free_attempts=1, first_delay=_HOUR, longest_delay=_HOUR, forget_after=_HOUR)
_MARC_SESSION = attrs.evolve(SESSION, digest="34" * 32, handle="handle-4", identity_id=MARC.id)


def _swept(store: Store, waste: Waste, *, limit: int = 9) -> int:
    return store.housekeeping().sweep(waste, before=NOW, limit=limit)


@HOUSEKEEPING.law(_needs)
def codes_are_swept_once_they_expired(store: Store) -> None:
    """Codes that expired before the instant go, used or not; one that expires at it stays."""
    used, unused, on_time = [
        attrs.evolve(code, expires_at=at) for code, at in zip(codes(3), (NOW - MOMENT, NOW - _HOUR, NOW), strict=True)
    ]
    write(store, JEANNE, used, unused, on_time)
    with store.writing() as work:
        work.codes.consume(used.id, identity_id=JEANNE.id, at=NOW - _HOUR)

    swept = _swept(store, Waste.CODES)

    with store.reading() as work:
        left = [work.codes.by_index([code.index]) for code in (used, unused, on_time)]
    expect((swept, left), (2, [None, None, on_time]))


@HOUSEKEEPING.law(_needs)
def sessions_are_swept_once_they_cannot_go_on(store: Store) -> None:
    """Sessions that ended of age before the instant go; one that ends at it stays."""
    old = [attrs.evolve(SESSION, digest=f"{n:064x}", handle=f"old-{n}", expires_at=NOW - MOMENT) for n in range(2)]
    young = attrs.evolve(SESSION, expires_at=NOW)
    write(store, JEANNE, *old, young)

    swept = _swept(store, Waste.SESSIONS)

    with store.reading() as work:
        expect((swept, list(work.sessions.of(JEANNE.id))), (2, [young]))


@HOUSEKEEPING.law(_needs)
def mail_is_swept_by_when_it_was_queued(store: Store) -> None:
    """Mail that was queued before the instant goes, however late it would be tried again."""
    old, on_time = attrs.evolve(FULL_MAIL, queued_at=NOW - MOMENT, due_at=LATEST), attrs.evolve(MAIL, queued_at=NOW)
    write(store, JEANNE, old, on_time)

    swept = _swept(store, Waste.MAIL)

    with store.reading() as work:
        expect((swept, list(work.outbox.waiting(limit=9))), (1, [on_time]))


@HOUSEKEEPING.law(_needs)
def counters_are_swept_once_they_start_from_nothing(store: Store) -> None:
    """Counts that would be forgotten anyway go, those that still slow somebody stay."""
    throttle = store.throttle()
    over, standing = (ThrottleKey(name=name, rule=_ONE_FREE) for name in ("over", "standing"))
    throttle.admit([over], at=NOW - _HOUR - MOMENT)
    throttle.admit([standing], at=NOW - MOMENT)

    swept = _swept(store, Waste.COUNTERS)

    expect((swept, throttle.admit([standing], at=NOW)), (1, _HOUR - MOMENT))


@HOUSEKEEPING.law(_needs)
def nothing_is_swept_where_there_is_nothing(store: Store) -> None:
    """Every kind may be swept on an empty store."""
    expect([_swept(store, waste) for waste in Waste], [0] * len(Waste))


@HOUSEKEEPING.law(_needs)
def no_more_is_swept_than_asked_for(store: Store) -> None:
    """Each call removes at most so many, and tells how many, until nothing is left to remove."""
    write(store, *mails(5))

    expect([_swept(store, Waste.MAIL, limit=2) for _ in range(4)], [2, 2, 1, 0])


@HOUSEKEEPING.law(_needs)
def a_sweep_is_of_one_kind(store: Store) -> None:
    """Sweeping one kind leaves all others."""
    over = NOW - MOMENT
    mail = attrs.evolve(MAIL, queued_at=over)
    write(store, JEANNE, attrs.evolve(CODE, expires_at=over), attrs.evolve(SESSION, expires_at=over), mail)

    first = _swept(store, Waste.SESSIONS)

    kinds = (Waste.SESSIONS, Waste.CODES, Waste.MAIL)
    expect([first, *(_swept(store, waste) for waste in kinds)], [1, 0, 1, 1])


@HOUSEKEEPING.law(_needs)
def idle_logins_are_listed_the_longest_unused_first(store: Store) -> None:
    """Those last used before the instant are listed, no more than asked for, and nothing is done to them."""
    people = [attrs.evolve(one, last_login_at=NOW - n * _HOUR, warned_at=None) for n, one in enumerate(logins(4))]
    write(store, *people)

    found = [list(store.housekeeping().idle_identities(before=NOW, limit=limit)) for limit in (9, 2)]

    expect(found, [people[:0:-1], people[:1:-1]])


@HOUSEKEEPING.law(_needs)
def warned_logins_are_listed_apart(store: Store) -> None:
    """Those whose owners were warned before an instant are told from those who were warned later, or never."""
    idle = [attrs.evolve(one, last_login_at=NOW - _HOUR) for one in logins(3)]
    never, before, since = [attrs.evolve(one, warned_at=at) for one, at in zip(idle, (None, NOW, LATER), strict=True)]
    write(store, never, before, since)
    housekeeping = store.housekeeping()

    found = [housekeeping.idle_identities(before=NOW, warned_before=at, limit=9) for at in (None, LATER, NOW)]

    expect([list(people) for people in found], [[never], [before], []])


@HOUSEKEEPING.law(_needs)
def warned_logins_are_listed_the_longest_warned_first(store: Store) -> None:
    """Whatever they were last used; of those warned at one instant the longest unused comes first."""
    of_late, at_noon, before_noon = logins(3)
    people = [
        attrs.evolve(of_late, last_login_at=NOW - 3 * _HOUR, warned_at=NOW + _HOUR),
        attrs.evolve(at_noon, last_login_at=NOW - _HOUR, warned_at=NOW),
        attrs.evolve(before_noon, last_login_at=NOW - 2 * _HOUR, warned_at=NOW),
    ]
    write(store, *people)
    housekeeping = store.housekeeping()

    found = [list(housekeeping.idle_identities(before=NOW, warned_before=LATEST, limit=limit)) for limit in (9, 2)]

    expect(found, [people[::-1], people[:0:-1]])


@HOUSEKEEPING.law(_needs)
def a_login_is_removed_with_what_belongs_to_it(store: Store) -> None:
    """Its links, its sessions, and the mail that waits for it or for its address go with it."""
    own = attrs.evolve(FULL_MAIL, id="mail-3", to="new@example.fr")
    write(store, JEANNE, Link("contact-1", JEANNE.id), SESSION, attrs.evolve(MAIL, to=JEANNE.email), own)

    expect_true(store.housekeeping().remove_identity(JEANNE.id))

    with store.reading() as work:
        expect((work.identities.get(JEANNE.id), work.identities.by_email(JEANNE.email_key)), (None, None))
        expect(work.links.linked(["contact-1"]), frozenset(), of="links")
        expect(list(work.sessions.of(JEANNE.id)), [], of="sessions")
        expect(list(work.outbox.waiting(limit=9)), [], of="mail")


@HOUSEKEEPING.law(_needs)
def removing_a_login_leaves_what_belongs_to_others(store: Store) -> None:
    """Other logins keep their links, sessions and mail, and codes that nobody used can be used."""
    mail = attrs.evolve(FULL_MAIL, identity_id=MARC.id, to=MARC.email)
    write(store, JEANNE, MARC, Link("contact-2", MARC.id), _MARC_SESSION, mail, CODE)

    store.housekeeping().remove_identity(JEANNE.id)

    with store.writing() as work:
        found = [work.identities.by_contact("contact-2"), *work.sessions.of(MARC.id), *work.outbox.waiting(limit=9)]
        expect(found, [MARC, _MARC_SESSION, mail])
        expect_true(work.codes.consume(CODE.id, identity_id=MARC.id, at=NOW))


@HOUSEKEEPING.law(_needs)
def a_login_that_was_used_since_is_not_removed(store: Store) -> None:
    """A login that was used at the instant or after it stays, with all that belongs to it."""
    write(store, JEANNE, Link("contact-1", JEANNE.id), SESSION, FULL_MAIL)
    housekeeping = store.housekeeping()

    expect([housekeeping.remove_identity(JEANNE.id, unless_used_since=at) for at in (NOW - MOMENT, NOW)], [False] * 2)

    with store.reading() as work:
        left = [work.identities.by_contact("contact-1"), *work.sessions.of(JEANNE.id), *work.outbox.waiting(limit=9)]
    expect(left, [JEANNE, SESSION, FULL_MAIL])
    expect_true(housekeeping.remove_identity(JEANNE.id, unless_used_since=NOW + MOMENT))


@HOUSEKEEPING.law(_needs)
def a_login_is_removed_once(store: Store) -> None:
    """A login that is not there, or not any more, is not removed."""
    write(store, JEANNE)

    removed = [store.housekeeping().remove_identity(identity_id) for identity_id in (MARC.id, JEANNE.id, JEANNE.id)]

    expect(removed, [False, True, False])


@HOUSEKEEPING.law(_needs)
def the_address_of_a_removed_login_is_free(store: Store) -> None:
    """Its person may come back with a new code, as somebody new."""
    back = attrs.evolve(MARC, email=JEANNE.email, email_key=JEANNE.email_key)
    write(store, JEANNE)

    store.housekeeping().remove_identity(JEANNE.id)

    with store.writing() as work:
        expect((work.identities.add(back), work.identities.by_email(JEANNE.email_key)), (True, back))


@HOUSEKEEPING.law(_needs)
def the_codes_of_a_removed_login_stay_used(store: Store) -> None:
    """A letter that was used once opens nothing again, and does not tell any more who used it."""
    write(store, JEANNE, MARC, CODE)
    with store.writing() as work:
        work.codes.ask_proof(CODE.id, email_key=JEANNE.email_key, nonce="1" * 32, at=NOW)
        work.codes.consume(CODE.id, identity_id=JEANNE.id, at=LATER)

    store.housekeeping().remove_identity(JEANNE.id)

    with store.writing() as work:
        expect_false(work.codes.consume(CODE.id, identity_id=MARC.id, at=LATEST))
        expect(work.codes.by_index([CODE.index]), attrs.evolve(CODE, used_at=LATER, used_by=None))


@HOUSEKEEPING.law(_needs)
def the_codes_of_a_login_are_those_it_used(store: Store) -> None:
    """The codes that opened it or were added to it are told, and no others."""
    first, second, another, unused = codes(4)
    write(store, JEANNE, MARC, first, second, another, unused)
    with store.writing() as work:
        for code, identity in ((first, JEANNE), (another, MARC), (second, JEANNE)):
            work.codes.consume(code.id, identity_id=identity.id, at=NOW)

    found = {code.id: code for code in store.housekeeping().codes_used_by(JEANNE.id)}

    expect(found, {code.id: attrs.evolve(code, used_at=NOW, used_by=JEANNE.id) for code in (first, second)})


@HOUSEKEEPING.law(_needs)
def the_mail_of_a_login_is_about_it_or_to_it(store: Store) -> None:
    """What waits for a login is told once: what is about it, wherever it goes, and what goes to its address."""
    about_it = attrs.evolve(FULL_MAIL, to="new@example.fr")
    to_it, both = attrs.evolve(MAIL, to=JEANNE.email), attrs.evolve(FULL_MAIL, id="mail-3", to=JEANNE.email)
    another_s = attrs.evolve(FULL_MAIL, id="mail-4", identity_id=MARC.id, to=MARC.email)
    write(store, JEANNE, MARC, about_it, to_it, both, another_s)

    found = store.housekeeping().mail_of(JEANNE)

    expect(sorted(found, key=lambda mail: mail.id), sorted([about_it, to_it, both], key=lambda mail: mail.id))
