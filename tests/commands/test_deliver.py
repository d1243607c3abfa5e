"""``coproauth deliver``: the worker that sends what waits."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from tests.commands.conftest import Post
from tests.installation import Installation, mail
from tests.servers import eventually


@pytest.fixture
def mailing(installation: Installation, post: Post) -> Installation:
    """An installation with a mail server."""
    installation.configure(post.settings)
    installation.run("schema", "create")
    return installation


def test_once_sends_what_is_due(mailing: Installation, post: Post, capsys: pytest.CaptureFixture[str]) -> None:
    """What is for later stays."""
    mailing.queue(mail("now"), mail("later", due_in=timedelta(hours=1)))
    capsys.readouterr()

    status = mailing.run("deliver", "--once")

    assert (status, capsys.readouterr().out) == (0, "Mails handed to the mail server: 1.\n")
    assert post.taken == ["jeanne@example.fr"]
    assert [queued.id for queued in mailing.queued()] == ["later"]


def test_without_a_mail_server_nothing_is_tried(installation: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    """What cannot be sent at all does not use up its tries."""
    installation.run("schema", "create")
    installation.queue(mail("now"))

    status = installation.run("deliver", "--once")

    assert status == 1
    assert capsys.readouterr().err == "smtp is missing; it must be a table, for mail to be sent\n"
    assert [queued.tries for queued in installation.queued()] == [0]


def test_mail_that_is_the_hosts_is_left_to_it(installation: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    """Its mailer is not in the configuration."""
    installation.run("schema", "create")
    installation.configure('mail = "host"')
    installation.queue(mail("now"))

    status = installation.run("deliver", "--once")

    assert status == 1
    assert capsys.readouterr().err == "mail is the host's; it is sent by a courier of the host\n"
    assert [queued.tries for queued in installation.queued()] == [0]


@pytest.mark.parametrize("arguments", [[], ["--once"]])
def test_tables_are_looked_at_first(
    installation: Installation, post: Post, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    """A worker that could never send anything does not start."""
    installation.configure(post.settings)

    status = installation.run("deliver", *arguments)

    assert status == 1
    assert "run 'coproauth schema create'" in capsys.readouterr().err


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_the_worker_ends_after_the_mail_in_hand(mailing: Installation, post: Post, end: signal.Signals) -> None:
    """What was begun is finished, what was not is left for the next worker, and nothing is sent twice."""
    mailing.queue(*(mail(f"mail-{number}") for number in range(5)))
    post.open.clear()

    with _worker(mailing) as process:
        begun = post.asked.wait(30)
        process.send_signal(end)
        post.open.set()
        printed, errors = process.communicate(timeout=60)

    left = mailing.queued()
    assert begun
    assert (process.returncode, errors) == (0, "")
    assert printed.splitlines() == ["Delivering mail until SIGTERM or Ctrl-C.", "Stopped."]
    assert len(post.taken) + len(left) == 5
    assert post.taken
    assert all(queued.tries == 0 and queued.due_at <= datetime.now(UTC) for queued in left)


def test_the_worker_sends_what_is_queued_later(mailing: Installation, post: Post) -> None:
    """It waits for mail, and for the next."""
    with _worker(mailing) as process:
        for number in range(2):
            mailing.queue(mail(f"mail-{number}"))
            assert eventually(lambda: mailing.queued() == [])
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)

    assert (process.returncode, errors) == (0, "")
    assert len(post.taken) == 2


def _worker(installation: Installation) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "coproauth", "deliver", "--config", str(installation.file)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # noqa: S603
