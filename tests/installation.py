"""An installation as its operator has it: a configuration in a folder, a database, and the command line."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
import pytest
from tests.engines import SERVERS

from coproauth import MailKind, cli
from coproauth.configuration import Configuration
from coproauth.core.messages import Intention

KEY = "une-cle-longue-et-tiree-au-hasard-pour-les-essais"

_numbers = itertools.count()


@attrs.frozen
class Installation:
    """One installation.

    Attributes:
        folder: where its configuration is.
        database: the URL of its database.
    """

    folder: Path
    database: str

    @property
    def file(self) -> Path:
        """Its configuration."""
        return self.folder / "coproauth.toml"

    def configure(self, more: str = "") -> None:
        """Write the configuration: what is needed, and more tables."""
        keys = {"database": self.database, "portal_url": "https://portail.example.fr"}
        lines = [*(f'{key} = "{value}"' for key, value in keys.items()), f'secret_keys = ["{KEY}"]', more]
        self.file.write_text("\n".join(lines), "utf-8")

    def run(self, *arguments: str) -> int:
        """Run the command with this configuration, and return its status."""
        return cli.main([*arguments, "--config", str(self.file)])

    def open(self) -> Configuration:
        """Return the configuration, for a ``with`` block."""
        return Configuration.load(self.file)

    def queue(self, *mails: Intention) -> None:
        """Queue mails."""
        with self.open() as configuration, configuration.store().writing() as work:
            for mail in mails:
                work.outbox.add(mail)

    def queued(self) -> Sequence[Intention]:
        """Return the mails that wait."""
        with self.open() as configuration, configuration.store().reading() as work:
            return work.outbox.waiting(limit=100)


def install(kind: str, request: pytest.FixtureRequest, folder: Path) -> Installation:
    """Return an installation on an empty database of one kind."""
    url = "sqlite:///portal.sqlite3"
    if kind in SERVERS:
        url = request.getfixturevalue(SERVERS[kind]).create_database(f"installation_{next(_numbers)}")
    installation = Installation(folder, url)
    installation.configure()
    return installation


def mail(mail_id: str, *, tries: int = 0, failure: str | None = None, due_in: timedelta = timedelta(0)) -> Intention:
    """Return a notice to Jeanne."""
    now = datetime.now(UTC)
    return Intention(
        id=mail_id,
        kind=MailKind.EMAIL_CHANGED,
        to="jeanne@example.fr",
        locale="fr",
        queued_at=now - timedelta(hours=1),
        due_at=now + due_in,
        tries=tries,
        failure=failure,
    )
