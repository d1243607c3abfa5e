"""Processes that are killed at a chosen point of what they do."""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Callable
from typing import Any

import attrs
from sqlalchemy import Engine, event


@attrs.define
class Fate:
    """Kills its process, as the kernel does when memory runs out, when the last point of its way is passed.

    Attributes:
        points_left: how many points are passed alive.
    """

    points_left: int

    def pass_point(self) -> None:
        """Pass a point alive, or be killed there."""
        if self.points_left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self.points_left -= 1

    def watch(self, engine: Engine) -> None:
        """Make points of the instants before and after each statement, and before and after each commit."""
        event.listen(engine, "before_cursor_execute", lambda *_: self.pass_point())
        event.listen(engine, "after_cursor_execute", lambda *_: self.pass_point())
        commit = engine.dialect.do_commit

        def watched(connection: Any) -> None:
            self.pass_point()
            commit(connection)
            self.pass_point()

        vars(engine.dialect)["do_commit"] = watched  # there is no event behind a commit; only this process has it


def survives(act: Callable[[Fate], object], *, engine: Engine, points: int) -> bool:
    """Run a call in a process that is killed at a point; whether the call returned before it got there.

    Args:
        act: the call; it may make points of its own.
        engine: what it works on.
        points: how many points it passes alive.

    Raises:
        AssertionError: the call raised, or the process ended in another way.
    """
    engine.dispose()  # no connection may be carried across a fork (sqlite.org/howtocorrupt.html §2.6)
    child = os.fork()
    if child == 0:
        _run(act, Fate(points), engine)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status):
        assert os.WEXITSTATUS(status) == os.EX_OK
        return True
    assert os.WTERMSIG(status) == signal.SIGKILL
    return False


def _run(act: Callable[[Fate], object], fate: Fate, engine: Engine) -> None:
    """Run the call and end this process, whatever comes of it: the tests go on in the other."""
    try:
        fate.watch(engine)
        act(fate)
        os._exit(os.EX_OK)
    except BaseException:  # noqa: BLE001 - this process has nobody to raise it to
        traceback.print_exc()
        os._exit(os.EX_SOFTWARE)
