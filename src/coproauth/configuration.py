"""The configuration of an installation: one TOML file, read into values, and the library wired from them.

Commands and stand-alone portals use it; a host that has settings of its own wires ``Coproauth`` itself.
"""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

import attrs
from sqlalchemy import Engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from coproauth.adapters.breaches import FileBreaches, RangeBreaches
from coproauth.adapters.hashers import hasher_of
from coproauth.adapters.logging import LoggingAudit
from coproauth.adapters.smtp import SmtpMailer
from coproauth.adapters.sqlalchemy import (
    EngineSettings,
    Schema,
    SqlAudit,
    SqlStore,
    StandaloneDirectory,
    Tables,
    sql_engine,
)
from coproauth.adapters.sqlalchemy.tables import own_tables
from coproauth.core.messages import Message
from coproauth.errors import ConfigurationError
from coproauth.facade import Coproauth
from coproauth.policy import Policy
from coproauth.ports import AuditSink, BreachedPasswords, Directory, Store, Throttle
from coproauth.toml_values import TomlReader, read_toml

if TYPE_CHECKING:
    from redis import Redis

_NOT_IN_FILES = frozenset({"folder", "_opened", "ssl_context", "clock", "secrets"})  # objects, no values

_STEP_TIMEOUT = timedelta(hours=1)  # an index on a large table is built by one statement


@attrs.frozen(kw_only=True)
class RedisSettings:
    """Where Redis is, and what is kept there beside the counters of attempts.

    Attributes:
        url: ``redis://…``, ``rediss://…`` or ``unix://…``.
        sessions: whether sessions are kept there, too.
        namespace: what the names of all keys begin with; another for each installation that shares the server.
        timeout: how long to wait for a connection, and for an answer.
    """

    url: str = attrs.field(repr=False)
    sessions: bool = False
    namespace: str = "coproauth:"
    timeout: timedelta = timedelta(milliseconds=500)


@attrs.frozen(kw_only=True)
class BreachSettings:
    """Who knows the passwords that leaked elsewhere: a file, or a server of ranges.

    Attributes:
        file: of SHA-1 digests, sorted; relative to the folder of the configuration.
        range_url: of a server that speaks the range protocol.
        timeout: how long its answer is waited for.

    Raises:
        ConfigurationError: not exactly one of the two is named.
    """

    file: str | None = None
    range_url: str | None = None
    timeout: timedelta = timedelta(seconds=2)

    def __attrs_post_init__(self) -> None:
        if (self.file is None) == (self.range_url is None):
            raise ConfigurationError("there must be either file or range_url")


@attrs.frozen(kw_only=True)
class AuditSettings:
    """Where the audit trail goes.

    Attributes:
        table: into a table of the database, instead of Python's logging.
    """

    table: bool = False


