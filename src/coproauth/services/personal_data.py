"""What is kept about a person: told on request, and erased on request."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import attrs

from coproauth.core.audit import AuditEvent, Pathway
from coproauth.core.identities import EmailAddress, Identity
from coproauth.core.personal_data import PersonalExport, collect
from coproauth.ports import AuditTrail
from coproauth.services.service import Service
from coproauth.services.units import persistently


@attrs.frozen(kw_only=True)
class PersonalData(Service):
    """Answers the rights of a person, by the hand of an operator who has made sure who is asking."""

    def export(self, email: str, *, operator: str | None = None) -> PersonalExport | None:
        """Return everything that is kept about the login of an address; None if it has none.

        It is what a person may have told (GDPR art. 15), and take elsewhere (art. 20). No password hash, no digest and
        no index of a code is in it: they tell nothing about the person, and guard what is theirs.

        Args:
            email: of the login.
            operator: the id of who answers the request, for the audit trail.

        Raises:
            InvalidInput: it is no address, or the operator's id is none at all.
            Unavailable: the store, the directory or the trail is away.
        """
        identity = self._identity_of(email)
        if identity is None:
            return None
        with self._attempts.by_operator(Pathway.PERSONAL_DATA_EXPORTED, operator) as attempt:
            attempt.subject = identity.id
            return persistently(lambda: self._collect(identity), policy=self.policy)

    def erase(self, email: str, *, operator: str | None = None) -> bool:
        """Remove the login of an address with links, sessions and waiting mail (GDPR art. 17); False if it has none.

        Codes that it used stay used, and no longer tell by whom. The trail keeps the login's id and the pseudonym of
        its address, which name nobody without the keys, until ``Policy.audit_kept``. Contacts are the host's, and stay
        as they are.

        Args:
            email: of the login.
            operator: the id of who answers the request, for the audit trail.

        Raises:
            InvalidInput: it is no address, or the operator's id is none at all.
            Unavailable: the store is away.
        """
        identity = self._identity_of(email)
        if identity is None:
            return False
        with self._attempts.by_operator(Pathway.LOGIN_ERASED, operator) as attempt:
            attempt.subject = identity.id
            housekeeping = self.store.housekeeping()
            return persistently(lambda: housekeeping.remove_identity(identity.id), policy=self.policy)

    def _identity_of(self, email: object) -> Identity | None:
        address = EmailAddress.parse(email)
        return self._look(lambda work: work.identities.by_email(address.key))

    def _collect(self, identity: Identity) -> PersonalExport:
        housekeeping = self.store.housekeeping()
        contact_ids, sessions = self._look(
            lambda work: (work.links.contacts_of(identity.id), work.sessions.of(identity.id))
        )
        return collect(
            identity,
            contact_ids=contact_ids,
            contacts=self.directory.contacts(contact_ids),
            sessions=sessions,
            codes=housekeeping.codes_used_by(identity.id),
            mail=housekeeping.mail_of(identity),
            events=self._events_about({identity.id, *contact_ids, *self.keyring.pseudonyms(identity.email_key)}),
        )

    def _events_about(self, subjects: Collection[str]) -> Sequence[AuditEvent] | None:
        return self.audit.about(subjects) if isinstance(self.audit, AuditTrail) else None
