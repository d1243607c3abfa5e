"""``coproauth demo``: serve a portal with sample condominiums on this machine."""

from __future__ import annotations

import argparse
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from coproauth.commands.terminal import fail, say
from coproauth.services.courier import BackgroundCourier

if TYPE_CHECKING:
    from coproauth.portal.demo import Demo

NAME = "demo"
HELP = "serve a portal with sample condominiums on this machine"

_HOST = "127.0.0.1"
_HTTP_PORT = 80  # left out of addresses by browsers
_DATABASE = Path("coproauth-demo.sqlite3")
_PORT_MAX = 65_535
_EXTRA_MISSING = """\
The demonstration needs the packages of the portal, and {name} is not installed:

    python -m pip install 'coproauth[portal]'"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare port and database."""
    parser.add_argument("--port", type=_port, default=8000, help="8000 if not given; 0 takes a free one")
    parser.add_argument("--database", type=_file, default=_DATABASE, help=f"SQLite file, {_DATABASE} if not given")
    parser.add_argument("--reset", action="store_true", help="start over with a new database")


def run(options: argparse.Namespace) -> int:
    """Serve until Ctrl-C."""
    return _demo(options.database, port=options.port, reset=options.reset)


def _port(typed: str) -> int:
    if typed.isascii() and typed.isdecimal() and int(typed[:6]) <= _PORT_MAX:
        return int(typed)
    raise argparse.ArgumentTypeError(f"a port is a number from 0 to {_PORT_MAX}, not {typed!r}")


def _file(typed: str) -> Path:
    path = Path(typed)
    if path.name in {"", ".."}:
        raise argparse.ArgumentTypeError(f"{typed!r} names no file")
    return path


def _demo(database: Path, *, port: int, reset: bool) -> int:
    try:
        import uvicorn  # noqa: F401, PLC0415 - an extra

        from coproauth.portal.demo import DatabaseRefused, open_demo  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        return fail(_EXTRA_MISSING.format(name=error.name))
    try:
        listener = _listen(port)
    except OSError as error:
        return fail(f"Port {port} cannot be used ({error.strerror}); choose another with --port.")
    with listener:
        address = _address(listener.getsockname()[1])
        say(f"Preparing {database}: a few seconds the first time, passwords are really hashed…")
        try:
            with open_demo(database, portal_url=address, reset=reset) as demo:
                say(_guide(demo, address))
                _serve(demo, listener)
        except DatabaseRefused as refusal:
            return fail(str(refusal))
    return 0


def _serve(demo: Demo, listener: socket.socket) -> None:
    """Answer until Ctrl-C, which is how it is meant to end."""
    import uvicorn  # noqa: PLC0415 - an extra

    config = uvicorn.Config(
        demo.app, log_level="warning", access_log=False, proxy_headers=False, server_header=False, ws="none"
    )
    try:
        with BackgroundCourier(demo.auth.courier, interval=0.5):
            uvicorn.Server(config).run(sockets=[listener])
    except KeyboardInterrupt:
        say("\nStopped. The same command opens it again as you left it; --reset starts over.")


def _listen(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((_HOST, port))
        listener.listen()  # a browser that comes before the server has started waits, instead of being refused
    except OSError:
        listener.close()
        raise
    return listener


def _guide(demo: Demo, address: str) -> str:
    """Return what is printed at the start: where to go, and what to try."""
    from coproauth.portal.words import load_texts  # noqa: PLC0415 - an extra

    texts = load_texts("en")
    lines = [
        "",
        f"  Portal     {address}/",
        f"  Guide      {address}/demo",
        f"  Mailbox    {address}/demo/mailbox",
        f"  Managers   {address}/desk",
        "",
        f"  Password of every login below, unless another stands beside it: {demo.password}",
    ]
    for hint in demo.hints:
        typed = "   ".join(filter(None, (hint.code, hint.email, hint.password)))
        lines += ["", f"  {texts[f'demo.show.{hint.shows}']}", f"    {hint.name}:  {typed}"]
    return "\n".join([*lines, "", "Ctrl-C ends it."])


def _address(port: int) -> str:
    """Return the portal's address as a browser names it."""
    return f"http://{_HOST}" if port == _HTTP_PORT else f"http://{_HOST}:{port}"
