"""Everything that is looked at, in order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from coproauth.commands.doctor import breaches, database, mail, redis, settings
from coproauth.commands.doctor.findings import Finding, bad, good
from coproauth.configuration import Configuration
from coproauth.errors import ConfigurationError
from coproauth.ports import Clock


def examine(file: Path, clock: Clock) -> Iterator[Finding]:
    """Yield what is found; without a configuration there is nothing else to look at."""
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
        yield from breaches.examine(configuration)
