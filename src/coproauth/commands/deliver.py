"""``coproauth deliver``: the worker that sends what waits in the outbox."""

from __future__ import annotations

import argparse
import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from coproauth.commands.options import add_config, configuration_of
from coproauth.commands.terminal import say
from coproauth.services.courier import BackgroundCourier

if TYPE_CHECKING:
    from coproauth.configuration import Configuration

NAME = "deliver"
HELP = "send the mail that waits in the outbox, until it is stopped"

_LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare how long to go on."""
    add_config(parser)
    parser.add_argument("--once", action="store_true", help="send what is due now, and end")


def run(options: argparse.Namespace) -> int:
    """Send mail until SIGTERM or Ctrl-C; the mail in hand is finished first."""
    logging.basicConfig(level=logging.INFO, format=_LOG_FORMAT)
    with configuration_of(options) as configuration, _stopping() as stop:
        configuration.mailer()
        return _send_due(configuration, stop) if options.once else _keep_sending(configuration, stop)


def _send_due(configuration: Configuration, stop: threading.Event) -> int:
    delivered = configuration.wire().courier.deliver(is_stopping=stop.is_set)
    say(f"Mails handed to the mail server: {delivered}.")
    return 0


def _keep_sending(configuration: Configuration, stop: threading.Event) -> int:
    with BackgroundCourier(configuration.wire().courier):
        say("Delivering mail until SIGTERM or Ctrl-C.")
        stop.wait()
    say("Stopped.")
    return 0


@contextmanager
def _stopping() -> Iterator[threading.Event]:
    """Return what is set once somebody asks for the end."""
    stop = threading.Event()
    asked = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in asked}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
