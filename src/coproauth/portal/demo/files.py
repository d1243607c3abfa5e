"""The files of a demonstration: the database and, beside it, its secret key; none is ever seen half written."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from coproauth.errors import ConfigurationError, Unavailable
from coproauth.portal.demo.database import NOTES

_KEY_BYTES = 32
_BESIDE = ("", "-wal", "-shm", "-journal", ".key")


class DatabaseRefused(Exception):  # noqa: N818 - an answer to who named the file
    """The file cannot be used; the text is a sentence that says why."""


@contextmanager
def told_in_words(path: Path) -> Iterator[None]:
    """Turn whatever goes wrong with a database file into one sentence.

    Raises:
        DatabaseRefused: it is out of reach, no SQLite file, or from a later release.
    """
    try:
        yield
    except DBAPIError as error:
        raise DatabaseRefused(f"The database {path} cannot be used ({error.orig}).") from error
    except (ConfigurationError, Unavailable, sqlite3.Error) as error:
        raise DatabaseRefused(f"The database {path} cannot be used ({error}).") from error
    except OSError as error:
        raise DatabaseRefused(f"The database {path} cannot be used ({error.strerror}: {error.filename}).") from error


def require_own(path: Path) -> None:
    """Let a file pass if a demonstration made it: nothing is written into any other, and none is replaced.

    Raises:
        DatabaseRefused: somebody else made it.
    """
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    if NOTES not in tables:
        raise DatabaseRefused(f"The database {path} is not one of the demonstration; name another with --database.")


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give the path of a draft, which takes the place of a database once the block has ended well.

    Only its owner can read the draft, and what SQLite writes beside it: codes and a temporary password are in it.
    """
    draft = path.with_name(f"{path.name}.new")
    _remove(draft)
    try:
        key_file(draft).touch(mode=0o600)  # as sqlite_engine does with the draft
        key_file(draft).write_bytes(secrets.token_bytes(_KEY_BYTES))
        yield draft
        _remove(path)  # with its log, which SQLite would otherwise play back into the new one
        key_file(draft).replace(key_file(path))
        draft.replace(path)
    finally:
        _remove(draft)


def key_file(path: Path) -> Path:
    """Return where the secret key of a database is kept."""
    return path.with_name(f"{path.name}.key")


def _remove(path: Path) -> None:
    for suffix in _BESIDE:
        path.with_name(path.name + suffix).unlink(missing_ok=True)
