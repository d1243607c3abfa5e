"""A database filled quickly with logins, condominiums and traces of use, the same ones each time.

Nothing goes through the services, and nothing is looked up to find a key: names follow from numbers. Digests scatter
them over the indexes as real ones would be, so that the next key is never beside the last.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import psycopg
from sqlalchemy import Engine, Table

from coproauth.adapters.argon2 import Argon2Hasher
from coproauth.adapters.sqlalchemy import SqlStore, Tables
from coproauth.core.tokens import Keyring
from coproauth.policy import Argon2Parameters

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PASSWORD = "trois petits chats dans la cour"
SECRET_KEY = "une-cle-longue-et-tiree-au-hasard-pour-les-mesures"
PORTAL_URL = "https://portail.example.fr"
KEYRING = Keyring(secret_keys=[SECRET_KEY], audience=PORTAL_URL)

# A hundred logins at a time: 94 with one account, five with two to six, and an orphan; six contacts have no login yet.
_ACCOUNTS = (0, 2, 3, 4, 5, 6, *[1] * 94)
_FIRST = tuple(sum(_ACCOUNTS[:place]) for place in range(100))
_LINKED = sum(_ACCOUNTS)
_CONTACTS = _LINKED + 6
_PER_CONDOMINIUM = 40
_PER_PORTFOLIO = 200
_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
_TEXTS = {days: str((NOW - timedelta(days=days)).replace(tzinfo=None)) + ".000000" for days in range(-31, 800)}

Row = tuple[str | int | None, ...]


def _name(kind: str, number: int, *, size: int = 8) -> str:
    return hashlib.blake2b(f"{kind}:{number}".encode(), digest_size=size).hexdigest()


def _ago(days: int) -> str:
    """Return an instant as both engines read it."""
    return _TEXTS[days]


@attrs.frozen(kw_only=True)
class Population:
    """So many logins and all that is about them, by number.

    Attributes:
        logins: a multiple of a hundred.
        argon2: the cost of the hash of their one password.
    """

    logins: int
    argon2: Argon2Parameters = Argon2Parameters.unsafe_only_for_tests()

    @property
    def contacts(self) -> int:
        """How many people stand in the directory; each has an account."""
        return self.logins // 100 * _CONTACTS

    @property
    def condominiums(self) -> int:
        """How many buildings their accounts are in."""
        return self.contacts // _PER_CONDOMINIUM

    def password_hash(self) -> str:
        """Return the hash that all of them have, each time with another salt."""
        return Argon2Hasher(self.argon2).hash(PASSWORD)

    def identity_id(self, login: int) -> str:
        """Return the id of a login."""
        return _name("identity", login)

    def email(self, login: int) -> str:
        """Return what a login logs in with; a number too high is an address that nobody has."""
        return f"{_name('email', login, size=4)}.martin{login}@courriel{login % 50}.example.fr"

    def contact_id(self, contact: int) -> str:
        """Return the id of a contact."""
        return _name("contact", contact)

    def condominium_id(self, condominium: int) -> str:
        """Return the id of a condominium."""
        return _name("condominium", condominium)

    def token(self, login: int) -> str:
        """Return the session token of a login, which is live for every tenth."""
        return f"session-{login}"

    def rows(self, tables: Tables) -> Iterator[tuple[Table, Iterator[Row]]]:
        """Return what each table holds, in an order that foreign keys allow; a serial key is left to the database."""
        password_hash = self.password_hash()
        yield tables.condominiums, self._condominiums()
        yield tables.accounts, self._accounts()
        yield tables.contacts, self._people()
        yield tables.identities, (self._identity(login, password_hash) for login in range(self.logins))
        yield tables.links, self._links()
        yield tables.codes, self._codes()
        yield tables.sessions, self._sessions()
        yield tables.throttle, self._counters()
        yield tables.audit, self._events()

    def _of(self, login: int) -> range:
        """Return the contacts linked to a login."""
        block, place = divmod(login, 100)
        first = block * _CONTACTS + _FIRST[place]
        return range(first, first + _ACCOUNTS[place])

    def _by_condominium(self) -> Iterator[tuple[int, int]]:
        """Return every contact with its condominium, in the order of an import: a condominium after the other.

        The accounts of one login are in several of them.
        """
        for condominium in range(self.condominiums):
            for contact in range(condominium, self.contacts, self.condominiums):
                yield condominium, contact

    def _condominiums(self) -> Iterator[Row]:
        for number in range(self.condominiums):
            portfolio_id = _name("portfolio", number // _PER_PORTFOLIO)
            yield self.condominium_id(number), f"Résidence des Tilleuls {number}", portfolio_id

    def _accounts(self) -> Iterator[Row]:
        for condominium, contact in self._by_condominium():
            yield _name("account", contact), self.condominium_id(condominium), f"Lot {contact} — appartement"

    def _people(self) -> Iterator[Row]:
        for _, contact in self._by_condominium():
            email = f"famille{contact}@courriel{contact % 50}.example.fr"
            yield self.contact_id(contact), _name("account", contact), f"Jeanne Martin {contact}", email

    def _identity(self, login: int, password_hash: str) -> Row:
        """Return a login: last used up to two years and a day ago, its owner warned after 700 days."""
        unused = login * 7919 % 732
        warned = _ago(unused - 700) if unused > 700 else None
        email, seen = self.email(login), _ago(unused)
        account_id = _name("account", own[0]) if (own := self._of(login)) else None
        return self.identity_id(login), email, email, password_hash, 1, None, account_id, "fr", seen, seen, warned

    def _links(self) -> Iterator[Row]:
        for login in range(self.logins):
            for contact in self._of(login):
                yield self.contact_id(contact), self.identity_id(login), _ago(contact * 31 % 700)

    def _codes(self) -> Iterator[Row]:
        """Return a used code for each link, and one in the post for each contact without a login."""
        for login in range(self.logins):
            for contact in self._of(login):
                yield self._code(contact, contact * 31 % 430 + 30, self.identity_id(login))
        for block in range(self.logins // 100):
            for contact in range(block * _CONTACTS + _LINKED, (block + 1) * _CONTACTS):
                yield self._code(contact, 3, None)

    def _code(self, contact: int, days: int, used_by: str | None) -> Row:
        """Return a code issued so many days ago."""
        portfolio_id = _name("portfolio", contact % self.condominiums // _PER_PORTFOLIO)
        code_id, index = _name("code", contact, size=16), _name("index", contact, size=32)
        used_at = _ago(days - 5) if used_by else None
        times = _ago(days), _ago(days - 30), used_at
        return code_id, self.contact_id(contact), portfolio_id, index, *times, used_by, None, None, None, None

    def _sessions(self) -> Iterator[Row]:
        """Return a live session for every tenth login, and one that is over for every twentieth."""
        for login in range(0, self.logins, 10):
            yield self._session(login, KEYRING.digest(self.token(login)), _ago(-1))
        for login in range(5, self.logins, 20):
            yield self._session(login, _name("over", login, size=32), _ago(1))

    def _session(self, login: int, digest: str, expires_at: str) -> Row:
        account_id = _name("account", own[0]) if (own := self._of(login)) else None
        start = digest, digest[:16], self.identity_id(login), 1, account_id
        return *start, _ago(0), _ago(0), expires_at, f"192.0.2.{login % 250}", _AGENT

    def _counters(self) -> Iterator[Row]:
        """Return a counter for every fiftieth login; half of them start again from nothing."""
        for login in range(0, self.logins, 50):
            forget_at = _ago(login // 50 % 2 * 2 - 1)
            yield f"login:{_name('counter', login, size=32)}", 2, _ago(0), _ago(0), forget_at

    def _events(self) -> Iterator[Row]:
        """Return an event for each login, of the last 400 days."""
        for login in range(self.logins):
            at = _ago(400 - login * 400 // self.logins)
            who, address = self.identity_id(login), f"192.0.2.{login % 250}"
            yield at, "logged_in", "succeeded", None, None, who, address, "person", "Firefox", None


def fill(engine: Engine, population: Population) -> None:
    """Create the tables and fill them, then have the database look at what it holds."""
    store = SqlStore(engine)
    store.create_tables()
    load: Callable[..., None] = _load_postgresql if engine.dialect.name == "postgresql" else _load_sqlite
    load(engine, list(population.rows(store.tables)))


def _load_postgresql(engine: Engine, contents: Sequence[tuple[Table, Iterator[Row]]]) -> None:
    """Copy the rows in without checks of foreign keys; indexes are made at the end, as a restored dump makes them."""
    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with closing(psycopg.connect(url, autocommit=True, options="-c timezone=UTC -c maintenance_work_mem=512MB")) as raw:
        raw.execute("SET session_replication_role = replica")
        indexes = _without_indexes(raw)
        for table, rows in contents:
            columns = _filled(table)
            with raw.cursor() as cursor, cursor.copy(f"COPY {table.name} ({columns}) FROM STDIN".encode()) as copy:
                for row in rows:
                    copy.write_row(row)
        for definition in indexes:
            raw.execute(definition)
        raw.execute("VACUUM (FREEZE, ANALYZE)")
        raw.execute("CHECKPOINT")


def _without_indexes(raw: psycopg.Connection[Any]) -> list[bytes]:
    """Drop every index that is no constraint's, and return how to make them again."""
    found = raw.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
        " AND indexname NOT IN (SELECT conname FROM pg_constraint)"
    ).fetchall()
    for name, _ in found:
        raw.execute(f"DROP INDEX {name}".encode())
    return [definition.encode() for _, definition in found]


