"""The database of a demonstration: what the library owns, the condominiums, and a few notes, in one SQLite file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import attrs
from sqlalchemy import Column, Engine, MetaData, Table, Text, insert, select

from coproauth.adapters.sqlalchemy import SqlStore, StandaloneDirectory, sqlite_engine
from coproauth.adapters.sqlalchemy.transactions import Transactions
from coproauth.facade import Coproauth
from coproauth.policy import Policy
from coproauth.ports import Clock, Mailer, Throttle

NOTES = "demo_notes"  # the table by which a file is known to be the demonstration's own
_NOTES = Table(NOTES, MetaData(), Column("shows", Text, primary_key=True), Column("secret", Text, nullable=False))


@attrs.frozen(kw_only=True)
class DemoDatabase:
    """The file, opened.

    Attributes:
        secret_key: that the library is wired with on it.
    """

    engine: Engine
    store: SqlStore
    directory: StandaloneDirectory
    secret_key: bytes = attrs.field(repr=False)

    @classmethod
    @contextmanager
    def opened(cls, path: Path, *, secret_key: bytes) -> Iterator[Self]:
        """Open a file for as long as the block lasts."""
        engine = sqlite_engine(path)
        try:
            yield cls(
                engine=engine, store=SqlStore(engine), directory=StandaloneDirectory(engine), secret_key=secret_key
            )
        finally:
            engine.dispose()

    def create_tables(self) -> None:
        """Create the tables in a new file."""
        self.store.create_tables()
        with Transactions.on(self.engine).apart() as connection:
            _NOTES.create(connection)

    def note(self, shows: str, secret: str) -> None:
        """Keep what a person of the town could be shown only once, for the guide of later starts."""
        with Transactions.on(self.engine).apart() as connection:
            connection.execute(insert(_NOTES).values(shows=shows, secret=secret))

    def noted(self, shows: str) -> str | None:
        """Return what was kept."""
        with Transactions.on(self.engine).reading() as connection:
            return connection.scalar(select(_NOTES.c.secret).where(_NOTES.c.shows == shows))

    def wire(
        self,
        *,
        portal_url: str,
        policy: Policy,
        mailer: Mailer,
        clock: Clock | None = None,
        throttle: Throttle | None = None,
    ) -> Coproauth:
        """Return the library on this database."""
        return Coproauth(
            store=self.store,
            directory=self.directory,
            mailer=mailer,
            secret_keys=[self.secret_key],
            portal_url=portal_url,
            policy=policy,
            clock=clock,
            throttle=throttle,
        )
