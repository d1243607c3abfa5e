"""What every list of leaked passwords does: it knows those in it, and no other."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import attrs

from coproauth.ports import BreachedPasswords
from coproauth.testing.contracts.law import THREADS, Capability, Contract, Law, Make, Report, expect
from coproauth.testing.contracts.threads import together

_UNKNOWN = ("", " ", "\0", "une girafe sous la pluie", "\U0001f992" * 15, "e\u0301" * 500, "a\r\nb:1", "x" * 1024)


@attrs.frozen
class KnownLeaks:
    """A list of leaked passwords, and some that are in it.

    Attributes:
        breaches: the list.
        known: passwords in it, at least one of them with letters.
    """

    breaches: BreachedPasswords
    known: Sequence[str]

    def answers(self, passwords: Sequence[str]) -> list[bool]:
        """Return what the list says of some passwords."""
        return [self.breaches.is_breached(password) for password in passwords]

    def unknown(self) -> list[str]:
        """Return passwords that are not in it, though some look like those that are."""
        shapes = (
            str.upper,
            str.title,
            str.swapcase,
            lambda one: f"{one} ",
            lambda one: f" {one}",
            lambda one: one[:-1],
        )
        alike = {shape(password) for password in self.known for shape in shapes}
        return sorted({*alike, *_UNKNOWN}.difference(self.known))


BREACHES = Contract[KnownLeaks]("breached passwords")


@BREACHES.law()
def every_password_that_leaked_is_known(leaks: KnownLeaks) -> None:
    """The first, the last and all between."""
    expect(leaks.answers(leaks.known), [True] * len(leaks.known))


@BREACHES.law()
def no_other_is_known(leaks: KnownLeaks) -> None:
    """Neither another case of one that leaked, nor one with a space more, nor any other text."""
    others = leaks.unknown()

    expect([password for password in others if leaks.breaches.is_breached(password) is not False], [])


@BREACHES.law()
def the_answer_is_the_same_again(leaks: KnownLeaks) -> None:
    """To ask changes nothing."""
    asked = [password for pair in zip(leaks.known, leaks.unknown(), strict=False) for password in pair]

    expect(leaks.answers(asked), leaks.answers(asked))


@BREACHES.race()
def many_ask_at_once(leaks: KnownLeaks, threads: int) -> None:
    """Each gets the answer to its own question."""
    known, unknown = leaks.known[0], leaks.unknown()[0]

    answers = together(lambda number: leaks.answers([known, unknown] if number % 2 else [unknown, known]), threads)

    expect(sorted(answers), sorted([True, False] if number % 2 else [False, True] for number in range(threads)))


def laws_of_breached_passwords() -> tuple[Law[KnownLeaks], ...]:
    """Return what every list of leaked passwords does."""
    return BREACHES.laws


def check_breached_passwords(
    make: Make[KnownLeaks], *, without: Collection[Capability] = (), threads: int = THREADS
) -> Report:
    """Check every law of a list of leaked passwords.

    Raises:
        ExceptionGroup: of a ``LawBroken`` for each law that is broken.
    """
    return BREACHES.check(make, without=without, threads=threads)
