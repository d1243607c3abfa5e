"""What an audit trail and counters do that join the units of work of a store: all is kept together, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import timedelta

import attrs

from coproauth.core.audit import AuditEvent, Outcome, Pathway
from coproauth.core.throttling import ThrottleKey
from coproauth.errors import Interrupted
from coproauth.policy import ThrottleRule
from coproauth.ports import JoiningAudit, JoiningThrottle, Store, UnitOfWork
from coproauth.services.joining import joining_audit, joining_throttle
from coproauth.testing.contracts.law import Capability, Contract, Departure, Law, Make, Report, expect, expect_true
from coproauth.testing.contracts.samples import NOW
from coproauth.testing.contracts.threads import in_a_unit


@attrs.frozen
class StoreAndSink:
    """An empty store, and an audit sink that has kept nothing and may be in the same database.

    Attributes:
        events: tells what was kept.
        other: a store of the same kind, over another database.
    """

    store: Store
    sink: JoiningAudit
    events: Callable[[], Sequence[AuditEvent]]
    other: Store


@attrs.frozen
class StoreAndThrottle:
    """An empty store, and a throttle that has counted nothing and may be in the same database.

    Attributes:
        other: a store of the same kind, over another database.
    """

    store: Store
    throttle: JoiningThrottle
    other: Store


@attrs.frozen
class _Joining:
    """Something that may be done within a unit of work.

    Attributes:
        is_asked: whether the services would ask for it.
        join: does it; whether that was possible.
        times: tells how often it was done.
    """

    store: Store
    other: Store
    is_asked: bool
    join: Callable[[UnitOfWork], bool]
    times: Callable[[], int]


_JOINING = Contract[_Joining]("what joins a unit of work")

_EVENT = AuditEvent(at=NOW, pathway=Pathway.LOGGED_IN, outcome=Outcome.SUCCEEDED, subject="identity-1")
_MINUTE = timedelta(minutes=1)
_RULE = ThrottleRule(free_attempts=9, first_delay=_MINUTE, longest_delay=_MINUTE)
_LOGIN, _SOURCE = (ThrottleKey(name=name, rule=_RULE) for name in ("login:jeanne", "source:192.0.2.1"))
_COUNTED = 3


class _Failure(Exception):  # noqa: N818 - it is raised on purpose
    """Something went wrong in a use case."""


@_JOINING.law(Capability.JOINING)
def what_can_join_a_unit_is_asked_to(joining: _Joining) -> None:
    """One class defines both methods, that with a unit of work and that without one: no other is asked to join."""
    expect_true(joining.is_asked)


@_JOINING.law(Capability.JOINING)
def what_joins_a_unit_is_kept_with_it(joining: _Joining) -> None:
    """In a unit of work of the store the answer is yes, and once that is kept, it is done."""
    has_joined = in_a_unit(joining.store, joining.join)

    expect((has_joined, joining.times()), (True, 1))


@_JOINING.law()
def what_cannot_join_a_unit_is_not_done(joining: _Joining) -> None:
    """Where the answer is no, it was not done: whoever asks does it by other means."""
    has_joined = in_a_unit(joining.store, joining.join)

    expect(joining.times(), int(has_joined))


@_JOINING.law()
def what_joined_a_unit_is_undone_with_it(joining: _Joining) -> None:
    """A unit of work that fails leaves no trace of it."""

    def fail(work: UnitOfWork) -> None:
        joining.join(work)
        raise _Failure

    try:
        in_a_unit(joining.store, fail)
    except _Failure:
        expect(joining.times(), 0)


@_JOINING.law(Capability.JOINING)
def what_joined_a_unit_joins_its_second_run(joining: _Joining) -> None:
    """A unit of work that another came in between runs again from its start; it is done once."""
    interruptions = iter([Interrupted(reason="store_conflict")])

    def run(work: UnitOfWork) -> bool:
        has_joined = joining.join(work)
        for interruption in interruptions:
            raise interruption
        return has_joined

    expect((in_a_unit(joining.store, run), joining.times()), (True, 1))


@_JOINING.law()
def nothing_joins_a_unit_of_another_store(joining: _Joining) -> None:
    """The answer is no, and it is not done: that unit of work may be kept where this is lost."""
    has_joined = in_a_unit(joining.other, joining.join)

    expect((has_joined, joining.times()), (False, 0))


def _recording(both: StoreAndSink) -> _Joining:
    return _Joining(
        both.store,
        both.other,
        is_asked=joining_audit(both.sink) is not None,
        join=lambda work: both.sink.record_within(work, _EVENT),
        times=lambda: list(both.events()).count(_EVENT),
    )


def _settling(both: StoreAndThrottle) -> _Joining:
    """Count some attempts, of which one is to be given back on one key and all are to be forgotten on another."""
    for _ in range(_COUNTED):
        both.throttle.admit([_LOGIN, _SOURCE], at=NOW)
    return _Joining(
        both.store,
        both.other,
        is_asked=joining_throttle(both.throttle) is not None,
        join=lambda work: both.throttle.settle_within(work, forgive=[_SOURCE], clear=[_LOGIN]),
        times=lambda: _settled(both.throttle),
    )


def _settled(throttle: JoiningThrottle) -> int:
    forgiven, cleared = (_COUNTED - throttle.counted(key, at=NOW) for key in (_SOURCE, _LOGIN))
    if cleared != (_COUNTED if forgiven else 0):
        raise Departure(f"{forgiven} forgiven on one key, {cleared} cleared on the other")
    return forgiven


_AUDIT = Contract[StoreAndSink]("joining audit", _JOINING.through(_recording))
_THROTTLE = Contract[StoreAndThrottle]("joining throttle", _JOINING.through(_settling))


def laws_of_joining_audit() -> tuple[Law[StoreAndSink], ...]:
    """Return what every audit sink does that joins units of work, beside what all of them do."""
    return _AUDIT.laws


def check_joining_audit(make: Make[StoreAndSink], *, without: Collection[Capability] = ()) -> Report:
    """Check every law of an audit sink that joins units of work, each on an empty pair.

    Raises:
        ExceptionGroup: of a ``LawBroken`` for each law that is broken.
    """
    return _AUDIT.check(make, without=without)


def laws_of_joining_throttle() -> tuple[Law[StoreAndThrottle], ...]:
    """Return what every throttle does that joins units of work, beside what all of them do."""
    return _THROTTLE.laws


def check_joining_throttle(make: Make[StoreAndThrottle], *, without: Collection[Capability] = ()) -> Report:
    """Check every law of a throttle that joins units of work, each on an empty pair.

    Raises:
        ExceptionGroup: of a ``LawBroken`` for each law that is broken.
    """
    return _THROTTLE.check(make, without=without)
