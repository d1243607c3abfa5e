"""Logged-in browsers within a unit of work: they end once, and stay ended."""

from __future__ import annotations

from datetime import timedelta

import attrs

from coproauth.core.sessions import SessionRecord
from coproauth.ports import Store
from coproauth.testing.contracts.law import Contract, expect, expect_false
from coproauth.testing.contracts.samples import JEANNE, LATER, MARC, NOW, SESSION, write

SESSIONS = Contract[Store]("sessions")

_OTHER = attrs.evolve(SESSION, digest="ef" * 32, handle="handle-3", authenticated_at=NOW - timedelta(hours=1))
_MARC_SESSION = attrs.evolve(SESSION, digest="34" * 32, handle="handle-4", identity_id=MARC.id)


def _of(store: Store, identity_id: str) -> list[SessionRecord]:
    with store.reading() as work:
        return list(work.sessions.of(identity_id))


@SESSIONS.law()
def sessions_are_listed_by_login_the_latest_first(store: Store) -> None:
    """A login's sessions come in the order of logging in, the latest first, and no other's among them."""
    places = (2, 0, 3, 1)
    own = [attrs.evolve(SESSION, digest=f"{n:064x}", authenticated_at=NOW - timedelta(hours=n)) for n in places]
    write(store, JEANNE, MARC, *(attrs.evolve(one, handle=one.digest) for one in own), _MARC_SESSION)

    expect([int(session.digest, 16) for session in _of(store, JEANNE.id)], [0, 1, 2, 3])
    expect(_of(store, "identity-3"), [])


@SESSIONS.law()
def a_session_ends_once(store: Store) -> None:
    """Whoever ends a session second is told that there was none; the login's others go on."""
    write(store, JEANNE, SESSION, _OTHER)

    with store.writing() as work:
        expect([work.sessions.end(SESSION.digest) for _ in range(2)], [True, False])

    with store.writing() as work:
        expect_false(work.sessions.end(SESSION.digest), of="in a later unit")
    expect(_of(store, JEANNE.id), [_OTHER])


@SESSIONS.law()
def a_digest_is_compared_exactly(store: Store) -> None:
    """A digest that only looks like that of a session neither touches nor ends it."""
    write(store, JEANNE, SESSION)

    with store.writing() as work:
        for digest in (SESSION.digest.upper(), f"{SESSION.digest[:-1]} ", SESSION.digest[:-1]):
            work.sessions.touch(digest, at=LATER)
            expect_false(work.sessions.end(digest))

    expect(_of(store, JEANNE.id), [SESSION])


@SESSIONS.law()
def touching_is_for_one_session(store: Store) -> None:
    """A use is noted on the session that was used, and changes nothing else of it."""
    write(store, JEANNE, SESSION, _OTHER)

    with store.writing() as work:
        work.sessions.touch(SESSION.digest, at=LATER)

    expect(_of(store, JEANNE.id), [attrs.evolve(SESSION, last_seen_at=LATER), _OTHER])


@SESSIONS.law()
def touching_does_not_bring_back_an_ended_session(store: Store) -> None:
    """A request that is still running cannot revive what was ended (ASVS V7.4.1)."""
    write(store, JEANNE, SESSION)
    with store.writing() as work:
        work.sessions.end(SESSION.digest)
        work.sessions.touch(SESSION.digest, at=LATER)

    with store.writing() as work:
        work.sessions.touch(SESSION.digest, at=LATER)
        expect_false(work.sessions.end(SESSION.digest))

    expect(_of(store, JEANNE.id), [])


@SESSIONS.law()
def ending_all_is_for_one_login(store: Store) -> None:
    """Every session of the login ends, and no other's; a login without any may be asked for it, too."""
    write(store, JEANNE, MARC, SESSION, _OTHER, _MARC_SESSION)

    with store.writing() as work:
        work.sessions.end_all(JEANNE.id)
        work.sessions.end_all("identity-3")

    expect((_of(store, JEANNE.id), _of(store, MARC.id)), ([], [_MARC_SESSION]))
