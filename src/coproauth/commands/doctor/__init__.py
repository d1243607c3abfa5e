"""``coproauth doctor``: looks at everything an installation needs, and says what to do about what is not well."""

from __future__ import annotations

import argparse

from coproauth.adapters.system import SystemClock
from coproauth.commands.options import add_config, file_of
from coproauth.commands.terminal import say
from coproauth.ports import Clock

NAME = "doctor"
HELP = "look at configuration, database, Redis, mail server and outbox"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare where the configuration is."""
    add_config(parser)


def run(options: argparse.Namespace) -> int:
    """Print one line a check; the status is 1 if anything is to be done."""
    return report(options, SystemClock())


def report(options: argparse.Namespace, clock: Clock) -> int:
    """Print one line a check as soon as it is done, and return the status."""
    from coproauth.commands.doctor.examination import examine  # noqa: PLC0415 - extras

    is_well = True
    for finding in examine(file_of(options), clock):
        say(str(finding))
        is_well = is_well and finding.is_well
    return 0 if is_well else 1
