"""Leaked passwords in a file."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import BinaryIO

import attrs

from coproauth.adapters.breaches.digests import digest_of
from coproauth.errors import Unavailable

_LINE = re.compile(rb"([0-9A-Fa-f]{40})(?::(\d{1,15}))?\r?\n?")
_LONGEST = 64  # bytes; of a line


@attrs.frozen
class FileBreaches:
    """Looks passwords up in a file of SHA-1 digests, by halves: some forty lines of it are read, however long it is.

    Thread-safe; the file is opened for each question, so that another may take its place at any time.

    Attributes:
        path: the file, sorted by digest. Each line is a digest in 40 hex digits, and may have a colon and how often
            the password was seen behind it; what was seen 0 times did not leak.
    """

    path: Path = attrs.field(converter=Path)

    def is_breached(self, password: str) -> bool:
        """Whether the password is in the file.

        Raises:
            Unavailable: the file cannot be read, or holds something else (``breaches_away``).
        """
        try:
            with self.path.open("rb") as lines:
                return _is_listed(lines, digest_of(password).encode())
        except (OSError, ValueError) as error:
            raise Unavailable(reason="breaches_away") from error


def _is_listed(lines: BinaryIO, wanted: bytes) -> bool:
    """Whether a line names a digest; half of those between ``low`` and ``high`` are left each time."""
    low, high = 0, lines.seek(0, os.SEEK_END)
    while low < high:
        middle = (low + high) // 2
        start = _next_start(lines, middle)
        if start >= high:
            high = middle
            continue
        line = lines.readline(_LONGEST)
        digest, times = _parse(line)
        if digest == wanted:
            return times > 0
        if digest < wanted:
            low = start + len(line)
        else:
            high = middle
    return False


def _next_start(lines: BinaryIO, place: int) -> int:
    """Go to the first line that begins at a place or after it, and return where that is."""
    lines.seek(max(place - 1, 0))
    if place > 0:
        skipped = lines.readline(_LONGEST)
        if len(skipped) == _LONGEST:
            raise ValueError("a line is longer than any can be")
    return lines.tell()


def _parse(line: bytes) -> tuple[bytes, int]:
    found = _LINE.fullmatch(line)
    if found is None:
        raise ValueError("a line is no digest")
    return found[1].upper(), int(found[2] or 1)
