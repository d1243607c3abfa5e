"""A file of contacts: read into rows, with everything that is odd about it."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum

import attrs

from coproauth.core.accounts import ID_MAX_LENGTH
from coproauth.core.contact_import import ContactKey, ContactRow, Finding, Oddity, compare_emails, parse_email
from coproauth.core.messages import NAME_MAX_LENGTH
from coproauth.core.text import parse_text
from coproauth.errors import InvalidInput

_TIDY_MAX_LENGTH = 4096  # code points; no cell may be nearly so long
FILE_MAX_SIZE = 32 * 1024 * 1024  # bytes; some 300 a row, at the most rows
ROWS_MAX = 100_000  # the largest firms look after some 100 000 lots
COLUMNS = ("portfolio", "condominium", "account", "contact", "email")

_NAMES = {  # what each column is called here, and how long it may be
    "portfolio": ("portfolio_id", ID_MAX_LENGTH),
    "condominium": ("condominium", NAME_MAX_LENGTH),
    "account": ("account", NAME_MAX_LENGTH),
    "contact": ("name", NAME_MAX_LENGTH),
}


class FileFault(StrEnum):
    """Why a file cannot be imported at all."""

    TOO_LARGE = "too_large"
    TOO_MANY_ROWS = "too_many_rows"
    ENCODING = "encoding"
    HEADER = "header"
    QUOTES = "quotes"


class FileRefused(Exception):  # noqa: N818 - an answer, not an error
    """The file cannot be imported; nothing was written.

    Attributes:
        fault: what is wrong with it.
        line: where, if it is in one place.
        columns: which columns are missing, or there twice.
    """

    def __init__(self, fault: FileFault, *, line: int | None = None, columns: Sequence[str] = ()) -> None:
        self.fault = fault
        self.line = line
        self.columns = tuple(columns)
        super().__init__(fault)


@attrs.frozen(kw_only=True)
class ContactFile:
    """What a file says: each contact once, in the order of the file, and what was odd."""

    rows: tuple[ContactRow, ...]
    findings: tuple[Finding, ...]


def read_contacts(content: bytes) -> ContactFile:
    """Return what a file says.

    UTF-8, with or without a byte order mark, else Windows-1252, as spreadsheets in France write it; separated by
    semicolons or commas. The header names the columns in any order; further ones are ignored.

    Raises:
        FileRefused: too large, too many rows, in no such encoding, without the columns, or with a quote left open.
    """
    if len(content) > FILE_MAX_SIZE:
        raise FileRefused(FileFault.TOO_LARGE)
    reading = _Reading()
    for line, cells in _records(_decode(content)):
        reading.take(line, cells)
    return ContactFile(rows=tuple(reading.rows.values()), findings=tuple(reading.findings))


@attrs.frozen
class _Reading:
    """A file half read: what has been seen of it."""

    rows: dict[ContactKey, ContactRow] = attrs.field(factory=dict)
    findings: list[Finding] = attrs.field(factory=list)
    _emails: dict[str, ContactRow] = attrs.field(factory=dict)  # by their keys, the first row of each

    def take(self, line: int, cells: dict[str, str] | None) -> None:
        """Take one row, if it is one."""
        if cells is None:
            self._find(line, Oddity.CELLS)
            return
        try:
            names = _parse_names(cells)
        except InvalidInput as error:
            self._find(line, Oddity.FIELD, field=f"{error.field}: {error.reason}")
            return
        self._keep(ContactRow(line=line, **names), cells["email"])

    def _keep(self, row: ContactRow, email: str) -> None:
        first = self.rows.get(row.key)
        if first is None:
            self.rows[row.key] = attrs.evolve(row, email=self._judge_email(row, email))
        else:
            self._find(row.line, compare_emails(first.email, email), first=first)

    def _judge_email(self, row: ContactRow, email: str) -> str | None:
        """Return the address if it is one, and tell if it is none, or another contact's."""
        address = parse_email(email)
        if address is None:
            self._find(row.line, Oddity.BAD_EMAIL if email else Oddity.NO_EMAIL)
            return None
        row = attrs.evolve(row, email=address.address)
        first = self._emails.setdefault(address.key, row)
        if first is not row:
            is_alike = first.email == row.email
            self._find(row.line, Oddity.SAME_EMAIL if is_alike else Oddity.SAME_EMAIL_IN_OTHER_CASE, first=first)
        return row.email

    def _find(self, line: int, oddity: Oddity, *, field: str = "", first: ContactRow | None = None) -> None:
        self.findings.append(Finding(line=line, oddity=oddity, field=field, first_line=first.line if first else None))


def _decode(content: bytes) -> str:
    for encoding in ("utf-8-sig", "windows-1252"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise FileRefused(FileFault.ENCODING)


def _records(text: str) -> Iterator[tuple[int, dict[str, str] | None]]:
    """Yield each row with the line it begins in; None for one that has not the cells of the header."""
    header_line = text.partition("\n")[0]
    separator = max(";,", key=header_line.count)
    records = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        header = _header(next(records, []))
        begin, count = records.line_num + 1, 0
        for cells in records:
            if any(cells):
                count += 1
                if count > ROWS_MAX:
                    raise FileRefused(FileFault.TOO_MANY_ROWS)
                yield begin, _named(header, cells)
            begin = records.line_num + 1
    except csv.Error as error:
        raise FileRefused(FileFault.QUOTES, line=records.line_num) from error


def _header(cells: Sequence[str]) -> list[str]:
    header = [_tidy(cell).casefold() for cell in cells]
    wrong = [column for column in COLUMNS if header.count(column) != 1]
    if wrong:
        raise FileRefused(FileFault.HEADER, columns=wrong)
    return header


def _named(header: Sequence[str], cells: Sequence[str]) -> dict[str, str] | None:
    if len(cells) != len(header):
        return None
    return dict(zip(header, map(_tidy, cells), strict=True))


def _tidy(cell: str) -> str:
    """Return a cell as it is kept: composed, and with single spaces, so that it is found again however it was typed.

    One that is far too long stays as it is, and is refused: to compose it would take seconds.
    """
    if len(cell) > _TIDY_MAX_LENGTH:
        return cell
    return " ".join(unicodedata.normalize("NFC", cell).split())


def _parse_names(cells: Mapping[str, str]) -> dict[str, str]:
    """Return what a row is told by.

    Raises:
        InvalidInput: a cell is empty, too long or unprintable.
    """
    return {
        name: parse_text(cells[column], field=column, max_length=max_length)
        for column, (name, max_length) in _NAMES.items()
    }
