"""Stores that do one thing wrong, and the law that each is caught by."""

from __future__ import annotations

from collections.abc import Callable

from tests.testing.broken_operations import HOUSEKEEPING, RACES, SESSION_VIEWS
from tests.testing.broken_records import CODES, OUTBOX, SESSIONS
from tests.testing.broken_units import IDENTITIES, LINKS, UNITS

from coproauth.ports import Store

STORES: dict[str, tuple[Callable[[], Store], str]] = {
    **UNITS,
    **IDENTITIES,
    **LINKS,
    **CODES,
    **SESSIONS,
    **OUTBOX,
    **HOUSEKEEPING,
    **SESSION_VIEWS,
    **RACES,
}
