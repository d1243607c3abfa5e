"""Every Python example of README and docs runs as it stands."""

from __future__ import annotations

import logging
import os
import re
from codeop import compile_command
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from unittest.mock import patch

import attrs
import pytest
from sqlalchemy import Engine

_ROOT = Path(__file__).parents[2]
_PAGES = [_ROOT / "README.md", *sorted(page for page in _ROOT.glob("docs/**/*.md") if "_build" not in page.parts)]
_EXAMPLE = re.compile(
    r"^(?P<indent> *)```python(?P<mark>[^\n`]*)\n(?P<code>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL
)
_FIRST = [_ROOT / "README.md", _ROOT / "docs" / "tutorial" / "embedding.md"]
_NOT_RUN_AT_MOST = 3  # blocks marked ``python notest``, in all pages together


@attrs.frozen
class _Example:
    page: Path
    code: str
    line: int
    is_run: bool

    def __str__(self) -> str:
        return f"{self.page.relative_to(_ROOT)}:{self.line}"


def _examples(page: Path) -> list[_Example]:
    text = page.read_text("utf-8")
    return [
        _Example(
            page=page,
            code=dedent(found["code"]),
            line=text.count("\n", 0, found.start("code")) + 1,
            is_run=found["mark"].strip() != "notest",
        )
        for found in _EXAMPLE.finditer(text)
    ]


@pytest.fixture
def namespace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, object]]:
    """Where the examples of one page leave their names; their files and their environment are their own, too."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(logging.getLogger("coproauth"), "level", logging.CRITICAL)

    names: dict[str, object] = {"__name__": "example"}
    with patch.dict(os.environ):
        yield names

    for value in names.values():
        if isinstance(value, Engine):
            value.dispose()


@pytest.mark.parametrize("page", [page for page in _PAGES if _examples(page)], ids=lambda page: page.stem)
def test_the_examples_of_a_page_run_in_order(page: Path, namespace: dict[str, object]) -> None:
    """The examples of a page share their names, and each does what its assertions say."""
    for example in _examples(page):
        if example.is_run:
            padded = "\n" * (example.line - 1) + example.code  # a failure then names the line of the page
            exec(compile(padded, page, "exec", dont_inherit=True), namespace)  # noqa: S102 - our own pages


def test_hardly_any_example_is_left_out() -> None:
    """An example that is not run says so behind its fence, and there are few of them."""
    left_out = [str(example) for page in _PAGES for example in _examples(page) if not example.is_run]

    assert len(left_out) <= _NOT_RUN_AT_MOST, left_out


@pytest.mark.parametrize("page", _FIRST, ids=lambda page: page.stem)
def test_the_first_examples_can_be_typed_into_a_session(page: Path) -> None:
    """Line by line, as both pages say: a block within a statement ends with an empty line."""
    typed = ""
    for line in "\n\n".join(example.code for example in _examples(page)).splitlines():
        typed += line + "\n"
        if compile_command(typed.removesuffix("\n")):
            typed = ""

    assert typed.strip() == ""


def test_readme_embeds_the_library_in_twenty_lines() -> None:
    """The first example anyone sees is one block, and short."""
    (example,) = _examples(_ROOT / "README.md")

    statements = [line for line in example.code.splitlines() if line.strip() and not line.lstrip().startswith("#")]

    assert len(statements) <= 20
