"""The pages for the operator say what the commands take and what the configuration knows, in both directions."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from textwrap import dedent
from typing import Any

import attrs
import pytest

from coproauth import Argon2Parameters, ThrottleRule, cli
from coproauth.adapters.smtp import SmtpMailer
from coproauth.adapters.sqlalchemy import EngineSettings
from coproauth.configuration import AuditSettings, BreachSettings, Configuration, RedisSettings

_DOCS = Path(__file__).parents[2] / "docs"
_HEADING = re.compile(r"^## `coproauth (?P<path>[\w -]+)`$", re.MULTILINE)
_ROW = re.compile(r"^\| `(?P<name>[^`]+)` \|(?: (?P<default>[^|]+) \|)? [^|]+ \|$", re.MULTILINE)
_TOML = re.compile(r"^(?P<indent> *)```toml\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
_NOT_IN_FILES = {"folder", "_opened", "ssl_context", "clock", "secrets"}
_TABLES = {"database_settings", "smtp", "redis", "policy", "audit", "breaches"}


def _parsers() -> dict[str, argparse.ArgumentParser]:
    """Return the parser of everything that can be typed, by what is typed."""
    parsers: dict[str, argparse.ArgumentParser] = {}
    for command in cli.COMMANDS:
        parser = argparse.ArgumentParser()
        command.add_arguments(parser)
        parsers.update(_within(command.NAME, parser))
    return parsers


def _within(path: str, parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    (actions,) = [*_actions(parser), None][:1]
    if actions is None or not actions.required:
        yield path, parser
    for name, narrower in (actions.choices if actions else {}).items():
        yield from _within(f"{path} {name}", narrower)


def _actions(parser: argparse.ArgumentParser) -> list[Any]:
    """Return what a parser has further commands by, if it has any."""
    return [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]  # noqa: SLF001


def _arguments(parser: argparse.ArgumentParser) -> set[str]:
    own = [action for action in parser._actions if action not in _actions(parser)]  # noqa: SLF001
    return {action.option_strings[-1] if action.option_strings else str(action.metavar) for action in own} - {"--help"}


class TestCommands:
    """``commands.md`` is the help, in full."""

    text = (_DOCS / "reference" / "commands.md").read_text("utf-8")

    def test_every_command_has_its_section_and_no_other(self) -> None:
        """Whatever can be typed can be looked up."""
        assert sorted(_HEADING.findall(self.text)) == sorted(_parsers())

    @pytest.mark.parametrize("path", _parsers())
    def test_every_argument_is_listed_and_no_other(self, path: str) -> None:
        """The option of all is described once, at the top."""
        section = self.text.partition(f"\n## `coproauth {path}`\n")[2].partition("\n## ")[0]

        listed = {found["name"].split()[0] for found in _ROW.finditer(section)}

        assert listed == _arguments(_parsers()[path]) - {"--config"}

    @pytest.mark.parametrize("path", sorted(set(_parsers()) - {"demo", "hash-cost"}))
    def test_every_command_of_the_operator_takes_a_configuration(self, path: str) -> None:
        """Behind its name, where people type it."""
        assert "--config" in _arguments(_parsers()[path])


class TestConfiguration:
    """``configuration.md`` is the file, key by key."""

    text = (_DOCS / "reference" / "configuration.md").read_text("utf-8")

    @pytest.mark.parametrize(
        ("prefix", "kind"),
        [
            ("", Configuration),
            ("database_settings.", EngineSettings),
            ("smtp.", SmtpMailer),
            ("redis.", RedisSettings),
            ("breaches.", BreachSettings),
            ("audit.", AuditSettings),
            ("policy.throttle_….", ThrottleRule),
            ("policy.argon2.", Argon2Parameters),
        ],
    )
    def test_every_key_is_listed_with_its_default_and_no_other(self, prefix: str, kind: type[Any]) -> None:
        """Each default is the one in the code."""
        rows = {found["name"]: found["default"].strip("`") for found in _ROW.finditer(self.text)}

        listed = {
            name: default for name, default in rows.items() if name.rpartition(".")[0] == prefix.removesuffix(".")
        }

        assert listed == {f"{prefix}{field.name}": _as_written(field.default) for field in _values(kind)}

    def test_the_example_can_be_read(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Once its secrets are there."""
        (example,) = _examples(self.text)

        read = _load(example, tmp_path, monkeypatch)

        assert read.policy.code_lifetime == timedelta(days=60)


def test_the_configuration_of_the_guide_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the operator copies works."""
    (example,) = _examples((_DOCS / "how-to" / "operate.md").read_text("utf-8"))

    read = _load(example, tmp_path, monkeypatch)

    assert read.audit.table


def _examples(text: str) -> list[str]:
    return [dedent(found["text"]) for found in _TOML.finditer(text)]


def _load(example: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Configuration:
    """Read an example, with a value for each thing that it takes from elsewhere."""
    (folder / "key").write_text("k" * 43, "utf-8")
    for name in re.findall(r'"env:(\w+)"', example):
        monkeypatch.setenv(name, "sqlite://" if "DATABASE" in name else "value")
    file = folder / "coproauth.toml"
    file.write_text(re.sub(r'"file:[^"]+"', '"file:key"', example), "utf-8")
    return Configuration.load(file)


def _values(kind: type[Any]) -> list[attrs.Attribute[Any]]:
    """Return the fields that are values, and no tables of their own."""
    return [field for field in attrs.fields(kind) if field.name not in _NOT_IN_FILES | _TABLES]


def _as_written(default: object) -> str:
    match default:
        case attrs.NOTHING:
            return "required"
        case timedelta():
            return f"{default.total_seconds():g}"
        case bool():
            return str(default).lower()
        case None | "" | ():
            return "none"
    return str(default)
