"""Contacts are added to the stand-alone directory many at a time, each once, and each batch wholly or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import Engine, event
from tests.engines import SQL, Adapters, adapters_on

from coproauth import Contact, Policy
from coproauth.adapters.sqlalchemy import StandaloneDirectory
from coproauth.adapters.sqlalchemy.contact_import import ContactImport
from coproauth.core.activation import CodeRecord
from coproauth.core.contact_import import ContactRow, Finding, Oddity
from coproauth.services.units import persistently

POLICY = Policy(store_tries=50)


@pytest.fixture(params=SQL)
def adapters(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Adapters]:
    """A store and a directory on each kind of database, both empty."""
    with adapters_on(request.param, request, tmp_path) as adapters:
        yield adapters


def _row(
    name: str = "Jeanne",
    *,
    portfolio_id: str = "cabinet-1",
    condominium: str = "Les Lilas",
    account: str = "Lot 1",
    email: str | None = None,
) -> ContactRow:
    return ContactRow(
        line=2, portfolio_id=portfolio_id, condominium=condominium, account=account, name=name, email=email
    )


def _no_codes(_: Sequence[Contact]) -> Sequence[CodeRecord]:
    return []


def _cut_off(_: Sequence[Contact]) -> Sequence[CodeRecord]:
    raise KeyboardInterrupt


def _contacts(adapters: Adapters, portfolio_id: str = "cabinet-1") -> list[Contact]:
    directory = StandaloneDirectory(adapters.engine)
    condominiums = directory.condominiums(portfolio_id)
    return [contact for each in condominiums for contact in directory.contacts_of(each.id)]


def _statements(engine: Engine, importer: ContactImport, rows: Sequence[ContactRow]) -> int:
    """Return how often the database is asked while some rows are added."""
    asked: list[object] = []

    def note(*arguments: object) -> None:
        asked.append(arguments)

    event.listen(engine, "before_cursor_execute", note)
    importer.add(rows, codes_for=_no_codes)
    event.remove(engine, "before_cursor_execute", note)
    return len(asked)


def test_contacts_are_added_with_what_they_stand_in(adapters: Adapters) -> None:
    """Condominium and account are added once; names alone do not make two of them the same."""
    rows = [
        _row("Jeanne", email="jeanne@example.fr"),
        _row("Marc"),
        _row("Jeanne", account="Lot 2"),
        _row("Jeanne", condominium="Les Pins"),
        _row("Jeanne", portfolio_id="cabinet-2"),
    ]

    batch = ContactImport(adapters.engine).add(rows, codes_for=_no_codes)

    assert (len(batch.condominiums), len(batch.accounts), len(batch.contacts)) == (3, 4, 5)
    read = [*_contacts(adapters), *_contacts(adapters, "cabinet-2")]
    assert sorted(read, key=lambda contact: contact.id) == sorted(batch.contacts, key=lambda contact: contact.id)
    assert {contact.email for contact in read} == {"jeanne@example.fr", None}


def test_adding_again_changes_nothing(adapters: Adapters) -> None:
    """Case and accents tell contacts apart, as they do on the contact's file."""
    importer = ContactImport(adapters.engine)
    rows = [_row("Jeanne"), _row("jeanne"), _row("Jéanne"), _row("Jeanne", condominium="les lilas")]
    importer.add(rows, codes_for=_no_codes)
    before = _contacts(adapters)

    batch = importer.add(rows, codes_for=_no_codes)

    assert (batch.condominiums, batch.accounts, batch.contacts, len(batch.present)) == ((), (), (), 4)
    assert _contacts(adapters) == before
    assert len(before) == 4


def test_an_email_on_file_is_not_changed(adapters: Adapters) -> None:
    """It is told which row has another; one without any is no news."""
    importer = ContactImport(adapters.engine)
    importer.add([_row(email="jeanne@example.fr"), _row("Marc")], codes_for=_no_codes)
    other, filled = _row(email="j@example.fr"), _row("Marc", email="marc@example.fr")

    batches = [importer.add(rows, codes_for=_no_codes) for rows in ([other, filled], [_row(), _row("Marc")])]

    findings = [Finding(line=row.line, oddity=Oddity.OTHER_EMAIL) for row in (other, filled)]
    assert [list(batch.findings) for batch in batches] == [findings, []]
    assert [contact.email for contact in _contacts(adapters)] == ["jeanne@example.fr", None]


def test_of_two_condominiums_of_one_name_the_older_one_is_taken(adapters: Adapters) -> None:
    """The directory's own writes allow two; an import is at least the same every time."""
    old, _ = [adapters.directory.add_condominium(name="Les Lilas", portfolio_id="cabinet-1") for _ in range(2)]

    ContactImport(adapters.engine).add([_row()], codes_for=_no_codes)

    assert [contact.name for contact in adapters.directory.contacts_of(old.id)] == ["Jeanne"]


def test_a_batch_that_is_cut_off_leaves_nothing(adapters: Adapters) -> None:
    """Neither contacts nor the condominium they would have stood in."""
    importer = ContactImport(adapters.engine)
    with pytest.raises(KeyboardInterrupt):
        importer.add([_row()], codes_for=_cut_off)

    assert _contacts(adapters) == []
    assert len(importer.add([_row()], codes_for=_no_codes).condominiums) == 1


def test_a_preview_adds_nothing(adapters: Adapters) -> None:
    """It tells what would be added."""
    importer = ContactImport(adapters.engine)

    batch = importer.preview([_row(), _row("Marc")])

    assert [contact.name for contact in batch.contacts] == ["Jeanne", "Marc"]
    assert _contacts(adapters) == []


def test_the_number_of_statements_does_not_grow_with_that_of_the_rows(adapters: Adapters) -> None:
    """A file of ten thousand takes seconds, also where the database is a network away."""
    importer = ContactImport(adapters.engine)

    few = _statements(adapters.engine, importer, [_row(account=f"Lot {number}") for number in range(3)])
    many = _statements(adapters.engine, importer, [_row(account=f"Lot {number}") for number in range(500)])

    assert many <= few


def test_accounts_of_other_rows_are_not_looked_into(adapters: Adapters) -> None:
    """Labels recur in every condominium; what is asked for grows with the rows, and not with all that share a label."""
    importer = ContactImport(adapters.engine)
    everywhere = [
        _row(condominium=f"Résidence {house}", account=f"Lot {lot}") for house in range(30) for lot in range(30)
    ]
    importer.add(everywhere, codes_for=_no_codes)
    asked: list[int] = []

    def note(*arguments: Any) -> None:
        asked.append(len(arguments[3] or ()))

    event.listen(adapters.engine, "before_cursor_execute", note)
    batch = importer.preview(everywhere[::31])
    event.remove(adapters.engine, "before_cursor_execute", note)

    assert len(batch.present) == 30
    assert max(asked) <= 60


def test_two_imports_at_once_add_each_contact_once(adapters: Adapters) -> None:
    """What one adds while the other looks is not added again: one of the two is undone, and looks again."""
    rows = [_row(f"Contact {number}", account=f"Lot {number}") for number in range(40)]
    importer, together = ContactImport(adapters.engine), Barrier(4)

    def add(_: int) -> int:
        together.wait()
        batch = persistently(partial(importer.add, rows, codes_for=_no_codes), policy=POLICY)
        return len(batch.contacts)

    with ThreadPoolExecutor(4) as pool:
        added = list(pool.map(add, range(4)))

    assert sorted(added) == [0, 0, 0, 40]
    assert len(_contacts(adapters)) == 40
