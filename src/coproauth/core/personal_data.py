"""Everything that is kept about one login, in the words of the person it belongs to; no hash, digest or index."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

import attrs

from coproauth.core.accounts import Contact
from coproauth.core.activation import CodeRecord
from coproauth.core.audit import ActorKind, AuditEvent, Outcome, Pathway
from coproauth.core.identities import Identity
from coproauth.core.messages import Intention, MailKind
from coproauth.core.sessions import SessionRecord
from coproauth.policy import Locale


@attrs.frozen(kw_only=True)
class PersonalIdentity:
    """The login itself; whether it has a password is told, the password's hash is not."""

    id: str
    email: str = attrs.field(repr=False)
    locale: Locale
    has_password: bool
    temporary_until: datetime | None
    last_account_id: str | None
    created_at: datetime
    last_login_at: datetime
    warned_at: datetime | None

    @classmethod
    def of(cls, identity: Identity) -> PersonalIdentity:
        """Leave out what opens something."""
        return cls(
            id=identity.id,
            email=identity.email,
            locale=identity.locale,
            has_password=identity.password_hash is not None,
            temporary_until=identity.temporary_until,
            last_account_id=identity.last_account_id,
            created_at=identity.created_at,
            last_login_at=identity.last_login_at,
            warned_at=identity.warned_at,
        )


@attrs.frozen(kw_only=True)
class PersonalSession:
    """A logged-in browser."""

    account_id: str | None
    authenticated_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    address: str
    user_agent: str | None

    @classmethod
    def of(cls, record: SessionRecord) -> PersonalSession:
        """Leave out what opens something."""
        return cls(
            account_id=record.account_id,
            authenticated_at=record.authenticated_at,
            last_seen_at=record.last_seen_at,
            expires_at=record.expires_at,
            address=record.address,
            user_agent=record.user_agent,
        )


@attrs.frozen(kw_only=True)
class PersonalCode:
    """An activation code that the login was opened with, or that added an account to it."""

    contact_id: str
    issued_at: datetime
    used_at: datetime | None

    @classmethod
    def of(cls, record: CodeRecord) -> PersonalCode:
        """Leave out what opens something."""
        return cls(contact_id=record.contact_id, issued_at=record.issued_at, used_at=record.used_at)


@attrs.frozen(kw_only=True)
class PersonalMail:
    """A mail that waits to be sent."""

    kind: MailKind
    to: str = attrs.field(repr=False)
    queued_at: datetime
    due_at: datetime

    @classmethod
    def of(cls, intention: Intention) -> PersonalMail:
        """Leave out what opens something."""
        return cls(kind=intention.kind, to=intention.to, queued_at=intention.queued_at, due_at=intention.due_at)


@attrs.frozen(kw_only=True)
class PersonalEvent:
    """What is on record about the login or its contacts; the manager who acted is not told (GDPR art. 15(4))."""

    at: datetime
    pathway: Pathway
    outcome: Outcome
    reason: str | None
    actor_kind: ActorKind | None
    address: str | None
    user_agent: str | None
    correlation_id: str | None

    @classmethod
    def of(cls, event: AuditEvent) -> PersonalEvent:
        """Leave out what is about somebody else."""
        return cls(
            at=event.at,
            pathway=event.pathway,
            outcome=event.outcome,
            reason=event.reason,
            actor_kind=event.actor_kind,
            address=event.address,
            user_agent=event.user_agent,
            correlation_id=event.correlation_id,
        )


@attrs.frozen(kw_only=True)
class PersonalExport:
    """Everything that is kept about one login (GDPR art. 15), in a form that programs can read (art. 20).

    Attributes:
        identity: the login itself.
        contact_ids: of the contacts that it is linked to, also those that the host no longer has.
        contacts: what the host says of them.
        sessions: logged-in browsers, the latest first.
        codes: the activation codes it used.
        mail: what waits to be sent to it, or about it.
        audit_events: the trail of the login and its contacts; None where the trail cannot be read from here.
    """

    identity: PersonalIdentity
    contact_ids: tuple[str, ...]
    contacts: tuple[Contact, ...]
    sessions: tuple[PersonalSession, ...]
    codes: tuple[PersonalCode, ...]
    mail: tuple[PersonalMail, ...]
    audit_events: tuple[PersonalEvent, ...] | None

    def to_json(self) -> str:
        """Return it as JSON (RFC 8259), for people and programs to read; instants in ISO 8601, UTC."""
        return json.dumps(attrs.asdict(self, value_serializer=_plain), ensure_ascii=False, indent=2)


def collect(
    identity: Identity,
    *,
    contact_ids: Sequence[str],
    contacts: Sequence[Contact],
    sessions: Sequence[SessionRecord],
    codes: Sequence[CodeRecord],
    mail: Sequence[Intention],
    events: Sequence[AuditEvent] | None,
) -> PersonalExport:
    """Return what is kept about a login, without anything that opens something or is about somebody else."""
    return PersonalExport(
        identity=PersonalIdentity.of(identity),
        contact_ids=tuple(contact_ids),
        contacts=tuple(contacts),
        sessions=tuple(map(PersonalSession.of, sessions)),
        codes=tuple(map(PersonalCode.of, codes)),
        mail=tuple(map(PersonalMail.of, mail)),
        audit_events=None if events is None else tuple(map(PersonalEvent.of, events)),
    )


def _plain(_: object, __: object, value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value
