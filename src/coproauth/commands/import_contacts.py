"""``coproauth import``: bring contacts from a CSV file into the stand-alone directory, with codes if they are wanted.

No login is opened and no mail is sent: people open their logins themselves, with the codes in their letters.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from coproauth.commands.codes_file import CodesFile, CodesFileRefused, codes_file
from coproauth.commands.options import add_config, configuration_of, operator_name
from coproauth.commands.terminal import fail, say
from coproauth.core.contact_file import FILE_MAX_SIZE, ROWS_MAX, ContactFile, FileFault, FileRefused, read_contacts
from coproauth.core.contact_import import Finding, ImportReport, Oddity
from coproauth.services.contact_import import Advance, ContactImporter

if TYPE_CHECKING:
    from coproauth.configuration import Configuration

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
    Oddity.DUPLICATE_ROW: "the same contact as {first}",
    Oddity.NO_EMAIL: "no e-mail",
    Oddity.BAD_EMAIL: "the e-mail is none, and left out",
    Oddity.SAME_EMAIL: "the same e-mail as {first}",
    Oddity.SAME_EMAIL_IN_OTHER_CASE: "the same e-mail as {first}, in other letters",
    Oddity.OTHER_EMAIL: "another e-mail than {first}, and not imported",
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
            done = _import(file, options, _importer(configuration))
    except FileRefused as refusal:
        return fail(f"{options.file} is not imported: {_word_fault(refusal)}.")
    except CodesFileRefused as refusal:
        return fail(str(refusal))
    findings = sorted([*file.findings, *done.report.findings], key=lambda finding: finding.line)
    for finding in findings:
        say(f"line {finding.line}: {_word_oddity(finding)}")
    say(done.describe(is_dry_run=options.dry_run))
    return 1 if any(finding.oddity.leaves_out for finding in findings) else 0


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(FILE_MAX_SIZE + 1)  # one more than is imported, so that it shows


def _word_fault(refusal: FileRefused) -> str:
    return _FAULTS[refusal.fault].format(columns=", ".join(refusal.columns), line=refusal.line)


def _word_oddity(finding: Finding) -> str:
    first = "on the contact's file" if finding.first_line is None else f"in line {finding.first_line}"
    return _ODDITIES[finding.oddity].format(field=finding.field, first=first)


@attrs.frozen(kw_only=True)
class _Done:
    """What was done.

    Attributes:
        codes: how many are in the file, if there is one.
    """

    report: ImportReport
    codes: int | None = None

    def describe(self, *, is_dry_run: bool) -> str:
        """Return the last lines of what is printed."""
        report = self.report
        lines = {
            "condominium": report.condominiums,
            "account": report.accounts,
            "contact": report.contacts,
            "code": self.codes,
        }
        counts = ", ".join(_counted(count, thing) for thing, count in lines.items() if count is not None)
        present = _counted(report.present, "contact")
        return f"{'to be added' if is_dry_run else 'added'}: {counts}\nthere already: {present}"


def _counted(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def _import(file: ContactFile, options: argparse.Namespace, importer: ContactImporter) -> _Done:
    if options.dry_run:
        with _progress(len(file.rows)) as advance:
            return _Done(report=importer.preview(file.rows, advance=advance))
    with _open_codes(options.codes, importer) as codes, _progress(len(file.rows)) as advance:
        report = importer.carry_out(file.rows, codes=codes, advance=advance, operator=operator_name())
        return _Done(report=report, codes=None if codes is None else codes.count)


def _open_codes(path: Path | None, importer: ContactImporter) -> AbstractContextManager[CodesFile | None]:
    return nullcontext() if path is None else codes_file(path, known=importer.known_codes)


def _importer(configuration: Configuration) -> ContactImporter:
    """Return the importer, once the tables are known to be there."""
    from coproauth.adapters.sqlalchemy.contact_import import ContactImport  # noqa: PLC0415 - an extra

    configuration.schema().check()
    return configuration.wire().contact_importer(ContactImport(configuration.engine(), tables=configuration.tables()))


@contextmanager
def _progress(total: int) -> Iterator[Advance]:
    """Show a bar on a terminal, where there is one and tqdm is installed."""
    try:
        from tqdm import tqdm  # noqa: PLC0415 - an extra
    except ModuleNotFoundError:
        yield lambda _: None
        return
    with tqdm(total=total, unit=" rows", leave=False, disable=None) as bar:
        yield bar.update
