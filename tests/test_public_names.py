"""What ``import coproauth`` brings, and what it does not."""

from __future__ import annotations

import subprocess
import sys

import pytest

import coproauth

_OPTIONAL = ("sqlalchemy", "starlette", "jinja2", "hypothesis", "redis", "uvicorn", "multipart", "pytest", "bcrypt")

_REQUIRED = ("argon2", "attr", "email_validator", "idna", "itsdangerous")
_FIRST_VISIT = """
import sys
from coproauth import Coproauth, Manager, Policy, Source
from coproauth.adapters.memory import MemoryDirectory, MemoryMailer, MemoryStore

directory = MemoryDirectory()
house = directory.add_condominium(name="Les Tilleuls", portfolio_id="north")
contact = directory.add_contact(directory.add_account(house.id, label="Lot 1").id, name="Jeanne Roux")
source, manager = Source(address="192.0.2.1", user_agent="Firefox"), Manager(id="m", portfolio_id="north")
mailer = MemoryMailer()
auth = Coproauth(
    store=MemoryStore(),
    directory=directory,
    mailer=mailer,
    secret_keys=["the key of a test, 0123456789 abcdefghij"],
    portal_url="https://app.example.fr",
    policy=Policy(require_email_proof=False),
)
print("wired")
before = set(sys.modules)

code = auth.activation.issue(contact.id, by=manager).code
email, password = "jeanne@example.fr", "deux loutres dans la cour"
auth.activation.preview(code, source=source)
auth.activation.activate(code=code, email=email, password=password, source=source)
auth.login.session(auth.login.log_in(email=email, password=password, source=source).token)
auth.password_reset.request(email=email, source=source)
auth.deliver_mail()
auth.password_reset.redeem(
    mailer.sent[-1].url.rpartition("/")[2], new_password="trois hiboux sous la lune", source=source
)

late = {name.partition(".")[0] for name in set(sys.modules) - before} - sys.stdlib_module_names
print("\\n".join(f"late:{name}" for name in late))
"""


def _loaded_by(statement: str) -> set[str]:
    """Return the names of all modules that a fresh interpreter has loaded after a statement."""
    program = f"{statement}\nimport sys\nprint('\\n'.join(sys.modules))"
    run = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)  # noqa: S603
    return set(run.stdout.split())


def test_importing_the_package_loads_nothing_heavy() -> None:
    """The version, a command's help, a single module come without the rest."""
    loaded = _loaded_by("import coproauth; coproauth.__version__")

    assert loaded.isdisjoint(_REQUIRED)
    assert {name for name in loaded if name.startswith("coproauth")} == {"coproauth"}


def test_refusals_come_alone() -> None:
    """They are in the lowest module, for whoever only has to catch one."""
    loaded = _loaded_by("from coproauth.errors import LoginRefused")

    assert loaded.isdisjoint(_REQUIRED)


def test_public_names_load_no_optional_dependency() -> None:
    """An embedder pays only for what he uses."""
    loaded = _loaded_by("from coproauth import Coproauth")

    assert "coproauth.facade" in loaded
    assert loaded.isdisjoint(_OPTIONAL)


def test_public_names_load_nothing_that_only_an_address_needs() -> None:
    """What reads addresses is slow to import, and the lists of passwords are read by what is slow to import, too."""
    loaded = _loaded_by("from coproauth import Coproauth")

    assert loaded.isdisjoint({"email_validator", "idna", "importlib.resources"})


def test_the_first_visitor_waits_for_no_import() -> None:
    """Once the library is wired, activation, log-in and reset load no other library; nor does the page check."""
    loaded = _loaded_by(_FIRST_VISIT)

    assert "wired" in loaded
    assert {name.removeprefix("late:") for name in loaded if name.startswith("late:")} == set()


def test_the_portal_is_imported_by_nothing() -> None:
    """The reference portal is an example, not a part."""
    loaded = _loaded_by("from coproauth import Coproauth")

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
