"""``coproauth outbox``: what waits is counted, what was given up is listed, retried or dropped."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from tests.engines import SERVERS
from tests.installation import Installation, install, mail

from coproauth import Policy
from coproauth.commands.options import operator_name
from coproauth.commands.outbox import mask

LAST = Policy().mail_tries


@pytest.fixture
def backlog(each_installation: Installation) -> Installation:
    """Two mails that are due, one for later, and two that were given up."""
    each_installation.run("schema", "create")
    each_installation.queue(
        mail("due-1"),
        mail("due-2", tries=3, failure="TimeoutError"),
        mail("later", tries=1, due_in=timedelta(hours=1)),
        mail("lost-1", tries=LAST, failure="SMTPRecipientsRefused 550"),
        mail("lost-2", tries=LAST, due_in=timedelta(hours=1)),
    )
    return each_installation


def test_what_waits_is_counted_and_what_was_given_up_is_listed(
    backlog: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    """The operator sees why, and no more of the address than is needed to recognise it."""
    capsys.readouterr()

    status = backlog.run("outbox")

    counts, *lost = capsys.readouterr().out.split("\n\n")
    assert status == 0
    assert counts.split() == ["due", "now", "2", "due", "later", "1", "given", "up", "2"]
    assert [dict(line.split(maxsplit=1) for line in each.splitlines()) for each in lost] == [
        _listed("lost-1", "SMTPRecipientsRefused 550", lost[0]),
        _listed("lost-2", "unknown", lost[1]),
    ]
    assert "jeanne@" not in "".join(lost)


def _listed(mail_id: str, failure: str, text: str) -> dict[str, str]:
    queued = next(line for line in text.splitlines() if line.startswith("queued")).split(maxsplit=1)[1]
    assert datetime.now(UTC) - datetime.fromisoformat(queued) >= timedelta(hours=1)
    return {
        "mail": mail_id,
        "kind": "email_changed",
        "to": "j…e@example.fr",
        "queued": queued,
        "tries": str(LAST),
        "failure": failure,
    }


def test_a_mail_that_was_given_up_is_tried_again(backlog: Installation) -> None:
    """It is due at once, and has all its tries before it."""
    status = backlog.run("outbox", "retry", "lost-2")

    waiting = {queued.id: queued for queued in backlog.queued()}
    assert status == 0
    assert waiting["lost-2"].tries == 0
    assert waiting["lost-2"].due_at <= datetime.now(UTC)
    assert waiting["lost-1"].tries == LAST


def test_all_that_was_given_up_is_tried_again(backlog: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    """After the mail server was repaired, nobody wants to copy identifiers."""
    capsys.readouterr()

    status = backlog.run("outbox", "retry", "--all")

    tries = {queued.id: queued.tries for queued in backlog.queued()}
    assert (status, capsys.readouterr().out) == (0, "Mails to be tried again: 2.\n")
    assert tries == {"due-1": 0, "due-2": 3, "later": 1, "lost-1": 0, "lost-2": 0}


def test_a_mail_that_was_given_up_is_dropped(backlog: Installation) -> None:
    """The others stay."""
    status = backlog.run("outbox", "drop", "lost-1")

    assert status == 0
    assert {queued.id for queued in backlog.queued()} == {"due-1", "due-2", "later", "lost-2"}


@pytest.mark.parametrize("action", ["retry", "drop"])
@pytest.mark.parametrize("mail_id", ["nothing", "later", ""])
def test_only_what_was_given_up_is_touched(
    backlog: Installation, capsys: pytest.CaptureFixture[str], action: str, mail_id: str
) -> None:
    """A courier may have the others in hand."""
    before = backlog.queued()
    capsys.readouterr()

    status = backlog.run("outbox", action, mail_id)

    assert status == 1
    assert capsys.readouterr().err.startswith(f"No mail '{mail_id}' was given up;")
    assert backlog.queued() == before


@pytest.mark.parametrize(("action", "pathway"), [("retry", "mail_retried"), ("drop", "mail_dropped")])
def test_who_did_it_is_on_record(installation: Installation, action: str, pathway: str) -> None:
    """By the name in the operating system, as with all that an operator does."""
    installation.configure("[audit]\ntable = true\n")
    installation.run("schema", "create")
    installation.queue(mail("lost", tries=LAST))

    installation.run("outbox", action, "lost")

    with installation.open() as configuration, configuration.engine().connect() as connection:
        events = connection.execute(select(configuration.tables().audit)).mappings().all()
    assert [(event["pathway"], event["outcome"], event["actor"]) for event in events] == [
        (pathway, "succeeded", operator_name())
    ]


@pytest.mark.parametrize("kind", SERVERS)
@pytest.mark.parametrize("action", ["retry", "drop"])
def test_a_courier_at_work_is_not_met(request: pytest.FixtureRequest, tmp_path: Path, kind: str, action: str) -> None:
    """Neither waits for the other, and both keep what they did."""
    installation = install(kind, request, tmp_path)
    installation.run("schema", "create")
    installation.queue(mail("due"), mail("lost", tries=LAST, due_in=timedelta(hours=1)))
    now = datetime.now(UTC)

    with installation.open() as configuration, configuration.store().writing() as work:
        taken = work.outbox.claim(at=now, until=now + timedelta(minutes=5), limit=1, max_tries=LAST)
        status = installation.run("outbox", action, "lost")

    tries = {queued.id: queued.tries for queued in installation.queued()}
    assert ([mail.id for mail in taken], status) == (["due"], 0)
    assert tries == {"due": 1, **({"lost": 0} if action == "retry" else {})}


def test_retry_wants_to_know_which(installation: Installation) -> None:
    """Neither an id nor all of them is a misuse."""
    with pytest.raises(SystemExit) as ended:
        installation.run("outbox", "retry")

    assert ended.value.code == 2


@pytest.mark.parametrize(
    ("address", "masked"),
    [("jeanne@example.fr", "j…e@example.fr"), ("jo@example.fr", "j…@example.fr"), ("j@example.fr", "j…@example.fr")],
)
def test_addresses_are_masked(address: str, masked: str) -> None:
    """A short name is not told by its two ends."""
    assert mask(address) == masked
