"""The picture of the house is the import contract."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_FLOOR = re.compile(r"^ +\| (?P<modules>\w+(?: +\w+)*) +\| .+$", re.MULTILINE)


def test_the_floors_of_the_house_are_the_layers_of_the_import_contract() -> None:
    """From the roof to the ground, and those beside each other on one floor."""
    page = (_ROOT / "docs" / "explanation" / "architecture.md").read_text("utf-8")
    picture = page.partition("## The house\n")[2].partition("\n## ")[0]
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text("utf-8"))
    (contract,) = project["tool"]["importlinter"]["contracts"]

    floors = [found["modules"].split() for found in _FLOOR.finditer(picture)]

    assert floors == [layer.replace("coproauth.", "").split(" | ") for layer in contract["layers"]]
