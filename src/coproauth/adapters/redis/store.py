"""A store that keeps its sessions in Redis, and everything else in another store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime

import attrs
from redis import Redis

from coproauth.adapters.redis.client import away_as
from coproauth.adapters.redis.sessions import SessionKeys
from coproauth.adapters.redis.units import PendingSessions, RedisUnitOfWork
from coproauth.core.activation import CodeRecord
from coproauth.core.identities import Identity
from coproauth.core.maintenance import Waste
from coproauth.core.messages import Intention
from coproauth.core.sessions import SessionRecord, SessionView
from coproauth.errors import Interrupted
from coproauth.ports import Directory, Housekeeping, Store, Throttle, UnitOfWork


class RedisSessions:
    """A store around another, with the sessions in Redis; thread-safe.

    A session is worth nothing without its login, whose stamp is in the other store: a changed password ends every
    session, whatever Redis holds. The two cannot be kept in one transaction, so the order makes every failure one that
    costs a log-in at most:

    1. ``end`` is carried out at once: it must say who of several callers ended the session, and Redis says so to one.
       It is not taken back if the unit fails later.
    2. ``end_all`` is carried out when the block has ended well, before the unit is kept.
    3. The unit is kept. If it is interrupted instead, whoever runs it again does so in the same thread: what it has
       ended is remembered there for the next unit, where ``end`` answers True for it once more. Had the thread given
       up, nothing would be left to revive: the sessions stay ended.
    4. New sessions, and the times of last use, are written after that. A session that replaces one is not opened if
       meanwhile all sessions of its login were ended: "log out everywhere" leaves none that was on its way.

    While Redis is away, no session holds and none is opened (``Unavailable``, ``store_away``). If it fails in step 4,
    the unit is kept without its session: ``outcome_unknown``.
    """

    def __init__(self, store: Store, client: Redis, *, namespace: str = "coproauth:") -> None:
        """Take the other store; sessions that it holds are not looked at.

        Args:
            store: keeps everything else.
            client: see ``redis_client``.
            namespace: what the names of all keys begin with; another for each installation that shares the server.
        """
        self._store = store
        self._keys = SessionKeys(client, namespace=namespace)
        self._taken: ContextVar[tuple[SessionRecord, ...]] = ContextVar("taken", default=())

    @contextmanager
    def reading(self) -> Iterator[RedisUnitOfWork]:
        """Open a consistent view of everything but the sessions; these are as they are when they are asked for."""
        with self._store.reading() as work:
            yield _with(PendingSessions(self._keys), work)

    @contextmanager
    def writing(self) -> Iterator[RedisUnitOfWork]:
        """Open an atomic unit of work: kept when the block ends, undone when it raises, but for what ``end`` ended."""
        sessions = PendingSessions(self._keys, taken_before=self._taken.get())
        self._taken.set(())
        try:
            with self._store.writing() as work:
                yield _with(sessions, work)
                sessions.prepare()
        except Interrupted:
            self._taken.set(sessions.taken)
            raise
        sessions.keep()

    def session_view(self, digest: str, directory: Directory) -> SessionView | None:
        """Return everything about a session: one look into Redis, one into the other store."""
        with away_as("store_away"):
            record = self._keys.look(digest)
        if record is None:
            return None
        with self._store.reading() as work:
            identity = work.identities.get(record.identity_id)
            if identity is None:
                return None
            contacts = directory.contacts(work.links.contacts_of(identity.id))
        return SessionView(record=record, identity=identity, contacts=tuple(contacts))

    def throttle(self) -> Throttle:
        """Return the counters of the other store; those in Redis are a ``RedisThrottle``."""
        return self._store.throttle()

    def housekeeping(self) -> RedisHousekeeping:
        """Return what the operator reads and removes."""
        return RedisHousekeeping(self._store.housekeeping(), self._keys)


def _with(sessions: PendingSessions, work: UnitOfWork) -> RedisUnitOfWork:
    return RedisUnitOfWork(
        identities=work.identities, links=work.links, codes=work.codes, outbox=work.outbox, sessions=sessions
    )


@attrs.frozen
class RedisHousekeeping:
    """What the operator reads and removes; sessions in Redis expire by themselves."""

    others: Housekeeping
    keys: SessionKeys

    def sweep(self, waste: Waste, *, before: datetime, limit: int) -> int:
        """Delete rows of the other store that were over before an instant; return how many."""
        return self.others.sweep(waste, before=before, limit=limit)

    def idle_identities(
        self, *, before: datetime, warned_before: datetime | None = None, limit: int
    ) -> Sequence[Identity]:
        """Return logins that were last used before an instant, the longest warned first, then the longest unused."""
        return self.others.idle_identities(before=before, warned_before=warned_before, limit=limit)

    def remove_identity(self, identity_id: str, *, unless_used_since: datetime | None = None) -> bool:
        """Delete a login with its sessions and all else; False, and nothing done, if it was used since.

        Where it goes in any case, its sessions go first, so that a Redis that is away leaves a login to come back to.
        """
        if unless_used_since is None:
            self._end_all(identity_id)
        is_removed = self.others.remove_identity(identity_id, unless_used_since=unless_used_since)
        if is_removed:
            self._end_all(identity_id)
        return is_removed

    def codes_used_by(self, identity_id: str) -> Sequence[CodeRecord]:
        """Return the codes that opened a login or were added to it."""
        return self.others.codes_used_by(identity_id)

    def mail_of(self, identity: Identity) -> Sequence[Intention]:
        """Return the mail that waits for a login: about it, or to its address."""
        return self.others.mail_of(identity)

    def _end_all(self, identity_id: str) -> None:
        with away_as("store_away"):
            self.keys.end_all(identity_id)
