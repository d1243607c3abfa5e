"""``coproauth purge``: what the operator runs once a day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import attrs
import pytest
from tests.installation import Installation, mail

from coproauth.core.identities import Identity
from coproauth.core.messages import MailKind

LONG_AGO = datetime.now(UTC) - timedelta(days=3 * 365)
JEANNE = Identity(
    id="identity-1",
    email="jeanne@example.fr",
    email_key="jeanne@example.fr",
    password_hash=None,
    credential_stamp=1,
    temporary_until=None,
    last_account_id=None,
    locale="fr",
    created_at=LONG_AGO,
    last_login_at=LONG_AGO,
)
WARNED = attrs.evolve(
    JEANNE, id="identity-2", email="m@example.fr", email_key="m@example.fr", warned_at=LONG_AGO + timedelta(days=700)
)


def _counts(printed: str) -> dict[str, int]:
    return {line[:15].strip(): int(line[15:]) for line in printed.splitlines()}


def test_what_was_done_is_told(each_installation: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    """One line for each kind; the second run has nothing left to do."""
    each_installation.run("schema", "create")
    each_installation.queue(attrs.evolve(mail("lost"), queued_at=LONG_AGO))
    with each_installation.open() as configuration, configuration.store().writing() as work:
        work.identities.add(JEANNE)
        work.identities.add(WARNED)
    capsys.readouterr()

    statuses = [each_installation.run("purge")]
    first = _counts(capsys.readouterr().out)
    statuses.append(each_installation.run("purge"))
    second = _counts(capsys.readouterr().out)

    assert statuses == [0, 0]
    assert {name: count for name, count in first.items() if count} == {
        "mail": 1,
        "unused logins": 1,
        "owners warned": 1,
    }
    assert set(second.values()) == {0}
    assert [queued.kind for queued in each_installation.queued()] == [MailKind.IDLE_WARNING]
