"""What the tests of ``coproauth import`` write, and how they look at what came of it."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

from tests.installation import Installation

from coproauth import Source

HEADER: str = "portfolio;condominium;account;contact;email"
SOURCE = Source("192.0.2.1")


def write(installation: Installation, *lines: str) -> Path:
    file = installation.folder / "contacts.csv"
    file.write_text("\n".join([HEADER, *lines]), "utf-8")
    return file


def rows_of(count: int) -> list[str]:
    return [f"cabinet-1;Résidence {n // 50};Lot {n // 2};Contact {n};c{n}@example.fr" for n in range(count)]


def codes_in(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8-sig", newline="") as text:
        return list(csv.DictReader(text, delimiter=";"))


def names_in(installation: Installation) -> list[str]:
    with installation.open() as configuration:
        directory = configuration.directory()
        condominiums = directory.condominiums("cabinet-1")
        return [contact.name for each in condominiums for contact in directory.contacts_of(each.id)]


def holders(installation: Installation, codes: list[str]) -> list[str]:
    """Return whom each code is for, by what its page shows."""
    with installation.open() as configuration:
        activation = configuration.wire().activation
        return [activation.preview(code, source=SOURCE).contact_name for code in codes]


def events_in(installation: Installation) -> list[tuple[str, str, str | None]]:
    """Return what is on record of each import."""
    with installation.open() as configuration, configuration.engine().connect() as connection:
        rows = connection.exec_driver_sql("SELECT pathway, outcome, reason FROM coproauth_audit")
        return [(row.pathway, row.outcome, row.reason) for row in rows]


def cut_off_at(call: int, original: Callable[..., None]) -> Callable[..., None]:
    """Return what does as the original does, and is interrupted at one of its calls, after it."""
    calls: list[object] = []

    def interrupted(*arguments: object) -> None:
        calls.append(arguments)
        original(*arguments)
        if len(calls) == call:
            raise KeyboardInterrupt

    return interrupted
