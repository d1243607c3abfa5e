"""What every store does: the laws of its units of work, of what is within them and beside them, and of races."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import attrs

from coproauth.adapters.memory import MemoryDirectory
from coproauth.ports import Store, Throttle
from coproauth.testing.contracts.codes import CODES
from coproauth.testing.contracts.housekeeping import HOUSEKEEPING
from coproauth.testing.contracts.identities import IDENTITIES
from coproauth.testing.contracts.law import THREADS, Capability, Contract, Law, Make, Report, expect, expect_true
from coproauth.testing.contracts.links import LINKS
from coproauth.testing.contracts.outbox import OUTBOX
from coproauth.testing.contracts.races import RACES
from coproauth.testing.contracts.samples import logins, write
from coproauth.testing.contracts.session_view import SESSION_VIEWS, StoreAndDirectory
from coproauth.testing.contracts.sessions import SESSIONS
from coproauth.testing.contracts.throttle import COUNTING, THROTTLE
from coproauth.testing.contracts.unit_of_work import UNITS


def _beside_a_directory(store: Store) -> StoreAndDirectory:
    return StoreAndDirectory(store, MemoryDirectory())


def _alone(store: Store) -> Sequence[Store]:
    return (store,)


def _counters(store: Store) -> Throttle:
    return store.throttle()


def _all_counters(stores: Sequence[Store]) -> Sequence[Throttle]:
    return [store.throttle() for store in stores]


_PARTS = (UNITS, IDENTITIES, LINKS, CODES, SESSIONS, OUTBOX, HOUSEKEEPING)
_STORE = Contract[Store](
    "store",
    [
        *(law for part in _PARTS for law in part.laws),
        *SESSION_VIEWS.through(_beside_a_directory),
        *RACES.through(_alone),
        *THROTTLE.through(_counters),
    ],
)
_SHARED = Contract[Sequence[Store]](
    "stores over the same data",
    [*RACES.laws, *COUNTING.through(_all_counters)],
)


@_SHARED.law()
def what_one_writes_the_others_read(stores: Sequence[Store]) -> None:
    """What was kept through one store is there through every other, at once."""
    people = logins(len(stores))

    for store, person in zip(stores, people, strict=True):
        write(store, person)

        expect([_has(other, person.id) for other in stores], [True] * len(stores))


@_SHARED.law()
def what_one_changes_the_others_see_changed(stores: Sequence[Store]) -> None:
    """No store answers from what it read before."""
    (person,) = logins(1)
    write(stores[0], person)

    for stamp, store in enumerate(stores, start=1):
        with store.writing() as work:
            saved = work.identities.save(attrs.evolve(person, credential_stamp=stamp + 1), expected_stamp=stamp)
        expect_true(saved)


def _has(store: Store, identity_id: str) -> bool:
    with store.reading() as work:
        return work.identities.get(identity_id) is not None


def laws_of_store() -> tuple[Law[Store], ...]:
    """Return what every store does, also about a directory that is elsewhere."""
    return _STORE.laws


def check_store(make: Make[Store], *, without: Collection[Capability] = (), threads: int = THREADS) -> Report:
    """Check every law of a store, each on an empty one.

    Raises:
        ExceptionGroup: of a ``LawBroken`` for each law that is broken.
    """
    return _STORE.check(make, without=without, threads=threads)


def laws_of_session_view() -> tuple[Law[StoreAndDirectory], ...]:
    """Return what a store does that joins a directory in its own database."""
    return SESSION_VIEWS.laws


def check_session_view(make: Make[StoreAndDirectory]) -> Report:
    """Check every law of a store that joins a directory, each on an empty pair.

    Raises:
        ExceptionGroup: of a ``LawBroken`` for each law that is broken.
    """
    return SESSION_VIEWS.check(make)


def laws_of_shared_store() -> tuple[Law[Sequence[Store]], ...]:
    """Return what stores do that several processes have opened over the same data."""
    return _SHARED.laws


def check_shared_store(
    make: Make[Sequence[Store]], *, without: Collection[Capability] = (), threads: int = THREADS
) -> Report:
    """Check every law of stores over the same data, as many processes would open them; each time it is empty.

    Raises:
        ExceptionGroup: of a ``LawBroken`` for each law that is broken.
    """
    return _SHARED.check(make, without=without, threads=threads)
