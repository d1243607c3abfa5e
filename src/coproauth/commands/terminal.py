"""What commands print: results go to standard output, failures are one sentence on standard error."""

from __future__ import annotations

import io
import os
import sys


def say(text: str) -> None:
    """Print a result, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def fail(sentence: str) -> int:
    """Print what could not be done, and return the status that tells it."""
    sys.stderr.write(sentence + "\n")
    return 1


def print_in_any_encoding() -> None:
    """Let a terminal that lacks a letter show its number instead of failing."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def leave_unread() -> None:
    """Throw away what nobody reads any more, such as behind ``| head``."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
