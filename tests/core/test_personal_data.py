"""What a person is told of what is kept: all that is about her, and nothing that opens something."""

from __future__ import annotations

import json

import attrs

from coproauth.core.activation import CodeRecord
from coproauth.core.audit import ActorKind, AuditEvent, Outcome, Pathway
from coproauth.core.messages import Intention, MailKind
from coproauth.core.personal_data import (
    PersonalCode,
    PersonalEvent,
    PersonalExport,
    PersonalIdentity,
    PersonalMail,
    PersonalSession,
)
from coproauth.core.sessions import SessionRecord
from coproauth.testing.contracts.samples import CODE, JEANNE, LATER, LATEST, NOW, SESSION

_SECRET = {"password_hash", "credential_stamp", "email_key"}


def test_a_login_is_told_without_what_opens_it() -> None:
    """Every other field stands there as it is kept."""
    told = attrs.asdict(PersonalIdentity.of(JEANNE))

    kept = {name: value for name, value in attrs.asdict(JEANNE).items() if name not in _SECRET}
    assert told == {**kept, "has_password": True}
    assert not PersonalIdentity.of(attrs.evolve(JEANNE, password_hash=None)).has_password


def test_a_session_is_told_without_what_opens_it() -> None:
    """When, where from and with what, and the account that was active."""
    record: SessionRecord = attrs.evolve(SESSION, last_seen_at=LATER, expires_at=LATEST)

    assert PersonalSession.of(record) == PersonalSession(
        account_id=record.account_id,
        authenticated_at=record.authenticated_at,
        last_seen_at=LATER,
        expires_at=LATEST,
        address=record.address,
        user_agent=record.user_agent,
    )


def test_a_code_is_told_without_its_index() -> None:
    """Whose it was, when it was printed, when it was used."""
    record: CodeRecord = attrs.evolve(CODE, used_at=LATER)

    assert PersonalCode.of(record) == PersonalCode(contact_id=CODE.contact_id, issued_at=CODE.issued_at, used_at=LATER)


def test_mail_is_told_with_when_it_is_due() -> None:
    """What waits, for which address, since when and until when."""
    waiting = Intention(
        id="1", kind=MailKind.RESET_LINK, to="jeanne@example.fr", locale="fr", queued_at=NOW, due_at=LATER
    )

    assert PersonalMail.of(waiting) == PersonalMail(
        kind=MailKind.RESET_LINK, to="jeanne@example.fr", queued_at=NOW, due_at=LATER
    )


def test_an_event_is_told_without_who_managed() -> None:
    """All that is on record but the names of others."""
    event = AuditEvent(
        at=NOW,
        pathway=Pathway.LOGGED_IN,
        outcome=Outcome.REFUSED,
        reason="login_refused",
        actor_kind=ActorKind.PERSON,
        actor="somebody",
        subject=JEANNE.id,
        address="192.0.2.1",
        user_agent="Firefox",
        correlation_id="request-1",
    )

    told = attrs.asdict(PersonalEvent.of(event))

    assert told == {name: value for name, value in attrs.asdict(event).items() if name not in {"actor", "subject"}}


def test_it_is_read_by_people_and_by_programs() -> None:
    """JSON with a field a line, accents as they are written, instants in ISO 8601."""
    export = PersonalExport(
        identity=PersonalIdentity.of(attrs.evolve(JEANNE, email="zoé@example.fr")),
        contact_ids=(),
        contacts=(),
        sessions=(),
        codes=(),
        mail=(),
        audit_events=None,
    )

    text = export.to_json()

    assert '\n    "email": "zoé@example.fr",\n' in text
    assert json.loads(text)["identity"]["created_at"] == NOW.isoformat()
