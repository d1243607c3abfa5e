"""``coproauth import``: bring contacts from a CSV file into the stand-alone directory, with codes if they are wanted.

No login is opened and no mail is sent: people open their logins themselves, with the codes in their letters.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from coproauth.commands.codes_file import BATCH, CodesFile, CodesFileRefused, codes_file
from coproauth.commands.options import add_config, configuration_of
from coproauth.commands.terminal import fail, say
from coproauth.core.activation import CodeRecord
from coproauth.core.activation_codes import ActivationCode
from coproauth.core.audit import Pathway
from coproauth.core.contact_import import (
    FILE_MAX_SIZE,
    ROWS_MAX,
    ContactRow,
    FileFault,
    FileRefused,
    Finding,
    Oddity,
    read_contacts,
)
from coproauth.errors import ActivationRefused
from coproauth.services.attempts import Attempts
from coproauth.services.code_issuing import CodeIssuer
from coproauth.services.units import persistently

if TYPE_CHECKING:
    from coproauth.adapters.sqlalchemy.contact_import import ContactImport, ImportedBatch
    from coproauth.configuration import Configuration
    from coproauth.core.accounts import Contact
    from coproauth.facade import Coproauth

NAME = "import"
HELP = "bring contacts from a CSV file into the stand-alone directory"

_FAULTS = {
    FileFault.TOO_LARGE: f"it is larger than {FILE_MAX_SIZE // 2**20} MiB",
    FileFault.TOO_MANY_ROWS: f"it has more than {ROWS_MAX} rows",
    FileFault.ENCODING: "it is neither in UTF-8 nor in Windows-1252",
    FileFault.HEADER: "its first line must name each of these columns once: {columns}",
    FileFault.QUOTES: "a quotation mark is left open or misplaced, or a cell is far too long, at line {line}",
}
_ODDITIES = {
    Oddity.CELLS: "left out: not as many cells as in the header",
    Oddity.FIELD: "left out: {field}",
    Oddity.DUPLICATE_ROW: "the same contact as in line {first_line}",
    Oddity.NO_EMAIL: "no e-mail",
    Oddity.BAD_EMAIL: "the e-mail is none, and left out",
    Oddity.SAME_EMAIL: "the same e-mail as in line {first_line}",
    Oddity.SAME_EMAIL_IN_OTHER_CASE: "the same e-mail as in line {first_line}, in other letters",
    Oddity.OTHER_EMAIL: "another e-mail than on the contact's file, which is not changed",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the files."""
    add_config(parser)
    parser.add_argument("file", type=Path, metavar="FILE", help="CSV: portfolio, condominium, account, contact, email")
    parser.add_argument(
        "--codes", type=Path, metavar="FILE", help="write activation codes of the contacts that are new"
    )
    parser.add_argument("--dry-run", action="store_true", help="tell what would be done, and write nothing")


def run(options: argparse.Namespace) -> int:
    """Import the file, tell what was odd, and what was done; 1 if a row was left out."""
    try:
        content = _read(options.file)
    except OSError as error:
        return fail(f"{options.file} cannot be read: {error.strerror}.")
    try:
        file = read_contacts(content)
        with configuration_of(options) as configuration:
            run = _Run(configuration, file.rows)
            totals = run.preview() if options.dry_run else run.carry_out(options.codes)
    except FileRefused as refusal:
        return fail(f"{options.file} is not imported: {_word_fault(refusal)}.")
    except CodesFileRefused as refusal:
        return fail(str(refusal))
    findings = sorted([*file.findings, *totals.findings], key=lambda finding: finding.line)
    for finding in findings:
        say(f"line {finding.line}: {_word_oddity(finding)}")
    say(totals.describe(is_dry_run=options.dry_run))
    return 1 if any(finding.oddity.leaves_out for finding in findings) else 0


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(FILE_MAX_SIZE + 1)  # one more than is imported, so that it shows


def _word_fault(refusal: FileRefused) -> str:
    return _FAULTS[refusal.fault].format(columns=", ".join(refusal.columns), line=refusal.line)


def _word_oddity(finding: Finding) -> str:
    return _ODDITIES[finding.oddity].format(field=finding.field, first_line=finding.first_line)


