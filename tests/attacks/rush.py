"""Two hundred people who log in at the same instant, in a process of its own; prints what became of them, as JSON.

``python -m tests.attacks.rush 65536 1 4``: KiB, passes and lanes of a hash.
"""

from __future__ import annotations

import json
import re
import sys
import threading
from collections import Counter
from pathlib import Path

import attrs

from coproauth import Argon2Parameters, Policy, Refused, Source
from coproauth.testing.sandbox import PASSWORD, Sandbox

PEOPLE = 200
PLACES = 2


def rush(parameters: Argon2Parameters) -> dict[str, object]:
    """Return how the log-ins were answered, how much memory they took, and whether the portal serves again."""
    town = Sandbox.build(policy=Policy(argon2=parameters, hashes_at_once=PLACES))
    emails = _people(town)
    barrier = threading.Barrier(PEOPLE + 1)
    answers: list[str] = []

    def log_in(number: int) -> None:
        source = Source(f"192.0.2.{number}")
        barrier.wait()
        try:
            town.auth.login.log_in(email=emails[number], password=PASSWORD, source=source)
            answers.append("opened")
        except Refused as refusal:
            answers.append(refusal.reason)

    threads = [threading.Thread(target=log_in, args=[number]) for number in range(PEOPLE)]
    for thread in threads:
        thread.start()
    before = _memory("VmRSS")
    barrier.wait()
    for thread in threads:
        thread.join()
    peak = _memory("VmHWM")
    town.log_in(emails[0])
    return {"answers": Counter(answers), "taken": peak - before, "failed_attempts": _failures(town)}


def _people(town: Sandbox) -> list[str]:
    """Return the addresses of people who have logins, all with one password, hashed once."""
    town.activate(town.contact(), "person0@example.fr")
    emails = [f"person{number}@example.fr" for number in range(PEOPLE)]
    with town.store.writing() as work:
        first = work.identities.by_email(emails[0])
        assert first is not None
        for number, email in enumerate(emails[1:]):
            work.identities.add(attrs.evolve(first, id=f"person{number}", email=email, email_key=email))
    return emails


def _failures(town: Sandbox) -> int:
    return sum(event.reason == "login_refused" for event in town.audit.events)


def _memory(name: str) -> int:
    """Return what the system says of the memory of this process, in KiB."""
    found = re.search(rf"^{name}:\s+(\d+) kB$", Path("/proc/self/status").read_text("utf-8"), re.MULTILINE)
    assert found
    return int(found[1])


if __name__ == "__main__":
    memory_cost, time_cost, parallelism = (int(number) for number in sys.argv[1:])
    cost = Argon2Parameters(memory_cost=memory_cost, time_cost=time_cost, parallelism=parallelism)
    sys.stdout.write(json.dumps(rush(cost)))
