"""The page check as a join of our own tables, over one connection of psycopg, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime

import psycopg
from tests.benchmarks.databases import Town
from tests.benchmarks.peers.ours import Ours, town_of
from tests.benchmarks.peers.protocol import Contestant, Site
from tests.benchmarks.population import KEYRING

_WHO = """
    SELECT identities.id, identities.email, sessions.credential_stamp, sessions.account_id, sessions.expires_at,
        contacts.id, contacts.name, accounts.id, accounts.label, condominiums.id, condominiums.name, portfolio_id
    FROM {0}sessions AS sessions JOIN {0}identities AS identities ON identities.id = sessions.identity_id
    LEFT JOIN {0}links AS links ON links.identity_id = identities.id
    LEFT JOIN {0}contacts AS contacts ON contacts.id = links.contact_id
    LEFT JOIN {0}accounts AS accounts ON accounts.id = contacts.account_id
    LEFT JOIN {0}condominiums AS condominiums ON condominiums.id = accounts.condominium_id
    WHERE sessions.digest = %s AND sessions.expires_at > %s
"""


def open_contestant(site: Site) -> Contestant:
    """Fill the database if it is new: the tables are ours."""
    return Contestant(peer=Psycopg(town_of(site)))


class Psycopg(Ours):
    """One connection, one statement, which psycopg prepares by itself; we log in with our own."""

    def __init__(self, town: Town) -> None:
        super().__init__(town)
        url = town.engine.url.set(drivername="postgresql")
        self._raw = psycopg.connect(url.render_as_string(hide_password=False), autocommit=True)
        self._statement = _WHO.format(town.store.tables.prefix).encode()

    def who(self, cookie: str) -> str | None:
        """One join, of which there is a row for each account."""
        rows = self._raw.execute(self._statement, [KEYRING.digest(cookie), datetime.now(UTC)]).fetchall()
        return rows[0][1] if rows else None
