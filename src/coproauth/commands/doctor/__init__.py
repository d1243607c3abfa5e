"""``coproauth doctor``: looks at everything an installation needs, and says what to do about what is not well."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from coproauth.adapters.system import SystemClock
from coproauth.commands.options import add_config, file_of
from coproauth.commands.terminal import say
from coproauth.errors import ConfigurationError
from coproauth.ports import Clock

if TYPE_CHECKING:
    from coproauth.commands.doctor.findings import Finding

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
    is_well = True
    for finding in _examine(options, clock):
        say(str(finding))
        is_well = is_well and finding.is_well
    return 0 if is_well else 1


def _examine(options: argparse.Namespace, clock: Clock) -> Iterator[Finding]:
    """Yield what is found; without a configuration there is nothing else to look at."""
    from coproauth.commands.doctor import database, mail, redis, settings  # noqa: PLC0415 - extras
    from coproauth.commands.doctor.findings import bad, good  # noqa: PLC0415
    from coproauth.configuration import Configuration  # noqa: PLC0415

    file = file_of(options)
    try:
        configuration = Configuration.load(file)
    except ConfigurationError as error:
        yield bad("configuration", str(error), advice="correct the file, or name another by --config")
        return
    yield good("configuration", str(file))
    with configuration:
        yield from settings.examine(configuration)
        yield from database.examine(configuration, clock)
        yield from redis.examine(configuration, clock)
        yield from mail.examine(configuration, clock)
