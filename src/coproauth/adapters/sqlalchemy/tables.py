"""The tables the library owns, and the way from a row to a value and back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeVar

import attrs
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Insert,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    event,
    insert,
)
from sqlalchemy.dialects.mysql import DATETIME

from coproauth.core.accounts import ID_MAX_LENGTH
from coproauth.core.audit import CORRELATION_ID_MAX_LENGTH, REASON_MAX_LENGTH
from coproauth.core.identities import EMAIL_MAX_LENGTH
from coproauth.core.messages import FAILURE_MAX_LENGTH
from coproauth.core.sources import TEXT_MAX_LENGTH

PREFIX = "coproauth_"
VERSION = 4  # of the tables described here: the last of the numbered steps in ``steps/``

T = TypeVar("T")


class UtcDateTime(TypeDecorator[datetime]):
    """An instant: aware on the way in, aware UTC on the way out, whatever the engine keeps."""

    impl = DateTime(timezone=True).with_variant(DATETIME(fsp=6), "mysql", "mariadb")
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return what is stored; refuse an instant without a time zone, which is none."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant must be aware")
        instant = value.astimezone(UTC)
        return instant if dialect.name == "postgresql" else instant.replace(tzinfo=None)

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        """Return how an instant is read: on SQLite, which keeps it as text, in one step."""
        return _from_text if dialect.name == "sqlite" else super().result_processor(dialect, coltype)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the instant that was stored."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _from_text(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(f"{value}+00:00")


_ID = String(ID_MAX_LENGTH)
_EMAIL = String(EMAIL_MAX_LENGTH)
_DIGEST = String(64)
_CLIPPED = String(TEXT_MAX_LENGTH)
# MariaDB compares without regard to case, accents or trailing spaces unless it is told not to.
_MARIADB: dict[str, Any] = {
    f"{dialect}_{option}": value
    for dialect in ("mysql", "mariadb")
    for option, value in (("engine", "InnoDB"), ("charset", "utf8mb4"), ("collate", "utf8mb4_nopad_bin"))
}


@attrs.frozen
class Tables:
    """The tables of one installation. A column's key is the name of the value's field.

    Attributes:
        prefix: what their names begin with.
    """

    prefix: str
    identities: Table
    links: Table
    codes: Table
    sessions: Table
    outbox: Table
    throttle: Table
    audit: Table
    schema: Table
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
            prefix=prefix,
            identities=identities,
            links=_links(metadata, prefix, identities),
            codes=_codes(metadata, prefix, identities),
            sessions=_sessions(metadata, prefix, identities),
            outbox=_outbox(metadata, prefix),
            throttle=_throttle(metadata, prefix),
            audit=_audit(metadata, prefix),
            schema=_schema(metadata, prefix),
            condominiums=condominiums,
            accounts=accounts,
            contacts=_contacts(metadata, prefix, accounts),
        )


@lru_cache(maxsize=8)  # prefixes: a process has one, or hardly more
def own_tables(prefix: str = PREFIX) -> Tables:
    """Return the tables in a metadata of ours, the same for every adapter: SQLAlchemy compiles a statement once."""
    return Tables.build(MetaData(), prefix=prefix)


def load(kind: type[T], table: Table, row: Sequence[Any]) -> T:
    """Return the value that a row stands for; its columns are those of the table, in the table's order."""
    return kind(**dict(zip(_keys_of(table), row, strict=True)))


def dump(value: attrs.AttrsInstance) -> dict[str, Any]:
    """Return the columns of a value."""
    return {name: getattr(value, name) for name in _names_of(type(value))}


@lru_cache
def insertion(table: Table) -> Insert:
    """Return the INSERT of one row, composed once; nobody asks for the position that the database gives it."""
    return insert(table).inline()


@lru_cache
def _keys_of(table: Table) -> tuple[str, ...]:
    return tuple(table.columns.keys())


@lru_cache
def _names_of(kind: type[attrs.AttrsInstance]) -> tuple[str, ...]:
    return tuple(field.name for field in attrs.fields(kind))


def _table(name: str, metadata: MetaData, *columns: Column[Any]) -> Table:
    return Table(name, metadata, *columns, **_MARIADB)


def _identities(metadata: MetaData, prefix: str) -> Table:
    table = _table(
        f"{prefix}identities",
        metadata,
        Column("id", _ID, primary_key=True),
        Column("email", _EMAIL, nullable=False),
        Column("email_key", _EMAIL, nullable=False, unique=True),
        Column("password_hash", _CLIPPED),
        Column("credential_stamp", Integer, nullable=False),
        Column("temporary_until", UtcDateTime),
        Column("last_account_id", _ID),
        Column("locale", String(8), nullable=False),
        Column("created_at", UtcDateTime, nullable=False),
        Column("last_login_at", UtcDateTime, nullable=False),
        Column("warned_at", UtcDateTime),
    )
    Index(f"{prefix}identities_idle", table.c.warned_at, table.c.last_login_at, table.c.id)
    return table


def _links(metadata: MetaData, prefix: str, identities: Table) -> Table:
    return _table(
        f"{prefix}links",
        metadata,
        Column("contact_id", _ID, primary_key=True),
        Column("identity_id", _ID, ForeignKey(identities.c.id), nullable=False, index=True),
        Column("linked_at", UtcDateTime, nullable=False),
    )


