"""Values out of TOML: what fits is taken, what does not is named by its key, and no value is shown."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import attrs
import pytest

from coproauth.errors import ConfigurationError
from coproauth.toml_values import TomlReader, read_toml


@attrs.frozen(kw_only=True)
class Inner:
    """A table in the table."""

    size: int
    wait: timedelta = timedelta(seconds=1)

    def __attrs_post_init__(self) -> None:
        if self.size < 0:
            raise ConfigurationError("size must not be negative")


@attrs.frozen(kw_only=True)
class Outer:
    """One field of each kind."""

    name: str
    words: tuple[str, ...] = ()
    count: int | None = None
    is_on: bool = False
    choice: Literal["a", "b"] = "a"
    inner: Inner | None = None
    clock: object = None


def _build(folder: Path, **table: Any) -> Outer:
    return TomlReader(folder=folder, left_out={"clock"}).build(Outer, table)


def test_every_kind_of_value_is_read(tmp_path: Path) -> None:
    """Durations are numbers of seconds, whole or not."""
    built = _build(
        tmp_path, name="n", words=["x", "y"], count=3, is_on=True, choice="b", inner={"size": 1, "wait": 0.5}
    )

    assert built == Outer(
        name="n",
        words=("x", "y"),
        count=3,
        is_on=True,
        choice="b",
        inner=Inner(size=1, wait=timedelta(milliseconds=500)),
    )


def test_what_is_left_out_keeps_its_default(tmp_path: Path) -> None:
    """Only what has no default must be there."""
    assert _build(tmp_path, name="n") == Outer(name="n")


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({}, "name is missing; it must be a string"),
        ({"name": 3}, "name must be a string"),
        ({"name": "n", "words": "secret"}, "words must be an array of strings"),
        ({"name": "n", "words": ["x", 3]}, "words[1] must be a string"),
        ({"name": "n", "count": "secret"}, "count must be a whole number"),
        ({"name": "n", "count": True}, "count must be a whole number"),
        ({"name": "n", "count": 1.5}, "count must be a whole number"),
        ({"name": "n", "is_on": 1}, "is_on must be true or false"),
        ({"name": "n", "choice": "secret"}, 'choice must be "a" or "b"'),
        ({"name": "n", "inner": "secret"}, "inner must be a table"),
        ({"name": "n", "inner": {}}, "inner.size is missing; it must be a whole number"),
        ({"name": "n", "inner": {"size": 1, "wait": "secret"}}, "inner.wait must be a number of seconds"),
        ({"name": "n", "inner": {"size": 1, "wait": True}}, "inner.wait must be a number of seconds"),
        ({"name": "n", "inner": {"size": 1, "sise": 2}}, "inner.sise is not known; there are size, wait"),
        ({"name": "n", "inner": {"size": -1}}, "inner: size must not be negative"),
        ({"name": "n", "clock": "x"}, "clock is not known; there are choice, count, inner, is_on, name, words"),
        (
            {"name": "n", "inner": {"size": 1, "wait": 1e300}},
            "inner.wait must be a number of seconds that is within reason: at most 36500 days",
        ),
        (
            {"name": "n", "inner": {"size": 1, "wait": 10**12}},
            "inner.wait must be a number of seconds that is within reason: at most 36500 days",
        ),
        ({"name": "file:secret\0"}, "name must not hold a NUL character"),
        ({"name": "n", "words": ["env:secret\0"]}, "words[0] must not hold a NUL character"),
        (
            {"name": "n", "inner": {"size": 1, "wait": float("nan")}},
            "inner.wait must be a number of seconds that is within reason: at most 36500 days",
        ),
    ],
    ids=repr,
)
def test_what_does_not_fit_is_named_by_its_key(tmp_path: Path, table: dict[str, Any], told: str) -> None:
    """With what is expected there, and without what was found."""
    with pytest.raises(ConfigurationError) as refused:
        _build(tmp_path, **table)

    assert str(refused.value) == told


def test_a_string_may_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In an array, too."""
    monkeypatch.setenv("COPROAUTH_TEST", "from outside")

    assert _build(tmp_path, name="env:COPROAUTH_TEST", words=["env:COPROAUTH_TEST", "x"]) == Outer(
        name="from outside", words=("from outside", "x")
    )


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_string_may_come_from_a_file(tmp_path: Path, end: str) -> None:
    """Its path starts at the folder, and the end of its last line does not count."""
    (tmp_path / "name").write_bytes(b"  from\na file " + end.encode())

    assert _build(tmp_path, name="file:name").name == "  from\na file "
    assert _build(tmp_path, name=f"file:{tmp_path / 'name'}").name == "  from\na file "


def test_what_the_environment_lacks_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By key and variable."""
    monkeypatch.delenv("COPROAUTH_TEST", raising=False)

    with pytest.raises(ConfigurationError) as refused:
        _build(tmp_path, name="env:COPROAUTH_TEST")

    assert str(refused.value) == "name is to come from the environment, and COPROAUTH_TEST is not set there"


@pytest.mark.parametrize(
    ("content", "told"), [(None, "cannot be read: No such file or directory"), (b"\xff", "is not in UTF-8")]
)
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, content: bytes | None, told: str) -> None:
    """By key and path."""
    file = tmp_path / "secret"
    if content:
        file.write_bytes(content)

    with pytest.raises(ConfigurationError) as refused:
        _build(tmp_path, name="file:secret")

    assert str(refused.value) == f"name is to come from {file}, which {told}"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "cannot be read: No such file or directory"),
        (b'name = "\xff"', "is not in UTF-8"),
        (b"name = secret", "is no TOML: Invalid value (at line 1, column 8)"),
    ],
)
def test_what_is_no_toml_is_told(tmp_path: Path, content: bytes | None, told: str) -> None:
    """By the line, and without what stands there."""
    file = tmp_path / "coproauth.toml"
    if content:
        file.write_bytes(content)

    with pytest.raises(ConfigurationError) as refused:
        read_toml(file)

    assert str(refused.value) == told