def _load_sqlite(engine: Engine, contents: Sequence[tuple[Table, Iterator[Row]]]) -> None:
    """Insert the rows in one transaction that nobody needs to survive, and make the indexes at the end."""
    with engine.connect() as connection:
        driver: Any = connection.connection.dbapi_connection
        for pragma in ("foreign_keys = OFF", "journal_mode = OFF", "synchronous = OFF", "cache_size = -500000"):
            driver.execute(f"PRAGMA {pragma}")
        indexes = driver.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql NOT NULL").fetchall()
        for name, _ in indexes:
            driver.execute(f"DROP INDEX {name}")
        driver.execute("BEGIN")
        for table, rows in contents:
            columns = _filled(table)
            places = ", ".join("?" * (columns.count(",") + 1))
            driver.executemany(f"INSERT INTO {table.name} ({columns}) VALUES ({places})", rows)  # noqa: S608 - ours
        driver.execute("COMMIT")
        for _, definition in indexes:
            driver.execute(definition)
        driver.execute("ANALYZE")
        connection.invalidate()  # the next connection has the settings of the library again
    engine.dispose()


def _filled(table: Table) -> str:
    """Return the columns of a row, comma-separated: all but a serial key."""
    return ", ".join(column.name for column in table.columns if column.name != "position")
