"""``Coproauth``: wires the services over the ports, after one look at the store."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import TypedDict

from coproauth.adapters.hashers import hasher_of
from coproauth.adapters.logging import LoggingAudit
from coproauth.adapters.system import SystemClock, SystemSecrets
from coproauth.core.portal_urls import PortalUrls
from coproauth.core.tokens import Keyring
from coproauth.errors import ConfigurationError
from coproauth.policy import Policy
from coproauth.ports import (
    AuditSink,
    BreachedPasswords,
    Clock,
    Directory,
    Mailer,
    PasswordHasher,
    SecretSource,
    Store,
    Throttle,
)
from coproauth.services.account_switching import AccountSwitcher
from coproauth.services.activation import ActivationService
from coproauth.services.contact_import import ContactImporter, ContactTables
from coproauth.services.courier import Courier
from coproauth.services.login import LoginService
from coproauth.services.maintenance import Maintenance
from coproauth.services.outbox import WaitingMail
from coproauth.services.password_reset import PasswordResetService
from coproauth.services.personal_data import PersonalData
from coproauth.services.session_views import SessionViews


class _Ports(TypedDict):
    """What every service is given."""

    store: Store
    directory: Directory
    throttle: Throttle
    audit: AuditSink
    clock: Clock
    secrets: SecretSource
    keyring: Keyring
    policy: Policy


class Coproauth:
    """The library, wired.

    Attributes:
        activation: codes, onboarding, linking.
        login: sessions, password, e-mail.
        session_views: who is logged in, without the store for some seconds; off unless the policy says otherwise.
        password_reset: links and temporary passwords.
        accounts: moving between accounts.
        maintenance: removes what is no longer needed.
        personal_data: tells and erases what is kept about a person.
        waiting_mail: tells what waits to be sent, and what becomes of mail that was given up.
        courier: delivers the mail that the others queue.
        keyring: the secret keys, for integrations that sign forms.
        directory: the host's condominiums, accounts and contacts, as given.
        portal_url: where mail sends people, without a final slash.
        policy: every limit.
    """

    def __init__(  # noqa: PLR0913 - one argument a port
        self,
        *,
        store: Store,
        directory: Directory,
        mailer: Mailer,
        secret_keys: Sequence[str | bytes],
        portal_url: str,
        policy: Policy | None = None,
        clock: Clock | None = None,
        secrets: SecretSource | None = None,
        hasher: PasswordHasher | None = None,
        throttle: Throttle | None = None,
        audit: AuditSink | None = None,
        breaches: BreachedPasswords | None = None,
    ) -> None:
        """Wire the services.

        Args:
            store: what the library owns.
            directory: the host's condominiums, accounts and contacts.
            mailer: takes finished messages.
            secret_keys: 32 random bytes or more each; oldest first, the last signs.
            portal_url: where mail sends people, ``https://`` outside loopback; the host of a request is never used.
                Part of whatever is signed or hashed: at another address, codes and links made before are void.
            policy: every limit.
            clock: the machine's, if not given.
            secrets: the operating system's, if not given.
            hasher: Argon2id at the policy's cost, if not given.
            throttle: the store's own counters, if not given.
            audit: Python's logging, if not given.
            breaches: tells whether a new password has leaked; if not given, nobody does.

        Raises:
            ConfigurationError: a key is missing or short, the portal's address is no safe base for links, or the
                tables in the database are not those of this release.
            Unavailable: the store is away.
        """
        policy, urls = policy or Policy(), PortalUrls(base=portal_url)
        hasher = hasher or hasher_of(policy)
        ports: _Ports = {
            "store": store,
            "directory": directory,
            "throttle": throttle or store.throttle(),
            "audit": audit or LoggingAudit(),
            "clock": _require_aware(clock or SystemClock()),
            "secrets": secrets or SystemSecrets(),
            "keyring": Keyring(secret_keys=secret_keys, audience=urls.base, epoch=policy.epoch),
            "policy": policy,
        }
        self._ports = ports
        _make_ready(store)
        self.policy, self.portal_url, self.directory, self.keyring = policy, urls.base, directory, ports["keyring"]
        self.activation = ActivationService(**ports, hasher=hasher, breaches=breaches)
        self.login = LoginService(**ports, hasher=hasher, breaches=breaches)
        self.session_views = SessionViews(**ports)
        self.password_reset = PasswordResetService(**ports, hasher=hasher, breaches=breaches)
        self.accounts = AccountSwitcher(**ports)
        self.maintenance = Maintenance(**ports)
        self.personal_data = PersonalData(**ports)
        self.waiting_mail = WaitingMail(**ports)
        self.courier = _courier(ports, mailer, urls)

    def contact_importer(self, tables: ContactTables) -> ContactImporter:
        """Return what ``coproauth import`` imports contacts with, into the tables of a stand-alone directory."""
        return ContactImporter(**self._ports, tables=tables)

    def deliver_mail(self) -> int:
        """Send what waits in the outbox, and return how many mails were handed over."""
        return self.courier.deliver()


def _courier(ports: _Ports, mailer: Mailer, urls: PortalUrls) -> Courier:
    return Courier(
        store=ports["store"],
        mailer=mailer,
        clock=ports["clock"],
        keyring=ports["keyring"],
        urls=urls,
        policy=ports["policy"],
    )


def _make_ready(store: Store) -> None:
    """Have the first visitor wait for nothing that can be known, or loaded, before."""
    with store.reading():
        pass  # what is wrong with the store is told now
    import_module("email_validator")  # who only imports does not wait for it


def _require_aware(clock: Clock) -> Clock:
    if clock.now().tzinfo is None:
        raise ConfigurationError("the clock must tell aware instants")
    return clock
