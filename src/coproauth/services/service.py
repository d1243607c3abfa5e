"""What every service is given, and the collaborators it builds from that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TypeVar

import attrs

from coproauth.core.accounts import Contact, Manager, parse_id
from coproauth.core.devices import Device
from coproauth.core.identities import EmailAddress, Identity
from coproauth.core.sources import Source
from coproauth.core.throttling import device_key, login_key, manager_key, password_keys
from coproauth.core.tokens import Keyring
from coproauth.errors import Refused
from coproauth.policy import Policy
from coproauth.ports import (
    AuditSink,
    BreachedPasswords,
    Clock,
    Directory,
    PasswordHasher,
    SecretSource,
    Store,
    Throttle,
    UnitOfWork,
)
from coproauth.services.attempts import Attempt, Attempts
from coproauth.services.code_issuing import CodeIssuer
from coproauth.services.managing import managed_contact
from coproauth.services.outgoing_mail import OutgoingMail
from coproauth.services.passwords import Passwords
from coproauth.services.sessions import SessionKeeper
from coproauth.services.signed_links import SignedLinks
from coproauth.services.units import atomically, looking

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class Service:
    """The ports of a use case. Services hold no state of their own: one instance serves every thread."""

    store: Store
    directory: Directory
    throttle: Throttle
    audit: AuditSink
    clock: Clock
    secrets: SecretSource
    keyring: Keyring
    policy: Policy

    def _admit_manager(self, attempt: Attempt, manager: object) -> None:
        """Count what a manager does; whether he may is asked after that.

        Raises:
            Throttled: it is more than people do.
        """
        if isinstance(manager, Manager):
            attempt.admit(manager_key(manager, self.policy))

    def _managed(self, attempt: Attempt, contact_id: object, by: object) -> Contact:
        """Count what a manager does to a contact, and return it if it is within his reach.

        It is on record as what he meant, also where it is another portfolio's (ASVS V16.3.2).

        Raises:
            InvalidInput: the contact's id is none at all.
            NotAllowed: not acting as a manager, no such contact, or another portfolio's.
            Throttled: it is more than people do.
        """
        attempt.subject = parse_id(contact_id, field="contact_id")
        self._admit_manager(attempt, by)
        return managed_contact(self.directory, attempt.subject, by, policy=self.policy)

    def _atomically(self, step: Callable[[UnitOfWork], T]) -> T:
        return atomically(self.store, step, policy=self.policy)

    def _conclude(self, attempt: Attempt, step: Callable[[UnitOfWork], T]) -> T:
        """Run the unit of work that a pathway ends with: where it can be, its success is on record with it.

        A step that returns a refusal, to be raised once what it wrote is kept, is no success.
        """

        def run(work: UnitOfWork) -> T:
            done = step(work)
            if not isinstance(done, Refused):
                attempt.conclude(work)
            return done

        noted = attempt.actor, attempt.subject
        try:
            return self._atomically(run)
        except BaseException:  # whom an undone unit has found, perhaps made, is undone with it
            attempt.actor, attempt.subject = noted
            raise

    def _look(self, look: Callable[[UnitOfWork], T]) -> T:
        return looking(self.store, look, policy=self.policy)

    def _pseudonym(self, email: EmailAddress) -> str:
        return self.keyring.pseudonyms(email.key)[0]

    @cached_property
    def _attempts(self) -> Attempts:
        return Attempts(throttle=self.throttle, audit=self.audit, clock=self.clock, secrets=self.secrets)

    @cached_property
    def _issuer(self) -> CodeIssuer:
        return CodeIssuer(clock=self.clock, secrets=self.secrets, keyring=self.keyring, policy=self.policy)

    @cached_property
    def _mail(self) -> OutgoingMail:
        return OutgoingMail(clock=self.clock, secrets=self.secrets)

    @cached_property
    def _sessions(self) -> SessionKeeper:
        return SessionKeeper(
            store=self.store,
            directory=self.directory,
            clock=self.clock,
            secrets=self.secrets,
            keyring=self.keyring,
            policy=self.policy,
        )


@attrs.frozen(kw_only=True)
class PasswordService(Service):
    """A service that also verifies or writes passwords."""

    hasher: PasswordHasher
    breaches: BreachedPasswords | None = None

    def _admit_password(self, attempt: Attempt, source: Source, email_key: str) -> Device | None:
        """Count an attempt at a login's password, and return the browser that it is counted in, if that is known.

        Its success forgets the failures of strangers as well.

        Raises:
            Throttled: too many failures from this source or on this login; from a browser that is known, in it.
        """
        device = self._sessions.device(source, email_key)
        attempt.admit(*password_keys(source, email_key, device, self.policy))
        attempt.vouch(login_key(email_key, self.policy))
        return device

    def _admit_password_of(self, attempt: Attempt, source: Source, identity: Identity) -> None:
        """Count an attempt at the password of a login that was looked up already.

        Raises:
            Throttled: too many failures from this source or on this login; from a browser that is known, in it.
        """
        device = self._admit_password(attempt, source, identity.email_key)
        self._admit_stranger(attempt, source, identity.email_key, device, identity)

    def _admit_stranger(
        self, attempt: Attempt, source: Source, email_key: str, device: Device | None, identity: Identity | None
    ) -> None:
        """Count it where a stranger's attempt is counted, too, if the browser is one of before the login's last change.

        Raises:
            Throttled: too many failures from this source or on this login.
        """
        if device is not None and not device.knows(identity):
            attempt.admit(*password_keys(source, email_key, None, self.policy))

    def _vouch(self, attempt: Attempt, source: Source, identity: Identity) -> None:
        """Have an attempt that needs no password forget all failures with it: guesses lock nobody out."""
        device = self._sessions.device(source, identity.email_key)
        attempt.vouch(login_key(identity.email_key, self.policy))
        if device is not None:
            attempt.vouch(device_key(device, self.policy))

    def _contacts_of(self, identity: Identity) -> Sequence[Contact]:
        return self._look(lambda work: self.directory.contacts(work.links.contacts_of(identity.id)))

    @cached_property
    def _links(self) -> SignedLinks:
        return SignedLinks(store=self.store, clock=self.clock, keyring=self.keyring, policy=self.policy)

    @cached_property
    def _passwords(self) -> Passwords:
        return Passwords(
            hasher=self.hasher,
            policy=self.policy,
            mail=self._mail,
            breaches=self.breaches,
            site=self.keyring.audience,
        )
