"""All four services at once, in any order, against a plain model."""

from __future__ import annotations

import tempfile
from pathlib import Path

import attrs
from hypothesis import settings

from coproauth.adapters.sqlalchemy import SqlStore, StandaloneDirectory, sqlite_engine
from coproauth.testing import Sandbox
from coproauth.testing.machines import CoproauthMachine, patient_policy

_SETTINGS = settings(max_examples=200, stateful_step_count=50, deadline=None)


class OverMemory(CoproauthMachine):
    """The machine over the in-memory reference."""


class OverSqlite(CoproauthMachine):
    """The machine over a SQLite file of its own for each run."""

    def make_sandbox(self) -> Sandbox:
        """Return an empty town in a new file."""
        self._folder = tempfile.TemporaryDirectory()
        self._engine = sqlite_engine(Path(self._folder.name) / "town.sqlite3")
        store = SqlStore(self._engine)
        store.create_tables()
        policy = attrs.evolve(patient_policy(), require_email_proof=False)
        return Sandbox.build(store=store, directory=StandaloneDirectory(self._engine), policy=policy)

    def teardown(self) -> None:
        """Remove the file."""
        if hasattr(self, "_engine"):
            self._engine.dispose()
            self._folder.cleanup()


TestOverMemory = OverMemory.TestCase
TestOverMemory.settings = _SETTINGS
TestOverSqlite = OverSqlite.TestCase
TestOverSqlite.settings = settings(_SETTINGS, max_examples=20)
