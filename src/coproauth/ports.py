"""The ports: what the services need from outside, each as small as its role.

Adapters implement them by shape. ``docs/explanation/architecture.md`` tells who calls what.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

from coproauth.core.accounts import Contact
from coproauth.core.activation import CodeRecord
from coproauth.core.audit import AuditEvent
from coproauth.core.identities import Identity
from coproauth.core.maintenance import Waste
from coproauth.core.messages import Intention, Message
from coproauth.core.sessions import SessionRecord, SessionView
from coproauth.core.throttling import ThrottleKey


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Return this instant, aware, in UTC."""
        ...


class SecretSource(Protocol):
    """Draws randomness fit for secrets."""

    def token_bytes(self, size: int) -> bytes:
        """Return ``size`` bytes that nobody can predict."""
        ...


class PasswordHasher(Protocol):
    """Hashes passwords, slowly."""

    def hash(self, password: str) -> str:
        """Return a salted hash in PHC notation, of current parameters.

        Raises:
            Throttled: too many are being computed (``busy``); nothing was, and the caller's attempt is given back.
        """
        ...

    def verify(self, *, password_hash: str, password: str) -> bool:
        """Whether the password is the one that was hashed; a hash that cannot be read fits none.

        Raises:
            Throttled: as ``hash``.
        """
        ...

    def needs_rehash(self, password_hash: str) -> bool:
        """Whether the hash was made with other than current parameters."""
        ...

    @property
    def decoy(self) -> str:
        """A hash of current parameters that no password fits, for logins that do not exist."""
        ...


class BreachedPasswords(Protocol):
    """Knows the passwords that leaked elsewhere, and are tried everywhere since (NIST SP 800-63B-4 §3.1.1.2)."""

    def is_breached(self, password: str) -> bool:
        """Whether a password is among them, in exactly this spelling; it is in NFC, and nobody is told of it.

        Raises:
            Unavailable: that cannot be told just now (``breaches_away``).
        """
        ...


class Directory(Protocol):
    """The host's condominiums, accounts and contacts: read-only, and the truth about them.

    Raises:
        Interrupted: by any look, if the connection was lost; it may be taken again.
        Unavailable: by any look, if the directory is away.
    """

    def contact(self, contact_id: str) -> Contact | None:
        """Return a contact with its account, or None."""
        ...

    def contacts(self, contact_ids: Collection[str]) -> Sequence[Contact]:
        """Return those of the contacts that exist, in the host's order."""
        ...

    def contacts_of(self, condominium_id: str) -> Sequence[Contact]:
        """Return every contact of a condominium, in the host's order."""
        ...


class Mailer(Protocol):
    """Sends finished messages."""

    def send(self, message: Message) -> None:
        """Hand one message over for delivery; raise if it was not taken."""
        ...


@runtime_checkable
class BatchMailer(Mailer, Protocol):
    """A mailer that can send several messages over one connection."""

    def batch(self) -> AbstractContextManager[Mailer]:
        """Return a mailer whose connection is opened at its first message, and closed when the block ends."""
        ...


class Throttle(Protocol):
    """Counts attempts on several keys at once, atomically, outside any unit of work: no roll-back takes one back."""

    def admit(self, keys: Sequence[ThrottleKey], *, at: datetime) -> timedelta:
        """Count one attempt on every key and return zero; or, if any key must wait, count none and return the wait.

        Raises:
            Unavailable: attempts cannot be counted now.
        """
        ...

    def settle(self, *, forgive: Sequence[ThrottleKey] = (), clear: Sequence[ThrottleKey] = ()) -> None:
        """Take one attempt back from some keys, with the wait that followed; forget everything about others.

        Raises:
            Unavailable: the counters are away.
        """
        ...

    def counted(self, key: ThrottleKey, *, at: datetime) -> int:
        """Return how many attempts are counted on a key, those that are forgotten by now left out.

        Raises:
            Unavailable: the counters are away.
        """
        ...


