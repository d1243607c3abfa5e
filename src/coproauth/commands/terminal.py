"""What commands print: results go to standard output, failures are one sentence on standard error."""

from __future__ import annotations

import sys


def say(text: str) -> None:
    """Print a result, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def fail(sentence: str) -> int:
    """Print what could not be done, and return the status that tells it."""
    sys.stderr.write(sentence + "\n")
    return 1
