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
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import attrs

from coproauth.core.activation import IssuedCode
from coproauth.core.contact_import import BATCH

_HEADER = ("portfolio", "condominium", "account", "contact", "code", "expires_at")
_CODE = _HEADER.index("code")
_OWNER_ALONE = 0o600  # may read and write
_FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")  # OWASP, CSV Injection: what a spreadsheet would evaluate


class CodesFileRefused(Exception):  # noqa: N818 - an answer, not an error
    """The file cannot be written; the text says why."""


@attrs.define
class CodesFile:
    """The codes that are kept so far, and those that will be kept next.

    Attributes:
        count: how many are kept.
    """

    count: int
    _path: Path
    _file: BinaryIO
    _end: int  # of what is kept, in bytes
    _pending: int = 0

    def write(self, codes: Sequence[IssuedCode]) -> None:
        """Have codes on disk, instead of those that were written since the last ``keep``.

        Raises:
            CodesFileRefused: they cannot be written.
        """
        with _failures_told(self._path):
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
    with ExitStack() as opened:
        with _failures_told(path):
            _require_none(path, partial)
            file = opened.enter_context(_locked(partial))
            lines = file.read().splitlines(keepends=True)[1:]
        codes = _resume(path, file, lines[: _count_kept(partial, lines, known)])
        yield codes
        with _failures_told(path):
            if codes.count:
                _name(partial, path)
            partial.unlink(missing_ok=True)


@contextmanager
def _failures_told(path: Path) -> Iterator[None]:
    """Tell a failure of the file system; what fails in the block of whoever uses the file is theirs to tell."""
    try:
        yield
    except OSError as error:
        raise CodesFileRefused(f"{path} cannot be written: {error.strerror or type(error).__name__}.") from error


def _require_none(path: Path, partial: Path) -> None:
    """Refuse a file that is there; an empty one beside a partial one was cut off while it got its name."""
    if partial.exists() and path.is_file() and not path.stat().st_size:
        path.unlink()
    if path.exists():
        raise CodesFileRefused(f"{path} is there already; it is not overwritten.")


@contextmanager
def _locked(partial: Path) -> Iterator[BinaryIO]:
    file = os.fdopen(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, _OWNER_ALONE), "r+b")
    try:
        os.fchmod(file.fileno(), _OWNER_ALONE)
        _lock(file, partial)
        yield file
    finally:
        with suppress(OSError):  # what could not be written was told by then
            file.close()


def _lock(file: BinaryIO, partial: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise CodesFileRefused(f"Another import is writing {partial}.") from None


def _name(partial: Path, path: Path) -> None:
    """Give the file its name; refuse one that has appeared meanwhile, which a renaming alone would replace."""
    try:
        os.link(partial, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links: the name is taken by an empty file first
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ALONE))
        partial.replace(path)


def _count_kept(partial: Path, lines: Sequence[bytes], known: Callable[[Sequence[str]], Collection[str]]) -> int:
    """Return how many lines come before the first whose code is not in the database: that one was never kept.

    Raises:
        CodesFileRefused: more are left than the one batch that can have been cut off.
    """
    codes = [_code_in(line) for line in lines]
    batches = [codes[start : start + BATCH] for start in range(0, len(codes), BATCH)]
    kept = {code for batch in batches for code in known(batch)}
    count = next((place for place, code in enumerate(codes) if code not in kept), len(codes))
    if len(codes) - count > BATCH:
        raise CodesFileRefused(f"{partial} holds codes that this installation does not know; move it away.")
    return count


def _resume(path: Path, file: BinaryIO, kept: Sequence[bytes]) -> CodesFile:
    """Go on behind the lines whose codes are in the database."""
    header = _encode([_HEADER])
    end = len(header) + sum(map(len, kept))
    with _failures_told(path):
        file.seek(0)
        file.write(header)
        file.truncate(end)
    return CodesFile(len(kept), path, file, end)


def _code_in(line: bytes) -> str:
    """Return the code in a line; nothing if the line was cut off before its end."""
    cells = next(csv.reader([line.decode("utf-8", "replace")], delimiter=";"), [])
    return cells[_CODE] if len(cells) == len(_HEADER) and line.endswith(b"\n") else ""


def _cells(issued: IssuedCode) -> tuple[str, ...]:
    account = issued.contact.account
    names = account.portfolio_id, account.condominium_name, account.label, issued.contact.name
    return *map(_harmless, names), issued.code, issued.expires_at.isoformat(timespec="seconds")


def _harmless(name: str) -> str:
    """Return a name that a spreadsheet shows and does not evaluate: whoever chose it could have it send the codes.

    The apostrophe says that text follows; the name in the database is without it.
    """
    return f"'{name}" if name.startswith(_FORMULA) else name


def _encode(rows: Sequence[Sequence[str]]) -> bytes:
    """Return lines as spreadsheets in France read them: semicolons, and a mark of the encoding before the header."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=";").writerows(rows)
    return text.getvalue().encode("utf-8-sig" if rows[:1] == [_HEADER] else "utf-8")


def _to_disk(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
