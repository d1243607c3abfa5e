"""A file of contacts: read into rows, with everything that is odd about it, and what is to be added of them."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import TypeVar

import attrs

from coproauth.core.accounts import ID_MAX_LENGTH, Account, Condominium, Contact
from coproauth.core.identities import EmailAddress
from coproauth.core.messages import NAME_MAX_LENGTH
from coproauth.core.text import parse_text
from coproauth.errors import InvalidInput

K = TypeVar("K")
V = TypeVar("V")

CondominiumKey = tuple[str, str]  # portfolio, name
AccountKey = tuple[str, str, str]  # and its label
ContactKey = tuple[str, str, str, str]  # and the person's name

_TIDY_MAX_LENGTH = 4096  # code points; no cell may be nearly so long
FILE_MAX_SIZE = 32 * 1024 * 1024  # bytes; some 300 a row, at the most rows
ROWS_MAX = 100_000  # the largest firms look after some 100 000 lots
BATCH = 500  # rows that are added at once, and whose codes are on disk before
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


class Oddity(StrEnum):
    """What is odd about a row."""

    CELLS = "cells"  # more or fewer than the header has
    FIELD = "field"  # empty, too long or unprintable
    DUPLICATE_ROW = "duplicate_row"
    NO_EMAIL = "no_email"
    BAD_EMAIL = "bad_email"  # the contact is imported without it
    SAME_EMAIL = "same_email"  # as another contact's: they will share a login, as couples do
    SAME_EMAIL_IN_OTHER_CASE = "same_email_in_other_case"
    OTHER_EMAIL = "other_email"  # than is on the contact's file already, and stays there

    @property
    def leaves_out(self) -> bool:
        """Whether something of the file is not imported that should perhaps have been."""
        return self in {Oddity.CELLS, Oddity.FIELD}


@attrs.frozen(kw_only=True)
class Finding:
    """Something odd.

    Attributes:
        line: of the file, the header being in line 1.
        field: which column, and why, if it is one.
        first_line: of the row that this one repeats; None if it is in the directory already.
    """

    line: int
    oddity: Oddity
    field: str = ""
    first_line: int | None = None


@attrs.frozen(kw_only=True)
class ContactRow:
    """A contact to import. What two rows have in common is told by the names, spaces and composition aside."""

    line: int
    portfolio_id: str
    condominium: str
    account: str
    name: str
    email: str | None = attrs.field(default=None, repr=False)

    @property
    def condominium_key(self) -> CondominiumKey:
        """What tells a condominium from others."""
        return self.portfolio_id, self.condominium

    @property
    def account_key(self) -> AccountKey:
        """What tells an account from others."""
        return *self.condominium_key, self.account

    @property
    def key(self) -> ContactKey:
        """What tells a contact from others."""
        return *self.account_key, self.name


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
            self._find(row.line, _compare_emails(first.email, email), first=first)

    def _judge_email(self, row: ContactRow, email: str) -> str | None:
        """Return the address if it is one, and tell if it is none, or another contact's."""
        address = _parse_email(email)
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


@attrs.frozen(kw_only=True)
class KnownContacts:
    """What a directory has of some rows; of two that are alike, the older one.

    Attributes:
        condominiums: by what tells one from others.
        accounts: likewise.
        emails: on the contacts' files, by the account's id and the person's name.
    """

    condominiums: Mapping[CondominiumKey, Condominium]
    accounts: Mapping[AccountKey, Account]
    emails: Mapping[tuple[str, str], str | None]


@attrs.frozen(kw_only=True)
class ImportedBatch:
    """What becomes of some rows.

    Attributes:
        condominiums: to be added.
        accounts: to be added.
        contacts: to be added.
        present: rows whose contacts are there already.
        findings: what is odd about these.
    """

    condominiums: tuple[Condominium, ...]
    accounts: tuple[Account, ...]
    contacts: tuple[Contact, ...]
    present: tuple[ContactRow, ...]
    findings: tuple[Finding, ...]