@runtime_checkable
class JoiningThrottle(Throttle, Protocol):
    """Counters that can be in one database with a store.

    They are asked to join if one class defines both ``settle`` and ``settle_within``: a subclass that overrides the
    first alone means to be told of every settlement, and is, after the unit.
    """

    def settle_within(
        self, work: UnitOfWork, *, forgive: Sequence[ThrottleKey] = (), clear: Sequence[ThrottleKey] = ()
    ) -> bool:
        """Settle as part of a unit of work, with it or not at all; False, and nothing is done, where that cannot be."""
        ...


class AuditSink(Protocol):
    """Keeps the audit trail."""

    def record(self, event: AuditEvent) -> None:
        """Keep one event.

        Raises:
            Unavailable: the trail is away.
        """
        ...


@runtime_checkable
class JoiningAudit(AuditSink, Protocol):
    """An audit trail that can be in one database with a store.

    It is asked to join if one class defines both ``record`` and ``record_within``: a subclass that overrides the first
    alone means to be told of every event, and is, after the unit.
    """

    def record_within(self, work: UnitOfWork, event: AuditEvent) -> bool:
        """Keep an event as part of a unit of work, with it or not at all; False, and not kept, where it cannot be."""
        ...


@runtime_checkable
class AuditTrail(AuditSink, Protocol):
    """An audit trail that can be read again, for the person it is about."""

    def about(self, subjects: Collection[str]) -> Sequence[AuditEvent]:
        """Return the events with one of these subjects, the earliest first."""
        ...


class Identities(Protocol):
    """Logins within a unit of work."""

    def get(self, identity_id: str) -> Identity | None:
        """Return a login by its id."""
        ...

    def by_email(self, email_key: str) -> Identity | None:
        """Return the login with this comparison key."""
        ...

    def by_contact(self, contact_id: str) -> Identity | None:
        """Return the login that a contact is linked to."""
        ...

    def add(self, identity: Identity) -> bool:
        """Store a new login; False, and nothing stored, if its e-mail key is taken."""
        ...

    def save(self, identity: Identity, *, expected_stamp: int) -> bool:
        """Replace a login if its stamp is still the expected one; False if not, or if its e-mail key is taken."""
        ...


class Links(Protocol):
    """Which contact belongs to which login, within a unit of work."""

    def put(self, *, contact_id: str, identity_id: str, at: datetime) -> None:
        """Link a contact to a login, instead of the one it was linked to."""
        ...

    def remove(self, contact_id: str) -> None:
        """Unlink a contact."""
        ...

    def contacts_of(self, identity_id: str) -> Sequence[str]:
        """Return the ids of the contacts linked to a login."""
        ...

    def linked(self, contact_ids: Collection[str]) -> frozenset[str]:
        """Return those of the contacts that are linked to any login."""
        ...


class Codes(Protocol):
    """Activation codes, within a unit of work."""

    def add(self, code: CodeRecord) -> None:
        """Store a new code."""
        ...

    def by_index(self, indices: Sequence[str]) -> CodeRecord | None:
        """Return the code that has one of these indices."""
        ...

    def consume(self, code_id: str, *, identity_id: str, at: datetime) -> bool:
        """Mark a code as used if it is neither used nor revoked; False if it is."""
        ...

    def revoke_of(self, contact_id: str, *, at: datetime) -> None:
        """Revoke every code of a contact."""
        ...

    def ask_proof(self, code_id: str, *, email_key: str, nonce: str, at: datetime) -> None:
        """Note that an address is to be proven for a code, instead of the one noted before."""
        ...


class Sessions(Protocol):
    """Logged-in browsers, within a unit of work."""

    def add(self, session: SessionRecord) -> None:
        """Store a new session."""
        ...

    def of(self, identity_id: str) -> Sequence[SessionRecord]:
        """Return the sessions of a login, the latest first."""
        ...

    def touch(self, digest: str, *, at: datetime) -> None:
        """Record that a session was used; never brings back one that has ended."""
        ...

    def end(self, digest: str) -> bool:
        """End one session; False if there was none."""
        ...

    def end_all(self, identity_id: str) -> None:
        """End every session of a login."""
        ...


