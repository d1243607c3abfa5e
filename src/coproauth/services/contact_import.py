"""Imports contacts into the stand-alone directory, with codes if they are wanted.

No login is opened and no mail is sent. Whatever cuts an import off, another one does the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from typing import Protocol

import attrs

from coproauth.core.accounts import Contact
from coproauth.core.activation import CodeRecord, IssuedCode
from coproauth.core.activation_codes import ActivationCode
from coproauth.core.audit import Pathway
from coproauth.core.contact_import import BATCH, ContactRow, ImportedBatch, ImportReport, by_condominium
from coproauth.errors import ActivationRefused
from coproauth.services.service import Service
from coproauth.services.units import persistently

Advance = Callable[[int], object]  # told how many rows are done, each time some are


class ContactTables(Protocol):
    """Where the stand-alone directory keeps contacts, and the store their codes."""

    def add(
        self, rows: Sequence[ContactRow], *, codes_for: Callable[[Sequence[Contact]], Sequence[CodeRecord]]
    ) -> ImportedBatch:
        """Add what is not there yet, with codes for new contacts, in one unit of work: all of it is kept, or none.

        Raises:
            Interrupted: another unit of work came in between; it may be run again.
            Unavailable: the database is away, or whether the rows were kept is unknown.
        """
        ...

    def preview(self, rows: Sequence[ContactRow]) -> ImportedBatch:
        """Return what would be added."""
        ...

    def known_indices(self, indices: Collection[str]) -> frozenset[str]:
        """Return those of the indices that a code has."""
        ...


class CodesWriter(Protocol):
    """Where codes are written for the letters."""

    def write(self, codes: Sequence[IssuedCode]) -> None:
        """Have codes safe, instead of those that were written since the last ``keep``."""
        ...

    def keep(self) -> None:
        """Note that the codes written last are in the database."""
        ...


@attrs.frozen(kw_only=True)
class ContactImporter(Service):
    """Imports contacts, a batch at a time."""

    tables: ContactTables

    def preview(self, rows: Sequence[ContactRow], *, advance: Advance) -> ImportReport:
        """Return what an import would do.

        Raises:
            Unavailable: the database is away.
        """
        return ImportReport.of(map(self._preview, _batches(rows, advance)))

    def carry_out(
        self, rows: Sequence[ContactRow], *, codes: CodesWriter | None, advance: Advance, operator: str | None = None
    ) -> ImportReport:
        """Add what is new; on record once, however many batches it takes.

        Codes are written before they are kept in the database: one that was cut off in between opens nothing, and
        none is kept that nobody can read.

        Raises:
            Unavailable: the database is away, or whether the last batch was kept is unknown; those before it are.
        """
        with self._attempts.by_operator(Pathway.CONTACTS_IMPORTED, operator):
            return ImportReport.of(self._add(batch, codes) for batch in _batches(rows, advance))

    def known_codes(self, codes: Sequence[str]) -> list[str]:
        """Return those of some codes that are in the database; what was cut off is no code.

        Raises:
            Unavailable: the database is away.
        """
        indices = {code: self._indices(code) for code in codes}
        wanted = [index for each in indices.values() for index in each]
        kept = persistently(lambda: self.tables.known_indices(wanted), policy=self.policy)
        return [code for code in codes if not kept.isdisjoint(indices[code])]

    def _preview(self, rows: Sequence[ContactRow]) -> ImportedBatch:
        return persistently(lambda: self.tables.preview(rows), policy=self.policy)

    def _add(self, rows: Sequence[ContactRow], codes: CodesWriter | None) -> ImportedBatch:
        codes_for = partial(self._draw, codes)
        batch = persistently(lambda: self.tables.add(rows, codes_for=codes_for), policy=self.policy)
        if codes is not None:
            codes.keep()
        return batch

    def _draw(self, codes: CodesWriter | None, contacts: Sequence[Contact]) -> list[CodeRecord]:
        if codes is None:
            return []
        drawn = [self._issuer.draw(contact) for contact in contacts]
        codes.write([issued for issued, _ in drawn])
        return [record for _, record in drawn]

    def _indices(self, code: str) -> tuple[str, ...]:
        try:
            return self._issuer.indices(ActivationCode.parse(code))
        except ActivationRefused:
            return ()


def _batches(rows: Sequence[ContactRow], advance: Advance) -> Iterator[Sequence[ContactRow]]:
    ordered = by_condominium(rows)
    for start in range(0, len(ordered), BATCH):
        batch = ordered[start : start + BATCH]
        yield batch
        advance(len(batch))
