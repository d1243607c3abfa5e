"""The sessions of one unit of work: what is done at once, what waits, and until when."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import attrs

from coproauth.adapters.redis.client import away_as
from coproauth.adapters.redis.sessions import SessionKeys
from coproauth.core.sessions import SessionRecord
from coproauth.ports import Codes, Identities, Links, Outbox


class PendingSessions:
    """Sessions within a unit of work; ``RedisSessions`` says what comes when."""

    def __init__(self, keys: SessionKeys, *, taken_before: Collection[SessionRecord] = ()) -> None:
        """Begin with the sessions that an interrupted run of the same unit has taken: it need not take them again."""
        self._keys = keys
        self._taken_before = {session.digest: session for session in taken_before}
        self._taken: dict[str, SessionRecord] = {}
        self._added: dict[str, SessionRecord] = {}
        self._touched: dict[str, datetime] = {}
        self._emptied: set[str] = set()

    @property
    def taken(self) -> tuple[SessionRecord, ...]:
        """The sessions that ended by this unit, or by a run of it before."""
        return (*self._taken_before.values(), *self._taken.values())

    def add(self, session: SessionRecord) -> None:
        """Store a new session, once the unit is kept."""
        self._added[session.digest] = session

    def of(self, identity_id: str) -> Sequence[SessionRecord]:
        """Return the sessions of a login, the latest first."""
        with away_as("store_away"):
            there = [] if identity_id in self._emptied else self._keys.of(identity_id)
        sessions = map(self._as_touched, [*there, *self._added_of(identity_id)])
        return sorted(sessions, key=lambda session: (session.authenticated_at, session.handle), reverse=True)

    def touch(self, digest: str, *, at: datetime) -> None:
        """Record that a session was used, once the unit is kept; never brings back one that has ended."""
        self._touched[digest] = at

    def end(self, digest: str) -> bool:
        """End one session, at once; False if there was none."""
        if self._added.pop(digest, None):
            return True
        session = self._take(digest)
        if session is None or session.identity_id in self._emptied:
            return False
        self._taken[digest] = session
        return True

    def end_all(self, identity_id: str) -> None:
        """End every session of a login, before the unit is kept."""
        self._emptied.add(identity_id)
        for session in self._added_of(identity_id):
            del self._added[session.digest]

    def prepare(self) -> None:
        """Do what must be done before the unit is kept, and see that the rest can be done."""
        with away_as("store_away"):
            for identity_id in self._emptied:
                self._keys.end_all(identity_id)
            if self._added:
                self._keys.require_answer()

    def keep(self) -> None:
        """Do what waited for the unit to be kept."""
        with away_as("outcome_unknown"):
            for digest, at in self._touched.items():
                self._keys.touch(digest, at=at)
            for session in self._added.values():
                self._keys.open(self._as_touched(session), instead_of=self._taken_of(session.identity_id))
            self._keys.cross_out(self._taken.values())

    def _take(self, digest: str) -> SessionRecord | None:
        if digest in self._taken_before:
            return self._taken_before.pop(digest)
        with away_as("store_away"):
            return self._keys.take(digest)

    def _added_of(self, identity_id: str) -> list[SessionRecord]:
        return [session for session in self._added.values() if session.identity_id == identity_id]

    def _taken_of(self, identity_id: str) -> list[SessionRecord]:
        """Return the sessions in whose place a new one opens: none where all were ended before it."""
        if identity_id in self._emptied:
            return []
        return [session for session in self._taken.values() if session.identity_id == identity_id]

    def _as_touched(self, session: SessionRecord) -> SessionRecord:
        return attrs.evolve(session, last_seen_at=self._touched.get(session.digest, session.last_seen_at))


@attrs.frozen(kw_only=True)
class RedisUnitOfWork:
    """The repositories of another store, but for sessions."""

    identities: Identities
    links: Links
    codes: Codes
    outbox: Outbox
    sessions: PendingSessions
