"""What an error of the database means to whoever ran a unit of work."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError

from coproauth.errors import Interrupted, Unavailable

# PostgreSQL's are strings (its manual, Appendix A), MariaDB's begin at 1000, SQLite's end below 256.
_CONFLICTS = {"40001", "40P01", 1020, 1213, 1305}  # serialization, deadlock; 1305: the savepoint that a deadlock undid
_LONG_WAITS = {"55P03", 1205, sqlite3.SQLITE_BUSY}  # for a lock, as long as the settings allow: not worth another
_GIVEN_UP = {"57014", 1317, 1969, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY}  # timeout, disk
_CONNECTIONS = {"53300", "57P01", "57P02", "57P03", 1040, 1053, 2002, 2003, 2006, 2013, sqlite3.SQLITE_CANTOPEN}


def name_failure(error: DBAPIError, *, is_committing: bool) -> Exception:
    """Return the named error that an error of the database amounts to; the error itself if it is a fault of ours.

    A row that is in the way, or missing, is a conflict: another unit of work put it there, or took it away, after
    this one had looked. A connection that breaks before the commit was sent has kept nothing; one that breaks while it
    is under way may have kept everything, so that nothing may be tried again.
    """
    code = _code(error)
    if is_committing and error.connection_invalidated:
        return Unavailable(reason="outcome_unknown")
    if isinstance(error, IntegrityError) or code in _CONFLICTS:
        return Interrupted(reason="store_conflict")
    if code in _LONG_WAITS:
        return Unavailable(reason="store_conflict")
    if code in _GIVEN_UP:
        return Unavailable(reason="store_away")
    is_unnamed = code is None and isinstance(error, OperationalError | InterfaceError)  # not what psycopg cannot send
    if error.connection_invalidated or is_unnamed or code in _CONNECTIONS:
        return Interrupted(reason="store_away")
    return error


def _code(error: DBAPIError) -> object:
    """Return what the database calls the error; None from psycopg if there was no database to name it."""
    original = error.orig
    if isinstance(original, sqlite3.Error):
        return getattr(original, "sqlite_errorcode", 0) & 0xFF  # without the extension (sqlite.org/rescode.html)
    number = next(iter(original.args), None) if original else 0
    return number if isinstance(number, int) else getattr(original, "sqlstate", None)
