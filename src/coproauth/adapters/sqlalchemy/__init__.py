"""Store, throttle and directory on a SQL database, by SQLAlchemy Core."""

from coproauth.adapters.sqlalchemy.directory import SqlDirectory, StandaloneDirectory
from coproauth.adapters.sqlalchemy.engine import sqlite_engine
from coproauth.adapters.sqlalchemy.store import SqlStore
from coproauth.adapters.sqlalchemy.tables import Tables

__all__ = ["SqlDirectory", "SqlStore", "StandaloneDirectory", "Tables", "sqlite_engine"]
