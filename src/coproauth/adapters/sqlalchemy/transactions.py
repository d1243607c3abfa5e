"""Who holds a connection, and for what.

Within a unit of work everything goes over its one connection: store and directory see the same snapshot, and a thread
never waits for a second connection while it holds a first (which, with a bounded pool, ends in all threads waiting).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from weakref import WeakKeyDictionary, ref

from sqlalchemy import Connection, Engine

WRITING = "coproauth_writing"  # the execution option that tells a unit of work from a reading


class Transactions:
    """Opens transactions on one engine, for everything that shares it."""

    def __init__(self, engine: Engine) -> None:
        """Use ``Transactions.on``: what shares an engine must share this."""
        self._engine_ref = ref(engine)  # weak: an engine that its owner drops is not kept alive from here
        self._current: ContextVar[Connection | None] = ContextVar("connection", default=None)
        # SQLite has one writer at a time and lets the others poll; threads of one process take turns instead.
        self._turn: AbstractContextManager[object] = (
            threading.Lock() if engine.dialect.name == "sqlite" else nullcontext()
        )

    @classmethod
    def on(cls, engine: Engine) -> Transactions:
        """Return the transactions of an engine."""
        with _lock:
            known = _known.get(engine)
            if known is None:
                known = _known[engine] = cls(engine)
            return known

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a consistent view, or go on in the transaction that this thread is in."""
        current = self._current.get()
        if current is not None:
            yield current
            return
        with self._connect() as connection, connection.begin(), self._being_current(connection):
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a unit of work: kept when the block ends, undone when it raises."""
        with self.apart() as connection, self._being_current(connection):
            yield connection

    @contextmanager
    def apart(self) -> Iterator[Connection]:
        """Open a transaction that belongs to no unit of work.

        Raises:
            RuntimeError: this thread is in a unit of work already, and would wait for itself.
        """
        if self._current.get() is not None:
            raise RuntimeError("a unit of work is open in this thread: nothing else can be written before it ends")
        with self._turn, self._connect() as connection:
            connection.execution_options(**{WRITING: True})
            with connection.begin():
                yield connection

    def _connect(self) -> Connection:
        engine = self._engine_ref()
        if engine is None:
            raise RuntimeError("the engine is gone")
        return engine.connect()

    @contextmanager
    def _being_current(self, connection: Connection) -> Iterator[None]:
        token = self._current.set(connection)
        try:
            yield
        finally:
            self._current.reset(token)


_lock = threading.Lock()
_known: WeakKeyDictionary[Engine, Transactions] = WeakKeyDictionary()
