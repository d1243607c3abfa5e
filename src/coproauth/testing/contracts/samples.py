"""The values that are written and read back, and the one way to write several of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import attrs

from coproauth.core.activation import CodeRecord
from coproauth.core.identities import Identity
from coproauth.core.messages import Intention, MailKind
from coproauth.core.sessions import SessionRecord
from coproauth.ports import Store, UnitOfWork

NOW = datetime(2026, 3, 29, 1, 30, 0, 123456, tzinfo=UTC)  # in Paris, the half hour that does not exist
LATER = NOW + timedelta(hours=1)
LATEST = NOW + timedelta(hours=2)
MOMENT = timedelta(microseconds=1)

TEXT = "L'Écureuil « n° 5 » 🐿 \\ \" % %s :name ?\n\t"
LOOK_ALIKES = ("clé-e", "Clé-e", "cle-e", "clé-e ", " clé-e", "cle\u0301-e", "clé-\uff45")
"""Texts that a careless database takes for one: case, accents, spaces around, compositions, widths."""

JEANNE = Identity(
    id="identity-1",
    email="Jeanne@example.fr",
    email_key="jeanne@example.fr",
    password_hash="$argon2id$…",  # noqa: S106 - of nothing
    credential_stamp=1,
    temporary_until=LATER,
    last_account_id="account-1",
    locale="fr",
    created_at=NOW,
    last_login_at=NOW,
    warned_at=LATEST,
)
MARC = Identity(
    id="identity-2",
    email="marc@example.fr",
    email_key="marc@example.fr",
    password_hash=None,
    credential_stamp=1,
    temporary_until=None,
    last_account_id=None,
    locale="en",
    created_at=NOW,
    last_login_at=LATER,
)
CODE = CodeRecord(
    id="code-1", contact_id="contact-1", portfolio_id="portfolio-1", index="ab" * 32, issued_at=NOW, expires_at=LATER
)
SESSION = SessionRecord(
    digest="cd" * 32,
    handle="handle-1",
    identity_id=JEANNE.id,
    credential_stamp=1,
    account_id="account-1",
    authenticated_at=NOW,
    last_seen_at=NOW,
    expires_at=LATER,
    address="192.0.2.1",
    user_agent="Browser",
)
BARE_SESSION = attrs.evolve(SESSION, digest="12" * 32, handle="handle-2", account_id=None, user_agent=None)
MAIL = Intention(
    id="mail-1", kind=MailKind.UNKNOWN_ADDRESS, to="jeanne@example.fr", locale="en", queued_at=NOW, due_at=NOW
)
FULL_MAIL = Intention(
    id="mail-2",
    kind=MailKind.EMAIL_PROOF,
    to="jeanne@example.fr",
    locale="fr",
    identity_id=JEANNE.id,
    credential_stamp=1,
    nonce="1" * 32,
    condominium_name="Les Lilas",
    contact_name="Jeanne Roche",
    queued_at=LATER,
    due_at=LATER,
    tries=3,
    failure="TimeoutError",
    browser="Firefox, Linux",
)


@attrs.frozen
class Link:
    """A contact that belongs to a login."""

    contact_id: str
    identity_id: str


Value = Identity | Link | CodeRecord | SessionRecord | Intention


def write(store: Store, *values: Value) -> None:
    """Write some values in one unit of work."""
    with store.writing() as work:
        for value in values:
            put(work, value)


def put(work: UnitOfWork, value: Value) -> None:
    """Write one value, whatever it is."""
    match value:
        case Identity():
            work.identities.add(value)
        case Link():
            work.links.put(contact_id=value.contact_id, identity_id=value.identity_id, at=NOW)
        case CodeRecord():
            work.codes.add(value)
        case SessionRecord():
            work.sessions.add(value)
        case Intention():
            work.outbox.add(value)


def logins(count: int) -> list[Identity]:
    """Return some logins."""
    return [
        attrs.evolve(JEANNE, id=f"login-{n}", email=f"p{n}@example.fr", email_key=f"p{n}@example.fr")
        for n in range(count)
    ]


def codes(count: int) -> list[CodeRecord]:
    """Return some codes of one contact."""
    return [attrs.evolve(CODE, id=f"issued-{n}", index=f"{n:064x}") for n in range(count)]


def mails(count: int) -> list[Intention]:
    """Return some mails, each queued and due one minute after the one before; all are due by now."""
    first = NOW - timedelta(minutes=count)
    times = [first + timedelta(minutes=n) for n in range(count)]
    return [attrs.evolve(MAIL, id=f"mail-{n}", queued_at=time, due_at=time) for n, time in enumerate(times)]
