"""``coproauth person``: tell or erase what is kept about a person (GDPR art. 15, 17 and 20)."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from coproauth.commands.options import add_config, configuration_of, operator_name
from coproauth.commands.terminal import fail, say
from coproauth.errors import InvalidInput

if TYPE_CHECKING:
    from coproauth.services.personal_data import PersonalData

NAME = "person"
HELP = "tell or erase what is kept about a person"

_NO_LOGIN = "No login has this address."
_NO_ADDRESS = "That is no e-mail address."
_QUESTION = "Erase the login of {email}, with its links, sessions and waiting mail, for ever? Type yes: "
_NO_TERMINAL = "There is no terminal to ask on; repeat the command with --yes to erase the login."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the two actions."""
    actions = parser.add_subparsers(metavar="action", required=True)
    export = actions.add_parser("export", help="print everything that is kept about a login, as JSON")
    erase = actions.add_parser("erase", help="remove a login with everything that belongs to it")
    for action in (export, erase):
        add_config(action)
        action.add_argument("email", metavar="EMAIL", help="of the login")
    export.set_defaults(action=_export)
    erase.add_argument("--yes", action="store_true", help="do not ask")
    erase.set_defaults(action=_erase)


def run(options: argparse.Namespace) -> int:
    """Do what was chosen."""
    with configuration_of(options) as configuration:
        try:
            status: int = options.action(options, configuration.wire().personal_data)
        except InvalidInput:
            return fail(_NO_ADDRESS)
    return status


def _export(options: argparse.Namespace, personal_data: PersonalData) -> int:
    export = personal_data.export(options.email, operator=operator_name())
    if export is None:
        return fail(_NO_LOGIN)
    say(export.to_json())
    return 0


def _erase(options: argparse.Namespace, personal_data: PersonalData) -> int:
    if not options.yes and not sys.stdin.isatty():
        return fail(_NO_TERMINAL)
    if not options.yes and not _is_confirmed(_QUESTION.format(email=options.email)):
        return fail("Nothing was erased.")
    if not personal_data.erase(options.email, operator=operator_name()):
        return fail(_NO_LOGIN)
    say("Erased.")
    return 0


def _is_confirmed(question: str) -> bool:
    try:
        return input(question).strip() == "yes"
    except EOFError:
        return False
