"""This library as an installation has it: throttle, audit, outbox and directory in the one database."""

from __future__ import annotations

from datetime import UTC, datetime

import attrs
from sqlalchemy import delete, inspect, select
from tests.benchmarks.databases import SETTINGS, Town, measured_policy
from tests.benchmarks.peers.protocol import KEY, Contestant, Peer, Site
from tests.benchmarks.population import fill

from coproauth import Keyring, LoginRefused, Policy, Source
from coproauth.adapters.sqlalchemy import sql_engine
from coproauth.adapters.system import SystemClock
from coproauth.core.messages import MailKind
from coproauth.core.tokens import LinkClaims, Purpose
from coproauth.policy import SESSION_VIEW_CEILING

_SOURCE = Source("198.51.100.7", user_agent="Firefox", device_token="")  # a browser that is not known
_ANSWERS = (MailKind.RESET_LINK, MailKind.UNKNOWN_ADDRESS)
_CLAIMS = LinkClaims(identity_id=bytes(range(16)).hex(), credential_stamp=3, email_digest=bytes(range(16, 32)).hex())


def open_contestant(site: Site) -> Contestant:
    """Fill the database if it is new."""
    town = town_of(site)
    viewed = attrs.evolve(town, policy=attrs.evolve(town.policy, session_view_lifetime=SESSION_VIEW_CEILING))
    return Contestant(peer=Ours(town), signed=OursBySignedViews(viewed), links=OurLinks())


def town_of(site: Site) -> Town:
    """Return the town of a site, filled if nobody has done so yet."""
    engine = sql_engine(site.postgresql or f"sqlite:///{site.file('coproauth')}", settings=SETTINGS)
    if not inspect(engine).get_table_names():
        fill(engine, site.people)
    policy = measured_policy(site.people.argon2)
    return Town(engine=engine, population=site.people, filled_in=0.0, policy=policy, clock=SystemClock())


class Ours(Peer):
    """The use cases; people come back in the browser they were in before, whoever guesses is in an unknown one."""

    mails_strangers = True

    def __init__(self, town: Town) -> None:
        self._auth = town.auth
        self._device_tokens: dict[tuple[str, str], str | None] = {}  # by address and password
        self._engine, self._outbox = town.engine, town.store.tables.outbox

    def log_in(self, email: str, password: str) -> str | None:
        """Everything that `log_in` does; the device token is kept, as a browser keeps it."""
        source = attrs.evolve(_SOURCE, device_token=self._device_tokens.get((email, password), ""))
        try:
            signed_in = self._auth.login.log_in(email=email, password=password, source=source)
        except LoginRefused:
            return None
        self._device_tokens[email, password] = signed_in.device_token
        return signed_in.token

    def who(self, cookie: str) -> str | None:
        """Session, login, contacts and accounts."""
        return self._auth.login.session(cookie).email

    def request_reset(self, email: str) -> None:
        """Queue the mail, for whatever address."""
        self._auth.password_reset.request(email=email, source=_SOURCE)

    def has_mail(self, email: str) -> bool:
        """Look into the outbox for an answer to a reset request."""
        is_wanted = (self._outbox.c.to == email) & self._outbox.c.kind.in_(_ANSWERS)
        with self._engine.connect() as connection:
            return connection.execute(select(self._outbox.c.id).where(is_wanted)).first() is not None

    def forget_mail(self, email: str) -> None:
        """Empty the outbox of it."""
        with self._engine.begin() as connection:
            connection.execute(delete(self._outbox).where(self._outbox.c.to == email))


class OursBySignedViews(Ours):
    """The same, with browsers that keep the signed view beside the token."""

    def __init__(self, town: Town) -> None:
        super().__init__(town)
        self._views: dict[str, str] = {}

    def who(self, cookie: str) -> str | None:
        """What the view says; the database is asked by a browser that has none."""
        viewed = self._auth.session_views.session(cookie, view=self._views.get(cookie))
        if viewed.view is not None:
            self._views[cookie] = viewed.view
        return viewed.session.email


class OurLinks:
    """A key ring, as the services have it."""

    def __init__(self) -> None:
        self._ring, self._policy = Keyring(secret_keys=[KEY], audience="https://app.example.fr"), Policy()

    def make(self) -> str:
        """Sign the claims."""
        return self._ring.sign_link(Purpose.RESET, _CLAIMS, at=datetime.now(UTC))

    def check(self, token: str) -> object:
        """Read them back, and compare them with the login."""
        read = self._ring.read_link(Purpose.RESET, token, at=datetime.now(UTC), policy=self._policy)
        return read == _CLAIMS