def decide_import(rows: Sequence[ContactRow], known: KnownContacts, *, new_id: Callable[[], str]) -> ImportedBatch:
    """Tell what is there from what is to be added, and give ids to that."""
    condominiums, accounts = dict(known.condominiums), dict(known.accounts)
    contacts, present, findings = [], [], []
    for row in rows:
        condominium = condominiums.setdefault(row.condominium_key, _condominium(row, condominium_id=new_id()))
        account = accounts.setdefault(row.account_key, account_in(condominium, row.account, account_id=new_id()))
        if (account.id, row.name) not in known.emails:
            contacts.append(Contact(id=new_id(), name=row.name, account=account, email=row.email))
            continue
        present.append(row)
        oddity = _compare_emails(known.emails[account.id, row.name], row.email)
        if oddity is not Oddity.DUPLICATE_ROW:
            findings.append(Finding(line=row.line, oddity=oddity))
    return ImportedBatch(
        condominiums=_added(condominiums, known.condominiums),
        accounts=_added(accounts, known.accounts),
        contacts=tuple(contacts),
        present=tuple(present),
        findings=tuple(findings),
    )


def by_condominium(rows: Sequence[ContactRow]) -> list[ContactRow]:
    """Return rows with those of a condominium together, the first of the file first, and otherwise in their order.

    Labels recur in every condominium: to look some hundred rows of one up is less than those of a hundred.
    """
    first: dict[CondominiumKey, int] = {}
    return sorted(rows, key=lambda row: first.setdefault(row.condominium_key, len(first)))


def account_in(condominium: Condominium, label: str, *, account_id: str) -> Account:
    """Return an account of a condominium."""
    return Account(
        id=account_id,
        label=label,
        condominium_id=condominium.id,
        condominium_name=condominium.name,
        portfolio_id=condominium.portfolio_id,
    )


def _condominium(row: ContactRow, *, condominium_id: str) -> Condominium:
    return Condominium(id=condominium_id, name=row.condominium, portfolio_id=row.portfolio_id)


def _added(after: Mapping[K, V], before: Mapping[K, V]) -> tuple[V, ...]:
    return tuple(value for key, value in after.items() if key not in before)


@attrs.frozen(kw_only=True)
class ImportReport:
    """What became of all rows; what two batches would both add is counted once.

    Attributes:
        condominiums: how many were added.
        accounts: how many were added.
        contacts: how many were added.
        present: how many were there already.
        findings: what was odd about these.
    """

    condominiums: int
    accounts: int
    contacts: int
    present: int
    findings: tuple[Finding, ...]

    @classmethod
    def of(cls, batches: Iterable[ImportedBatch]) -> ImportReport:
        """Count batches together, as they come."""
        condominiums: set[CondominiumKey] = set()
        accounts: set[AccountKey] = set()
        contacts, present, findings = 0, 0, list[Finding]()
        for batch in batches:
            condominiums |= {(row.portfolio_id, row.name) for row in batch.condominiums}
            accounts |= {(row.portfolio_id, row.condominium_name, row.label) for row in batch.accounts}
            contacts += len(batch.contacts)
            present += len(batch.present)
            findings += batch.findings
        return cls(
            condominiums=len(condominiums),
            accounts=len(accounts),
            contacts=contacts,
            present=present,
            findings=tuple(findings),
        )


def _compare_emails(first: str | None, second: str | None) -> Oddity:
    """Return what a second row of a contact is, by its e-mail and the one that is known."""
    address, known = _parse_email(second), _parse_email(first)
    if address is None or address == known:
        return Oddity.DUPLICATE_ROW
    is_same = known is not None and known.key == address.key
    return Oddity.SAME_EMAIL_IN_OTHER_CASE if is_same else Oddity.OTHER_EMAIL


def _parse_email(email: str | None) -> EmailAddress | None:
    try:
        return EmailAddress.parse(email)
    except InvalidInput:
        return None
