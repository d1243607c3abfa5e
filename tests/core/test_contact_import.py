"""Contacts to import: what a directory lacks is added, what it has is left alone."""

from __future__ import annotations

import pytest

from coproauth.core.accounts import Condominium, account_in
from coproauth.core.contact_file import read_contacts
from coproauth.core.contact_import import (
    Finding,
    ImportedBatch,
    ImportReport,
    KnownContacts,
    Oddity,
    by_condominium,
    decide_import,
)

HEADER = "portfolio;condominium;account;contact;email"


def _file(*lines: str) -> bytes:
    return "\r\n".join([HEADER, *lines]).encode("utf-8", "replace")


def _contact(name: str, email: str) -> str:
    return f"cabinet-1;Les Lilas;Lot 12;{name};{email}"


def _findings(*lines: str) -> list[Finding]:
    return list(read_contacts(_file(*lines)).findings)


CONDOMINIUM = Condominium(id="c", name="Les Lilas", portfolio_id="cabinet-1")
ACCOUNT = account_in(CONDOMINIUM, "Lot 12", account_id="a")
NOTHING = KnownContacts(condominiums={}, accounts={}, emails={})


def _known(email: str | None) -> KnownContacts:
    """Return a directory that has Marc."""
    return KnownContacts(
        condominiums={("cabinet-1", "Les Lilas"): CONDOMINIUM},
        accounts={("cabinet-1", "Les Lilas", "Lot 12"): ACCOUNT},
        emails={("a", "Marc"): email},
    )


def _decide(known: KnownContacts, *lines: str) -> ImportedBatch:
    numbers = iter("123456789")
    return decide_import(read_contacts(_file(*lines)).rows, known, new_id=lambda: next(numbers))


class TestDecision:
    """What a directory has already is told from what it lacks."""

    def test_what_is_lacking_is_added_once(self) -> None:
        """Two persons on one account share it, and the condominium."""
        batch = _decide(NOTHING, _contact("Marc", ""), _contact("Jeanne", "jeanne@example.fr"))

        assert [row.name for row in batch.condominiums] == ["Les Lilas"]
        assert [contact.account for contact in batch.contacts] == [*batch.accounts, *batch.accounts]
        assert [contact.email for contact in batch.contacts] == [None, "jeanne@example.fr"]
        assert (batch.present, batch.findings) == ((), ())

    def test_what_is_there_is_left_alone(self) -> None:
        """A new person joins the account that is there."""
        batch = _decide(_known(None), _contact("Marc", ""), _contact("Jeanne", ""))

        assert (batch.condominiums, batch.accounts) == ((), ())
        assert [row.name for row in batch.present] == ["Marc"]
        assert [(contact.name, contact.account) for contact in batch.contacts] == [("Jeanne", ACCOUNT)]

    @pytest.mark.parametrize("email", ["", "marc@example.fr", "marc@EXAMPLE.fr", "MARC@example.fr", "m@example.fr"])
    @pytest.mark.parametrize("known", ["marc@example.fr", "m@example.fr", None])
    def test_emails_are_compared_as_within_a_file(self, known: str | None, email: str) -> None:
        """The same two e-mails are the same oddity, whether the first is in the file or in the directory."""
        within = _findings(_contact("Marc", known or ""), _contact("Marc", email))[-1].oddity

        across = [finding.oddity for finding in _decide(_known(known), _contact("Marc", email)).findings]

        assert across == [oddity for oddity in [within] if oddity is not Oddity.DUPLICATE_ROW]

    def test_an_email_on_file_may_be_none(self) -> None:
        """The directory takes whatever it was given."""
        batch = _decide(_known("néant"), _contact("Marc", "marc@example.fr"))

        assert batch.findings == (Finding(line=2, oddity=Oddity.OTHER_EMAIL),)

    def test_what_two_batches_would_add_is_counted_once(self) -> None:
        """A preview looks at each batch alone."""
        batches = [_decide(NOTHING, _contact(name, "")) for name in ("Marc", "Jeanne")]

        known = [_decide(_known(None), _contact("Marc", f"{name}@example.fr")) for name in ("m", "n")]

        report = ImportReport.of([*batches, *known])

        assert report == ImportReport(
            condominiums=1,
            accounts=1,
            contacts=2,
            present=2,
            findings=(Finding(line=2, oddity=Oddity.OTHER_EMAIL),) * 2,
        )

    def test_those_of_a_condominium_are_imported_together(self) -> None:
        """A file in the order of names has a hundred condominiums in any hundred lines."""
        rows = read_contacts(
            _file("c;Les Pins;1;Anne;", "c;Les Lilas;1;Bruno;", "c;Les Pins;2;Claire;", "d;Les Pins;1;Denis;")
        ).rows

        assert [row.name for row in by_condominium(rows)] == ["Anne", "Claire", "Bruno", "Denis"]
