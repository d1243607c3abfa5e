"""The command ``coproauth``. What a subcommand needs is imported when it runs, and no earlier."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Protocol

from coproauth import __version__
from coproauth.commands import deliver, demo, doctor, hash_cost, import_contacts, outbox, person, purge, schema
from coproauth.commands.terminal import fail, leave_unread, print_in_any_encoding
from coproauth.errors import ConfigurationError, Unavailable

_INTERRUPTED = 130  # 128 + SIGINT, as shells tell it
_EXTRA_MISSING = """\
This command needs a package that is not installed: {name}. These are the extras that bring them all:

    python -m pip install 'coproauth[postgres,mariadb,redis,legacy-hashes]'"""
_AWAY = {
    "store_conflict": "The database is busy with other work. Run the command again.",
    "store_away": "The database cannot be reached, or does not answer in time; 'coproauth doctor' looks closer.",
    "outcome_unknown": "The connection broke while a change was being kept. See whether it was, before you repeat it.",
    "throttle_away": "The counters of attempts cannot be reached; 'coproauth doctor' looks closer.",
}
_AWAY_SOMEWHERE = "Something that this needs cannot do its part just now; 'coproauth doctor' looks closer."


class Command(Protocol):
    """A subcommand: a module of ``coproauth.commands``."""

    @property
    def NAME(self) -> str:  # noqa: N802 - a constant of the module
        """What is typed."""
        ...

    @property
    def HELP(self) -> str:  # noqa: N802
        """What it does, in the help."""
        ...

    def add_arguments(self, parser: argparse.ArgumentParser, /) -> None:
        """Declare what may be typed behind its name."""
        ...

    def run(self, options: argparse.Namespace, /) -> int:
        """Do it, and return the exit status: 0, or 1 if it could not be done."""
        ...


COMMANDS: tuple[Command, ...] = (  # in the order of the help
    schema,
    doctor,
    deliver,
    outbox,
    purge,
    person,
    import_contacts,
    hash_cost,
    demo,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status: 0, 1 if it could not be done, 2 if it was misused, 130 on Ctrl-C."""
    print_in_any_encoding()
    options = _parser().parse_args(arguments)
    if options.command is None:
        _parser().print_help()
        return 2
    try:
        return _run(options)
    except KeyboardInterrupt:  # before there was anything to stop
        return _INTERRUPTED
    except BrokenPipeError:
        leave_unread()
        return 1


def _run(options: argparse.Namespace) -> int:
    """Run one command; whatever was foreseen is told in a sentence."""
    command = next(command for command in COMMANDS if options.command == command.NAME)
    try:
        return command.run(options)
    except ConfigurationError as error:
        return fail(str(error))
    except Unavailable as error:
        return fail(_AWAY.get(error.reason, _AWAY_SOMEWHERE))
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == __package__:
            raise
        return fail(_EXTRA_MISSING.format(name=error.name))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="coproauth", description="Identity for condominium portals.")
    parser.add_argument("--version", action="version", version=f"coproauth {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="command")
    for command in COMMANDS:
        command.add_arguments(commands.add_parser(command.NAME, help=command.HELP, description=command.HELP))
    return parser
