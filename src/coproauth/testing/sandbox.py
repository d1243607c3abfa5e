"""A whole installation to try things on: a town of condominiums, a clock to move, mail to read, cheap hashes."""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol

import attrs

from coproauth.adapters.memory import MemoryAudit, MemoryDirectory, MemoryMailer, MemoryStore
from coproauth.core.accounts import Account, Condominium, Contact, Manager
from coproauth.core.messages import EmailProofMessage, Message, ResetLinkMessage
from coproauth.core.sessions import SignedIn
from coproauth.core.sources import Source
from coproauth.errors import EmailProofRequired
from coproauth.facade import Coproauth
from coproauth.policy import Argon2Parameters, Policy
from coproauth.ports import BreachedPasswords, Directory, PasswordHasher, Store
from coproauth.testing.fakes import FakeClock

PORTFOLIO = "portfolio-1"
PASSWORD = "une girafe sous la pluie"  # noqa: S105 - everybody's password in the sandbox
PORTAL_URL = "https://app.example.fr"


class WritableDirectory(Directory, Protocol):
    """A directory that a test can fill, and empty again."""

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


def cheap_policy() -> Policy:
    """Return the default policy with hashes that cost nothing, and are worth as much; only for testing.

    Any number of them may wait, so that a crowd of threads on a slow machine is not turned away.
    """
    return Policy(argon2=Argon2Parameters.unsafe_only_for_tests(), unsafe_cheap_hashes=True, hashes_waiting=10_000)


@attrs.frozen
class Sandbox:
    """An installation whose every part a test can reach.

    Attributes:
        auth: the library, wired.
        manager: acts for ``PORTFOLIO``.
        source: a browser somewhere.
    """

    auth: Coproauth
    store: Store
    directory: WritableDirectory
    mailer: MemoryMailer
    audit: MemoryAudit
    clock: FakeClock
    manager: Manager = Manager(id="manager-1", portfolio_id=PORTFOLIO)
    source: Source = Source("192.0.2.1", user_agent="Browser")

    @classmethod
    def build(
        cls,
        *,
        store: Store | None = None,
        directory: WritableDirectory | None = None,
        policy: Policy | None = None,
        clock: FakeClock | None = None,
        breaches: BreachedPasswords | None = None,
        hasher: PasswordHasher | None = None,
    ) -> Sandbox:
        """Return an empty town, in memory unless a store and a directory are given."""
        store = store or MemoryStore()
        directory = directory or MemoryDirectory()
        mailer, audit, clock = MemoryMailer(), MemoryAudit(), clock or FakeClock()
        auth = Coproauth(
            store=store,
            directory=directory,
            mailer=mailer,
            secret_keys=["sandbox-key-of-at-least-32-bytes-0123456789"],
            portal_url=PORTAL_URL,
            policy=policy or cheap_policy(),
            clock=clock,
            hasher=hasher,
            audit=audit,
            breaches=breaches,
        )
        return cls(auth, store, directory, mailer, audit, clock)

    def contact(
        self,
        name: str = "Jeanne Roche",
        *,
        condominium: str = "Les Lilas",
        portfolio_id: str = PORTFOLIO,
        email: str | None = None,
    ) -> Contact:
        """Add a person with an account of their own in a condominium of their own."""
        building = self.directory.add_condominium(name=condominium, portfolio_id=portfolio_id)
        account = self.directory.add_account(building.id, label=f"{name}, {condominium}")
        return self.directory.add_contact(account.id, name=name, email=email)

    def manager_of(self, contact: Contact) -> Manager:
        """Return a manager within whose reach a contact is."""
        return Manager(id=f"manager of {contact.account.portfolio_id}", portfolio_id=contact.account.portfolio_id)

    def code_for(self, contact: Contact) -> str:
        """Return a new activation code for a contact, as printed in the letter."""
        return self.auth.activation.issue(contact.id, by=self.manager_of(contact)).code

    def activate(self, contact: Contact, email: str, *, password: str = PASSWORD) -> SignedIn:
        """Walk a contact through the onboarding, with the proof of the address where one is asked for."""
        return self.activate_with(self.code_for(contact), email, password=password)

    def activate_with(self, code: str, email: str, *, password: str = PASSWORD) -> SignedIn:
        """Walk the holder of a code through the onboarding."""
        try:
            return self.auth.activation.activate(code=code, email=email, password=password, source=self.source)
        except EmailProofRequired:
            return self.auth.activation.activate(
                code=code, email=email, password=password, email_code=self.digits_for(email), source=self.source
            )

    def log_in(self, email: str, *, password: str = PASSWORD) -> SignedIn:
        """Log in."""
        return self.auth.login.log_in(email=email, password=password, source=self.source)

    def mail_to(self, address: str) -> list[Message]:
        """Deliver what waits, and return everything that was sent to an address."""
        self.auth.deliver_mail()
        return [message for message in self.mailer.sent if message.to == address]

    def digits_for(self, address: str) -> str:
        """Return the six digits that were sent last to an address."""
        return [mail.code for mail in self.mail_to(address) if isinstance(mail, EmailProofMessage)][-1]

    def reset_token_for(self, address: str) -> str:
        """Return the token of the reset link that was sent last to an address."""
        links = [mail.url for mail in self.mail_to(address) if isinstance(mail, ResetLinkMessage)]
        return links[-1].rpartition("/")[2]

    def later(self, **units: float) -> None:
        """Move the clock on, by the arguments of ``timedelta``."""
        self.clock.advance(timedelta(**units))
