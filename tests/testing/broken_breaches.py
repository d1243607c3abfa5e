"""Lists of leaked passwords that do one thing wrong, and the law that each is caught by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from tests.testing.spoilt import Faults, Spoilt, only_in_its_thread, plain

from coproauth.ports import BreachedPasswords
from coproauth.testing import LeakedPasswords
from coproauth.testing.contracts import KnownLeaks

_LEAKED = ("Motdepasse-2026", "sous le grand catalpa", "x")


def sound_breaches() -> KnownLeaks:
    """Return a list in memory."""
    return KnownLeaks(LeakedPasswords(_LEAKED), _LEAKED)


def _with(faults: Callable[[], Faults]) -> Callable[[], KnownLeaks]:
    def make() -> KnownLeaks:
        return KnownLeaks(cast("BreachedPasswords", Spoilt(LeakedPasswords(_LEAKED), faults())), _LEAKED)

    return make


def _asking(fault: Callable[..., Any]) -> Callable[[], KnownLeaks]:
    return _with(lambda: {"is_breached": fault})


def _once() -> Faults:
    told: set[str] = set()

    def is_breached(real: Callable[[str], bool], password: str) -> bool:
        is_new = password not in told
        told.add(password)
        return real(password) and is_new

    return {"is_breached": is_breached}


BREACHES: dict[str, tuple[Callable[[], KnownLeaks], str]] = {
    "knows none": (_asking(lambda _, __: False), "every_password_that_leaked_is_known"),
    "misses the last": (
        _asking(lambda real, password: real(password) and password != _LEAKED[-1]),
        "every_password_that_leaked_is_known",
    ),
    "ignores case and spaces": (
        _asking(lambda _, password: plain(password) in {plain(leaked) for leaked in _LEAKED}),
        "no_other_is_known",
    ),
    "knows all": (_asking(lambda _, __: True), "no_other_is_known"),
    "answers with None": (_asking(lambda real, password: real(password) or None), "no_other_is_known"),
    "tells once": (_with(_once), "the_answer_is_the_same_again"),
    "serves one thread": (_asking(only_in_its_thread), "many_ask_at_once"),
}
