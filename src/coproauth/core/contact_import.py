"""Contacts that are to be imported: what is there already, what is to be added, and what became of all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import TypeVar

import attrs

from coproauth.core.accounts import Account, Condominium, Contact, account_in
from coproauth.core.identities import EmailAddress
from coproauth.errors import InvalidInput

K = TypeVar("K")
V = TypeVar("V")

CondominiumKey = tuple[str, str]  # portfolio, name
AccountKey = tuple[str, str, str]  # and its label
ContactKey = tuple[str, str, str, str]  # and the person's name

BATCH = 500  # rows that are added at once, and whose codes are on disk before


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
        oddity = compare_emails(known.emails[account.id, row.name], row.email)
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


def compare_emails(first: str | None, second: str | None) -> Oddity:
    """Return what a second row of a contact is, by its e-mail and the one that is known."""
    address, known = parse_email(second), parse_email(first)
    if address is None or address == known:
        return Oddity.DUPLICATE_ROW
    is_same = known is not None and known.key == address.key
    return Oddity.SAME_EMAIL_IN_OTHER_CASE if is_same else Oddity.OTHER_EMAIL


def parse_email(email: str | None) -> EmailAddress | None:
    """Return the address if it is one."""
    try:
        return EmailAddress.parse(email)
    except InvalidInput:
        return None
