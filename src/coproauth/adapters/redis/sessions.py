"""Sessions as they lie in Redis: each under its digest, and for each login a list of its own."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import cast

import attrs
from redis import Redis

from coproauth.adapters.redis.client import load_script, microseconds, milliseconds
from coproauth.core.sessions import SessionRecord

_LEEWAY = timedelta(minutes=1)  # kept for so long after its end: the most that ``Policy.clock_leeway`` may be
_INSTANTS = ("authenticated_at", "last_seen_at", "expires_at")


class SessionKeys:
    """Reads and writes sessions, each call on its own and at once; whatever keeps Redis from it is a ``RedisError``."""

    def __init__(self, client: Redis, *, namespace: str) -> None:
        """Take the client, and what the names of keys begin with."""
        self._client = client
        self._namespace = namespace
        self._look = load_script(client, "look")
        self._open = load_script(client, "open")
        self._end_all = load_script(client, "end_all")

    def look(self, digest: str) -> SessionRecord | None:
        """Return a session, or None."""
        return _load(self._look(keys=[self._name(digest)], args=[self._list("")]))

    def of(self, identity_id: str) -> list[SessionRecord]:
        """Return the sessions of a login, in no order."""
        names = cast("list[bytes | str]", self._client.zrange(self._list(identity_id), 0, -1))
        found = self._client.mget(names) if names else []
        return [session for session in map(_load, found) if session is not None]

    def take(self, digest: str) -> SessionRecord | None:
        """End a session and return it, to one caller only; it stays on its list until it is crossed out."""
        return _load(self._client.getdel(self._name(digest)))

    def cross_out(self, sessions: Collection[SessionRecord]) -> None:
        """Remove sessions that were taken from the lists of their logins."""
        for session in sessions:
            self._client.zrem(self._list(session.identity_id), self._name(session.digest))

    def end_all(self, identity_id: str) -> None:
        """End every session of a login."""
        self._end_all(keys=[self._list(identity_id)])

    def open(self, session: SessionRecord, *, instead_of: Sequence[SessionRecord] = ()) -> None:
        """Store a session, unless those that were taken for it have been ended with all others of the login since."""
        lifetime = session.expires_at - session.last_seen_at + _LEEWAY
        replaced = [self._name(one.digest) for one in instead_of]
        self._open(
            keys=[self._name(session.digest), self._list(session.identity_id), *replaced],
            args=[
                _dump(session),
                microseconds(session.last_seen_at),
                microseconds(session.expires_at),
                max(milliseconds(lifetime), 1),
            ],
        )

    def touch(self, digest: str, *, at: datetime) -> None:
        """Note that a session was used, if it is still there when that is written."""
        session = self.look(digest)
        if session is not None:
            self._client.set(self._name(digest), _dump(attrs.evolve(session, last_seen_at=at)), xx=True, keepttl=True)

    def require_answer(self) -> None:
        """Raise if Redis does not answer."""
        self._client.ping()

    def _name(self, digest: str) -> str:
        return f"{self._namespace}session:{digest}"

    def _list(self, identity_id: str) -> str:
        return f"{self._namespace}sessions-of:{identity_id}"


def _dump(session: SessionRecord) -> str:
    instants = {name: getattr(session, name).astimezone(UTC).isoformat() for name in _INSTANTS}
    return json.dumps(attrs.asdict(session) | instants)


def _load(text: str | bytes | None) -> SessionRecord | None:
    """Return a session; what another release wrote, and cannot be read, is none: its owner logs in again."""
    if text is None:
        return None
    try:
        fields = json.loads(text)
        return SessionRecord(**fields | {name: datetime.fromisoformat(fields[name]) for name in _INSTANTS})
    except (ValueError, TypeError, KeyError):
        return None
