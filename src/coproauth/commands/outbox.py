"""``coproauth outbox``: what waits to be sent, and what becomes of mail that could not be."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import attrs

from coproauth.adapters.system import SystemClock
from coproauth.commands.options import add_config, configuration_of
from coproauth.commands.terminal import fail, say
from coproauth.core.messages import Intention
from coproauth.services.units import atomically

if TYPE_CHECKING:
    from coproauth.configuration import Configuration
    from coproauth.ports import UnitOfWork

NAME = "outbox"
HELP = "list the mail that waits; retry or drop what was given up"

_LIMIT = 10_000  # mails that are looked at: more than anyone reads, and what was given up comes first


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what can be done with mail that was given up."""
    add_config(parser)
    parser.set_defaults(action=_list)
    actions = parser.add_subparsers(metavar="action")
    retry = actions.add_parser("retry", help="have mail that was given up tried again, from now on")
    add_config(retry)
    which = retry.add_mutually_exclusive_group(required=True)
    which.add_argument("id", nargs="?", metavar="ID", help="of the mail")
    which.add_argument("--all", action="store_true", help="every mail that was given up")
    retry.set_defaults(action=_retry)
    drop = actions.add_parser("drop", help="forget a mail that was given up")
    add_config(drop)
    drop.add_argument("id", metavar="ID", help="of the mail")
    drop.set_defaults(action=_drop)


def run(options: argparse.Namespace) -> int:
    """Do what was chosen."""
    with configuration_of(options) as configuration:
        status: int = options.action(options, configuration)
    return status


@attrs.frozen(kw_only=True)
class Backlog:
    """The mail that waits, by what is to happen with it.

    Attributes:
        due: to be sent now.
        later: to be tried at its time, or in somebody's hand.
        given_up: tried as often as the policy allows.
    """

    due: tuple[Intention, ...]
    later: tuple[Intention, ...]
    given_up: tuple[Intention, ...]

    @classmethod
    def of(cls, mails: Sequence[Intention], *, at: datetime, max_tries: int) -> Backlog:
        """Sort the mail that waits."""
        tried = [mail for mail in mails if mail.tries < max_tries]
        return cls(
            due=tuple(mail for mail in tried if mail.due_at <= at),
            later=tuple(mail for mail in tried if mail.due_at > at),
            given_up=tuple(mail for mail in mails if mail.tries >= max_tries),
        )


def read_backlog(work: UnitOfWork, *, at: datetime, max_tries: int) -> Backlog:
    """Return what waits in the outbox."""
    return Backlog.of(work.outbox.waiting(limit=_LIMIT), at=at, max_tries=max_tries)


def mask(address: str) -> str:
    """Return an address by which only those recognise it who know it."""
    name, _, domain = address.rpartition("@")
    return f"{name[:1]}…{name[-1:] if len(name) > 2 else ''}@{domain}"  # noqa: PLR2004 - a name of two would be told


def _list(_: argparse.Namespace, configuration: Configuration) -> int:
    with configuration.store().reading() as work:
        backlog = read_backlog(work, at=SystemClock().now(), max_tries=configuration.policy.mail_tries)
    say(f"due now     {len(backlog.due)}")
    say(f"due later   {len(backlog.later)}")
    say(f"given up    {len(backlog.given_up)}")
    for mail in backlog.given_up:
        say(f"\n{_describe(mail)}")
    return 0


def _describe(mail: Intention) -> str:
    lines = {
        "mail": mail.id,
        "kind": mail.kind,
        "to": mask(mail.to),
        "queued": mail.queued_at.isoformat(sep=" ", timespec="seconds"),
        "tries": mail.tries,
        "failure": mail.failure or "unknown",
    }
    return "\n".join(f"{name:11} {value}" for name, value in lines.items())


def _retry(options: argparse.Namespace, configuration: Configuration) -> int:
    now = SystemClock().now()

    def make_due(work: UnitOfWork) -> int:
        chosen = _given_up(work, configuration, only=options.id)
        for mail in chosen:
            work.outbox.postpone(mail.id, due_at=now, tries=0, failure=mail.failure)
        return len(chosen)

    count = atomically(configuration.store(), make_due, policy=configuration.policy)
    if options.id and not count:
        return _fail_unknown(options.id)
    say(f"Mails to be tried again: {count}.")
    return 0


def _drop(options: argparse.Namespace, configuration: Configuration) -> int:
    def forget(work: UnitOfWork) -> int:
        chosen = _given_up(work, configuration, only=options.id)
        for mail in chosen:
            work.outbox.done(mail.id)
        return len(chosen)

    if not atomically(configuration.store(), forget, policy=configuration.policy):
        return _fail_unknown(options.id)
    say(f"Dropped: mail {options.id}.")
    return 0


def _given_up(work: UnitOfWork, configuration: Configuration, *, only: str | None) -> Sequence[Intention]:
    backlog = read_backlog(work, at=SystemClock().now(), max_tries=configuration.policy.mail_tries)
    return [mail for mail in backlog.given_up if only in {None, mail.id}]


def _fail_unknown(mail_id: str) -> int:
    return fail(f"No mail {mail_id!r} was given up; 'coproauth outbox' lists those that were.")
