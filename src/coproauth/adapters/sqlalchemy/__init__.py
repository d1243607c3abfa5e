"""Store, throttle, directory and audit trail on a SQL database, by SQLAlchemy Core."""

from coproauth.adapters.sqlalchemy.audit import SqlAudit
from coproauth.adapters.sqlalchemy.directory import SqlDirectory, StandaloneDirectory
from coproauth.adapters.sqlalchemy.engine import EngineSettings, sql_engine, sqlite_engine
from coproauth.adapters.sqlalchemy.schema import Schema
from coproauth.adapters.sqlalchemy.store import SqlStore
from coproauth.adapters.sqlalchemy.tables import Tables
from coproauth.adapters.sqlalchemy.transactions import serializable

__all__ = [
    "EngineSettings",
    "Schema",
    "SqlAudit",
    "SqlDirectory",
    "SqlStore",
    "StandaloneDirectory",
    "Tables",
    "serializable",
    "sql_engine",
    "sqlite_engine",
]
