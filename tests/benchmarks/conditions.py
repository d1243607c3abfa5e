"""What a table was measured with: versions, and the very command."""

from __future__ import annotations

import os
import platform
import shlex
import sqlite3
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

DISTRIBUTIONS = (
    "Django",
    "django-allauth",
    "FastAPI-Users",
    "Flask-Security",
    "SQLAlchemy",
    "argon2-cffi",
    "attrs",
)
"""Whose versions are told, if they are installed."""


def conditions(*, postgresql: str | None) -> str:
    """Return one line for below a table.

    Args:
        postgresql: the version of the server; None: there was none.
    """
    versions = [*_installed(), f"SQLite {sqlite3.sqlite_version}", f"Python {platform.python_version()}"]
    versions += [f"PostgreSQL {postgresql}"] if postgresql else []
    return f"Measured by `{_command()}`: {', '.join(versions)}."


def _installed() -> Iterator[str]:
    for name in DISTRIBUTIONS:
        try:
            yield f"{name} {version(name)}"
        except PackageNotFoundError:
            continue


def _command() -> str:
    folder = [f"TMPDIR={shlex.quote(os.environ['TMPDIR'])}"] if "TMPDIR" in os.environ else []
    return " ".join([*folder, "python -m tests.benchmarks", shlex.join(sys.argv[1:])])
