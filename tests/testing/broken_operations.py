"""Stores that go wrong in what the operator does, what a page shows or who comes first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import attrs
from tests.testing.spoilt import (
    Faults,
    LastWriterWins,
    store_with,
)

from coproauth.core.accounts import Account, Contact
from coproauth.core.maintenance import Waste
from coproauth.ports import Store

MOMENT = timedelta(microseconds=1)


def _operator(**faults: Callable[..., Any]) -> Callable[[], Store]:
    return store_with({f"housekeeping.{name}": fault for name, fault in faults.items()})


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
    "lists the longest unused first of those who were warned": (
        _operator(
            idle_identities=lambda real, **terms: sorted(real(**terms), key=lambda identity: identity.last_login_at)
        ),
        "warned_logins_are_listed_the_longest_warned_first",
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


def _page(fault: Callable[..., Any]) -> Callable[[], Store]:
    return store_with({"session_view": fault})


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
    "shows sessions that ended": (store_with(_remembers_sessions), "an_unknown_or_ended_session_has_no_view"),
    "shows the past": (store_with(_remembers_pages), "a_view_shows_the_present"),
    "asks the first directory": (store_with(_asks_the_first_directory), "a_directory_elsewhere_is_asked"),
}


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
