"""What ``import coproauth`` brings, and what it does not."""

from __future__ import annotations

import subprocess
import sys

import pytest

import coproauth

_OPTIONAL = ("sqlalchemy", "starlette", "jinja2", "hypothesis", "redis", "uvicorn", "multipart", "pytest", "bcrypt")


def _loaded_by(statement: str) -> set[str]:
    """Return the names of all modules that a fresh interpreter has loaded after a statement."""
    program = f"{statement}\nimport sys\nprint('\\n'.join(sys.modules))"
    run = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)  # noqa: S603
    return set(run.stdout.split())


def test_importing_loads_no_optional_dependency() -> None:
    """An embedder pays only for what he uses."""
    loaded = _loaded_by("import coproauth")

    assert "coproauth.facade" in loaded
    assert loaded.isdisjoint(_OPTIONAL)


def test_the_portal_is_imported_by_nothing() -> None:
    """The reference portal is an example, not a part."""
    loaded = _loaded_by("import coproauth")

    assert not {name for name in loaded if name.startswith(("coproauth.portal", "coproauth.testing"))}


@pytest.mark.parametrize("name", coproauth.__all__)
def test_every_public_name_is_there(name: str) -> None:
    """What is announced can be imported."""
    assert getattr(coproauth, name) is not None


def test_public_names_are_sorted() -> None:
    """A reader finds a name where it belongs."""
    assert sorted(coproauth.__all__) == coproauth.__all__


def test_every_refusal_is_public() -> None:
    """What can be raised can be caught by its name."""
    assert {refusal.__name__ for refusal in coproauth.Refused.__subclasses__()} <= set(coproauth.__all__)
