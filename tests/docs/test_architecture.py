"""The picture of the house is the import contract, and its measures are kept."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import CodeType, FrameType

import attrs

import coproauth
from coproauth import EmailProofRequired
from coproauth.testing.sandbox import PASSWORD, Sandbox

_ROOT = Path(__file__).parents[2]
_SOURCE = Path(coproauth.__file__).parent
_MEASURED = re.compile(r"`(\w+)` makes up to (\d+), (\d+) deep, in (\d+) files")
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


def test_the_main_calls_are_as_long_as_the_page_says() -> None:
    """Where the house falls short of its own measure is told, with figures that hold."""
    town = Sandbox.build()
    town.activate(town.contact(), "first@example.fr")  # reads what is read once, such as the lists of words
    code, email = town.code_for(town.contact()), "jeanne@example.fr"
    activate = partial(town.auth.activation.activate, code=code, email=email, password=PASSWORD, source=town.source)
    with suppress(EmailProofRequired):
        activate()
    digits = town.digits_for(email)
    page = " ".join((_ROOT / "docs" / "explanation" / "architecture.md").read_text("utf-8").split())

    measured = {
        "activate": _Calls.of(lambda: activate(email_code=digits)).measures,
        "log_in": _Calls.of(lambda: town.log_in(email)).measures,
    }

    told = {found[1]: tuple(map(int, found.groups()[1:])) for found in _MEASURED.finditer(page)}
    assert told.keys() == measured.keys()
    for name, found in measured.items():
        assert all(is_so <= said <= is_so * 1.2 for is_so, said in zip(found, told[name], strict=True)), (name, found)


@attrs.define
class _Calls:
    """The calls inside the package that one call from outside leads to."""

    count: int = 0
    depth: int = 0
    files: set[str] = attrs.field(factory=set)
    _open: int = 0

    @classmethod
    def of(cls, call: Callable[[], object]) -> _Calls:
        """Make a call, and count."""
        calls = cls()
        sys.setprofile(calls._note)
        try:
            call()
        finally:
            sys.setprofile(None)
        return calls

    @property
    def measures(self) -> tuple[int, int, int]:
        """How many, how deep, and in how many files."""
        return self.count, self.depth, len(self.files)

    def _note(self, frame: FrameType, event: str, _: object) -> None:
        if event not in {"call", "return"} or not _is_counted(frame.f_code):
            return
        self._open += 1 if event == "call" else -1
        if event == "call":
            self.count += 1
            self.depth = max(self.depth, self._open)
            self.files.add(frame.f_code.co_filename)


def _is_counted(code: CodeType) -> bool:
    """Whether it is a function of the library: no part of another one, and nothing that is there for tests."""
    folders = Path(code.co_filename).parents
    return not code.co_name.startswith("<") and _SOURCE in folders and _SOURCE / "testing" not in folders
