"""Stores whose codes, sessions or mail go wrong in one way, and the law that each is caught by."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import attrs
from tests.testing.spoilt import (
    Faults,
    change,
    plain,
    rows_of,
    store_with,
    work_with,
)


def _consumes(real: Any, code_id: str, *, identity_id: str, at: Any) -> bool:
    return change(real, code_id, used_at=at, used_by=identity_id)


def _revokes(real: Any, contact_id: str, at: Any, *, rows: Callable[[list[Any]], list[Any]]) -> None:
    for row in rows([row for row in rows_of(real).values() if row.contact_id == contact_id]):
        change(real, row.id, revoked_at=at)


def _revokes_what_comes(real: Any, code: Any) -> None:
    former = [row.revoked_at for row in rows_of(real).values() if row.contact_id == code.contact_id and row.revoked_at]
    real(attrs.evolve(code, revoked_at=next(iter(former), None)))


def _asks_once(real: Any, code_id: str, **proof: Any) -> None:
    if rows_of(real)[code_id].proof_nonce is None:
        real(code_id, **proof)


def _finds_index_alike(real: Any, indices: Any) -> Any:
    wanted = {plain(index) for index in indices}
    return next((row for row in rows_of(real).values() if plain(row.index) in wanted), None)


CODES = {
    "looks for the first index only": (
        work_with(codes__by_index=lambda real, indices: real(indices[:1])),
        "a_code_is_found_by_any_of_its_indices",
    ),
    "finds indices that look alike": (work_with(codes__by_index=_finds_index_alike), "an_index_is_compared_exactly"),
    "consumes twice": (work_with(codes__consume=_consumes), "a_code_is_consumed_once"),
    "consumes what is not there": (work_with(codes__consume=_consumes), "what_is_not_there_is_not_consumed"),
    "consumes what was revoked": (work_with(codes__consume=_consumes), "a_revoked_code_is_not_consumed"),
    "revokes one code only": (
        work_with(codes__revoke_of=lambda real, who, at: _revokes(real, who, at, rows=lambda rows: rows[:1])),
        "revoking_is_for_every_code_of_one_contact",
    ),
    "revokes anew": (
        work_with(codes__revoke_of=lambda real, who, at: _revokes(real, who, at, rows=list)),
        "revoking_is_for_good",
    ),
    "revokes what comes": (work_with(codes__add=_revokes_what_comes), "a_code_added_after_revoking_stands"),
    "keeps the first proof": (work_with(codes__ask_proof=_asks_once), "a_code_has_one_pending_proof"),
}


def _revives() -> Faults:
    ended: dict[str, Any] = {}

    def end(real: Any, digest: str) -> bool:
        ended.update({digest: rows_of(real)[digest]} if digest in rows_of(real) else {})
        return bool(real(digest))

    def touch(real: Any, digest: str, *, at: Any) -> None:
        if digest in ended:
            rows_of(real)[digest] = ended[digest]
        real(digest, at=at)

    return {"writing.sessions.end": end, "writing.sessions.touch": touch}


def _touches_all(real: Any, digest: str, *, at: Any) -> None:
    for other in list(rows_of(real)) if digest in rows_of(real) else []:
        real(other, at=at)


SESSIONS = {
    "lists sessions as they come": (
        work_with(sessions__of=lambda real, identity_id: real(identity_id)[::-1]),
        "sessions_are_listed_by_login_the_latest_first",
    ),
    "ends a session twice": (
        work_with(sessions__end=lambda real, digest: [real(digest)] != []),
        "a_session_ends_once",
    ),
    "ends sessions that look alike": (
        work_with(sessions__end=lambda real, digest: real(plain(digest))),
        "a_digest_is_compared_exactly",
    ),
    "touches every session": (work_with(sessions__touch=_touches_all), "touching_is_for_one_session"),
    "revives by touching": (store_with(_revives), "touching_does_not_bring_back_an_ended_session"),
    "ends everybody's sessions": (
        work_with(sessions__end_all=lambda real, _: rows_of(real).clear()),
        "ending_all_is_for_one_login",
    ),
}


def _claims(real: Any, *, oldest: Callable[[Any], Any], **terms: Any) -> list[Any]:
    rows = rows_of(real)
    ordered = sorted(rows.values(), key=oldest)
    due = [row for row in ordered if row.due_at <= terms["at"] and row.tries < terms["max_tries"]][: terms["limit"]]
    for row in due:
        change(real, row.id, due_at=terms["until"], tries=row.tries + 1)
    return [rows[row.id] for row in due]


def _promises(real: Any, **terms: Any) -> Any:
    before = dict(rows_of(real))
    taken = real(**terms)
    rows_of(real).update(before)
    return taken


def _leases_without_a_try(real: Any, **terms: Any) -> Any:
    taken = real(**terms)
    for mail in taken:
        change(real, mail.id, tries=mail.tries - 1)
    return taken


def _brings_mail_back() -> Faults:
    gone: dict[str, Any] = {}

    def done(real: Any, mail_id: str) -> None:
        gone.update({mail_id: rows_of(real)[mail_id]} if mail_id in rows_of(real) else {})
        real(mail_id)

    def postpone(real: Any, mail_id: str, **terms: Any) -> None:
        if mail_id in gone:
            rows_of(real)[mail_id] = gone[mail_id]
        real(mail_id, **terms)

    return {"writing.outbox.done": done, "writing.outbox.postpone": postpone}


OUTBOX = {
    "gives a mail twice": (work_with(outbox__claim=_promises), "claimed_mail_is_left_alone_until_its_lease_ends"),
    "does not count tries": (work_with(outbox__claim=_leases_without_a_try), "a_claim_is_kept_on_what_waits"),
    "ignores the limit": (
        work_with(outbox__claim=lambda real, **terms: real(**{**terms, "limit": 99})),
        "no_more_is_taken_than_asked_for_the_oldest_first",
    ),
    "forgets who was queued first": (
        work_with(outbox__claim=lambda real, **terms: _claims(real, oldest=lambda row: row.due_at, **terms)),
        "of_what_is_due_at_once_the_first_queued_comes_first",
    ),
    "is early": (
        work_with(outbox__claim=lambda real, at, **terms: real(at=at + timedelta(seconds=1), **terms)),
        "nothing_is_taken_before_it_is_due",
    ),
    "tries for ever": (
        work_with(outbox__claim=lambda real, **terms: real(**{**terms, "max_tries": 99})),
        "what_was_tried_too_often_is_kept_but_not_taken",
    ),
    "keeps what was delivered": (work_with(outbox__done=lambda _, __: None), "delivered_mail_is_forgotten"),
    "forgets what was in the way": (
        work_with(outbox__postpone=lambda real, mail_id, **terms: real(mail_id, **{**terms, "failure": None})),
        "postponed_mail_waits_with_its_tries_and_failure",
    ),
    "brings mail back": (store_with(_brings_mail_back), "what_is_gone_cannot_be_postponed"),
    "lists what is due first": (
        work_with(
            outbox__waiting=lambda real, limit: sorted(rows_of(real).values(), key=lambda row: str(row.due_at))[:limit]
        ),
        "what_waits_is_listed_oldest_first_up_to_a_limit",
    ),
}
