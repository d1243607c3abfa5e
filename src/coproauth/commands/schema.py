"""``coproauth schema``: the tables in the database, and the steps that bring them up to date."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from coproauth.commands.options import add_config, configuration_of
from coproauth.commands.terminal import fail, say

if TYPE_CHECKING:
    from coproauth.adapters.sqlalchemy.schema import Schema, Step

NAME = "schema"
HELP = "create, upgrade, check or show the tables in the database"

_ENGINES = ("postgresql", "mariadb", "sqlite")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what can be done with the tables."""
    add_config(parser)
    actions = parser.add_subparsers(required=True, metavar="action")
    show = actions.add_parser("show", help="print the SQL of the steps; no database is needed")
    add_config(show)
    show.add_argument("--from", type=int, default=0, dest="version", metavar="N", help="only steps after version N")
    show.add_argument("--engine", choices=_ENGINES, help="for this kind of database; no configuration is needed")
    show.set_defaults(action=_show)
    for name, action, summary in (
        ("create", _create, "create the tables in a database that has none"),
        ("upgrade", _upgrade, "take the steps that are missing"),
        ("check", _check, "tell whether this release works with the tables"),
    ):
        chosen = actions.add_parser(name, help=summary)
        add_config(chosen)
        chosen.set_defaults(action=action)


def run(options: argparse.Namespace) -> int:
    """Do what was chosen."""
    status: int = options.action(options)
    return status


def _show(options: argparse.Namespace) -> int:
    wanted = [step for step in _steps(options) if step.version > options.version]
    say("\n\n".join("\n".join(_as_script(step)) for step in wanted))
    return 0


def _steps(options: argparse.Namespace) -> Iterable[Step]:
    if options.engine is None:
        with configuration_of(options) as configuration:
            return configuration.schema().steps
    from sqlalchemy.engine import make_url  # noqa: PLC0415 - an extra

    from coproauth.adapters.sqlalchemy.schema import read_steps  # noqa: PLC0415 - an extra

    return read_steps(make_url(f"{options.engine}://").get_dialect()())


def _as_script(step: Step) -> Iterator[str]:
    """Yield a step as it can be run by any client of the database, its version recorded with it."""
    yield f"-- Step {step.version}: {step.title}\n"
    yield step.script.strip() + "\n"
    for statement in step.recording:
        yield f"{statement};"


def _create(options: argparse.Namespace) -> int:
    with configuration_of(options) as configuration:
        schema = configuration.patient_schema()
        version = schema.version()
        if version:
            return fail(
                f"There are tables of version {version} already: 'coproauth schema upgrade' goes on from there."
            )
        return _take_steps(schema)


def _upgrade(options: argparse.Namespace) -> int:
    with configuration_of(options) as configuration:
        schema = configuration.patient_schema()
        if schema.version() > schema.newest:
            schema.check()
        return _take_steps(schema)


def _take_steps(schema: Schema) -> int:
    for step in schema.upgrade():
        say(f"Taken: step {step.version}, {step.title}.")
    say(f"The tables are of version {schema.newest}, the newest.")
    return 0


def _check(options: argparse.Namespace) -> int:
    with configuration_of(options) as configuration:
        schema = configuration.schema()
        schema.check()
    say(f"The tables are of version {schema.newest}, the newest.")
    return 0
