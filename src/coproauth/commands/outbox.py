"""``coproauth outbox``: what waits to be sent, and what becomes of mail that could not be."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from coproauth.commands.options import add_config, configuration_of, operator_name
from coproauth.commands.terminal import fail, say
from coproauth.errors import InvalidInput

if TYPE_CHECKING:
    from coproauth.core.messages import Intention
    from coproauth.services.outbox import WaitingMail

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
        try:
            status: int = options.action(options, configuration.wire().waiting_mail)
        except InvalidInput:
            return _fail_unknown(options.id)
    return status


def mask(address: str) -> str:
    """Return an address by which only those recognise it who know it."""
    name, _, domain = address.rpartition("@")
    return f"{name[:1]}…{name[-1:] if len(name) > 2 else ''}@{domain}"  # noqa: PLR2004 - a name of two would be told


def _list(_: argparse.Namespace, waiting_mail: WaitingMail) -> int:
    backlog = waiting_mail.backlog()
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


def _retry(options: argparse.Namespace, waiting_mail: WaitingMail) -> int:
    if options.all:
        say(f"Mails to be tried again: {waiting_mail.retry_all(operator=operator_name())}.")
        return 0
    if not waiting_mail.retry(options.id, operator=operator_name()):
        return _fail_unknown(options.id)
    say("Mails to be tried again: 1.")
    return 0


def _drop(options: argparse.Namespace, waiting_mail: WaitingMail) -> int:
    if not waiting_mail.drop(options.id, operator=operator_name()):
        return _fail_unknown(options.id)
    say(f"Dropped: mail {options.id}.")
    return 0


def _fail_unknown(mail_id: str) -> int:
    return fail(f"No mail {mail_id!r} was given up; 'coproauth outbox' lists those that were.")
