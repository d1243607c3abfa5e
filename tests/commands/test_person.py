"""``coproauth person``: what is kept about a person is printed, or erased once it was confirmed."""

from __future__ import annotations

import io
import json
import sys
from datetime import UTC, datetime

import pytest
from tests.installation import Installation

from coproauth.core.identities import Identity

AT = datetime(2026, 1, 1, 8, tzinfo=UTC)
JEANNE = Identity(
    id="identity-1",
    email="jeanne@example.fr",
    email_key="jeanne@example.fr",
    password_hash="$argon2id$…",
    credential_stamp=1,
    temporary_until=None,
    last_account_id=None,
    locale="fr",
    created_at=AT,
    last_login_at=AT,
)


class _Terminal(io.StringIO):
    """Somebody who types."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def inhabited(installation: Installation, capsys: pytest.CaptureFixture[str]) -> Installation:
    """An installation with the login of Jeanne, and the audit trail in a table."""
    installation.configure("[audit]\ntable = true\n")
    installation.run("schema", "create")
    with installation.open() as configuration, configuration.store().writing() as work:
        work.identities.add(JEANNE)
    capsys.readouterr()
    return installation


def _is_there(installation: Installation) -> bool:
    with installation.open() as configuration, configuration.store().reading() as work:
        return work.identities.get(JEANNE.id) is not None


def test_everything_is_printed_as_json(inhabited: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    """Standard output holds JSON and nothing else; that it was told is told the next time."""
    statuses = [inhabited.run("person", "export", "Jeanne@example.fr")]
    first = json.loads(capsys.readouterr().out)
    statuses.append(inhabited.run("person", "export", "jeanne@example.fr"))
    second = json.loads(capsys.readouterr().out)

    assert statuses == [0, 0]
    assert (first["identity"]["email"], first["identity"]["has_password"]) == ("jeanne@example.fr", True)
    assert first["audit_events"] == []
    assert [event["pathway"] for event in second["audit_events"]] == ["personal_data_exported"]


@pytest.mark.parametrize("action", ["export", "erase"])
@pytest.mark.parametrize(
    ("email", "sentence"),
    [("marc@example.fr", "No login has this address."), ("jeanne@", "That is no e-mail address.")],
)
def test_an_address_without_a_login_is_told(
    inhabited: Installation, capsys: pytest.CaptureFixture[str], action: str, email: str, sentence: str
) -> None:
    """A slip of the keyboard must not read as if nothing were kept, or all had been erased."""
    options = ["--yes"] if action == "erase" else []

    status = inhabited.run("person", action, email, *options)

    printed = capsys.readouterr()
    assert (status, printed.out, printed.err) == (1, "", f"{sentence}\n")


@pytest.mark.parametrize(("typed", "status"), [("yes\n", 0), ("no\n", 1), ("\n", 1), ("", 1)])
def test_a_terminal_is_asked(inhabited: Installation, monkeypatch: pytest.MonkeyPatch, typed: str, status: int) -> None:
    """Only ``yes`` erases; Ctrl-D does not."""
    monkeypatch.setattr(sys, "stdin", _Terminal(typed))

    assert inhabited.run("person", "erase", JEANNE.email) == status
    assert _is_there(inhabited) == (status == 1)


def test_without_a_terminal_nothing_is_erased_unasked(
    inhabited: Installation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A script has to say that it means it."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("yes\n"))

    status = inhabited.run("person", "erase", JEANNE.email)

    assert status == 1
    assert "--yes" in capsys.readouterr().err
    assert _is_there(inhabited)


def test_a_script_can_erase(inhabited: Installation) -> None:
    """With ``--yes`` it is not asked."""
    assert inhabited.run("person", "erase", "--yes", JEANNE.email) == 0
    assert not _is_there(inhabited)
