"""What has become of a hint since the demonstration was started, as database and directory have it now.

A code is looked up by its keyed index, a login by its e-mail and its stamp: no code is stored in clear for that, and no
password is hashed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import attrs

from coproauth.core.activation_codes import ActivationCode
from coproauth.core.identities import EmailAddress
from coproauth.facade import Coproauth
from coproauth.portal.demo.hints import Hint
from coproauth.ports import UnitOfWork
from coproauth.services.activation import ActivationService
from coproauth.services.code_issuing import CodeIssuer

State = Literal["used", "void", "changed", "gone"]


def states_of(hints: Iterable[Hint], auth: Coproauth) -> Mapping[str, State | None]:
    """Return the state of each hint, by the key of the situation; None if it does what is said of it."""
    with auth.activation.store.reading() as work:
        teller = _Teller(auth.activation, work)
        return {hint.shows: teller.state_of(hint) for hint in hints}


@attrs.frozen
class _Teller:
    """Looks within one unit of work."""

    service: ActivationService
    work: UnitOfWork

    def state_of(self, hint: Hint) -> State | None:
        """Return what has become of a hint; None if it does what is said of it."""
        return self._of_code(hint) if hint.code else self._of_login(hint)

    def _of_code(self, hint: Hint) -> State | None:
        """Return what has become of a code; one that was used stays used, though a dissociation revokes it as well."""
        if len(self._known(hint.contact_ids)) < len(hint.contact_ids):
            return "gone"
        code = self.work.codes.by_index(self._indices(hint.code or ""))
        if code is not None and code.used_at is not None and hint.shows != "used_code":
            return "used"
        return "void" if code is None or code.revoked_at is not None else None

    def _of_login(self, hint: Hint) -> State | None:
        """Return what has become of a login: of its accounts first, then of its password and e-mail."""
        identity = self.work.identities.by_email(EmailAddress.parse(hint.email).key)
        if identity is None:
            return "changed"
        linked, had = set(self.work.links.contacts_of(identity.id)), set(hint.contact_ids)
        known = self._known(linked)
        if had & linked - known:
            return "gone"
        if known == had and identity.credential_stamp == hint.stamp:
            return None
        if known != had or hint.password is None:
            return "changed"
        return "void" if identity.temporary_until else "used"

    def _known(self, contact_ids: Iterable[str]) -> set[str]:
        return {contact.id for contact in self.service.directory.contacts(tuple(contact_ids))}

    def _indices(self, code: str) -> tuple[str, ...]:
        own = self.service
        issuer = CodeIssuer(clock=own.clock, secrets=own.secrets, keyring=own.keyring, policy=own.policy)
        return issuer.indices(ActivationCode.parse(code))
