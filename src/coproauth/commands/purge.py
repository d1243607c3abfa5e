"""``coproauth purge``: remove what is no longer needed; to be run once a day."""

from __future__ import annotations

import argparse

from coproauth.commands.options import add_config, configuration_of
from coproauth.commands.terminal import say
from coproauth.core.maintenance import PurgeReport

NAME = "purge"
HELP = "remove what is no longer needed, and logins that nobody uses; to be run once a day"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the configuration."""
    add_config(parser)


def run(options: argparse.Namespace) -> int:
    """Purge, and tell what that was."""
    with configuration_of(options) as configuration:
        say(_describe(configuration.wire().maintenance.purge()))
    return 0


def _describe(report: PurgeReport) -> str:
    counts = {waste.replace("_", " "): count for waste, count in report.removed.items()}
    counts |= {"unused logins": report.logins_removed, "owners warned": report.logins_warned}
    return "\n".join(f"{name:15} {count}" for name, count in counts.items())
