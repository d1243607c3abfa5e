"""What the commands are told: where the configuration is, and values that several of them may take."""

from __future__ import annotations

import argparse
import getpass
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from coproauth.core.accounts import ID_MAX_LENGTH
from coproauth.core.text import clip
from coproauth.errors import ConfigurationError

if TYPE_CHECKING:
    from coproauth.configuration import Configuration

VARIABLE = "COPROAUTH_CONFIG"
_UNITS = {"ms": "milliseconds", "s": "seconds"}
DEFAULT = Path("coproauth.toml")


def add_config(parser: argparse.ArgumentParser) -> None:
    """Let a command be told its configuration; what has actions takes it before and behind them."""
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        default=argparse.SUPPRESS,  # or an action would forget what was given before it
        help=f"configuration; ${VARIABLE} if not given, else ./{DEFAULT}",
    )


@contextmanager
def configuration_of(options: argparse.Namespace) -> Iterator[Configuration]:
    """Load the configuration that a command was told, and close in the end what was opened for it.

    Raises:
        ConfigurationError: it is not there, or not as it should be, and the message names file and key; or the database
            refuses what the block asks of it, such as the name, the password or the rights of its user.
    """
    from sqlalchemy.exc import OperationalError, ProgrammingError  # noqa: PLC0415 - an extra

    from coproauth.configuration import Configuration  # noqa: PLC0415 - an extra

    with Configuration.load(file_of(options)) as configuration:
        try:
            yield configuration
        except (OperationalError, ProgrammingError) as error:
            told = str(error.orig).partition("\n")[0]  # what follows may quote the row
            raise ConfigurationError(f"The database refuses: {told}") from error


def operator_name() -> str | None:
    """Return the name in the operating system of who runs the command, for the audit trail; None if it has none.

    It may come from the environment, and hold anything: what no id can hold is replaced, and what is too long cut off.
    """
    try:
        return clip(getpass.getuser(), max_length=ID_MAX_LENGTH)
    except (OSError, KeyError, ImportError):  # no name, as in many a container; which of them depends on the Python
        return None


def positive_duration(text: str) -> timedelta:
    """Return a duration such as ``250ms`` or ``0.5s``.

    Raises:
        ArgumentTypeError: it is none, or nothing.
    """
    found = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,6})?)(ms|s)", text, re.ASCII)
    duration = timedelta(**{_UNITS[found[2]]: float(found[1])}) if found else timedelta(0)
    if duration <= timedelta(0):
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 250ms or 0.5s")
    return duration


def file_of(options: argparse.Namespace) -> Path:
    """Return where the configuration of a command is."""
    return Path(getattr(options, "config", None) or os.environ.get(VARIABLE) or DEFAULT)
