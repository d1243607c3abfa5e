"""What an operator has to provide: disk, processors and time."""

from __future__ import annotations

import sqlite3
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from tests.benchmarks.databases import Town
from tests.benchmarks.growth import request_link
from tests.benchmarks.measuring import show
from tests.benchmarks.population import NOW
from tests.servers import find_program

from coproauth import Argon2Parameters, Policy
from coproauth.adapters.argon2 import Argon2Hasher
from coproauth.core.maintenance import cut_offs

_POSTGRESQL_SIZES = """
    SELECT relid::regclass::text, n_live_tup, pg_table_size(relid), pg_indexes_size(relid)
    FROM pg_stat_user_tables ORDER BY pg_total_relation_size(relid) DESC
"""
_POSTGRESQL_INDEXES = """
    SELECT indexrelid::regclass::text, pg_relation_size(indexrelid)
    FROM pg_stat_user_indexes ORDER BY pg_relation_size(indexrelid) DESC LIMIT 16
"""
_SQLITE_SIZES = """
    SELECT tbl_name, sum(leaves * (type = 'table')), sum(size * (type = 'table')), sum(size * (type = 'index'))
    FROM sqlite_master JOIN (
        SELECT name, sum(pgsize) AS size, sum(ncell * (pagetype = 'leaf')) AS leaves FROM dbstat GROUP BY name
    ) AS pages USING (name)
    GROUP BY tbl_name ORDER BY sum(size) DESC
"""
_BATCHES = 60
_MEBIBYTE = 1024 * 1024


def weigh(town: Town) -> None:
    """Print the bytes of tables and indexes, and how long it took to fill them."""
    logins, is_server = town.population.logins, town.engine.dialect.name == "postgresql"
    with town.engine.connect() as connection:
        rows = connection.exec_driver_sql(_POSTGRESQL_SIZES if is_server else _SQLITE_SIZES).all()
        indexes = connection.exec_driver_sql(_POSTGRESQL_INDEXES).all() if is_server else []
    sizes = [(name, count / logins, table / logins, index / logins) for name, count, table, index in rows]
    total = ("all", *(float(sum(column)) for column in list(zip(*sizes, strict=True))[1:]))
    show(f"{logins} logins, filled in {town.filled_in:.0f} s", _PER_LOGIN, [*sizes, total])
    if indexes:
        show("The largest indexes", ["index", "MiB"], [(name, size / _MEBIBYTE) for name, size in indexes])


_PER_LOGIN = ["table", "rows a login", "bytes a login", "bytes of its indexes a login"]


def sweep(town: Town) -> None:
    """Print how long the batches of a purge take; what is over is gone afterwards."""
    policy, housekeeping = Policy(), town.store.housekeeping()
    limit = policy.purge_batch
    rows = []
    for waste, before in cut_offs(policy, at=NOW).items():
        took = list(_batches(partial(housekeeping.sweep, waste, before=before, limit=limit), limit))
        rows.append((f"`{waste}`", len(took), *_summary(took)))
    show(f"{town.population.logins} logins: `sweep`, by {limit}", ["", "batches", *_SUMMARY], rows)


_SUMMARY = ["first (ms)", "median (ms)", "last (ms)"]


def _batches(deed: Callable[[], int], limit: int) -> Iterator[float]:
    """Return what each batch took, up to the first that was not full."""
    for _ in range(_BATCHES):
        took, count = _timed(deed)
        yield took
        if count < limit:
            return


def idle(town: Town) -> None:
    """Print how long it takes to find unused logins, and to remove some."""
    policy, housekeeping = Policy(), town.store.housekeeping()
    warning = NOW - policy.login_idle_warning
    to_warn = partial(
        housekeeping.idle_identities,
        before=NOW - policy.login_idle + policy.login_idle_warning,
        limit=policy.purge_batch,
    )
    to_remove = partial(
        housekeeping.idle_identities, before=NOW - policy.login_idle, warned_before=warning, limit=policy.purge_batch
    )
    removals = [partial(housekeeping.remove_identity, identity.id) for identity in to_remove()[:_BATCHES]]
    rows = [
        ("`idle_identities`, to be warned", *_summary([_timed(to_warn)[0] for _ in range(10)])),
        ("`idle_identities`, to be removed", *_summary([_timed(to_remove)[0] for _ in range(10)])),
        ("`remove_identity`", *_summary([_timed(removal)[0] for removal in removals])),
    ]
    show(f"{town.population.logins} logins: unused ones", ["", *_SUMMARY], rows)


def _timed(deed: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    result = deed()
    return 1000 * (time.perf_counter() - started), result


def _summary(took: Sequence[float]) -> tuple[float, float, float]:
    return took[0], statistics.median(took), took[-1]


def back_up(town: Town) -> None:
    """Print how long a backup takes, and how large it is."""
    with tempfile.TemporaryDirectory(prefix="coproauth-") as folder:
        target = Path(folder) / "backup"
        is_server = town.engine.dialect.name == "postgresql"
        took, _ = _timed(partial(_dump if is_server else _copy, town, target))
        size = target.stat().st_size / _MEBIBYTE
    show(f"{town.population.logins} logins: backup", ["seconds", "MiB"], [(took / 1000, size)])


def _dump(town: Town, target: Path) -> None:
    program = find_program("pg_dump", package="postgresql-client")
    url = town.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    subprocess.run([program, "--format=custom", f"--file={target}", url], check=True)  # noqa: S603 - ours


def _copy(town: Town, target: Path) -> None:
    source = sqlite3.connect(str(town.engine.url.database))
    with closing(source), closing(sqlite3.connect(target)) as copy:
        source.backup(copy)


def deliver(town: Town, *, mails: int) -> None:
    """Print how many mails one courier hands over, the mail server taking no time."""
    for _ in range(mails):
        request_link(town)()
    started, computed = time.perf_counter(), time.process_time()
    count = town.auth.deliver_mail()
    elapsed, computing = time.perf_counter() - started, time.process_time() - computed
    row = count, count / elapsed, 1000 * computing / count
    show("One courier", ["mails", "a second", "computing here, ms a mail"], [row])


def hashing(*, rounds: int) -> None:
    """Print what a password hash costs: processor time, which hardly depends on what else runs."""
    kinds = {"RFC 9106: 64 MiB, 3, 4": Argon2Parameters.rfc_9106_low_memory(), "OWASP: 19 MiB, 2, 1": _owasp()}
    hashers = {name: Argon2Hasher(parameters) for name, parameters in kinds.items()}
    took: dict[str, list[float]] = {name: [] for name in hashers}
    for _ in range(rounds):
        for name, hasher in hashers.items():
            started = time.process_time()
            hasher.hash("trois petits chats")
            took[name].append(1000 * (time.process_time() - started))
    rows = [(name, median := statistics.median(took[name]), 1000 / median) for name in hashers]
    show("A password hash", ["Argon2id", "computing (ms)", "a core and second"], rows)


def _owasp() -> Argon2Parameters:
    return Argon2Parameters.owasp()
