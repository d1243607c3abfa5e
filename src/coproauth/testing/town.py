"""A small town to test in: condominiums, people with codes, and the library wired over them with a clock that obeys.

For tests only: hashes are as cheap as can be, and what looks random is not.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

import attrs

from coproauth.adapters.argon2 import Argon2Hasher
from coproauth.adapters.memory import MemoryAudit, MemoryDirectory, MemoryMailer, MemoryStore
from coproauth.core.accounts import Account, Condominium, Contact, Manager
from coproauth.core.messages import EmailProofMessage, Message, ResetLinkMessage
from coproauth.core.sessions import SignedIn
from coproauth.core.sources import Source
from coproauth.errors import EmailProofRequired
from coproauth.facade import Coproauth
from coproauth.policy import Argon2Parameters, Policy
from coproauth.ports import AuditSink, Directory, Mailer, PasswordHasher, Store, Throttle
from coproauth.testing.fakes import FakeClock

TEST_POLICY = Policy(argon2=Argon2Parameters.unsafe_only_for_tests(), unsafe_cheap_hashes=True)
SECRET_KEY = "a key for tests and nothing else, 0123456789"  # noqa: S105 - known to everyone
PORTAL_URL = "https://portail.example.fr"
PASSWORD = "quatre girafes dansent"  # noqa: S105 - known to everyone
HOME = Source("192.0.2.1", user_agent="Firefox")

_Kind = TypeVar("_Kind", bound=Message)


class Registry(Protocol):
    """The few writes of a stand-alone directory."""

    def add_condominium(self, *, name: str, portfolio_id: str) -> Condominium:
        """Add a condominium to a portfolio."""
        ...

    def add_account(self, condominium_id: str, *, label: str) -> Account:
        """Add an account to a condominium."""
        ...

    def add_contact(self, account_id: str, *, name: str, email: str | None = None) -> Contact:
        """Add a person to an account."""
        ...

    def remove_condominium(self, condominium_id: str) -> None:
        """Remove a condominium with its accounts and their contacts."""
        ...

    def remove_contact(self, contact_id: str) -> None:
        """Remove a person from its account."""
        ...


class HostDirectory(Directory, Registry, Protocol):
    """A directory that a test can fill."""


class SeededSecrets:
    """Bytes that look random and are the same in every run."""

    def __init__(self, seed: str = "") -> None:
        """Start a sequence of its own for each seed."""
        self._seed = seed
        self._count = itertools.count()

    def token_bytes(self, size: int) -> bytes:
        """Return the next ``size`` bytes."""
        return hashlib.shake_256(f"{self._seed}:{next(self._count)}".encode()).digest(size)


@attrs.define
class WatchedHasher:
    """A hasher that notes each password it is given, and lets a test act in the middle of the work.

    Attributes:
        seen: every password that was hashed or verified, in order.
        meanwhile: called once, before the next password is worked on.
    """

    inner: PasswordHasher
    seen: list[str] = attrs.field(factory=list, repr=False)
    meanwhile: Callable[[], object] | None = None

    def hash(self, password: str) -> str:
        """Return a salted hash."""
        self._note(password)
        return self.inner.hash(password)

    def verify(self, *, password_hash: str, password: str) -> bool:
        """Whether the password is the one that was hashed."""
        self._note(password)
        return self.inner.verify(password_hash=password_hash, password=password)

    def needs_rehash(self, password_hash: str) -> bool:
        """Whether the hash was made with other than current parameters."""
        return self.inner.needs_rehash(password_hash)

    @property
    def decoy(self) -> str:
        """A hash that no password fits."""
        return self.inner.decoy

    def _note(self, password: str) -> None:
        self.seen.append(password)
        act, self.meanwhile = self.meanwhile, None
        if act is not None:
            act()


class Town:
    """Condominiums, their people, and the library between them.

    Attributes:
        auth: the library.
        mailbox: everything that was sent, unless another mailer was given.
        audit: the audit trail, unless another sink was given.
    """

    def __init__(
        self,
        *,
        policy: Policy = TEST_POLICY,
        store: Store | None = None,
        directory: HostDirectory | None = None,
        mailer: Mailer | None = None,
        hasher: PasswordHasher | None = None,
        throttle: Throttle | None = None,
        audit: AuditSink | None = None,
    ) -> None:
        """Found a town, over memory unless told otherwise."""
        self.clock = FakeClock()
        self.secrets = SeededSecrets()
        self.store: Store = store or MemoryStore()
        self.directory: HostDirectory = directory or MemoryDirectory()
        self.mailbox = MemoryMailer()
        self.audit = MemoryAudit()
        self.hasher = WatchedHasher(hasher or Argon2Hasher(policy.argon2))
        self._mailer = mailer or self.mailbox
        self._throttle = throttle
        self._audit = audit or self.audit
        self.auth = self.another_server(policy=policy)

    def another_server(
        self,
        *,
        policy: Policy = TEST_POLICY,
        secret_keys: Sequence[str | bytes] = (SECRET_KEY,),
        portal_url: str = PORTAL_URL,
    ) -> Coproauth:
        """Wire the library once more over the same store, directory and clock."""
        return Coproauth(
            store=self.store,
            directory=self.directory,
            mailer=self._mailer,
            secret_keys=secret_keys,
            portal_url=portal_url,
            policy=policy,
            clock=self.clock,
            secrets=self.secrets,
            hasher=self.hasher,
            throttle=self._throttle,
            audit=self._audit,
        )

    # The host's side

    def condominium(self, name: str = "Les Lilas", *, portfolio_id: str = "north") -> Condominium:
        """Build a condominium."""
        return self.directory.add_condominium(name=name, portfolio_id=portfolio_id)

    def contact(
        self, name: str = "Jeanne Martin", *, of: Condominium | None = None, email: str | None = None
    ) -> Contact:
        """Let a co-owner buy a flat in a condominium, a new one if none is named."""
        account = self.directory.add_account((of or self.condominium()).id, label=f"Lot de {name}")
        return self.directory.add_contact(account.id, name=name, email=email)

    def manager_of(self, contact: Contact) -> Manager:
        """Return a manager within whose portfolio the contact is."""
        return Manager(id="manager-1", portfolio_id=contact.account.portfolio_id)

    def code_for(self, contact: Contact) -> str:
        """Have the manager issue a code for a contact."""
        return self.auth.activation.issue(contact.id, by=self.manager_of(contact)).code

    # The co-owner's side

    def move_in(
        self, email: str = "jeanne@example.fr", *, password: str = PASSWORD, contact: Contact | None = None
    ) -> SignedIn:
        """Take a contact, a new one if none is named, through the whole onboarding."""
        return self.activate(self.code_for(contact or self.contact()), email, password=password)

    def activate(self, code: str, email: str, *, password: str = PASSWORD, source: Source = HOME) -> SignedIn:
        """Activate with a code, proving the address if asked to."""
        activate = self.auth.activation.activate
        try:
            return activate(code=code, email=email, password=password, source=source)
        except EmailProofRequired:
            digits = self.last_mail(EmailProofMessage, to=email).code
        return activate(code=code, email=email, password=password, email_code=digits, source=source)

    def log_in(self, email: str = "jeanne@example.fr", *, password: str = PASSWORD, source: Source = HOME) -> SignedIn:
        """Log in."""
        return self.auth.login.log_in(email=email, password=password, source=source)

    def reset_token(self, email: str = "jeanne@example.fr", *, source: Source = HOME) -> str:
        """Ask for a reset link and return the token in it."""
        self.auth.password_reset.request(email=email, source=source)
        return self.last_mail(ResetLinkMessage, to=email).url.rpartition("/")[2]

    # The postman's side

    def mail(self, kind: type[_Kind], *, to: str | None = None) -> list[_Kind]:
        """Deliver what waits, and return all mail of a kind, to one address if it is named."""
        self.auth.deliver_mail()
        return [message for message in self.mailbox.sent if isinstance(message, kind) and to in {None, message.to}]

    def last_mail(self, kind: type[_Kind], *, to: str) -> _Kind:
        """Deliver what waits, and return the last mail of a kind to an address; ``LookupError`` if there is none."""
        return self.mail(kind, to=to)[-1]
