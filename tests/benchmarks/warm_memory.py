"""What memory that is kept warm saves: our hasher beside ``argon2.PasswordHasher``, alone and under load."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import argon2
from tests.benchmarks.measuring import Deed, interleaved, show

from coproauth import Argon2Parameters
from coproauth.adapters.argon2 import Argon2Hasher
from coproauth.adapters.hashing_gate import HashingGate

_PLACES = 2
_THREADS = 8
_EACH = 4  # hashes of each thread in a round under load
_PASSWORD = "trois petits chats"
_COSTS = {
    "64 MiB, 3 passes, 4 lanes": Argon2Parameters.rfc_9106_low_memory(),
    "64 MiB, 3 passes, 1 lane": Argon2Parameters(memory_cost=64 * 1024, time_cost=3, parallelism=1),
    "46 MiB, 1 pass, 1 lane": Argon2Parameters.owasp(passes=1),
    "19 MiB, 2 passes, 1 lane": Argon2Parameters.owasp(),
}
_COLUMNS = ["verify", "theirs (ms)", "ours (ms)", "ours to theirs", "95 %"]
_SCALING = ["verify", "one by one (ms)", "by all threads (ms)", "second to first", "95 %"]
_PEAK = """
import re
from concurrent.futures import ThreadPoolExecutor
from tests.benchmarks.warm_memory import ours
hasher = ours("64 MiB, 3 passes, 1 lane")
with ThreadPoolExecutor(8) as threads:
    list(threads.map(hasher.hash, ["x"] * 32))
print(int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) // 1024)
"""


def compare_memory(*, rounds: int) -> None:
    """Print the ratios of single hashes, those under load, and the most memory that was ever taken."""
    show("Alone", _COLUMNS, [_row(name, _verify(theirs(name)), _verify(ours(name)), rounds) for name in _COSTS])
    loaded = [_row(name, _crowd(theirs(name)), _crowd(ours(name)), rounds // 4) for name in _COSTS]
    show(f"{_THREADS} threads, {_THREADS * _EACH} hashes in a round", _COLUMNS, loaded)
    scaling = [_row(name, _alone(ours(name)), _crowd(ours(name)), rounds // 4) for name in _COSTS]
    show(f"Ours, {_THREADS * _EACH} hashes: one by one, and by {_THREADS} threads", _SCALING, scaling)
    show("Peak", ["MiB of the process, 2 places of 64 MiB, 8 threads"], [(json.loads(_peak()),)])


def theirs(name: str) -> argon2.PasswordHasher:
    """Return the hasher of argon2-cffi at a cost."""
    cost = _COSTS[name]
    return argon2.PasswordHasher(memory_cost=cost.memory_cost, time_cost=cost.time_cost, parallelism=cost.parallelism)


def ours(name: str) -> Argon2Hasher:
    """Return our hasher at a cost, on two places."""
    patience = timedelta(minutes=10)
    gate = HashingGate(at_once=_PLACES, waiting=_THREADS, patience=patience, memory_kept=patience)
    return Argon2Hasher(_COSTS[name], gate=gate)


def _verify(hasher: argon2.PasswordHasher | Argon2Hasher) -> Deed:
    made = hasher.hash(_PASSWORD)
    if isinstance(hasher, Argon2Hasher):
        return lambda: hasher.verify(password_hash=made, password=_PASSWORD)
    return lambda: hasher.verify(made, _PASSWORD)


def _crowd(hasher: argon2.PasswordHasher | Argon2Hasher) -> Deed:
    verify = _verify(hasher)
    threads = ThreadPoolExecutor(_THREADS)
    return lambda: list(threads.map(lambda _: verify(), range(_THREADS * _EACH)))


def _alone(hasher: Argon2Hasher) -> Deed:
    verify = _verify(hasher)
    return lambda: [verify() for _ in range(_THREADS * _EACH)]


def _row(name: str, first: Deed, second: Deed, rounds: int) -> tuple[str, float, float, float, str]:
    deeds: list[Callable[[], Deed]] = [lambda: first, lambda: second]
    timing = interleaved(deeds, samples=rounds, warm_up=1)
    low, high = timing.interval()
    return name, *timing.medians(), timing.ratio(), f"{low:.2f} to {high:.2f}"  # type: ignore[return-value]


def _peak() -> str:
    ran = subprocess.run([sys.executable, "-c", _PEAK], capture_output=True, check=True, text=True)  # noqa: S603
    return ran.stdout
