"""Stores that do one thing wrong, and the law that each is caught by."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, timedelta, timezone
from typing import Any, cast

import attrs
from tests.testing.spoilt import Faults, LastWriterWins, Spoilt, spoilt_work

from coproauth.adapters.memory import MemoryStore
from coproauth.core.accounts import Account, Contact
from coproauth.core.maintenance import Waste
from coproauth.ports import Store

MOMENT = timedelta(microseconds=1)


def _store(faults: Callable[[], Faults] | Faults) -> Callable[[], Store]:
    """Return what makes a spoilt store; faults that remember something are made anew with each."""
    return lambda: cast("Store", Spoilt(MemoryStore(), faults() if callable(faults) else faults))


def _work(**faults: Callable[..., Any]) -> Callable[[], Store]:
    """Return what makes a store whose units of work are spoilt; two underscores stand for a dot."""
    return _store(spoilt_work({name.replace("__", "."): fault for name, fault in faults.items()}))


def _rows(method: Any) -> dict[str, Any]:
    """Return the rows that a sound method works on."""
    return cast("dict[str, Any]", method.__self__.rows)


def _changed(method: Any, key: str, **changes: object) -> bool:
    rows = _rows(method)
    if key in rows:
        rows[key] = attrs.evolve(rows[key], **changes)
    return True


def _plain(text: str) -> str:
    return text.casefold().strip()


# Units of work


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
    "forgets the fourth write": (_store(_forgets_the_fourth_write), "everything_written_in_a_unit_is_kept"),
    "is not atomic": (_store({"writing": _kept_whatever_happens}), "nothing_is_kept_wherever_a_unit_fails"),
    "keeps changes of what fails": (_store({"writing": _kept_whatever_happens}), "changes_are_undone_too"),
    "keeps what is broken off": (
        _store({"writing": _kept_when_broken_off}),
        "nothing_is_kept_of_a_unit_that_is_broken_off",
    ),
    "swallows errors": (_store({"writing": _swallowed}), "nothing_is_kept_wherever_a_unit_fails"),
    "is stuck after a failure": (
        _store(_stuck_after_a_failure),
        "the_next_unit_is_not_hindered_by_one_that_failed",
    ),
    "is blind to its own writes": (_store({"writing": _blind}), "a_unit_sees_what_it_wrote"),
    "loses what a unit within wrote": (LastWriterWins, "a_unit_within_a_unit_is_refused_or_kept"),
    "shows what is not kept yet": (
        _store({"writing": _seen_at_once}),
        "an_open_unit_shows_nothing_and_holds_up_no_reader",
    ),
    "shows what others write meanwhile": (_store({"reading": _unsteady}), "a_view_shows_one_state"),
    "truncates microseconds": (
        _work(codes__add=lambda real, code: real(attrs.evolve(code, issued_at=code.issued_at.replace(microsecond=0)))),
        "everything_written_in_a_unit_is_kept",
    ),
    "tells the time of Paris": (
        _work(
            identities__add=lambda real, new: real(
                attrs.evolve(new, created_at=new.created_at.astimezone(timezone(timedelta(hours=2))))
            )
        ),
        "instants_come_back_aware_in_utc",
    ),
    "forgets time zones": (
        _work(identities__add=lambda real, new: real(attrs.evolve(new, created_at=new.created_at.replace(tzinfo=UTC)))),
        "an_instant_of_another_zone_is_the_same_instant",
    ),
    "keeps ASCII only": (
        _work(
            outbox__add=lambda real, mail: real(
                attrs.evolve(mail, contact_name=mail.contact_name.encode("ascii", "replace").decode())
            )
        ),
        "text_comes_back_as_it_was",
    ),
    "takes empty for nothing": (
        _work(sessions__add=lambda real, new: real(attrs.evolve(new, user_agent=new.user_agent or None))),
        "an_empty_text_is_not_nothing",
    ),
}


# Logins and their contacts


def _adds_unless_alike(real: Any, new: Any) -> bool:
    if any(_plain(row.email_key) == _plain(new.email_key) for row in _rows(real).values()):
        return False
    return bool(real(new))


def _puts(real: Any, new: Any, **_: object) -> bool:
    _rows(real)[new.id] = new
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
    for row in list(_rows(real).values()):
        _changed(real, row.id, credential_stamp=new.credential_stamp)
    return saved


def _saves_if_it_differs(real: Any, new: Any, *, expected_stamp: int) -> bool:
    return _rows(real).get(new.id) != new and bool(real(new, expected_stamp=expected_stamp))


def _never_frees_a_key() -> Faults:
    given: set[str] = set()

    def add(real: Any, new: Any) -> bool:
        is_free = new.email_key not in given
        given.add(new.email_key)
        return is_free and bool(real(new))

    return {"writing.identities.add": add}


def _finds_alike(real: Any, wanted: str) -> Any:
    rows = real.__self__.rows
    return next((row for row in rows.values() if _plain(row.email_key) == _plain(wanted)), None)


IDENTITIES = {
    "finds anybody's contact": (
        _work(identities__by_contact=lambda real, _: next(iter(_rows(real).values()), None)),
        "a_login_is_found_by_id_key_and_contact",
    ),
    "adds unless keys look alike": (
        _work(identities__add=_adds_unless_alike),
        "email_keys_that_look_alike_are_different",
    ),
    "finds keys that look alike": (_work(identities__by_email=_finds_alike), "a_look_alike_finds_no_login"),
    "gives an address twice": (_work(identities__add=_puts), "a_taken_key_is_not_added"),
    "gives an address again in the next unit": (
        _work(identities__add=_puts),
        "a_key_taken_in_an_earlier_unit_is_not_added",
    ),
    "saves the password only": (
        _work(
            identities__save=lambda real, new, expected_stamp: (
                real.__self__.rows[new.id].credential_stamp == expected_stamp
                and _changed(real, new.id, password_hash=new.password_hash, credential_stamp=new.credential_stamp)
            )
        ),
        "saving_replaces_every_field",
    ),
    "saves without a look at the stamp": (_work(identities__save=_puts), "saving_needs_the_stamp_that_was_read"),
    "takes another's address": (_work(identities__save=_puts), "saving_cannot_take_another_s_key"),
    "adds what it should save": (_work(identities__save=_puts), "saving_never_adds"),
    "counts only what differs": (_work(identities__save=_saves_if_it_differs), "saving_as_it_is_succeeds"),
    "saves every login": (_work(identities__save=_saves_all), "saving_touches_no_other_login"),
    "never frees an address": (_store(_never_frees_a_key), "a_key_that_was_given_up_is_free"),
    "drops contacts when it saves": (_work(identities__save=_drops_contacts), "saving_keeps_links"),
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
    for other in [other for other in _rows(real) if _plain(other) == _plain(contact_id)]:
        real(other)


def _removes_the_owner_s(real: Any, contact_id: str) -> None:
    owner = _rows(real).get(contact_id)
    for other in [other for other, login in _rows(real).items() if login == owner]:
        real(other)


def _links_alike(real: Any, contact_ids: Any) -> frozenset[str]:
    known = {_plain(contact_id) for contact_id in _rows(real)}
    return frozenset(contact_id for contact_id in contact_ids if _plain(contact_id) in known)


LINKS = {
    "has one contact a login": (
        _work(links__contacts_of=lambda real, identity_id: real(identity_id)[:1]),
        "a_login_has_any_number_of_contacts",
    ),
    "shares contacts": (_store(_shares_contacts), "a_contact_is_moved_not_shared"),
    "links twice": (_store(_shares_contacts), "linking_twice_is_linking"),
    "shares contacts in a race": (_store(_shares_contacts), "a_contact_has_one_login_after_all"),
    "removes every contact of a login": (_work(links__remove=_removes_the_owner_s), "removing_is_for_one_contact_only"),
    "takes everybody for linked": (
        _work(links__linked=lambda _, contact_ids: frozenset(contact_ids)),
        "linked_tells_who_has_a_login",
    ),
    "takes alike for linked": (_work(links__linked=_links_alike), "contacts_that_look_alike_are_different"),
    "removes contacts that look alike": (_work(links__remove=_moves_alike), "only_the_very_contact_is_moved"),
    "shortens ids": (
        _work(links__put=lambda real, contact_id, **rest: real(contact_id=contact_id[:254], **rest)),
        "the_longest_ids_are_told_apart",
    ),
}

# Codes


def _consumes(real: Any, code_id: str, *, identity_id: str, at: Any) -> bool:
    return _changed(real, code_id, used_at=at, used_by=identity_id)


def _revokes(real: Any, contact_id: str, at: Any, *, rows: Callable[[list[Any]], list[Any]]) -> None:
    for row in rows([row for row in _rows(real).values() if row.contact_id == contact_id]):
        _changed(real, row.id, revoked_at=at)


def _revokes_what_comes(real: Any, code: Any) -> None:
    former = [row.revoked_at for row in _rows(real).values() if row.contact_id == code.contact_id and row.revoked_at]
    real(attrs.evolve(code, revoked_at=next(iter(former), None)))


def _asks_once(real: Any, code_id: str, **proof: Any) -> None:
    if _rows(real)[code_id].proof_nonce is None:
        real(code_id, **proof)


def _finds_index_alike(real: Any, indices: Any) -> Any:
    wanted = {_plain(index) for index in indices}
    return next((row for row in _rows(real).values() if _plain(row.index) in wanted), None)


CODES = {
    "looks for the first index only": (
        _work(codes__by_index=lambda real, indices: real(indices[:1])),
        "a_code_is_found_by_any_of_its_indices",
    ),
    "finds indices that look alike": (_work(codes__by_index=_finds_index_alike), "an_index_is_compared_exactly"),
    "consumes twice": (_work(codes__consume=_consumes), "a_code_is_consumed_once"),
    "consumes what is not there": (_work(codes__consume=_consumes), "what_is_not_there_is_not_consumed"),
    "consumes what was revoked": (_work(codes__consume=_consumes), "a_revoked_code_is_not_consumed"),
    "revokes one code only": (
        _work(codes__revoke_of=lambda real, who, at: _revokes(real, who, at, rows=lambda rows: rows[:1])),
        "revoking_is_for_every_code_of_one_contact",
    ),
    "revokes anew": (
        _work(codes__revoke_of=lambda real, who, at: _revokes(real, who, at, rows=list)),
        "revoking_is_for_good",
    ),
    "revokes what comes": (_work(codes__add=_revokes_what_comes), "a_code_added_after_revoking_stands"),
    "keeps the first proof": (_work(codes__ask_proof=_asks_once), "a_code_has_one_pending_proof"),
}

# Sessions


def _revives() -> Faults:
    ended: dict[str, Any] = {}

    def end(real: Any, digest: str) -> bool:
        ended.update({digest: _rows(real)[digest]} if digest in _rows(real) else {})
        return bool(real(digest))

    def touch(real: Any, digest: str, *, at: Any) -> None:
        if digest in ended:
            _rows(real)[digest] = ended[digest]
        real(digest, at=at)

    return {"writing.sessions.end": end, "writing.sessions.touch": touch}


def _touches_all(real: Any, digest: str, *, at: Any) -> None:
    for other in list(_rows(real)) if digest in _rows(real) else []:
        real(other, at=at)


SESSIONS = {
    "lists sessions as they come": (
        _work(sessions__of=lambda real, identity_id: real(identity_id)[::-1]),
        "sessions_are_listed_by_login_the_latest_first",
    ),
    "ends a session twice": (
        _work(sessions__end=lambda real, digest: [real(digest)] != []),
        "a_session_ends_once",
    ),
    "ends sessions that look alike": (
        _work(sessions__end=lambda real, digest: real(_plain(digest))),
        "a_digest_is_compared_exactly",
    ),
    "touches every session": (_work(sessions__touch=_touches_all), "touching_is_for_one_session"),
    "revives by touching": (_store(_revives), "touching_does_not_bring_back_an_ended_session"),
    "ends everybody's sessions": (
        _work(sessions__end_all=lambda real, _: _rows(real).clear()),
        "ending_all_is_for_one_login",
    ),
}

# Mail


def _claims(real: Any, *, oldest: Callable[[Any], Any], **terms: Any) -> list[Any]:
    rows = _rows(real)
    ordered = sorted(rows.values(), key=oldest)
    due = [row for row in ordered if row.due_at <= terms["at"] and row.tries < terms["max_tries"]][: terms["limit"]]
    for row in due:
        _changed(real, row.id, due_at=terms["until"], tries=row.tries + 1)
    return [rows[row.id] for row in due]


def _promises(real: Any, **terms: Any) -> Any:
    before = dict(_rows(real))
    taken = real(**terms)
    _rows(real).update(before)
    return taken


def _leases_without_a_try(real: Any, **terms: Any) -> Any:
    taken = real(**terms)
    for mail in taken:
        _changed(real, mail.id, tries=mail.tries - 1)
    return taken


def _brings_mail_back() -> Faults:
    gone: dict[str, Any] = {}

    def done(real: Any, mail_id: str) -> None:
        gone.update({mail_id: _rows(real)[mail_id]} if mail_id in _rows(real) else {})
        real(mail_id)

    def postpone(real: Any, mail_id: str, **terms: Any) -> None:
        if mail_id in gone:
            _rows(real)[mail_id] = gone[mail_id]
        real(mail_id, **terms)

    return {"writing.outbox.done": done, "writing.outbox.postpone": postpone}


OUTBOX = {
    "gives a mail twice": (_work(outbox__claim=_promises), "claimed_mail_is_left_alone_until_its_lease_ends"),
    "does not count tries": (_work(outbox__claim=_leases_without_a_try), "a_claim_is_kept_on_what_waits"),
    "ignores the limit": (
        _work(outbox__claim=lambda real, **terms: real(**{**terms, "limit": 99})),
        "no_more_is_taken_than_asked_for_the_oldest_first",
    ),
    "forgets who was queued first": (
        _work(outbox__claim=lambda real, **terms: _claims(real, oldest=lambda row: row.due_at, **terms)),
        "of_what_is_due_at_once_the_first_queued_comes_first",
    ),
    "is early": (
        _work(outbox__claim=lambda real, at, **terms: real(at=at + timedelta(seconds=1), **terms)),
        "nothing_is_taken_before_it_is_due",
    ),
    "tries for ever": (
        _work(outbox__claim=lambda real, **terms: real(**{**terms, "max_tries": 99})),
        "what_was_tried_too_often_is_kept_but_not_taken",
    ),
    "keeps what was delivered": (_work(outbox__done=lambda _, __: None), "delivered_mail_is_forgotten"),
    "forgets what was in the way": (
        _work(outbox__postpone=lambda real, mail_id, **terms: real(mail_id, **{**terms, "failure": None})),
        "postponed_mail_waits_with_its_tries_and_failure",
    ),
    "brings mail back": (_store(_brings_mail_back), "what_is_gone_cannot_be_postponed"),
    "lists what is due first": (
        _work(
            outbox__waiting=lambda real, limit: sorted(_rows(real).values(), key=lambda row: str(row.due_at))[:limit]
        ),
        "what_waits_is_listed_oldest_first_up_to_a_limit",
    ),
}

# Housekeeping


def _operator(**faults: Callable[..., Any]) -> Callable[[], Store]:
    return _store({f"housekeeping.{name}": fault for name, fault in faults.items()})


def _sweeps_other(kind: Waste, by: timedelta) -> Callable[[], Store]:
    """Return what makes a store that takes another instant for one kind."""
    return _operator(
        sweep=lambda real, waste, before, limit: real(waste, before=before + by * (waste is kind), limit=limit)
    )


def _sweeps_everything(real: Any, waste: Waste, **terms: Any) -> int:
    for kind in set(Waste) - {waste}:
        real(kind, **terms)
    return int(real(waste, **terms))


def _keeping(*kinds: str, some: Callable[[Any], bool] = bool) -> Callable[..., bool]:
    """Return a removal after which rows of some kinds are there as before."""

    def remove_identity(real: Any, identity_id: str, **terms: Any) -> bool:
        store = real.__self__.store
        before = store._tables  # noqa: SLF001 - the fault
        is_removed = bool(real(identity_id, **terms))
        for kind in kinds:
            kept = {key: row for key, row in getattr(before, kind).rows.items() if some(row)}
            getattr(store._tables, kind).rows.update(kept)  # noqa: SLF001
        return is_removed

    return remove_identity


def _removes_all_mail(real: Any, identity_id: str, **terms: Any) -> bool:
    with real.__self__.store.writing() as work:
        work.outbox.rows.clear()
    return bool(real(identity_id, **terms))


def _frees_codes(real: Any, identity_id: str, **terms: Any) -> bool:
    codes = list(real.__self__.codes_used_by(identity_id))
    is_removed = bool(real(identity_id, **terms))
    with real.__self__.store.writing() as work:
        for code in codes:
            work.codes.rows[code.id] = attrs.evolve(code, used_at=None, used_by=None)
    return is_removed


HOUSEKEEPING = {
    "sweeps codes too early": (_sweeps_other(Waste.CODES, MOMENT), "codes_are_swept_once_they_expired"),
    "sweeps sessions too early": (_sweeps_other(Waste.SESSIONS, MOMENT), "sessions_are_swept_once_they_cannot_go_on"),
    "sweeps mail too early": (_sweeps_other(Waste.MAIL, MOMENT), "mail_is_swept_by_when_it_was_queued"),
    "sweeps counters too early": (
        _sweeps_other(Waste.COUNTERS, timedelta(days=1)),
        "counters_are_swept_once_they_start_from_nothing",
    ),
    "finds something to sweep in nothing": (
        _operator(sweep=lambda real, *args, **terms: max(1, real(*args, **terms))),
        "nothing_is_swept_where_there_is_nothing",
    ),
    "sweeps more than asked for": (
        _operator(sweep=lambda real, waste, before, limit: real(waste, before=before, limit=2 * limit)),
        "no_more_is_swept_than_asked_for",
    ),
    "sweeps every kind": (_operator(sweep=_sweeps_everything), "a_sweep_is_of_one_kind"),
    "lists the latest used first": (
        _operator(idle_identities=lambda real, **terms: real(**terms)[::-1]),
        "idle_logins_are_listed_the_longest_unused_first",
    ),
    "forgets who was warned": (
        _operator(
            idle_identities=lambda real, warned_before=None, **terms: [
                *real(**terms),
                *(real(warned_before=warned_before, **terms) if warned_before else ()),
            ]
        ),
        "warned_logins_are_listed_apart",
    ),
    "leaves the mail of who is gone": (
        _operator(remove_identity=_keeping("outbox")),
        "a_login_is_removed_with_what_belongs_to_it",
    ),
    "removes all mail": (
        _operator(remove_identity=_removes_all_mail),
        "removing_a_login_leaves_what_belongs_to_others",
    ),
    "removes who was there since": (
        _operator(remove_identity=lambda real, identity_id, **_: real(identity_id)),
        "a_login_that_was_used_since_is_not_removed",
    ),
    "removes twice": (
        _operator(remove_identity=lambda real, identity_id, **terms: real(identity_id, **terms) in (True, False)),
        "a_login_is_removed_once",
    ),
    "keeps the address of who is gone": (
        _operator(remove_identity=_keeping("identities")),
        "the_address_of_a_removed_login_is_free",
    ),
    "frees the codes of who is gone": (
        _operator(remove_identity=_frees_codes),
        "the_codes_of_a_removed_login_stay_used",
    ),
    "remembers who used a code": (
        _operator(remove_identity=_keeping("codes")),
        "the_codes_of_a_removed_login_stay_used",
    ),
    "tells everybody's codes": (
        _operator(codes_used_by=lambda real, _: list(real.__self__.store._tables.codes.rows.values())),  # noqa: SLF001
        "the_codes_of_a_login_are_those_it_used",
    ),
    "forgets mail to an address": (
        _operator(mail_of=lambda real, who: [mail for mail in real(who) if mail.identity_id == who.id]),
        "the_mail_of_a_login_is_about_it_or_to_it",
    ),
}

# What a page shows


def _page(fault: Callable[..., Any]) -> Callable[[], Store]:
    return _store({"session_view": fault})


def _with_contacts(view: Any, contacts: Any) -> Any:
    return view and attrs.evolve(view, contacts=tuple(contacts))


def _shows_what_is_gone(real: Any, digest: str, directory: Any) -> Any:
    view = real(digest, directory)
    if view is None:
        return None
    linked = real.__self__._tables.links.contacts_of(view.identity.id)  # noqa: SLF001
    known = {contact.id: contact for contact in view.contacts}
    nowhere = Account(id="?", label="?", condominium_id="?", condominium_name="?", portfolio_id="?")
    ghosts = [Contact(id=contact_id, name="?", account=nowhere) for contact_id in linked if contact_id not in known]
    return _with_contacts(view, [*view.contacts, *ghosts])


def _shows_everybody(real: Any, digest: str, directory: Any) -> Any:
    linked = real.__self__._tables.links.rows  # noqa: SLF001
    return _with_contacts(real(digest, directory), directory.contacts(list(linked)))


def _shows_nobody_without_contacts(real: Any, digest: str, directory: Any) -> Any:
    view = real(digest, directory)
    return view if view and view.contacts else None


def _remembers_pages() -> Faults:
    seen: dict[str, Any] = {}

    def session_view(real: Any, digest: str, directory: Any) -> Any:
        if seen.get(digest) is None:
            seen[digest] = real(digest, directory)
        return seen[digest]

    return {"session_view": session_view}


def _remembers_sessions() -> Faults:
    ended: dict[str, Any] = {}

    def end(real: Any, digest: str) -> bool:
        ended[digest] = real.__self__
        return bool(real(digest))

    def session_view(real: Any, digest: str, directory: Any) -> Any:
        return real(digest, directory) or ended.get(digest)

    return {"writing.sessions.end": end, "session_view": session_view}


def _asks_the_first_directory() -> Faults:
    known: list[Any] = []

    def session_view(real: Any, digest: str, directory: Any) -> Any:
        known.append(directory)
        return real(digest, known[0])

    return {"session_view": session_view}


SESSION_VIEWS = {
    "shows contacts by name": (
        _page(lambda real, *args: (view := real(*args)) and _with_contacts(view, view.contacts[::-1])),
        "a_view_joins_session_login_and_contacts",
    ),
    "shows what is gone": (_page(_shows_what_is_gone), "what_is_gone_from_the_directory_is_not_seen"),
    "shows everybody": (_page(_shows_everybody), "nobody_sees_another_s_contacts"),
    "shows no orphans": (_page(_shows_nobody_without_contacts), "an_orphan_has_a_view_too"),
    "shows sessions that ended": (_store(_remembers_sessions), "an_unknown_or_ended_session_has_no_view"),
    "shows the past": (_store(_remembers_pages), "a_view_shows_the_present"),
    "asks the first directory": (_store(_asks_the_first_directory), "a_directory_elsewhere_is_asked"),
}

# Races

RACES = {
    f"lets the last writer win ({law})": (LastWriterWins, law)
    for law in (
        "a_code_is_consumed_by_one_of_many",
        "an_address_is_given_to_one_of_many",
        "an_address_is_changed_to_by_one_of_many",
        "a_stamp_moves_once",
        "no_change_is_lost",
        "one_code_stands_after_all",
        "a_session_is_ended_by_one_of_many",
        "no_use_revives_a_session_that_is_ended_meanwhile",
        "no_mail_is_given_to_two_couriers",
        "a_login_is_used_or_removed",
        "a_login_that_activates_is_whole",
    )
}

STORES: dict[str, tuple[Callable[[], Store], str]] = {
    **UNITS,
    **IDENTITIES,
    **LINKS,
    **CODES,
    **SESSIONS,
    **OUTBOX,
    **HOUSEKEEPING,
    **SESSION_VIEWS,
    **RACES,
}
