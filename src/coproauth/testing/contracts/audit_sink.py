"""What every audit sink does: it keeps each event, whole and apart from the others."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import timedelta

import attrs

from coproauth.core.audit import ActorKind, AuditEvent, Outcome, Pathway
from coproauth.ports import AuditSink, AuditTrail
from coproauth.testing.contracts.law import THREADS, Capability, Contract, Departure, Law, Make, Report, expect
from coproauth.testing.contracts.samples import LATER, LOOK_ALIKES, NOW, TEXT
from coproauth.testing.contracts.threads import together


@attrs.frozen
class ReadSink:
    """An audit sink that has kept nothing, and the way to read it.

    Attributes:
        events: tells what was kept, in the order of keeping.
    """

    sink: AuditSink
    events: Callable[[], Sequence[AuditEvent]]

    def record(self, *events: AuditEvent) -> None:
        """Keep some events, one after another."""
        for event in events:
            self.sink.record(event)


AUDIT = Contract[ReadSink]("audit sink")

_MINUTE = timedelta(minutes=1)
_BARE = AuditEvent(at=NOW, pathway=Pathway.LOGGED_IN, outcome=Outcome.REFUSED)
_FULL = attrs.evolve(
    _BARE,
    at=LATER,
    reason="login_refused",
    actor_kind=ActorKind.MANAGER,
    actor="manager-1",
    subject="identity-1",
    address="2001:db8::1",
    user_agent="Browser",
    correlation_id="request-1",
)


@AUDIT.law()
def an_event_is_kept_whole(read: ReadSink) -> None:
    """Every field is read back as it was, to the microsecond, and what was not told as nothing."""
    read.record(_BARE, _FULL)

    expect(list(read.events()), [_BARE, _FULL])


@AUDIT.law()
def every_pathway_and_outcome_is_kept(read: ReadSink) -> None:
    """Whatever happened and however it ended, it is on record, in the order of happening."""
    events = [attrs.evolve(_BARE, pathway=pathway, outcome=outcome) for pathway in Pathway for outcome in Outcome]

    read.record(*events)

    expect(list(read.events()), events)


@AUDIT.law()
def an_event_stays_one_event(read: ReadSink) -> None:
    """Line ends, quotes and whatever else a browser sends forge no second event (ASVS V16.4.1)."""
    hostile = ("a\r\nb", '{"outcome": "succeeded"}', "\u2028\u0085\x1b[2J", TEXT, *LOOK_ALIKES)
    events = [attrs.evolve(_FULL, reason=text, actor=text, subject=text, user_agent=text) for text in hostile]

    read.record(*events)

    expect(list(read.events()), events)


@AUDIT.law()
def what_happens_twice_is_kept_twice(read: ReadSink) -> None:
    """Two events that are equal are two."""
    read.record(_FULL, _FULL)

    expect(list(read.events()), [_FULL] * 2)


@AUDIT.law(Capability.TRAIL)
def a_trail_tells_what_is_about_somebody(read: ReadSink) -> None:
    """The events about any of some subjects come, the earliest first, each once; those about others do not."""
    subjects = ("contact-1", "identity-1", "identity-2", "contact-1", None)
    events = [attrs.evolve(_FULL, at=LATER + n * _MINUTE, subject=subject) for n, subject in enumerate(subjects)]
    read.record(*events)
    if not isinstance(read.sink, AuditTrail):
        raise Departure("it has no about()")

    found = [list(read.sink.about(wanted)) for wanted in (["identity-1", "contact-1"], ["identity-1 "], [])]

    expect(found, [[events[0], events[1], events[3]], [], []])


@AUDIT.race()
def no_event_is_lost(read: ReadSink, threads: int) -> None:
    """What many record at once is kept, each event whole."""
    events = [attrs.evolve(_FULL, subject=f"identity-{n}") for n in range(threads)]

    together(lambda n: read.record(events[n]), threads)

    expect(sorted(read.events(), key=repr), sorted(events, key=repr))


def laws_of_audit_sink() -> tuple[Law[ReadSink], ...]:
    """Return what every audit sink does."""
    return AUDIT.laws


def check_audit_sink(make: Make[ReadSink], *, without: Collection[Capability] = (), threads: int = THREADS) -> Report:
    """Check every law of an audit sink, each on one that has kept nothing.

    Raises:
        ExceptionGroup: of a ``LawBroken`` for each law that is broken.
    """
    return AUDIT.check(make, without=without, threads=threads)
