"""Which request something belongs to: said once by whoever serves it, and on record with all that comes of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from coproauth.core.audit import clip_correlation_id

_current: ContextVar[str | None] = ContextVar("coproauth_correlation_id", default=None)


@contextmanager
def correlated(correlation_id: object) -> Iterator[None]:
    """Have every audit event of a block carry an id: that of the request, as the host's own log has it.

    It holds for this thread or asyncio task, and for what they start with a copy of their context. Where no block is
    open, each attempt gets an id of its own.

    Args:
        correlation_id: of which the first 64 characters are kept, those that are no printable ASCII as ``?``.
    """
    token = _current.set(clip_correlation_id(correlation_id))
    try:
        yield
    finally:
        _current.reset(token)


def current_correlation_id() -> str | None:
    """Return the id of the block that is open; None if there is none."""
    return _current.get()
