"""The memory that one hash at a time is computed in, kept for the next. Nothing here knows what is computed."""

from __future__ import annotations

import mmap
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

_ADVICE = ("MADV_HUGEPAGE", "MADV_DONTDUMP")  # fewer page faults; what is in it is in no core dump
_WORTH_KEEPING = 1024 * 1024  # bytes; what is smaller is had anew in less than a tenth of a millisecond


class HashingMemory:
    """A private mapping that grows with what is asked for; nothing is taken before that.

    Whoever holds it is alone with it: the gate hands it to one thread at a time.
    """

    def __init__(self) -> None:
        self._mapping: mmap.mmap | None = None
        self._used_at = time.monotonic()

    @property
    def is_held(self) -> bool:
        """Whether memory of the system is held, be it used or not."""
        return self._mapping is not None

    @property
    def idle_for(self) -> timedelta:
        """How long ago it was last lent."""
        return timedelta(seconds=time.monotonic() - self._used_at)

    @contextmanager
    def lend(self, size: int, *, keep: bool) -> Iterator[mmap.mmap]:
        """Lend zeros for as long as the block runs; whoever borrows them leaves zeros behind.

        After an error nobody knows what is left in them, so they are given back to the system.

        Args:
            size: bytes; more may be lent.
            keep: whether they are worth keeping for the next; what is small never is.

        Raises:
            MemoryError: the system has none.
        """
        is_kept = False
        try:
            yield (mapping := self._grown_to(size))
            is_kept = keep and len(mapping) >= _WORTH_KEEPING
        finally:
            self._used_at = time.monotonic()
            if not is_kept:
                self.give_back()

    def give_back(self) -> None:
        """Give all of it back to the system."""
        mapping, self._mapping = self._mapping, None
        if mapping is not None:
            mapping.close()

    def abandon(self) -> None:
        """Forget, in a forked child, what a thread of the parent was computing; that thread's borrowing never ends."""
        mapping, self._mapping = self._mapping, None
        if mapping is not None:
            _advise(mapping, "MADV_DONTNEED")

    def _grown_to(self, size: int) -> mmap.mmap:
        if self._mapping is None or len(self._mapping) < size:
            self.give_back()
            self._mapping = _map(size)
        return self._mapping


def _map(size: int) -> mmap.mmap:
    try:
        mapping = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except (OSError, OverflowError) as error:
        raise MemoryError(f"no {size} bytes for a hash") from error
    for advice in _ADVICE:
        _advise(mapping, advice)
    return mapping


def _advise(mapping: mmap.mmap, advice: str) -> None:
    """Give the kernel an advice, where there is such a one."""
    if hasattr(mmap, advice):
        with suppress(OSError):  # a kernel that was built without it
            mapping.madvise(getattr(mmap, advice))
