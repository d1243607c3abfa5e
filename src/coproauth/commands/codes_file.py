"""A file of activation codes that is written while contacts are imported, and is right whatever cuts that off.

Each batch of codes is on disk before the codes are kept in the database, in a file beside the one that was asked for.
What is in it and not in the database was never kept, and is taken out when the import is run again. Only when all is
done does the file get its name.
"""

from __future__ import annotations

import csv
import fcntl
import io
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import attrs

from coproauth.core.activation import IssuedCode

_HEADER = ("portfolio", "condominium", "account", "contact", "code", "expires_at")
_CODE = _HEADER.index("code")
BATCH = 500  # codes that are written, and then kept, at once


class CodesFileRefused(Exception):  # noqa: N818 - an answer, not an error
    """The file cannot be written; the text says why."""


@attrs.define
class CodesFile:
    """The codes that are kept so far, and those that will be kept next.

    Attributes:
        count: how many are kept.
    """

    count: int
    _file: BinaryIO
    _end: int  # of what is kept, in bytes
    _pending: int = 0

    def write(self, codes: Sequence[IssuedCode]) -> None:
        """Have codes on disk, instead of those that were written since the last ``keep``."""
        self._file.seek(self._end)
        self._file.truncate()
        self._file.write(_encode([_cells(code) for code in codes]))
        _to_disk(self._file)
        self._pending = len(codes)

    def keep(self) -> None:
        """Note that the codes written last are in the database."""
        self._end = self._file.tell()
        self.count += self._pending
        self._pending = 0


@contextmanager
def codes_file(path: Path, *, known: Callable[[Sequence[str]], Collection[str]]) -> Iterator[CodesFile]:
    """Open the file for the codes of an import, one that was cut off too; it gets its name when the block ends.

    Only its owner can read it. Without any code in it there will be no file.

    Args:
        path: of the file; it must not be there.
        known: returns those of some codes that are in the database.

    Raises:
        CodesFileRefused: the file is there already, cannot be written, or another import is writing it.
    """
    partial = path.with_name(f"{path.name}.partial")
    if path.exists():
        raise CodesFileRefused(f"{path} is there already; it is not overwritten.")
    try:
        with _locked(partial) as file:
            codes = _resume(file, known)
            yield codes
            if codes.count:
                os.link(partial, path)  # refuses a file that has appeared meanwhile, which a renaming would replace
            partial.unlink()
    except OSError as error:
        raise CodesFileRefused(f"{path} cannot be written: {error.strerror}.") from error


@contextmanager
def _locked(partial: Path) -> Iterator[BinaryIO]:
    descriptor = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "r+b") as file:
        os.fchmod(descriptor, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CodesFileRefused(f"Another import is writing {partial}.") from None
        yield file


def _resume(file: BinaryIO, known: Callable[[Sequence[str]], Collection[str]]) -> CodesFile:
    """Go on behind the last code that is in the database; whatever follows it was never kept.

    Raises:
        CodesFileRefused: that would be more than the one batch that can have been cut off.
    """
    lines = file.read().splitlines(keepends=True)[1:]
    codes = [_code_in(line) for line in lines]
    batches = [codes[start : start + BATCH] for start in range(0, len(codes), BATCH)]
    kept = {code for batch in batches for code in known(batch)}
    count = next((place for place, code in enumerate(codes) if code not in kept), len(codes))
    if len(codes) - count > BATCH:
        raise CodesFileRefused(f"{file.name} holds codes that this installation does not know; move it away.")
    header = _encode([_HEADER])
    end = len(header) + sum(map(len, lines[:count]))
    file.seek(0)
    file.write(header)
    file.truncate(end)
    return CodesFile(count, file, end)


def _code_in(line: bytes) -> str:
    """Return the code in a line; nothing if the line was cut off before its end."""
    cells = next(csv.reader([line.decode("utf-8", "replace")], delimiter=";"), [])
    return cells[_CODE] if len(cells) == len(_HEADER) and line.endswith(b"\n") else ""


def _cells(issued: IssuedCode) -> tuple[str, ...]:
    account = issued.contact.account
    names = account.portfolio_id, account.condominium_name, account.label, issued.contact.name
    return *names, issued.code, issued.expires_at.isoformat(timespec="seconds")


def _encode(rows: Sequence[Sequence[str]]) -> bytes:
    """Return lines as spreadsheets in France read them: semicolons, and a mark of the encoding before the header."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=";").writerows(rows)
    return text.getvalue().encode("utf-8-sig" if rows[:1] == [_HEADER] else "utf-8")


def _to_disk(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
