"""``coproauth outbox``: what waits to be sent, and what becomes of mail that could not be."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from coproauth.adapters.system import SystemClock
from coproauth.commands.options import add_config, configuration_of
from coproauth.commands.terminal import fail, say
from coproauth.core.outbox import MAILS_LOOKED_AT, Backlog
from coproauth.services.units import atomically, looking

if TYPE_CHECKING:
    from coproauth.configuration import Configuration
    from coproauth.core.messages import Intention
    from coproauth.ports import UnitOfWork

NAME = "outbox"
HELP = "list the mail that waits; retry or drop what was given up"


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


def mask(address: str) -> str:
    """Return an address by which only those recognise it who know it."""
    name, _, domain = address.rpartition("@")
    return f"{name[:1]}…{name[-1:] if len(name) > 2 else ''}@{domain}"  # noqa: PLR2004 - a name of two would be told


def _list(_: argparse.Namespace, configuration: Configuration) -> int:
    backlog = _backlog(configuration)
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
    def make_due(mail: Intention, work: UnitOfWork) -> None:
        work.outbox.postpone(mail.id, due_at=SystemClock().now(), tries=0, failure=mail.failure)

    count = _for_each_given_up(configuration, make_due, only=options.id)
    if options.id and not count:
        return _fail_unknown(options.id)
    say(f"Mails to be tried again: {count}.")
    return 0


def _drop(options: argparse.Namespace, configuration: Configuration) -> int:
    def forget(mail: Intention, work: UnitOfWork) -> None:
        work.outbox.done(mail.id)

    if not _for_each_given_up(configuration, forget, only=options.id):
        return _fail_unknown(options.id)
    say(f"Dropped: mail {options.id}.")
    return 0


def _for_each_given_up(
    configuration: Configuration, act: Callable[[Intention, UnitOfWork], None], *, only: str | None
) -> int:
    """Act on each mail that was given up, or on one, and return on how many.

    They are looked for in a view that holds nobody up, and each is changed in a short unit of work of its own, which
    reads nothing: no courier touches what was given up.
    """
    chosen = [mail for mail in _backlog(configuration).given_up if only in {None, mail.id}]
    for mail in chosen:
        atomically(configuration.store(), partial(act, mail), policy=configuration.policy)
    return len(chosen)


def _backlog(configuration: Configuration) -> Backlog:
    policy = configuration.policy
    mails = looking(configuration.store(), lambda work: work.outbox.waiting(limit=MAILS_LOOKED_AT), policy=policy)
    return Backlog.of(mails, at=SystemClock().now(), policy=policy)


def _fail_unknown(mail_id: str) -> int:
    return fail(f"No mail {mail_id!r} was given up; 'coproauth outbox' lists those that were.")
