"""A thousand people who log in at the same instant, each of whom comes back when he is told to wait."""

from __future__ import annotations

import random
import tempfile
import threading
import time
from pathlib import Path
from statistics import median, quantiles

import attrs
from tests.benchmarks.measuring import show
from tests.benchmarks.peers.ours import town_of
from tests.benchmarks.peers.protocol import Site
from tests.benchmarks.population import PASSWORD, Population

from coproauth import Argon2Parameters, Coproauth, Source, Throttled

PEOPLE = 1000
_HEADER = ["people", "let in", "lost", "told to wait", "an answer, median (ms)", "99 of 100 (ms)", "all in after (s)"]


@attrs.define
class Person:
    """Somebody who wants in.

    Attributes:
        answers: seconds that each of his calls took.
        is_in: whether he was let in at last.
    """

    email: str
    source: Source
    answers: list[float] = attrs.field(factory=list)
    is_in: bool = False

    def come(self, auth: Coproauth, together: threading.Barrier) -> None:
        """Log in, as often as it takes, within once to twice the wait that he is told; any other answer ends it."""
        together.wait()
        while not self.is_in:
            time.sleep(self._knock(auth) * random.uniform(1, 2))  # noqa: S311 - no secret

    def _knock(self, auth: Coproauth) -> float:
        """Try once; return what to wait, in seconds."""
        started = time.perf_counter()
        try:
            auth.login.log_in(email=self.email, password=PASSWORD, source=self.source)
        except Throttled as refusal:
            return refusal.retry_after.total_seconds()
        finally:
            self.answers.append(time.perf_counter() - started)
        self.is_in = True
        return 0.0


def crowd() -> None:
    """Print what became of a thousand people in browsers that are not known, on SQLite, at 19 MiB and two passes."""
    with tempfile.TemporaryDirectory(prefix="coproauth-") as folder:
        population = Population(logins=10**4, argon2=Argon2Parameters.owasp())
        auth = town_of(Site(people=population, folder=Path(folder))).auth
        people = [
            Person(population.email(n), Source(f"198.51.{n // 250}.{n % 250}", device_token="")) for n in range(PEOPLE)
        ]
        elapsed = _let_in(auth, people)
    answers = [1000 * answer for person in people for answer in person.answers]
    let_in = sum(person.is_in for person in people)
    told = len(answers) - let_in
    row = [PEOPLE, let_in, PEOPLE - let_in, told, median(answers), quantiles(answers, n=100)[-1], elapsed]
    show("A thousand at one instant", _HEADER, [row])


def _let_in(auth: Coproauth, people: list[Person]) -> float:
    """Have everybody come at once; return the seconds until nobody waits any more."""
    together = threading.Barrier(len(people) + 1)
    crew = [threading.Thread(target=person.come, args=[auth, together]) for person in people]
    for thread in crew:
        thread.start()
    together.wait()
    started = time.perf_counter()
    for thread in crew:
        thread.join()
    return time.perf_counter() - started
