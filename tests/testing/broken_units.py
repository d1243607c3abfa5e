"""Stores whose units of work, logins or links go wrong in one way, and the law that each is caught by."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, timedelta, timezone
from typing import Any

import attrs
from tests.testing.spoilt import (
    Faults,
    LastWriterWins,
    Spoilt,
    change,
    plain,
    rows_of,
    spoilt_work,
    store_with,
    work_with,
)


@contextmanager
def _kept_whatever_happens(real: Any, kinds: type[BaseException] = BaseException) -> Iterator[Any]:
    error = None
    with real() as work:
        try:
            yield work
        except kinds as raised:
            error = raised
    if error:
        raise error


@contextmanager
def _kept_when_broken_off(real: Any) -> Iterator[Any]:
    error: BaseException | None = None
    with real() as work:
        try:
            yield work
        except Exception:
            raise
        except BaseException as raised:  # noqa: BLE001 - the fault
            error = raised
    if error:
        raise error


@contextmanager
def _swallowed(real: Any) -> Iterator[Any]:
    with real() as work, suppress(Exception):
        yield work


def _stuck_after_a_failure() -> Faults:
    failures: list[BaseException] = []

    @contextmanager
    def writing(real: Any) -> Iterator[Any]:
        if failures:
            raise RuntimeError("a transaction was left open")
        try:
            with real() as work:
                yield work
        except Exception as failure:
            failures.append(failure)
            raise

    return {"writing": writing}


def _forgets_the_fourth_write() -> Faults:
    @contextmanager
    def writing(real: Any) -> Iterator[Any]:
        count = itertools.count(1)

        def fourth(method: Any, *args: object, **named: object) -> Any:
            return True if next(count) == 4 else method(*args, **named)

        writes = ("identities.add", "links.put", "codes.add", "sessions.add", "outbox.add")
        with real() as work:
            yield Spoilt(work, dict.fromkeys(writes, fourth))

    return {"writing": writing}


@contextmanager
def _blind(real: Any) -> Iterator[Any]:
    """Look at what was there before the unit began, as through another connection."""
    store = real.__self__
    with real() as work:
        before = store._tables  # noqa: SLF001 - the fault
        yield Spoilt(work, {"codes.by_index": lambda _, indices: before.codes.by_index(indices)})


@contextmanager
def _seen_at_once(real: Any) -> Iterator[Any]:
    store = real.__self__
    before = store._tables  # noqa: SLF001 - the fault
    store._tables = before.copy()  # noqa: SLF001
    try:
        yield store._tables  # noqa: SLF001
    except BaseException:
        store._tables = before  # noqa: SLF001
        raise


class _Present:
    """A view that shows at each look what is there."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store._tables, name)  # noqa: SLF001 - the fault


@contextmanager
def _unsteady(real: Any) -> Iterator[Any]:
    yield _Present(real.__self__)


UNITS = {
    "forgets the fourth write": (store_with(_forgets_the_fourth_write), "everything_written_in_a_unit_is_kept"),
    "is not atomic": (store_with({"writing": _kept_whatever_happens}), "nothing_is_kept_wherever_a_unit_fails"),
    "keeps changes of what fails": (store_with({"writing": _kept_whatever_happens}), "changes_are_undone_too"),
    "keeps what is broken off": (
        store_with({"writing": _kept_when_broken_off}),
        "nothing_is_kept_of_a_unit_that_is_broken_off",
    ),
    "swallows errors": (store_with({"writing": _swallowed}), "nothing_is_kept_wherever_a_unit_fails"),
    "is stuck after a failure": (
        store_with(_stuck_after_a_failure),
        "the_next_unit_is_not_hindered_by_one_that_failed",
    ),
    "is blind to its own writes": (store_with({"writing": _blind}), "a_unit_sees_what_it_wrote"),
    "loses what a unit within wrote": (LastWriterWins, "a_unit_within_a_unit_is_refused_or_kept"),
    "shows what is not kept yet": (
        store_with({"writing": _seen_at_once}),
        "an_open_unit_shows_nothing_and_holds_up_no_reader",
    ),
    "shows what others write meanwhile": (store_with({"reading": _unsteady}), "a_view_shows_one_state"),
    "truncates microseconds": (
        work_with(
            codes__add=lambda real, code: real(attrs.evolve(code, issued_at=code.issued_at.replace(microsecond=0)))
        ),
        "everything_written_in_a_unit_is_kept",
    ),
    "tells the time of Paris": (
        work_with(
            identities__add=lambda real, new: real(
                attrs.evolve(new, created_at=new.created_at.astimezone(timezone(timedelta(hours=2))))
            )
        ),
        "instants_come_back_aware_in_utc",
    ),
    "forgets time zones": (
        work_with(
            identities__add=lambda real, new: real(attrs.evolve(new, created_at=new.created_at.replace(tzinfo=UTC)))
        ),
        "an_instant_of_another_zone_is_the_same_instant",
    ),
    "keeps ASCII only": (
        work_with(
            outbox__add=lambda real, mail: real(
                attrs.evolve(mail, contact_name=mail.contact_name.encode("ascii", "replace").decode())
            )
        ),
        "text_comes_back_as_it_was",
    ),
    "takes empty for nothing": (
        work_with(sessions__add=lambda real, new: real(attrs.evolve(new, user_agent=new.user_agent or None))),
        "an_empty_text_is_not_nothing",
    ),
}


def _adds_unless_alike(real: Any, new: Any) -> bool:
    if any(plain(row.email_key) == plain(new.email_key) for row in rows_of(real).values()):
        return False
    return bool(real(new))