@attrs.define
class _Totals:
    """What became of all rows; what two batches would both add is counted once."""

    condominiums: set[tuple[str, str]] = attrs.field(factory=set)
    accounts: set[tuple[str, str, str]] = attrs.field(factory=set)
    contacts: int = 0
    present: int = 0
    codes: int | None = None
    findings: list[Finding] = attrs.field(factory=list)

    def add(self, batch: ImportedBatch) -> None:
        """Count a batch in."""
        self.condominiums |= {(row.portfolio_id, row.name) for row in batch.condominiums}
        self.accounts |= {(row.portfolio_id, row.condominium_name, row.label) for row in batch.accounts}
        self.contacts += len(batch.contacts)
        self.present += len(batch.present)
        self.findings += [Finding(line=row.line, oddity=Oddity.OTHER_EMAIL) for row in batch.other_emails]

    def describe(self, *, is_dry_run: bool) -> str:
        """Return the last lines of what is printed."""
        lines = {
            "condominiums": len(self.condominiums),
            "accounts": len(self.accounts),
            "contacts": self.contacts,
            "codes": self.codes,
        }
        counts = ", ".join(f"{count} {name}" for name, count in lines.items() if count is not None)
        return f"{'to be added' if is_dry_run else 'added'}: {counts}\nthere already: {self.present} contacts"


@attrs.frozen
class _Run:
    """One import of some rows, a batch at a time."""

    configuration: Configuration
    rows: Sequence[ContactRow]

    def preview(self) -> _Totals:
        """Look only."""
        importer, totals = self._importer(), _Totals()
        for rows in self._batches():
            totals.add(importer.preview(rows))
        return totals

    def carry_out(self, codes_path: Path | None) -> _Totals:
        """Add what is new; whatever cuts it off, another run does the rest."""
        importer, auth, totals = self._importer(), self.configuration.wire(), _Totals()
        issuer = _issuer(auth)
        with _open_codes(codes_path, issuer, importer) as codes, _on_record(auth):
            for rows in self._batches():
                add = partial(importer.add, rows, codes_for=_codes_for(issuer, codes))
                totals.add(persistently(add, policy=auth.policy))
                if codes is not None:
                    codes.keep()
            totals.codes = codes.count if codes is not None else None
        return totals

    def _importer(self) -> ContactImport:
        from coproauth.adapters.sqlalchemy.contact_import import ContactImport  # noqa: PLC0415 - an extra

        self.configuration.schema().check()
        return ContactImport(self.configuration.engine(), tables=self.configuration.tables())

    def _batches(self) -> Iterator[Sequence[ContactRow]]:
        with _progress(len(self.rows)) as advance:
            for start in range(0, len(self.rows), BATCH):
                rows = self.rows[start : start + BATCH]
                yield rows
                advance(len(rows))


def _issuer(auth: Coproauth) -> CodeIssuer:
    activation = auth.activation
    return CodeIssuer(
        clock=activation.clock, secrets=activation.secrets, keyring=activation.keyring, policy=activation.policy
    )


def _on_record(auth: Coproauth) -> AbstractContextManager[object]:
    activation = auth.activation
    attempts = Attempts(throttle=activation.throttle, audit=activation.audit, clock=activation.clock)
    return attempts.on(Pathway.CONTACTS_IMPORTED)


def _open_codes(
    path: Path | None, issuer: CodeIssuer, importer: ContactImport
) -> AbstractContextManager[CodesFile | None]:
    def known(codes: Sequence[str]) -> list[str]:
        """Return those of the codes that are in the database; what was cut off is no code."""
        indices = {code: _indices(issuer, code) for code in codes}
        kept = importer.known_indices([index for each in indices.values() for index in each])
        return [code for code in codes if not kept.isdisjoint(indices[code])]

    return nullcontext() if path is None else codes_file(path, known=known)


def _indices(issuer: CodeIssuer, code: str) -> tuple[str, ...]:
    try:
        return issuer.indices(ActivationCode.parse(code))
    except ActivationRefused:
        return ()


def _codes_for(issuer: CodeIssuer, codes: CodesFile | None) -> Callable[[Sequence[Contact]], Sequence[CodeRecord]]:
    """Return what draws codes for new contacts, and has them on disk before they are kept."""

    def draw(contacts: Sequence[Contact]) -> list[CodeRecord]:
        if codes is None:
            return []
        drawn = [issuer.draw(contact) for contact in contacts]
        codes.write([issued for issued, _ in drawn])
        return [record for _, record in drawn]

    return draw


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], object]]:
    """Show a bar on a terminal, where there is one and tqdm is installed."""
    try:
        from tqdm import tqdm  # noqa: PLC0415 - an extra
    except ModuleNotFoundError:
        yield lambda _: None
        return
    with tqdm(total=total, unit=" rows", leave=False, disable=None) as bar:
        yield bar.update
