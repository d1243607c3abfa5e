"""The picture of the house is the import contract, and its measures are kept."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_LINES_OF_A_FILE = 450
_LINES_OF_A_FUNCTION = 40  # without signature and docstring
_METHODS_OF_A_PROTOCOL = 5
_FLOOR = re.compile(r"^ +\| (?P<modules>\w+(?: +\w+)*) +\| .+$", re.MULTILINE)


def test_the_floors_of_the_house_are_the_layers_of_the_import_contract() -> None:
    """From the roof to the ground, and those beside each other on one floor."""
    page = (_ROOT / "docs" / "explanation" / "architecture.md").read_text("utf-8")
    picture = page.partition("## The house\n")[2].partition("\n## ")[0]
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text("utf-8"))
    (contract,) = project["tool"]["importlinter"]["contracts"]

    floors = [found["modules"].split() for found in _FLOOR.finditer(picture)]

    assert floors == [layer.replace("coproauth.", "").split(" | ") for layer in contract["layers"]]


def test_no_file_function_or_protocol_is_larger_than_the_house_allows() -> None:
    """What one page holds is read as a whole; the architecture names the three measures."""
    page = (_ROOT / "docs" / "explanation" / "architecture.md").read_text("utf-8")
    files = sorted((_ROOT / "src" / "coproauth").rglob("*.py"))

    too_large = [f"{path.relative_to(_ROOT)}: {what}" for path in files for what in _too_large(path.read_text("utf-8"))]

    assert too_large == []
    for measure in (
        f"no file has more than {_LINES_OF_A_FILE} lines",
        f"no function more than {_LINES_OF_A_FUNCTION} beside signature and docstring",
        f"no Protocol more than {_METHODS_OF_A_PROTOCOL} methods",
    ):
        assert measure in " ".join(page.split())


def _too_large(text: str) -> Iterator[str]:
    if len(text.splitlines()) > _LINES_OF_A_FILE:
        yield "the file"
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() if _length(node) > _LINES_OF_A_FUNCTION:
                yield node.name
            case ast.ClassDef(bases=[*_, ast.Name(id="Protocol")]) if _methods(node) > _METHODS_OF_A_PROTOCOL:
                yield node.name


def _length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return how many lines there are from the first statement to the last."""
    first, *rest = function.body
    is_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    begin = rest[0] if rest and is_docstring else first
    return (function.end_lineno or 0) - begin.lineno + 1


def _methods(protocol: ast.ClassDef) -> int:
    return sum(isinstance(member, ast.FunctionDef) for member in protocol.body)
