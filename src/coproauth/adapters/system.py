"""The machine's clock and its source of randomness."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime


class SystemClock:
    """Tells the machine's time."""

    def now(self) -> datetime:
        """Return this instant, aware, in UTC."""
        return datetime.now(UTC)


class SystemSecrets:
    """Draws from the operating system (ASVS V6.5.3)."""

    def token_bytes(self, size: int) -> bytes:
        """Return ``size`` bytes that nobody can predict."""
        return secrets.token_bytes(size)