@attrs.frozen(kw_only=True)
class Configuration:
    """What an installation is made of; to be used in a ``with`` block, which closes what it opened.

    Attributes:
        database: its URL; the path of a SQLite file is relative to ``folder``.
        portal_url: where mail sends people.
        secret_keys: 32 random bytes or more each; oldest first, the last signs.
        peppers: mixed into passwords before they are hashed; of the same kind, the last is used.
        legacy_hashes: whether hashes of other systems are verified, too, for logins that were brought in.
        table_prefix: what the names of the tables begin with.
        database_settings: connections and waits.
        mail: who sends it: this installation, by ``smtp``, or the host, by a mailer of its own.
        smtp: the mail server, if mail is to be sent.
        redis: where attempts are counted, instead of the database.
        breaches: who knows the passwords that leaked elsewhere, if anybody is asked.
        policy: every limit.
        audit: where the audit trail goes.
        folder: where relative paths start: that of the file.

    Raises:
        ConfigurationError: mail is the host's, and there is a mail server.
    """

    database: str = attrs.field(repr=False)
    portal_url: str
    secret_keys: tuple[str, ...] = attrs.field(repr=False)
    peppers: tuple[str, ...] = attrs.field(default=(), repr=False)
    legacy_hashes: bool = False
    table_prefix: str = "coproauth_"
    database_settings: EngineSettings = EngineSettings()
    mail: Literal["smtp", "host"] = "smtp"
    smtp: SmtpMailer | None = None
    redis: RedisSettings | None = None
    breaches: BreachSettings | None = None
    policy: Policy = Policy()
    audit: AuditSettings = AuditSettings()
    folder: Path = Path()
    _opened: ExitStack = attrs.field(factory=ExitStack, init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        if self.mail == "host" and self.smtp is not None:
            raise ConfigurationError("mail is the host's, so there must be no table smtp")

    @classmethod
    def load(cls, path: Path) -> Configuration:
        """Return what a file says.

        Raises:
            ConfigurationError: the file cannot be read, or one of its keys cannot be used; the message names it.
        """
        reader = TomlReader(folder=path.parent, left_out=_NOT_IN_FILES)
        try:
            return attrs.evolve(reader.build(cls, read_toml(path)), folder=path.parent)
        except ConfigurationError as error:
            raise ConfigurationError(f"{path}: {error}") from None

    def __enter__(self) -> Self:
        """Nothing is opened before it is needed."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        self._opened.close()

    def engine(self) -> Engine:
        """Return the engine, one for as long as the configuration is used; it connects when it is needed."""
        return self._engine

    def redis_client(self) -> Redis | None:
        """Return a client of Redis, if one is configured; it connects when it is needed."""
        return self._redis_client

    def tables(self) -> Tables:
        """Return the tables under their prefix."""
        return own_tables(self.table_prefix)

    def schema(self) -> Schema:
        """Return the version of the tables, and the steps to the newest."""
        return Schema(self.engine(), prefix=self.table_prefix)

    def patient_schema(self) -> Schema:
        """Return the same for whoever takes the steps: one statement of them may take an hour."""
        return Schema(self._patient_engine, prefix=self.table_prefix)

    def store(self) -> SqlStore:
        """Return the store on the database."""
        return SqlStore(self.engine(), tables=self.tables(), policy=self.policy)

    def directory(self) -> StandaloneDirectory:
        """Return the directory in tables of ours."""
        return StandaloneDirectory(self.engine(), tables=self.tables(), policy=self.policy)

    def mailer(self) -> SmtpMailer:
        """Return the mailer.

        Raises:
            ConfigurationError: no mail server is configured, or mail is the host's.
        """
        if self.mail == "host":
            raise ConfigurationError("mail is the host's; it is sent by a courier of the host")
        if self.smtp is None:
            raise ConfigurationError("smtp is missing; it must be a table, for mail to be sent")
        return self.smtp

    def breached_passwords(self) -> BreachedPasswords | None:
        """Return who knows the passwords that leaked elsewhere, if anybody is asked.

        Raises:
            ConfigurationError: the address cannot be asked safely.
        """
        settings = self.breaches
        if settings is None:
            return None
        if settings.range_url is not None:
            return RangeBreaches(url=settings.range_url, timeout=settings.timeout)
        return FileBreaches(self.folder / str(settings.file))

    def wire(self, *, directory: Directory | None = None) -> Coproauth:
        """Return the library, over the stand-alone directory unless the host's own is given.

        Raises:
            ConfigurationError: a key is missing or short, a pepper is short, or the portal's address is unsafe.
        """
        store, throttle = self._on_redis(self.store())
        return Coproauth(
            store=store,
            directory=directory or self.directory(),
            mailer=self.smtp or _NoMailer(self),
            secret_keys=self.secret_keys,
            portal_url=self.portal_url,
            policy=self.policy,
            hasher=hasher_of(self.policy, peppers=self.peppers, legacy_hashes=self.legacy_hashes),
            throttle=throttle,
            audit=self._audit(),
            breaches=self.breached_passwords(),
        )

    @cached_property
    def _engine(self) -> Engine:
        return self._opened_engine(self.database_settings)

    @cached_property
    def _patient_engine(self) -> Engine:
        patience = max(self.database_settings.statement_timeout, _STEP_TIMEOUT)
        return self._opened_engine(attrs.evolve(self.database_settings, statement_timeout=patience))

    def _opened_engine(self, settings: EngineSettings) -> Engine:
        engine = sql_engine(self._database_url(), settings=settings)
        self._opened.callback(engine.dispose)
        return engine

    def _database_url(self) -> URL:
        """Return the database's URL; what is relative starts at the file, not where the command is run."""
        try:
            url = make_url(self.database)
        except (ArgumentError, ValueError):  # the latter shows a part of the password in its text
            raise ConfigurationError("database is no URL such as sqlite:///portal.sqlite3") from None
        path = url.database or ""
        is_file = url.get_backend_name() == "sqlite" and path not in {"", ":memory:"}
        return url.set(database=str(self.folder / path)) if is_file else url

    @cached_property
    def _redis_client(self) -> Redis | None:
        if self.redis is None:
            return None
        from coproauth.adapters.redis import redis_client  # noqa: PLC0415 - an extra

        client = redis_client(self.redis.url, timeout=self.redis.timeout)
        self._opened.callback(client.close)
        return client

    def _on_redis(self, store: Store) -> tuple[Store, Throttle | None]:
        """Return the store and the throttle, on Redis as far as it is configured."""
        settings, client = self.redis, self.redis_client()
        if settings is None or client is None:
            return store, None
        from coproauth.adapters.redis import RedisSessions, RedisThrottle  # noqa: PLC0415 - an extra

        throttle = RedisThrottle(client, policy=self.policy, namespace=settings.namespace)
        return RedisSessions(store, client, namespace=settings.namespace) if settings.sessions else store, throttle

    def _audit(self) -> AuditSink:
        if not self.audit.table:
            return LoggingAudit()
        return SqlAudit(self.engine(), tables=self.tables(), policy=self.policy)


@attrs.frozen
class _NoMailer:
    """Stands where no mail server is configured; says so when mail is to be sent."""

    configuration: Configuration

    def send(self, message: Message) -> None:
        """Refuse."""
        self.configuration.mailer().send(message)
