"""Ctrl-C at whatever instant."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, Self

import attrs


@attrs.define
class CtrlC:
    """Interrupts this thread inside some files, or when the block is over.

    Attributes:
        files: where instants count: calls into them, and whatever they call that is written in C.
        instant: how many instants from now.
        at_a_wait: what happens elsewhere whenever the thread is about to wait.
        counts: whether instants count already.
    """

    files: frozenset[str]
    instant: int
    at_a_wait: Callable[[], object] = lambda: None
    counts: bool = True
    former: Any = attrs.field(init=False, factory=sys.getprofile)

    def __enter__(self) -> Self:
        sys.setprofile(self._look)
        return self

    def __exit__(self, error: object, *_: object) -> None:
        sys.setprofile(self.former)
        if error is None:
            raise KeyboardInterrupt

    def _look(self, frame: FrameType, happening: str, function: Any) -> None:
        if not self.counts or frame.f_code.co_filename not in self.files:
            return
        if happening == "c_call" and function.__name__ == "acquire":
            self.at_a_wait()
        self.instant -= happening in {"call", "c_return"}
        if self.instant == 0:
            sys.setprofile(None)
            raise KeyboardInterrupt
