"""Values out of a TOML table, by the fields of an attrs class; what does not fit is named by its key.

No message shows what a key was set to: it may be a secret.
"""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Collection, Mapping
from datetime import timedelta
from pathlib import Path
from types import NoneType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import attrs

from coproauth.errors import ConfigurationError
from coproauth.policy import LONGEST

T = TypeVar("T")

_WORDS = {
    str: "a string",
    int: "a whole number",
    bool: "true or false",
    timedelta: "a number of seconds",
}


def read_toml(file: Path) -> Mapping[str, Any]:
    """Return what a TOML file says.

    Raises:
        ConfigurationError: it cannot be read, or is no TOML; the message names the line, and not the file.
    """
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise ConfigurationError(f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError("is not in UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"is no TOML: {error}") from None


@attrs.frozen(kw_only=True)
class TomlReader:
    """Builds values of attrs classes.

    A string may be ``env:NAME``, for what the environment holds, or ``file:PATH``, for what a file holds, without
    the end of its last line.

    Attributes:
        folder: where a relative path starts.
        left_out: fields that are no business of the file.
    """

    folder: Path
    left_out: Collection[str] = ()

    def build(self, kind: type[T], table: Mapping[str, Any], *, path: str = "") -> T:
        """Return the value that a table describes, found under ``path``.

        Raises:
            ConfigurationError: a key is unknown, missing or of a wrong type, or the value refuses what it is given.
        """
        fields = self._fields(kind)
        for key in table:
            if key not in fields:
                raise ConfigurationError(f"{path}{key} is not known; there are {', '.join(sorted(fields))}")
        for key, field in fields.items():
            if field.default is attrs.NOTHING and key not in table:
                raise ConfigurationError(f"{path}{key} is missing; it must be {_in_words(field.type)}")
        given = {key: self._read(fields[key].type, value, f"{path}{key}") for key, value in table.items()}
        try:
            return kind(**given)
        except ConfigurationError as error:
            raise ConfigurationError(f"{path.rstrip('.')}: {error}" if path else str(error)) from None

    def _fields(self, kind: type[Any]) -> dict[str, attrs.Attribute[Any]]:
        """Return the fields that a table may have, each with its type as a type."""
        types = get_type_hints(kind.__init__, vars(sys.modules[kind.__module__]))  # of what is given, and nothing else
        return {
            field.name: field.evolve(type=types[field.name])
            for field in attrs.fields(kind)
            if field.name not in self.left_out
        }

    def _read(self, kind: Any, value: object, key: str) -> object:
        """Return what a value stands for, if it is of the kind that is wanted there."""
        kind = _without_none(kind)
        if isinstance(value, str):
            value = self._resolve(value, key)
        match value:
            case dict() if attrs.has(kind):
                return self.build(kind, value, path=f"{key}.")
            case list() if get_origin(kind) is tuple:
                item = get_args(kind)[0]
                return tuple(self._read(item, each, f"{key}[{place}]") for place, each in enumerate(value))
            case int() | float() if kind is timedelta and not isinstance(value, bool):
                return _seconds(value, key)
            case str() if get_origin(kind) is Literal and value in get_args(kind):
                return value
            case _ if type(value) is kind:  # a bool is no int here
                return value
        raise ConfigurationError(f"{key} must be {_in_words(kind)}")

    def _resolve(self, text: str, key: str) -> str:
        """Return the string itself, or what it points to."""
        if "\0" in text:  # no path, address or name has one, and the system's calls raise something nameless
            raise ConfigurationError(f"{key} must not hold a NUL character")
        source, _, name = text.partition(":")
        match source:
            case "env":
                return _from_environment(name, key)
            case "file":
                return _from_file(self.folder / name, key)
        return text


def _from_environment(name: str, key: str) -> str:
    if name not in os.environ:
        raise ConfigurationError(f"{key} is to come from the environment, and {name} is not set there")
    return os.environ[name]


def _from_file(file: Path, key: str) -> str:
    try:
        return file.read_text("utf-8").removesuffix("\n").removesuffix("\r")
    except OSError as error:
        raise ConfigurationError(f"{key} is to come from {file}, which cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{key} is to come from {file}, which is not in UTF-8") from None


def _seconds(value: float, key: str) -> timedelta:
    try:
        duration = timedelta(seconds=value)
    except (OverflowError, ValueError):  # as far as years go; not a number
        duration = timedelta.max
    if abs(duration) > LONGEST:
        raise ConfigurationError(
            f"{key} must be a number of seconds that is within reason: at most {LONGEST.days} days"
        )
    return duration


def _without_none(kind: Any) -> Any:
    return next((part for part in get_args(kind) if part is not NoneType), kind) if _is_optional(kind) else kind


def _is_optional(kind: Any) -> bool:
    return NoneType in get_args(kind)


def _in_words(kind: Any) -> str:
    """Return what is to stand in the file for a value of a kind."""
    kind = _without_none(kind)
    if get_origin(kind) is tuple:
        return "an array of strings"
    if get_origin(kind) is Literal:
        return " or ".join(f'"{value}"' for value in get_args(kind))
    return _WORDS.get(kind, "a table")
