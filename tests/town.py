"""A sandbox under observation: every password that is hashed is noted, every port can be another one."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Sequence
from typing import TypeVar

import attrs

from coproauth.adapters.argon2 import Argon2Hasher
from coproauth.adapters.hashing_gate import HashingGate
from coproauth.adapters.memory import MemoryAudit, MemoryDirectory, MemoryMailer, MemoryStore
from coproauth.core.messages import Intention, MailKind, Message
from coproauth.core.sessions import SignedIn
from coproauth.core.sources import Source
from coproauth.errors import Refused
from coproauth.facade import Coproauth
from coproauth.policy import Policy
from coproauth.ports import AuditSink, Directory, Mailer, PasswordHasher, SecretSource, Store, Throttle
from coproauth.testing.fakes import FakeClock
from coproauth.testing.sandbox import PASSWORD, PORTAL_URL, Sandbox, cheap_policy

SECRET_KEY = "a key for tests and nothing else, 0123456789"
JEANNE = "jeanne@example.fr"

_Kind = TypeVar("_Kind", bound=Message)


def refusal_of(call: Callable[[], object]) -> tuple[type[Refused], str]:
    """Return the kind and the reason of the refusal that a call is answered with.

    Raises:
        AssertionError: nothing was refused.
    """
    try:
        call()
    except Refused as refusal:
        return type(refusal), refusal.reason
    raise AssertionError("nothing was refused")


class SeededSecrets:
    """Bytes that look random and are the same in every run."""

    def __init__(self) -> None:
        """Start the sequence."""
        self._count = itertools.count()

    def token_bytes(self, size: int) -> bytes:
        """Return the next ``size`` bytes."""
        return hashlib.shake_256(str(next(self._count)).encode()).digest(size)


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


@attrs.frozen(kw_only=True)
class Wiring:
    """What every server of a town is wired over."""

    store: Store
    directory: Directory
    mailer: Mailer
    clock: FakeClock
    secrets: SecretSource
    hasher: PasswordHasher
    throttle: Throttle | None
    audit: AuditSink

    def wire(self, *, policy: Policy, secret_keys: Sequence[str | bytes], portal_url: str) -> Coproauth:
        """Return the library over these ports."""
        return Coproauth(
            store=self.store,
            directory=self.directory,
            mailer=self.mailer,
            secret_keys=secret_keys,
            portal_url=portal_url,
            policy=policy,
            clock=self.clock,
            secrets=self.secrets,
            hasher=self.hasher,
            throttle=self.throttle,
            audit=self.audit,
        )


@attrs.frozen
class Town(Sandbox):
    """A sandbox over memory whose hasher is watched and whose ports can be others.

    Attributes:
        hasher: notes every password.
        wiring: the ports, for another server over the same.
    """

    hasher: WatchedHasher = attrs.field(kw_only=True)
    wiring: Wiring = attrs.field(kw_only=True)

    @classmethod
    def found(
        cls,
        *,
        policy: Policy | None = None,
        store: Store | None = None,
        directory: Directory | None = None,
        mailer: Mailer | None = None,
        throttle: Throttle | None = None,
        audit: AuditSink | None = None,
    ) -> Town:
        """Found a town; its sandbox keeps the mail, events and people of memory, whatever the library is given."""
        memory, mailbox, trail, clock = MemoryDirectory(), MemoryMailer(), MemoryAudit(), FakeClock()
        hasher = WatchedHasher(Argon2Hasher(cheap_policy().argon2, gate=HashingGate.of(cheap_policy())))
        ports = Wiring(
            store=store or MemoryStore(),
            directory=directory or memory,
            mailer=mailer or mailbox,
            clock=clock,
            secrets=SeededSecrets(),
            hasher=hasher,
            throttle=throttle,
            audit=audit or trail,
        )
        auth = ports.wire(policy=policy or cheap_policy(), secret_keys=[SECRET_KEY], portal_url=PORTAL_URL)
        return cls(auth, ports.store, memory, mailbox, trail, clock, hasher=hasher, wiring=ports)

    def another_server(
        self,
        *,
        policy: Policy | None = None,
        secret_keys: Sequence[str | bytes] = (SECRET_KEY,),
        portal_url: str = PORTAL_URL,
    ) -> Coproauth:
        """Wire the library once more over the same ports."""
        return self.wiring.wire(policy=policy or cheap_policy(), secret_keys=secret_keys, portal_url=portal_url)

    def move_in(self, email: str = JEANNE, *, password: str = PASSWORD) -> SignedIn:
        """Take a new contact through the whole onboarding."""
        return self.activate(self.contact(), email, password=password)

    def mail(self, kind: type[_Kind], *, to: str | None = None) -> list[_Kind]:
        """Deliver what waits, and return all mail of a kind, to one address if it is named."""
        self.auth.deliver_mail()
        return [message for message in self.mailer.sent if isinstance(message, kind) and to in {None, message.to}]

    def give_up_a_mail(self, mail_id: str = "lost", *, to: str = JEANNE, identity_id: str | None = None) -> Intention:
        """Leave a mail in the outbox that was tried as often as may be."""
        now = self.clock.now()
        lost = Intention(
            id=mail_id,
            kind=MailKind.EMAIL_CHANGED,
            to=to,
            locale="fr",
            identity_id=identity_id,
            queued_at=now,
            due_at=now,
            tries=self.auth.policy.mail_tries,
            failure="SMTPRecipientsRefused 550",
        )
        with self.store.writing() as work:
            work.outbox.add(lost)
        return lost

    def reset_token(self, email: str = JEANNE, *, source: Source | None = None) -> str:
        """Ask for a reset link and return the token in it."""
        self.auth.password_reset.request(email=email, source=source or self.source)
        return self.reset_token_for(email)
