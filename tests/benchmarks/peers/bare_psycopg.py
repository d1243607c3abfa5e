"""The page check as a join of our own tables, over one connection of psycopg, and nothing else."""

from __future__ import annotations

import random

import psycopg
from sqlalchemy import make_url
from tests.benchmarks.peers.ours import town_of
from tests.benchmarks.peers.protocol import Contestant, Peer, Site
from tests.benchmarks.population import KEYRING, NOW

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
    town = town_of(site)
    return Contestant(peer=Psycopg(site, _WHO.format(town.store.tables.prefix)))


class Psycopg(Peer):
    """One connection, one statement, which psycopg prepares by itself."""

    def __init__(self, site: Site, statement: str) -> None:
        url = make_url(site.postgresql or "").set(drivername="postgresql")
        self._raw = psycopg.connect(url.render_as_string(hide_password=False), autocommit=True)
        self._statement = statement.encode()
        self._people = site.people

    def log_in(self, email: str, password: str) -> str | None:  # noqa: ARG002 - what matters is the cookie
        """Return the cookie of somebody who is logged in already."""
        return self._people.token(random.randrange(0, self._people.logins, 10))  # noqa: S311 - no secret

    def who(self, cookie: str) -> object:
        """One join, of which there is a row for each account."""
        return self._raw.execute(self._statement, [KEYRING.digest(cookie), NOW]).fetchall()