class Outbox(Protocol):
    """Mail that waits, within a unit of work."""

    def add(self, intention: Intention) -> None:
        """Queue a mail."""
        ...

    def claim(self, *, at: datetime, until: datetime, limit: int, max_tries: int) -> Sequence[Intention]:
        """Take what is due, oldest first; nobody else is given it before ``until``. Counts a try on each."""
        ...

    def done(self, intention_id: str) -> None:
        """Forget a mail that was delivered."""
        ...

    def postpone(self, intention_id: str, *, due_at: datetime, tries: int, failure: str | None) -> None:
        """Leave a mail for a later try: how often it was tried, and what was in the way the last time."""
        ...

    def waiting(self, *, limit: int) -> Sequence[Intention]:
        """Return what waits, also what was given up, oldest first."""
        ...


class Housekeeping(Protocol):
    """What is read and removed by the operator, each call a short transaction of its own."""

    def sweep(self, waste: Waste, *, before: datetime, limit: int) -> int:
        """Delete at most ``limit`` rows of a kind that were over before an instant; return how many."""
        ...

    def idle_identities(
        self, *, before: datetime, warned_before: datetime | None = None, limit: int
    ) -> Sequence[Identity]:
        """Return logins that were last used before an instant, the longest warned first, then the longest unused.

        Args:
            before: when they were last used, at the latest.
            warned_before: only those whose owners were warned before that; None: only those who were not warned.
            limit: how many at most.
        """
        ...

    def remove_identity(self, identity_id: str, *, unless_used_since: datetime | None = None) -> bool:
        """Delete a login with its links, sessions and waiting mail; False, and nothing done, if it was used since.

        The codes it used stay used, and do not tell by whom.
        """
        ...

    def codes_used_by(self, identity_id: str) -> Sequence[CodeRecord]:
        """Return the codes that opened a login or were added to it."""
        ...

    def mail_of(self, identity: Identity) -> Sequence[Intention]:
        """Return the mail that waits for a login: about it, or to its address."""
        ...


class UnitOfWork(Protocol):
    """What is read and written together: all of it is kept, or none."""

    @property
    def identities(self) -> Identities:
        """Logins."""
        ...

    @property
    def links(self) -> Links:
        """Which contact belongs to which login."""
        ...

    @property
    def codes(self) -> Codes:
        """Activation codes."""
        ...

    @property
    def sessions(self) -> Sessions:
        """Logged-in browsers."""
        ...

    @property
    def outbox(self) -> Outbox:
        """Mail that waits."""
        ...


class Store(Protocol):
    """What the library owns."""

    def reading(self) -> AbstractContextManager[UnitOfWork]:
        """Open a consistent view; nothing may be written through it, and nobody waits for it.

        Raises:
            Interrupted: the connection was lost; it may be opened again.
            Unavailable: the store is away.
        """
        ...

    def writing(self) -> AbstractContextManager[UnitOfWork]:
        """Open an atomic unit of work: kept when the block ends, undone when it raises.

        Raises:
            Interrupted: it was undone by what happened beside it, and may be run again from its start.
            Unavailable: the store is away, or whether the unit was kept is unknown.
        """
        ...

    def session_view(self, digest: str, directory: Directory) -> SessionView | None:
        """Return everything about a session in as few round trips as the two allow: one if they share a database.

        Raises:
            Interrupted: the connection was lost; it may be asked for again.
            Unavailable: the store is away.
        """
        ...

    def throttle(self) -> Throttle:
        """Return the counters kept beside the store; they are not part of any unit of work."""
        ...

    def housekeeping(self) -> Housekeeping:
        """Return what the operator reads and removes, apart from any unit of work."""
        ...
