"""Everything in memory: the readable reference of what a store, a directory, a throttle and a mailer do.

For tests and trials. Values are immutable; a unit of work writes to a copy of the tables, which takes their place
when it is kept.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TypeVar, assert_never

import attrs

from coproauth.adapters.memory_throttle import MemoryThrottle
from coproauth.core.accounts import Account, Condominium, Contact, account_in
from coproauth.core.activation import CodeRecord
from coproauth.core.audit import AuditEvent
from coproauth.core.identities import Identity
from coproauth.core.maintenance import Waste
from coproauth.core.messages import Intention, Message
from coproauth.core.sessions import SessionRecord, SessionView
from coproauth.ports import Directory

T = TypeVar("T")


@attrs.frozen
class _Identities:
    rows: dict[str, Identity] = attrs.field(factory=dict)
    links: dict[str, str] = attrs.field(factory=dict)

    def get(self, identity_id: str) -> Identity | None:
        return self.rows.get(identity_id)

    def by_email(self, email_key: str) -> Identity | None:
        return next((row for row in self.rows.values() if row.email_key == email_key), None)

    def by_contact(self, contact_id: str) -> Identity | None:
        return self.rows.get(self.links.get(contact_id, ""))

    def add(self, identity: Identity) -> bool:
        if self.by_email(identity.email_key) is not None:
            return False
        self.rows[identity.id] = identity
        return True

    def save(self, identity: Identity, *, expected_stamp: int) -> bool:
        current = self.rows.get(identity.id)
        holder = self.by_email(identity.email_key)
        if current is None or current.credential_stamp != expected_stamp:
            return False
        if holder is not None and holder.id != identity.id:
            return False
        self.rows[identity.id] = identity
        return True


@attrs.frozen
class _Links:
    rows: dict[str, str] = attrs.field(factory=dict)

    def put(self, *, contact_id: str, identity_id: str, at: datetime) -> None:
        del at  # only databases, which people look into, keep it
        self.rows[contact_id] = identity_id

    def remove(self, contact_id: str) -> None:
        self.rows.pop(contact_id, None)

    def contacts_of(self, identity_id: str) -> Sequence[str]:
        return [contact_id for contact_id, owner in self.rows.items() if owner == identity_id]

    def linked(self, contact_ids: Collection[str]) -> frozenset[str]:
        return frozenset(contact_ids) & self.rows.keys()


@attrs.frozen
class _Codes:
    rows: dict[str, CodeRecord] = attrs.field(factory=dict)

    def add(self, code: CodeRecord) -> None:
        self.rows[code.id] = code

    def by_index(self, indices: Sequence[str]) -> CodeRecord | None:
        return next((row for row in self.rows.values() if row.index in indices), None)

    def consume(self, code_id: str, *, identity_id: str, at: datetime) -> bool:
        row = self.rows.get(code_id)
        if row is None or row.used_at is not None or row.revoked_at is not None:
            return False
        self.rows[code_id] = attrs.evolve(row, used_at=at, used_by=identity_id)
        return True

    def revoke_of(self, contact_id: str, *, at: datetime) -> None:
        for row in list(self.rows.values()):
            if row.contact_id == contact_id and row.revoked_at is None:
                self.rows[row.id] = attrs.evolve(row, revoked_at=at)

    def ask_proof(self, code_id: str, *, email_key: str, nonce: str, at: datetime) -> None:
        row = self.rows[code_id]
        self.rows[code_id] = attrs.evolve(row, proof_email_key=email_key, proof_nonce=nonce, proof_requested_at=at)


@attrs.frozen
class _Sessions:
    rows: dict[str, SessionRecord] = attrs.field(factory=dict)

    def add(self, session: SessionRecord) -> None:
        self.rows[session.digest] = session

    def of(self, identity_id: str) -> Sequence[SessionRecord]:
        own = [row for row in self.rows.values() if row.identity_id == identity_id]
        return sorted(own, key=lambda row: (row.authenticated_at, row.handle), reverse=True)

    def touch(self, digest: str, *, at: datetime) -> None:
        if digest in self.rows:
            self.rows[digest] = attrs.evolve(self.rows[digest], last_seen_at=at)

    def end(self, digest: str) -> bool:
        return self.rows.pop(digest, None) is not None

    def end_all(self, identity_id: str) -> None:
        for row in self.of(identity_id):
            del self.rows[row.digest]


@attrs.frozen
class _Outbox:
    rows: dict[str, Intention] = attrs.field(factory=dict)

    def add(self, intention: Intention) -> None:
        self.rows[intention.id] = intention

    def claim(self, *, at: datetime, until: datetime, limit: int, max_tries: int) -> Sequence[Intention]:
        due = [row for row in self.rows.values() if row.due_at <= at and row.tries < max_tries]
        due.sort(key=lambda row: (row.due_at, row.queued_at))
        taken = [attrs.evolve(row, due_at=until, tries=row.tries + 1) for row in due[:limit]]
        self.rows.update({row.id: row for row in taken})
        return taken

    def done(self, intention_id: str) -> None:
        self.rows.pop(intention_id, None)

    def postpone(self, intention_id: str, *, due_at: datetime, tries: int, failure: str | None) -> None:
        if intention_id in self.rows:
            waiting = attrs.evolve(self.rows[intention_id], due_at=due_at, tries=tries, failure=failure)
            self.rows[intention_id] = waiting

    def waiting(self, *, limit: int) -> Sequence[Intention]:
        return sorted(self.rows.values(), key=lambda row: (row.queued_at, row.id))[:limit]


@attrs.frozen
class _Tables:
    """One state of the store; also the unit of work on it."""

    identities: _Identities
    links: _Links
    codes: _Codes = attrs.field(factory=_Codes)
    sessions: _Sessions = attrs.field(factory=_Sessions)
    outbox: _Outbox = attrs.field(factory=_Outbox)

    @classmethod
    def empty(cls) -> _Tables:
        links = _Links()
        return cls(_Identities(links=links.rows), links)

    def copy(self) -> _Tables:
        links = _Links(dict(self.links.rows))
        return _Tables(
            _Identities(dict(self.identities.rows), links.rows),
            links,
            _Codes(dict(self.codes.rows)),
            _Sessions(dict(self.sessions.rows)),
            _Outbox(dict(self.outbox.rows)),
        )


class MemoryStore:
    """What the library owns, in memory; thread-safe."""

    def __init__(self) -> None:
        """Start empty."""
        self._lock = threading.Lock()
        self._writer: int | None = None  # the thread whose unit of work is open
        self._tables = _Tables.empty()
        self._throttle = MemoryThrottle()

    @contextmanager
    def reading(self) -> Iterator[_Tables]:
        """Open a consistent view."""
        yield self._tables

    @contextmanager
    def writing(self) -> Iterator[_Tables]:
        """Open an atomic unit of work, one at a time."""
        if self._writer == threading.get_ident():
            raise RuntimeError("a unit of work is open in this thread: nothing else can be written before it ends")
        with self._lock:
            self._writer = threading.get_ident()
            try:
                tables = self._tables.copy()
                yield tables
                self._tables = tables
            finally:
                self._writer = None

    def session_view(self, digest: str, directory: Directory) -> SessionView | None:
        """Return everything about a session."""
        tables = self._tables
        record = tables.sessions.rows.get(digest)
        identity = tables.identities.get(record.identity_id) if record else None
        if record is None or identity is None:
            return None
        contacts = directory.contacts(tables.links.contacts_of(identity.id))
        return SessionView(record=record, identity=identity, contacts=tuple(contacts))

    def throttle(self) -> MemoryThrottle:
        """Return the counters kept beside the store."""
        return self._throttle

    def housekeeping(self) -> MemoryHousekeeping:
        """Return what the operator reads and removes."""
        return MemoryHousekeeping(self)


@attrs.frozen
class MemoryHousekeeping:
    """What the operator reads and removes, in memory."""

    store: MemoryStore

    def sweep(self, waste: Waste, *, before: datetime, limit: int) -> int:
        """Delete at most ``limit`` rows of a kind that were over before an instant; return how many."""
        if waste is Waste.COUNTERS:
            return self.store.throttle().sweep(before=before, limit=limit)
        with self.store.writing() as work:
            match waste:
                case Waste.CODES:
                    return _drop(work.codes.rows, lambda row: row.expires_at < before, limit)
                case Waste.SESSIONS:
                    return _drop(work.sessions.rows, lambda row: row.expires_at < before, limit)
                case Waste.MAIL:
                    return _drop(work.outbox.rows, lambda row: row.queued_at < before, limit)
                case Waste.AUDIT_EVENTS:
                    return 0  # none are kept here
                case other:
                    assert_never(other)

    def idle_identities(
        self, *, before: datetime, warned_before: datetime | None = None, limit: int
    ) -> Sequence[Identity]:
        """Return logins that were last used before an instant, the longest warned first, then the longest unused."""
        with self.store.reading() as work:
            idle = [row for row in work.identities.rows.values() if row.last_login_at < before]
        chosen = [row for row in idle if _was_warned(row, warned_before)]
        return sorted(chosen, key=lambda row: (row.warned_at or before, row.last_login_at, row.id))[:limit]

    def remove_identity(self, identity_id: str, *, unless_used_since: datetime | None = None) -> bool:
        """Delete a login with its links, sessions and waiting mail; False, and nothing done, if it was used since."""
        with self.store.writing() as work:
            identity = work.identities.get(identity_id)
            if identity is None or (unless_used_since is not None and identity.last_login_at >= unless_used_since):
                return False
            del work.identities.rows[identity_id]
            for contact_id in work.links.contacts_of(identity_id):
                work.links.remove(contact_id)
            work.sessions.end_all(identity_id)
            _drop(work.outbox.rows, lambda row: _is_for(identity, row))
            for code in self.codes_used_by(identity_id):
                work.codes.rows[code.id] = _anonymous(code)
            return True

    def codes_used_by(self, identity_id: str) -> Sequence[CodeRecord]:
        """Return the codes that opened a login or were added to it."""
        with self.store.reading() as work:
            return [row for row in work.codes.rows.values() if row.used_by == identity_id]

    def mail_of(self, identity: Identity) -> Sequence[Intention]:
        """Return the mail that waits for a login: about it, or to its address."""
        with self.store.reading() as work:
            return [row for row in work.outbox.rows.values() if _is_for(identity, row)]


def _was_warned(identity: Identity, before: datetime | None) -> bool:
    """Whether its owner was warned before an instant; without one, whether nobody was."""
    if before is None or identity.warned_at is None:
        return before is None and identity.warned_at is None
    return identity.warned_at < before


def _is_for(identity: Identity, mail: Intention) -> bool:
    return mail.identity_id == identity.id or mail.to == identity.email


def _anonymous(code: CodeRecord) -> CodeRecord:
    """Return a used code that does not tell by whom."""
    return attrs.evolve(code, used_by=None, proof_email_key=None, proof_nonce=None, proof_requested_at=None)


def _drop(rows: dict[str, T], is_over: Callable[[T], bool], limit: int | None = None) -> int:
    over = [key for key, row in rows.items() if is_over(row)][:limit]
    for key in over:
        del rows[key]
    return len(over)


class MemoryDirectory:
    """Condominiums, accounts and contacts in memory; thread-safe. Its order is the order of adding."""

    def __init__(self) -> None:
        """Start empty."""
        self._lock = threading.Lock()
        self._condominiums: dict[str, Condominium] = {}
        self._accounts: dict[str, Account] = {}
        self._contacts: dict[str, Contact] = {}
        self._count = 0

    def contact(self, contact_id: str) -> Contact | None:
        """Return a contact with its account, or None."""
        return self._contacts.get(contact_id)

    def contacts(self, contact_ids: Collection[str]) -> Sequence[Contact]:
        """Return those of the contacts that exist, in the order of adding."""
        with self._lock:
            places = {contact_id: place for place, contact_id in enumerate(self._contacts)}
            return [self._contacts[found] for found in sorted(places.keys() & set(contact_ids), key=places.__getitem__)]

    def contacts_of(self, condominium_id: str) -> Sequence[Contact]:
        """Return every contact of a condominium, in the order of adding."""
        with self._lock:
            return [row for row in self._contacts.values() if row.account.condominium_id == condominium_id]

    def condominiums(self, portfolio_id: str) -> Sequence[Condominium]:
        """Return the condominiums of a portfolio, in the order of adding."""
        with self._lock:
            return [row for row in self._condominiums.values() if row.portfolio_id == portfolio_id]

    def add_condominium(self, *, name: str, portfolio_id: str) -> Condominium:
        """Add a condominium to a portfolio."""
        with self._lock:
            row = Condominium(id=self._new_id("condominium"), name=name, portfolio_id=portfolio_id)
            self._condominiums[row.id] = row
            return row

    def add_account(self, condominium_id: str, *, label: str) -> Account:
        """Add an account to a condominium; ``LookupError`` if there is no such condominium."""
        with self._lock:
            condominium = self._condominiums[condominium_id]
            row = account_in(condominium, label, account_id=self._new_id("account"))
            self._accounts[row.id] = row
            return row

    def add_contact(self, account_id: str, *, name: str, email: str | None = None) -> Contact:
        """Add a person to an account; ``LookupError`` if there is no such account."""
        with self._lock:
            account = self._accounts[account_id]
            row = Contact(id=self._new_id("contact"), name=name, account=account, email=email)
            self._contacts[row.id] = row
            return row

    def remove_condominium(self, condominium_id: str) -> None:
        """Remove a condominium with its accounts and their contacts."""
        with self._lock:
            self._condominiums.pop(condominium_id, None)
            self._accounts = {k: row for k, row in self._accounts.items() if row.condominium_id != condominium_id}
            self._contacts = {
                k: row for k, row in self._contacts.items() if row.account.condominium_id != condominium_id
            }

    def remove_contact(self, contact_id: str) -> None:
        """Remove a person from its account."""
        with self._lock:
            self._contacts.pop(contact_id, None)

    def _new_id(self, kind: str) -> str:
        self._count += 1
        return f"{kind}-{self._count}"


class MemoryMailer:
    """Keeps what it is given instead of sending it."""

    def __init__(self) -> None:
        """Start with nothing sent."""
        self.sent: list[Message] = []

    def send(self, message: Message) -> None:
        """Keep one message."""
        self.sent.append(message)


class MemoryAudit:
    """Keeps the audit trail in a list."""

    def __init__(self) -> None:
        """Start with nothing recorded."""
        self.events: list[AuditEvent] = []

    def record(self, event: AuditEvent) -> None:
        """Keep one event."""
        self.events.append(event)

    def about(self, subjects: Collection[str]) -> Sequence[AuditEvent]:
        """Return the events with one of these subjects, the earliest first."""
        return [event for event in self.events if event.subject in subjects]
