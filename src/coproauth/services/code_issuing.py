"""Draws activation codes: the code for the letter, and the record for the store."""

from __future__ import annotations

import attrs

from coproauth.core.accounts import Contact
from coproauth.core.activation import CodeRecord, IssuedCode
from coproauth.core.activation_codes import ActivationCode
from coproauth.core.tokens import Keyring, Purpose
from coproauth.policy import Policy
from coproauth.ports import Clock, SecretSource


@attrs.frozen(kw_only=True)
class CodeIssuer:
    """Draws codes; who calls it keeps the records, and hands out the codes only if they are kept."""

    clock: Clock
    secrets: SecretSource
    keyring: Keyring
    policy: Policy

    def draw(self, contact: Contact) -> tuple[IssuedCode, CodeRecord]:
        """Return a new code for a contact, and what is to be stored of it."""
        now = self.clock.now()
        code = ActivationCode.draw(self.secrets.token_bytes)
        record = CodeRecord(
            id=self.secrets.token_bytes(16).hex(),
            contact_id=contact.id,
            portfolio_id=contact.account.portfolio_id,
            index=self.indices(code)[0],
            issued_at=now,
            expires_at=now + self.policy.code_lifetime,
        )
        return IssuedCode(code=str(code), contact=contact, expires_at=record.expires_at), record

    def indices(self, code: ActivationCode) -> tuple[str, ...]:
        """Return how a code may be found: its keyed hash, under each key."""
        return tuple(mac.hex() for mac in self.keyring.macs(Purpose.CODE_INDEX, code.symbols))
