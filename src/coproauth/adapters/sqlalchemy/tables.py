"""The tables the library owns, and the way from a row to a value and back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import attrs
from sqlalchemy import (
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    TypeDecorator,
)

PREFIX = "coproauth_"

T = TypeVar("T")


class UtcDateTime(TypeDecorator[datetime]):
    """An instant: aware on the way in, aware UTC on the way out, whatever the engine keeps."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return what is stored; refuse an instant without a time zone, which is none."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant must be aware")
        instant = value.astimezone(UTC)
        return instant if dialect.name == "postgresql" else instant.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the instant that was stored."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


_ID = String(255)
_EMAIL = String(254)
_DIGEST = String(64)
_TEXT = String(400)


@attrs.frozen
class Tables:
    """The tables of one installation. A column's key is the name of the value's field."""

    identities: Table
    links: Table
    codes: Table
    sessions: Table
    outbox: Table
    throttle: Table
    condominiums: Table
    accounts: Table
    contacts: Table

    @classmethod
    def build(cls, metadata: MetaData, *, prefix: str = PREFIX) -> Tables:
        """Return the tables, added to ``metadata`` (the host's own, if it likes), each name after ``prefix``."""
        identities = _identities(metadata, prefix)
        condominiums = _condominiums(metadata, prefix)
        accounts = _accounts(metadata, prefix, condominiums)
        return cls(
            identities=identities,
            links=_links(metadata, prefix, identities),
            codes=_codes(metadata, prefix, identities),
            sessions=_sessions(metadata, prefix, identities),
            outbox=_outbox(metadata, prefix),
            throttle=_throttle(metadata, prefix),
            condominiums=condominiums,
            accounts=accounts,
            contacts=_contacts(metadata, prefix, accounts),
        )


def load(kind: type[T], table: Table, row: Sequence[Any]) -> T:
    """Return the value that a row stands for; its columns are those of the table, in the table's order."""
    return kind(**dict(zip(table.columns.keys(), row, strict=True)))


def dump(value: attrs.AttrsInstance) -> dict[str, Any]:
    """Return the columns of a value."""
    return attrs.asdict(value, recurse=False)


def _identities(metadata: MetaData, prefix: str) -> Table:
    return Table(
        f"{prefix}identities",
        metadata,
        Column("id", _ID, primary_key=True),
        Column("email", _EMAIL, nullable=False),
        Column("email_key", _EMAIL, nullable=False, unique=True),
        Column("password_hash", _TEXT),
        Column("credential_stamp", Integer, nullable=False),
        Column("temporary_until", UtcDateTime),
        Column("last_account_id", _ID),
        Column("locale", String(8), nullable=False),
        Column("created_at", UtcDateTime, nullable=False),
        Column("last_login_at", UtcDateTime, nullable=False),
    )


def _links(metadata: MetaData, prefix: str, identities: Table) -> Table:
    return Table(
        f"{prefix}links",
        metadata,
        Column("contact_id", _ID, primary_key=True),
        Column("identity_id", _ID, ForeignKey(identities.c.id), nullable=False, index=True),
        Column("linked_at", UtcDateTime, nullable=False),
    )


def _codes(metadata: MetaData, prefix: str, identities: Table) -> Table:
    return Table(
        f"{prefix}codes",
        metadata,
        Column("id", _ID, primary_key=True),
        Column("contact_id", _ID, nullable=False, index=True),
        Column("portfolio_id", _ID, nullable=False),
        Column("code_index", _DIGEST, key="index", nullable=False, unique=True),
        Column("issued_at", UtcDateTime, nullable=False),
        Column("expires_at", UtcDateTime, nullable=False),
        Column("used_at", UtcDateTime),
        Column("used_by", _ID, ForeignKey(identities.c.id)),
        Column("revoked_at", UtcDateTime),
        Column("proof_email_key", _EMAIL),
        Column("proof_nonce", _DIGEST),
        Column("proof_requested_at", UtcDateTime),
    )


def _sessions(metadata: MetaData, prefix: str, identities: Table) -> Table:
    return Table(
        f"{prefix}sessions",
        metadata,
        Column("digest", _DIGEST, primary_key=True),
        Column("handle", _ID, nullable=False),
        Column("identity_id", _ID, ForeignKey(identities.c.id), nullable=False, index=True),
        Column("credential_stamp", Integer, nullable=False),
        Column("account_id", _ID),
        Column("authenticated_at", UtcDateTime, nullable=False),
        Column("last_seen_at", UtcDateTime, nullable=False),
        Column("expires_at", UtcDateTime, nullable=False),
        Column("address", _TEXT, nullable=False),
        Column("user_agent", _TEXT),
    )


def _outbox(metadata: MetaData, prefix: str) -> Table:
    table = Table(
        f"{prefix}outbox",
        metadata,
        Column("id", _ID, primary_key=True),
        Column("kind", String(40), nullable=False),
        Column("recipient", _EMAIL, key="to", nullable=False),
        Column("locale", String(8), nullable=False),
        Column("identity_id", _ID),
        Column("credential_stamp", Integer),
        Column("nonce", _DIGEST),
        Column("condominium_name", _TEXT, nullable=False),
        Column("contact_name", _TEXT, nullable=False),
        Column("queued_at", UtcDateTime, nullable=False),
        Column("due_at", UtcDateTime, nullable=False),
        Column("tries", Integer, nullable=False),
    )
    Index(f"{prefix}outbox_due", table.c.due_at)
    return table


def _throttle(metadata: MetaData, prefix: str) -> Table:
    return Table(
        f"{prefix}throttle",
        metadata,
        Column("name", _ID, primary_key=True),
        Column("attempts", Integer, nullable=False),
        Column("last_at", UtcDateTime, nullable=False),
        Column("not_before", UtcDateTime, nullable=False),
        Column("forget_at", UtcDateTime, nullable=False, index=True),
    )


def _condominiums(metadata: MetaData, prefix: str) -> Table:
    return Table(
        f"{prefix}condominiums",
        metadata,
        Column("position", Integer, primary_key=True),
        Column("id", _ID, nullable=False, unique=True),
        Column("name", _TEXT, nullable=False),
        Column("portfolio_id", _ID, nullable=False, index=True),
    )


def _accounts(metadata: MetaData, prefix: str, condominiums: Table) -> Table:
    return Table(
        f"{prefix}accounts",
        metadata,
        Column("position", Integer, primary_key=True),
        Column("id", _ID, nullable=False, unique=True),
        Column("condominium_id", _ID, _owner(condominiums), nullable=False, index=True),
        Column("label", _TEXT, nullable=False),
    )


def _contacts(metadata: MetaData, prefix: str, accounts: Table) -> Table:
    return Table(
        f"{prefix}contacts",
        metadata,
        Column("position", Integer, primary_key=True),
        Column("id", _ID, nullable=False, unique=True),
        Column("account_id", _ID, _owner(accounts), nullable=False, index=True),
        Column("name", _TEXT, nullable=False),
        Column("email", _TEXT),
    )


def _owner(table: Table) -> ForeignKey:
    return ForeignKey(table.c.id, ondelete="CASCADE")
