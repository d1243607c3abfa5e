"""The names of all tests and what they say, read from their source: nothing is imported, nothing run."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parents[1]


@cache
def named_tests() -> Mapping[str, tuple[str, ...]]:
    """Return, for each name of a test function, every place where it is: ``tests/<file>::<class>::<name>``."""
    places: dict[str, list[str]] = defaultdict(list)
    for place in described_tests():
        places[place.rpartition("::")[2]].append(place)
    return {name: tuple(found) for name, found in places.items()}


@cache
def described_tests() -> Mapping[str, str]:
    """Return what each test says it shows, by its place."""
    found: dict[str, str] = {}
    for path in sorted(TESTS.rglob("test_*.py")):
        file = path.relative_to(TESTS.parent).as_posix()
        for place, sentence in _functions(ast.parse(path.read_text("utf-8")).body):
            found["::".join((file, *place))] = sentence
    return found


def _functions(body: list[ast.stmt], *classes: str) -> Iterator[tuple[tuple[str, ...], str]]:
    for statement in body:
        if isinstance(statement, ast.ClassDef):
            yield from _functions(statement.body, *classes, statement.name)
        elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef) and statement.name.startswith("test_"):
            yield (*classes, statement.name), ast.get_docstring(statement) or ""