def _codes(metadata: MetaData, prefix: str, identities: Table) -> Table:
    return _table(
        f"{prefix}codes",
        metadata,
        Column("id", _ID, primary_key=True),
        Column("contact_id", _ID, nullable=False, index=True),
        Column("portfolio_id", _ID, nullable=False),
        Column("code_index", _DIGEST, key="index", nullable=False, unique=True),
        Column("issued_at", UtcDateTime, nullable=False),
        Column("expires_at", UtcDateTime, nullable=False, index=True),
        Column("used_at", UtcDateTime),
        Column("used_by", _ID, ForeignKey(identities.c.id), index=True),
        Column("revoked_at", UtcDateTime),
        Column("proof_email_key", _EMAIL),
        Column("proof_nonce", _DIGEST),
        Column("proof_requested_at", UtcDateTime),
    )


def _sessions(metadata: MetaData, prefix: str, identities: Table) -> Table:
    return _table(
        f"{prefix}sessions",
        metadata,
        Column("digest", _DIGEST, primary_key=True),
        Column("handle", _ID, nullable=False),
        Column("identity_id", _ID, ForeignKey(identities.c.id), nullable=False, index=True),
        Column("credential_stamp", Integer, nullable=False),
        Column("account_id", _ID),
        Column("authenticated_at", UtcDateTime, nullable=False),
        Column("last_seen_at", UtcDateTime, nullable=False),
        Column("expires_at", UtcDateTime, nullable=False, index=True),
        Column("address", _CLIPPED, nullable=False),
        Column("user_agent", _CLIPPED),
    )


def _outbox(metadata: MetaData, prefix: str) -> Table:
    table = _table(
        f"{prefix}outbox",
        metadata,
        Column("id", _ID, primary_key=True),
        Column("kind", String(40), nullable=False),
        Column("recipient", _EMAIL, key="to", nullable=False, index=True),
        Column("locale", String(8), nullable=False),
        Column("identity_id", _ID, index=True),
        Column("credential_stamp", Integer),
        Column("nonce", _DIGEST),
        Column("condominium_name", Text, nullable=False),
        Column("contact_name", Text, nullable=False),
        Column("queued_at", UtcDateTime, nullable=False, index=True),
        Column("due_at", UtcDateTime, nullable=False),
        Column("tries", Integer, nullable=False),
        Column("failure", String(FAILURE_MAX_LENGTH)),
        Column("browser", String(80)),
    )
    Index(f"{prefix}outbox_due", table.c.due_at)
    return table


def _throttle(metadata: MetaData, prefix: str) -> Table:
    return _table(
        f"{prefix}throttle",
        metadata,
        Column("name", _ID, primary_key=True),
        Column("attempts", Integer, nullable=False),
        Column("last_at", UtcDateTime, nullable=False),
        Column("not_before", UtcDateTime, nullable=False),
        Column("forget_at", UtcDateTime, nullable=False, index=True),
    )


def _audit(metadata: MetaData, prefix: str) -> Table:
    return _table(
        f"{prefix}audit",
        metadata,
        Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
        Column("at", UtcDateTime, nullable=False, index=True),
        Column("pathway", String(40), nullable=False),
        Column("outcome", String(16), nullable=False),
        Column("reason", String(REASON_MAX_LENGTH)),
        Column("actor", _ID),
        Column("subject", _ID, index=True),
        Column("address", _CLIPPED),
        Column("actor_kind", String(16)),
        Column("user_agent", _CLIPPED),
        Column("correlation_id", String(CORRELATION_ID_MAX_LENGTH)),
    )


def _schema(metadata: MetaData, prefix: str) -> Table:
    table = _table(
        f"{prefix}schema",
        metadata,
        Column("version", Integer, primary_key=True, autoincrement=False),
        Column("applied_at", UtcDateTime, nullable=False),
    )
    # A host that creates its metadata as a whole has the newest version from the start.
    event.listen(table, "after_create", _record_version)
    return table


def _record_version(table: Table, connection: Connection, **_: object) -> None:
    connection.execute(insert(table).values(version=VERSION, applied_at=datetime.now(UTC)))


def _condominiums(metadata: MetaData, prefix: str) -> Table:
    return _table(
        f"{prefix}condominiums",
        metadata,
        Column("position", Integer, primary_key=True),
        Column("id", _ID, nullable=False, unique=True),
        Column("name", Text, nullable=False),
        Column("portfolio_id", _ID, nullable=False, index=True),
    )


def _accounts(metadata: MetaData, prefix: str, condominiums: Table) -> Table:
    return _table(
        f"{prefix}accounts",
        metadata,
        Column("position", Integer, primary_key=True),
        Column("id", _ID, nullable=False, unique=True),
        Column("condominium_id", _ID, _owner(condominiums), nullable=False, index=True),
        Column("label", Text, nullable=False),
    )


def _contacts(metadata: MetaData, prefix: str, accounts: Table) -> Table:
    return _table(
        f"{prefix}contacts",
        metadata,
        Column("position", Integer, primary_key=True),
        Column("id", _ID, nullable=False, unique=True),
        Column("account_id", _ID, _owner(accounts), nullable=False, index=True),
        Column("name", Text, nullable=False),
        Column("email", Text),
    )


def _owner(table: Table) -> ForeignKey:
    return ForeignKey(table.c.id, ondelete="CASCADE")
