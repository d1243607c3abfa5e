"""What a law is, how one is checked on an adapter, and what is told of it.

Nothing here knows a test runner: a law that is broken raises.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import AbstractContextManager
from enum import StrEnum
from typing import Generic, TypeAlias, TypeVar

import attrs

S = TypeVar("S")
R = TypeVar("R")

Make: TypeAlias = Callable[[], AbstractContextManager[S]]
"""Opens what a law is checked on: new and empty each time, closed when the block ends."""

THREADS = 8  # at once, where a law is about a race; more of them find no more, but cost a slow disk dearly


class Capability(StrEnum):
    """What an adapter need not be able to do."""

    CONCURRENT = "several threads at once"
    HOUSEKEEPING = "an operator who looks and removes"
    BATCHES = "several mails over one connection"
    TRAIL = "an audit trail that can be read again"
    JOINING = "units of work that it can be part of"


class Departure(Exception):  # noqa: N818 - it is what was seen, and becomes a LawBroken
    """What was seen is not what the law says."""


class LawBroken(AssertionError):  # noqa: N818 - it says what happened
    """An adapter does not keep a law.

    Attributes:
        law: its name.
        statement: what it says.
        seen: what happened instead.
    """

    def __init__(self, *, law: str, statement: str, seen: str) -> None:
        self.law, self.statement, self.seen = law, statement, seen
        super().__init__(f"{law}: {statement} Seen: {seen}")


@attrs.frozen(kw_only=True)
class Law(Generic[S]):
    """One thing that every adapter of a port does.

    Attributes:
        name: in snake_case, a sentence for short.
        statement: the sentence.
        needs: without which it says nothing about an adapter.
    """

    name: str
    statement: str
    needs: frozenset[Capability] = frozenset()
    _departs: Callable[[S, int], None] = attrs.field(repr=False, alias="departs")

    def __str__(self) -> str:
        """Return the name, by which test runners list it."""
        return self.name

    def check(self, make: Make[S], *, threads: int = THREADS) -> None:
        """Open one adapter and hold the law against it.

        Raises:
            LawBroken: the adapter departs from it, or raises what it should not.
        """
        with make() as subject:
            departure = self._departure(subject, threads)
        if departure is not None:
            seen = str(departure) if isinstance(departure, Departure) else f"raised {departure!r}"
            raise LawBroken(law=self.name, statement=self.statement, seen=seen) from departure

    def seen_through(self, view: Callable[[R], S]) -> Law[R]:
        """Return the same law about something that what it is about can be had from."""
        return Law(
            name=self.name,
            statement=self.statement,
            needs=self.needs,
            departs=lambda subject, threads: self._departs(view(subject), threads),
        )

    def _departure(self, subject: S, threads: int) -> Exception | None:
        try:
            self._departs(subject, threads)
        except Exception as departure:  # noqa: BLE001 - whatever an adapter raises where it should not is told
            return departure
        return None


@attrs.frozen(kw_only=True)
class Report:
    """What came of checking an adapter that breaks no law.

    Attributes:
        port: which port it implements.
        kept: the names of the laws that it keeps.
        skipped: why a law was not checked, by its name.
    """

    port: str
    kept: tuple[str, ...]
    skipped: Mapping[str, str]

    def __str__(self) -> str:
        """Return one line for the whole, and one for each law that was skipped."""
        lines = [f"{self.port}: {len(self.kept)} laws kept, {len(self.skipped)} skipped"]
        return "\n".join([*lines, *(f"- {law}: {reason}" for law, reason in self.skipped.items())])


class Contract(Generic[S]):
    """The laws of one port."""

    def __init__(self, port: str, laws: Iterable[Law[S]] = ()) -> None:
        """Name the port; laws are added by the decorators."""
        self.port = port
        self._laws = list(laws)

    @property
    def laws(self) -> tuple[Law[S], ...]:
        """All of them, in the order of reading."""
        return tuple(self._laws)

    def law(self, *needs: Capability) -> Callable[[Callable[[S], None]], Callable[[S], None]]:
        """Add a law: a function whose docstring says it, and which departs if it is not so."""

        def add(check: Callable[[S], None]) -> Callable[[S], None]:
            self._add(check, needs, lambda subject, _: check(subject))
            return check

        return add

    def race(self, *needs: Capability) -> Callable[[Callable[[S, int], None]], Callable[[S, int], None]]:
        """Add a law about what several threads do at once; it is told how many."""

        def add(check: Callable[[S, int], None]) -> Callable[[S, int], None]:
            self._add(check, (Capability.CONCURRENT, *needs), check)
            return check

        return add

    def through(self, view: Callable[[R], S]) -> tuple[Law[R], ...]:
        """Return the laws about something that this port can be had from."""
        return tuple(law.seen_through(view) for law in self._laws)

    def check(self, make: Make[S], *, without: Collection[Capability] = (), threads: int = THREADS) -> Report:
        """Check every law, each on an adapter of its own.

        Raises:
            ExceptionGroup: of a LawBroken for each law that is broken.
        """
        skipped = {law: law.needs & set(without) for law in self._laws}
        checked = [law for law, missing in skipped.items() if not missing]
        broken = {law.name: error for law in checked if (error := _broken(law, make, threads)) is not None}
        if broken:
            raise ExceptionGroup(f"{self.port} breaks {', '.join(broken)}", list(broken.values()))
        reasons = {law.name: f"does without {', '.join(sorted(why))}" for law, why in skipped.items() if why}
        return Report(port=self.port, kept=tuple(law.name for law in checked), skipped=reasons)

    def _add(
        self, check: Callable[..., None], needs: Collection[Capability], departs: Callable[[S, int], None]
    ) -> None:
        statement = inspect.cleandoc(check.__doc__ or "")
        self._laws.append(Law(name=check.__name__, statement=statement, needs=frozenset(needs), departs=departs))


def expect(seen: object, wanted: object, *, of: str = "") -> None:
    """Depart unless what was seen is what was wanted."""
    if seen != wanted:
        raise Departure(f"{of + ': ' if of else ''}{seen!r} instead of {wanted!r}")


def expect_true(seen: object, *, of: str = "") -> None:
    """Depart unless the answer was yes."""
    expect(seen, wanted=True, of=of)


def expect_false(seen: object, *, of: str = "") -> None:
    """Depart unless the answer was no."""
    expect(seen, wanted=False, of=of)


def _broken(law: Law[S], make: Make[S], threads: int) -> LawBroken | None:
    try:
        law.check(make, threads=threads)
    except LawBroken as broken:
        return broken
    return None
