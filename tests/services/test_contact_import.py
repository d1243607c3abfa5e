"""Contacts are imported a batch at a time; codes are written before they are kept, and on record is one event."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

import attrs
import pytest
from tests.town import Town

from coproauth import ActorKind, AuditEvent, Contact, Outcome, Unavailable, correlated
from coproauth.core.activation import CodeRecord, IssuedCode
from coproauth.core.audit import Pathway
from coproauth.core.contact_import import BATCH, ContactRow, ImportedBatch, KnownContacts, decide_import
from coproauth.errors import Interrupted
from coproauth.services.contact_import import ContactImporter

ROWS = [
    ContactRow(line=n + 2, portfolio_id="cabinet-1", condominium="Les Lilas", account=f"Lot {n}", name="Jeanne")
    for n in range(2 * BATCH + 1)
]


@attrs.frozen
class Tables:
    """Tables that interrupt some units of work after codes were drawn for them."""

    interruptions: list[Unavailable] = attrs.field(factory=list)
    contacts: list[Contact] = attrs.field(factory=list)
    codes: list[CodeRecord] = attrs.field(factory=list)

    def add(
        self, rows: Sequence[ContactRow], *, codes_for: Callable[[Sequence[Contact]], Sequence[CodeRecord]]
    ) -> ImportedBatch:
        """Add every row."""
        batch = self.preview(rows)
        codes = codes_for(batch.contacts)
        if self.interruptions:
            raise self.interruptions.pop()
        self.contacts.extend(batch.contacts)
        self.codes.extend(codes)
        return batch

    def preview(self, rows: Sequence[ContactRow]) -> ImportedBatch:
        """Return every row as new."""
        nothing = KnownContacts(condominiums={}, accounts={}, emails={})
        return decide_import(rows, nothing, new_id=lambda: str(len(self.contacts)))

    def known_indices(self, indices: Collection[str]) -> frozenset[str]:
        """Return those that are kept."""
        return frozenset(indices) & {code.index for code in self.codes}


@attrs.define
class Writer:
    """A file of codes, in memory."""

    kept: list[str] = attrs.field(factory=list)
    written: list[str] = attrs.field(factory=list)

    def write(self, codes: Sequence[IssuedCode]) -> None:
        """Replace what was not kept."""
        self.written = [issued.code for issued in codes]

    def keep(self) -> None:
        """Keep what was written last."""
        self.kept += self.written


@pytest.fixture
def town() -> Iterator[Town]:
    """A town whose ports are used, and nothing else; all that happens there is one request."""
    with correlated("request-1"):
        yield Town.found()


def _importer(town: Town, tables: Tables) -> ContactImporter:
    return town.auth.contact_importer(tables)


def _ended(town: Town, outcome: Outcome, reason: str | None = None) -> list[AuditEvent]:
    return [
        AuditEvent(
            at=town.clock.now(),
            pathway=Pathway.CONTACTS_IMPORTED,
            outcome=outcome,
            reason=reason,
            actor_kind=ActorKind.OPERATOR,
            actor="odile",
            correlation_id="request-1",
        )
    ]


def test_every_row_is_imported_and_one_event_is_recorded(town: Town) -> None:
    """Batches are all there is to tell how far it is."""
    tables, done = Tables(), list[int]()

    report = _importer(town, tables).carry_out(ROWS, codes=None, advance=done.append, operator="odile")

    assert (report.condominiums, report.contacts, len(tables.contacts)) == (1, len(ROWS), len(ROWS))
    assert (tables.codes, done) == ([], [BATCH, BATCH, 1])
    assert town.audit.events == _ended(town, Outcome.SUCCEEDED)


def test_codes_of_an_interrupted_unit_are_drawn_again(town: Town) -> None:
    """Those that were written and not kept open nothing, and are in no letter."""
    tables, writer = Tables([Interrupted(reason="store_conflict")]), Writer()
    importer = _importer(town, tables)

    importer.carry_out(ROWS, codes=writer, advance=lambda _: None)

    assert len(writer.kept) == len(tables.codes) == len(ROWS)
    assert importer.known_codes([*writer.kept, "0000-0000-0000-0000", "cut o"]) == writer.kept


def test_an_outage_is_on_record(town: Town) -> None:
    """With what it was."""
    tables = Tables([Unavailable(reason="store_away")])

    with pytest.raises(Unavailable):
        _importer(town, tables).carry_out(ROWS, codes=None, advance=lambda _: None, operator="odile")

    assert town.audit.events == _ended(town, Outcome.FAILED, "store_away")


def test_a_look_is_not_on_record(town: Town) -> None:
    """It changes nothing."""
    tables = Tables()

    report = _importer(town, tables).preview(ROWS, advance=lambda _: None)

    assert (report.contacts, tables.contacts, town.audit.events) == (len(ROWS), [], [])
