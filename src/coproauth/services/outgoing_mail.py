"""Queues the intention to write to someone, within the use case's own unit of work."""

from __future__ import annotations

import attrs

from coproauth.core.accounts import Contact
from coproauth.core.identities import EmailAddress, Identity
from coproauth.core.messages import Intention, MailKind
from coproauth.errors import InvalidInput
from coproauth.policy import Locale
from coproauth.ports import Clock, SecretSource, UnitOfWork


@attrs.frozen(kw_only=True)
class OutgoingMail:
    """Queues mail; the courier finishes and sends it."""

    clock: Clock
    secrets: SecretSource

    def to_identity(
        self,
        work: UnitOfWork,
        kind: MailKind,
        identity: Identity,
        *,
        contact: Contact | None = None,
        browser: str | None = None,
    ) -> None:
        """Write to a login's own e-mail, in its language; a link inside dies with the login's present stamp."""
        self.to_address(
            work, kind, identity.email, locale=identity.locale, identity=identity, contact=contact, browser=browser
        )

    def to_file(self, work: UnitOfWork, kind: MailKind, contact: Contact, *, identity: Identity) -> None:
        """Write to the e-mail on a contact's file, if there is a usable one that is not the login's."""
        try:
            email = EmailAddress.parse(contact.email)
        except InvalidInput:
            return
        if email.key != identity.email_key:
            self.to_address(work, kind, email.address, locale=identity.locale, contact=contact)

    def to_address(
        self,
        work: UnitOfWork,
        kind: MailKind,
        address: str,
        *,
        locale: Locale,
        identity: Identity | None = None,
        contact: Contact | None = None,
        nonce: str | None = None,
        browser: str | None = None,
    ) -> None:
        """Write to an address."""
        now = self.clock.now()
        work.outbox.add(
            Intention(
                id=self.secrets.token_bytes(16).hex(),
                kind=kind,
                to=address,
                locale=locale,
                identity_id=identity.id if identity else None,
                credential_stamp=identity.credential_stamp if identity else None,
                nonce=nonce,
                condominium_name=contact.account.condominium_name if contact else "",
                contact_name=contact.name if contact else "",
                queued_at=now,
                due_at=now,
                browser=browser,
            )
        )
