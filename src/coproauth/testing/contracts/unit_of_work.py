"""What is read and written together: all of it is kept, or none."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, timedelta, timezone

import attrs

from coproauth.ports import Store, UnitOfWork
from coproauth.testing.contracts.law import Capability, Contract, Departure, expect
from coproauth.testing.contracts.samples import (
    BARE_SESSION,
    CODE,
    FULL_MAIL,
    JEANNE,
    LATER,
    MAIL,
    MARC,
    NOW,
    SESSION,
    TEXT,
    Link,
    put,
    write,
)
from coproauth.testing.contracts.threads import elsewhere

UNITS = Contract[Store]("unit of work")

EVERYTHING = (JEANNE, MARC, Link("contact-1", JEANNE.id), CODE, SESSION, BARE_SESSION, MAIL, FULL_MAIL)
_PARIS = timezone(timedelta(hours=2))


class _Failure(Exception):  # noqa: N818 - it is raised on purpose
    """Something went wrong in a use case."""


class _Abandoned(BaseException):
    """A use case was broken off from outside, as by Ctrl-C."""


def _contents(work: UnitOfWork) -> list[object]:
    """Return all that ``EVERYTHING`` may have left."""
    sessions = sorted(work.sessions.of(JEANNE.id), key=lambda session: session.handle)
    return [
        *(work.identities.get(identity.id) for identity in (JEANNE, MARC)),
        work.identities.by_contact("contact-1"),
        work.codes.by_index([CODE.index]),
        *sessions,
        *work.outbox.waiting(limit=9),
    ]


def _found(store: Store) -> list[object]:
    with store.reading() as work:
        return _contents(work)


_NOTHING: list[object] = [None] * 4
_ALL: list[object] = [JEANNE, MARC, JEANNE, CODE, SESSION, BARE_SESSION, MAIL, FULL_MAIL]


@UNITS.law()
def everything_written_in_a_unit_is_kept(store: Store) -> None:
    """However much one unit of work writes, all of it is read back, whole, to the microsecond."""
    write(store, *EVERYTHING)

    expect(_found(store), _ALL)


@UNITS.law()
def instants_come_back_aware_in_utc(store: Store) -> None:
    """An instant that was given in UTC is read back in UTC."""
    write(store, JEANNE)

    with store.reading() as work:
        found = work.identities.get(JEANNE.id)

    expect(found and (found.created_at.tzinfo is not None, found.created_at.utcoffset()), (True, timedelta(0)))


@UNITS.law()
def an_instant_of_another_zone_is_the_same_instant(store: Store) -> None:
    """Whatever zone an instant is told in, the same instant is read back, aware."""
    there = attrs.evolve(SESSION, last_seen_at=LATER.astimezone(_PARIS), expires_at=LATER.astimezone(_PARIS))
    write(store, attrs.evolve(JEANNE, created_at=NOW.astimezone(_PARIS)), there)

    with store.reading() as work:
        found = [work.identities.get(JEANNE.id), *work.sessions.of(JEANNE.id)]

    expect(found, [JEANNE, attrs.evolve(SESSION, last_seen_at=LATER)])


@UNITS.law()
def text_comes_back_as_it_was(store: Store) -> None:
    """Accents, quotes, percent signs, line ends and what lies beyond 16 bits are read back as they were."""
    mail = attrs.evolve(FULL_MAIL, condominium_name=TEXT, contact_name=TEXT)
    session = attrs.evolve(SESSION, user_agent=TEXT)
    write(store, JEANNE, mail, session)

    with store.reading() as work:
        expect([*work.outbox.waiting(limit=9), *work.sessions.of(JEANNE.id)], [mail, session])


@UNITS.law()
def an_empty_text_is_not_nothing(store: Store) -> None:
    """An empty text is read back as an empty text, and nothing as nothing."""
    empty = attrs.evolve(SESSION, user_agent="", account_id="")
    write(store, JEANNE, empty, BARE_SESSION)

    with store.reading() as work:
        found = {session.handle: session for session in work.sessions.of(JEANNE.id)}

    expect(found, {empty.handle: empty, BARE_SESSION.handle: BARE_SESSION})


@UNITS.law()
def nothing_is_kept_wherever_a_unit_fails(store: Store) -> None:
    """A unit that raises, after its first write, its last or any between, leaves no trace of any of them."""
    for place in range(len(EVERYTHING) + 1):
        _fail_after(store, place, _Failure)

        expect(_found(store), _NOTHING, of=f"after {place} writes")


@UNITS.law()
def nothing_is_kept_of_a_unit_that_is_broken_off(store: Store) -> None:
    """What is no ``Exception``, such as Ctrl-C, undoes a unit of work as well."""
    _fail_after(store, len(EVERYTHING), _Abandoned)

    expect(_found(store), _NOTHING)


@UNITS.law()
def changes_are_undone_too(store: Store) -> None:
    """What a failed unit replaced, moved, consumed, ended or took is as it was before."""
    write(store, *EVERYTHING)

    for change in _CHANGES:
        _fail(store, change, _Failure)

        expect(_found(store), _ALL)


@UNITS.law()
def the_next_unit_is_not_hindered_by_one_that_failed(store: Store) -> None:
    """After a unit failed, the same writes are kept when they come again."""
    _fail_after(store, len(EVERYTHING), _Failure)

    write(store, *EVERYTHING)

    expect(_found(store), _ALL)


@UNITS.law()
def a_unit_sees_what_it_wrote(store: Store) -> None:
    """Within a unit of work, what it wrote so far is found."""
    with store.writing() as work:
        for value in EVERYTHING:
            put(work, value)

        expect(_contents(work), _ALL)


@UNITS.law()
def a_unit_within_a_unit_is_refused_or_kept(store: Store) -> None:
    """A thread that opens a unit of work within another gets a ``RuntimeError``, or both are kept; it never waits."""
    with store.writing() as work:
        put(work, JEANNE)
        is_refused = _is_refused(lambda: write(store, MARC))

    with store.reading() as work:
        kept = [work.identities.get(identity.id) for identity in (JEANNE, MARC)]
    expect(kept, [JEANNE, None if is_refused else MARC])


@UNITS.law(Capability.CONCURRENT)
def an_open_unit_shows_nothing_and_holds_up_no_reader(store: Store) -> None:
    """While a unit of work is open, another thread reads at once, and sees nothing of it."""
    with store.writing() as work:
        for value in EVERYTHING:
            put(work, value)

        seen = elsewhere(lambda: _found(store))

    expect(seen, _NOTHING)


@UNITS.law(Capability.CONCURRENT)
def a_view_shows_one_state(store: Store) -> None:
    """A view that has been looked into shows the same state to its end, whatever others write meanwhile."""
    with store.reading() as work:
        before = _contents(work)
        elsewhere(lambda: write(store, *EVERYTHING))
        after = _contents(work)

    expect((before, after), (_NOTHING, _NOTHING))
    expect(_found(store), _ALL, of="the next view")


def _is_refused(call: Callable[[], object]) -> bool:
    try:
        call()
    except RuntimeError:
        return True
    return False


def _fail_after(store: Store, place: int, error: type[BaseException]) -> None:
    """Write so many values, and fail."""

    def write_some(work: UnitOfWork) -> None:
        for value in EVERYTHING[:place]:
            put(work, value)

    _fail(store, write_some, error)


def _fail(store: Store, step: Callable[[UnitOfWork], object], error: type[BaseException]) -> None:
    """Do something in a unit of work that fails in the end, as it should: with its own error."""
    try:
        with store.writing() as work:
            step(work)
            raise error  # noqa: TRY301 - the unit must see it
    except error:
        return
    raise Departure("the error of a failed unit did not come through")


_CHANGES: tuple[Callable[[UnitOfWork], object], ...] = (
    lambda work: work.identities.save(attrs.evolve(JEANNE, credential_stamp=2), expected_stamp=1),
    lambda work: work.links.put(contact_id="contact-1", identity_id=MARC.id, at=LATER),
    lambda work: work.links.remove("contact-1"),
    lambda work: work.codes.consume(CODE.id, identity_id=JEANNE.id, at=LATER),
    lambda work: work.codes.revoke_of(CODE.contact_id, at=LATER),
    lambda work: work.codes.ask_proof(CODE.id, email_key=MARC.email_key, nonce="2" * 32, at=LATER),
    lambda work: work.sessions.touch(SESSION.digest, at=LATER),
    lambda work: work.sessions.end(SESSION.digest),
    lambda work: work.sessions.end_all(JEANNE.id),
    lambda work: work.outbox.claim(at=NOW.astimezone(UTC), until=LATER, limit=9, max_tries=9),
    lambda work: work.outbox.done(MAIL.id),
    lambda work: work.outbox.postpone(MAIL.id, due_at=LATER, tries=1, failure="OSError"),
)
