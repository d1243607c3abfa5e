"""From the token of a link to the login it names, for the services that accept such tokens."""

from __future__ import annotations

import attrs

from coproauth.core.identities import Identity
from coproauth.core.tokens import Keyring, LinkFault, LinkPurpose
from coproauth.errors import ResetRefused
from coproauth.policy import Policy
from coproauth.ports import Clock, Store
from coproauth.services.units import looking


@attrs.frozen(kw_only=True)
class SignedLinks:
    """Resolves signed links; consumes nothing."""

    store: Store
    clock: Clock
    keyring: Keyring
    policy: Policy

    def resolve(self, purpose: LinkPurpose, token: object) -> tuple[Identity, str | None]:
        """Return the login that a link names, and the new e-mail it carries, if any.

        Raises:
            ResetRefused: not signed here for this purpose, too old, or the login is no longer as it was then.
        """
        claims = self.keyring.read_link(purpose, token, at=self.clock.now(), policy=self.policy)
        if isinstance(claims, LinkFault):
            raise ResetRefused(reason=claims)
        identity = looking(self.store, lambda work: work.identities.get(claims.identity_id), policy=self.policy)
        if not claims.names(identity):
            raise ResetRefused(reason=LinkFault.INVALID)
        return identity, claims.new_email