def _puts(real: Any, new: Any, **_: object) -> bool:
    rows_of(real)[new.id] = new
    return True


def _drops_contacts(real: Any, new: Any, *, expected_stamp: int) -> bool:
    if not real(new, expected_stamp=expected_stamp):
        return False
    links = real.__self__.links
    for contact_id in [contact_id for contact_id, owner in links.items() if owner == new.id]:
        del links[contact_id]
    return True


def _saves_all(real: Any, new: Any, *, expected_stamp: int) -> bool:
    saved = bool(real(new, expected_stamp=expected_stamp))
    for row in list(rows_of(real).values()):
        change(real, row.id, credential_stamp=new.credential_stamp)
    return saved


def _saves_if_it_differs(real: Any, new: Any, *, expected_stamp: int) -> bool:
    return rows_of(real).get(new.id) != new and bool(real(new, expected_stamp=expected_stamp))


def _never_frees_a_key() -> Faults:
    given: set[str] = set()

    def add(real: Any, new: Any) -> bool:
        is_free = new.email_key not in given
        given.add(new.email_key)
        return is_free and bool(real(new))

    return {"writing.identities.add": add}


def _finds_alike(real: Any, wanted: str) -> Any:
    rows = real.__self__.rows
    return next((row for row in rows.values() if plain(row.email_key) == plain(wanted)), None)


IDENTITIES = {
    "finds anybody's contact": (
        work_with(identities__by_contact=lambda real, _: next(iter(rows_of(real).values()), None)),
        "a_login_is_found_by_id_key_and_contact",
    ),
    "adds unless keys look alike": (
        work_with(identities__add=_adds_unless_alike),
        "email_keys_that_look_alike_are_different",
    ),
    "finds keys that look alike": (work_with(identities__by_email=_finds_alike), "a_look_alike_finds_no_login"),
    "gives an address twice": (work_with(identities__add=_puts), "a_taken_key_is_not_added"),
    "gives an address again in the next unit": (
        work_with(identities__add=_puts),
        "a_key_taken_in_an_earlier_unit_is_not_added",
    ),
    "saves the password only": (
        work_with(
            identities__save=lambda real, new, expected_stamp: (
                real.__self__.rows[new.id].credential_stamp == expected_stamp
                and change(real, new.id, password_hash=new.password_hash, credential_stamp=new.credential_stamp)
            )
        ),
        "saving_replaces_every_field",
    ),
    "saves without a look at the stamp": (work_with(identities__save=_puts), "saving_needs_the_stamp_that_was_read"),
    "takes another's address": (work_with(identities__save=_puts), "saving_cannot_take_another_s_key"),
    "adds what it should save": (work_with(identities__save=_puts), "saving_never_adds"),
    "counts only what differs": (work_with(identities__save=_saves_if_it_differs), "saving_as_it_is_succeeds"),
    "saves every login": (work_with(identities__save=_saves_all), "saving_touches_no_other_login"),
    "never frees an address": (store_with(_never_frees_a_key), "a_key_that_was_given_up_is_free"),
    "drops contacts when it saves": (work_with(identities__save=_drops_contacts), "saving_keeps_links"),
}


def _shares_contacts() -> Faults:
    links: list[tuple[str, str]] = []

    def put(real: Any, *, contact_id: str, identity_id: str, at: Any) -> None:
        links.append((contact_id, identity_id))
        real(contact_id=contact_id, identity_id=identity_id, at=at)

    def contacts_of(_: Any, identity_id: str) -> list[str]:
        return [contact_id for contact_id, owner in links if owner == identity_id]

    return spoilt_work({"links.put": put, "links.contacts_of": contacts_of})


def _moves_alike(real: Any, contact_id: str) -> None:
    for other in [other for other in rows_of(real) if plain(other) == plain(contact_id)]:
        real(other)


def _removes_the_owner_s(real: Any, contact_id: str) -> None:
    owner = rows_of(real).get(contact_id)
    for other in [other for other, login in rows_of(real).items() if login == owner]:
        real(other)


def _links_alike(real: Any, contact_ids: Any) -> frozenset[str]:
    known = {plain(contact_id) for contact_id in rows_of(real)}
    return frozenset(contact_id for contact_id in contact_ids if plain(contact_id) in known)


LINKS = {
    "has one contact a login": (
        work_with(links__contacts_of=lambda real, identity_id: real(identity_id)[:1]),
        "a_login_has_any_number_of_contacts",
    ),
    "shares contacts": (store_with(_shares_contacts), "a_contact_is_moved_not_shared"),
    "links twice": (store_with(_shares_contacts), "linking_twice_is_linking"),
    "shares contacts in a race": (store_with(_shares_contacts), "a_contact_has_one_login_after_all"),
    "removes every contact of a login": (
        work_with(links__remove=_removes_the_owner_s),
        "removing_is_for_one_contact_only",
    ),
    "takes everybody for linked": (
        work_with(links__linked=lambda _, contact_ids: frozenset(contact_ids)),
        "linked_tells_who_has_a_login",
    ),
    "takes alike for linked": (work_with(links__linked=_links_alike), "contacts_that_look_alike_are_different"),
    "removes contacts that look alike": (work_with(links__remove=_moves_alike), "only_the_very_contact_is_moved"),
    "shortens ids": (
        work_with(links__put=lambda real, contact_id, **rest: real(contact_id=contact_id[:254], **rest)),
        "the_longest_ids_are_told_apart",
    ),
}
