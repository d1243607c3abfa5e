"""The laws of the ports: the adapters in memory keep them, and each has an adapter that breaks it."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from datetime import datetime
from typing import Any

import attrs
import pytest
from tests.testing.broken_adapters import (
    CLOCKS,
    DIRECTORIES,
    HASHERS,
    MAILERS,
    SECRETS,
    SHARED,
    SINKS,
    sound_hasher,
    sound_mailer,
    sound_sink,
)
from tests.testing.broken_breaches import BREACHES, sound_breaches
from tests.testing.broken_joining import (
    JOINING_SINKS,
    JOINING_THROTTLES,
    sound_joining_sink,
    sound_joining_throttle,
)
from tests.testing.broken_operations import SESSION_VIEWS
from tests.testing.broken_stores import STORES
from tests.testing.broken_throttles import THROTTLES
from tests.testing.spoilt import Spoilt

from coproauth.adapters.logging import LoggingAudit
from coproauth.adapters.memory import MemoryDirectory, MemoryMailer, MemoryStore
from coproauth.adapters.memory_throttle import MemoryThrottle
from coproauth.adapters.system import SystemClock, SystemSecrets
from coproauth.core.audit import AuditEvent, Outcome, Pathway
from coproauth.testing import FakeClock
from coproauth.testing import contracts as kit
from coproauth.testing.contracts import Capability, Law, LawBroken, Report
from coproauth.testing.contracts.directory import filled

Broken = Mapping[str, tuple[Callable[[], Any], str]]


@attrs.frozen
class Port:
    """The laws of a port, adapters that keep them all, and adapters that break some."""

    name: str
    laws: tuple[Law[Any], ...]
    check: Callable[..., Report]
    sound: Callable[[], object]
    broken: Broken


def _with(broken: Broken, surround: Callable[[Any], object]) -> Broken:
    """Put each broken adapter where the laws of another port meet it."""

    def made(make: Callable[[], object]) -> Callable[[], object]:
        return lambda: surround(make())

    return {f"{name}, {law}": (made(make), law) for name, (make, law) in broken.items()}


def _counting_by(throttle: object) -> object:
    return Spoilt(MemoryStore(), {"throttle": lambda _: throttle})


def _beside_a_directory(store: Any) -> kit.StoreAndDirectory:
    return kit.StoreAndDirectory(store, MemoryDirectory())


def _of_contents(broken: Broken) -> Broken:
    names = {law.name for law in kit.laws_of_directory()}
    return {name: (make, law) for name, (make, law) in broken.items() if law in names}


PORTS = (
    Port(
        "store",
        kit.laws_of_store(),
        kit.check_store,
        MemoryStore,
        {**STORES, **_with(THROTTLES, _counting_by)},
    ),
    Port(
        "session_view",
        kit.laws_of_session_view(),
        kit.check_session_view,
        lambda: _beside_a_directory(MemoryStore()),
        _with(SESSION_VIEWS, _beside_a_directory),
    ),
    Port(
        "shared_store",
        kit.laws_of_shared_store(),
        kit.check_shared_store,
        lambda: [MemoryStore()] * 2,
        SHARED,
    ),
    Port("throttle", kit.laws_of_throttle(), kit.check_throttle, MemoryThrottle, THROTTLES),
    Port(
        "directory",
        kit.laws_of_directory(),
        kit.check_directory,
        lambda: filled(MemoryDirectory()),
        _with(_of_contents(DIRECTORIES), filled),
    ),
    Port(
        "writable_directory",
        kit.laws_of_writable_directory(),
        kit.check_writable_directory,
        MemoryDirectory,
        DIRECTORIES,
    ),
    Port("mailer", kit.laws_of_mailer(), kit.check_mailer, sound_mailer, MAILERS),
    Port("password_hasher", kit.laws_of_password_hasher(), kit.check_password_hasher, sound_hasher, HASHERS),
    Port(
        "breached_passwords",
        kit.laws_of_breached_passwords(),
        kit.check_breached_passwords,
        sound_breaches,
        BREACHES,
    ),
    Port("audit_sink", kit.laws_of_audit_sink(), kit.check_audit_sink, sound_sink, SINKS),
    Port(
        "joining_audit",
        kit.laws_of_joining_audit(),
        kit.check_joining_audit,
        sound_joining_sink,
        JOINING_SINKS,
    ),
    Port(
        "joining_throttle",
        kit.laws_of_joining_throttle(),
        kit.check_joining_throttle,
        sound_joining_throttle,
        JOINING_THROTTLES,
    ),
    Port("clock", kit.laws_of_clock(), kit.check_clock, SystemClock, CLOCKS),
    Port("secret_source", kit.laws_of_secret_source(), kit.check_secret_source, SystemSecrets, SECRETS),
)

each_port = pytest.mark.parametrize("port", PORTS, ids=lambda port: port.name)
each_fault = pytest.mark.parametrize(
    ("port", "fault"),
    [pytest.param(port, fault, id=f"{port.name}: {fault}") for port in PORTS for fault in port.broken],
)


def is_broken(law: Law[Any], make: Callable[[], object]) -> bool:
    """Whether an adapter breaks a law."""
    try:
        law.check(lambda: nullcontext(make()))
    except LawBroken:
        return True
    return False


class TestLaws:
    """A law says something, and can be broken."""

    @each_port
    def test_a_sound_adapter_keeps_every_law(self, port: Port) -> None:
        """What is in memory is the readable reference."""
        report = port.check(lambda: nullcontext(port.sound()))

        assert report.kept == tuple(law.name for law in port.laws)
        assert report.skipped == {}

    @each_fault
    def test_a_broken_adapter_is_caught(self, port: Port, fault: str) -> None:
        """The law that is about what it does wrong finds it."""
        make, name = port.broken[fault]
        (law,) = [law for law in port.laws if law.name == name]

        assert is_broken(law, make)

    @each_port
    def test_every_law_is_broken_by_some_adapter(self, port: Port) -> None:
        """No law is kept by whatever one writes."""
        caught = {law for _, law in port.broken.values()}

        assert [law.name for law in port.laws if law.name not in caught] == []

    @each_port
    def test_a_law_has_a_name_and_a_sentence_of_its_own(self, port: Port) -> None:
        """The name is a name of Python, the statement ends with a full stop."""
        names = [law.name for law in port.laws]

        assert len(set(names)) == len({law.statement for law in port.laws}) == len(names)
        assert [law.name for law in port.laws if not law.statement.endswith(".") or not law.name.isidentifier()] == []


class TestChecking:
    """What whoever checks an adapter is told."""

    def test_a_broken_law_is_told_with_what_was_seen(self) -> None:
        """Name, sentence and observation are in the text, and apart as attributes."""
        make, name = CLOCKS["is naive"]
        (law,) = [law for law in kit.laws_of_clock() if law.name == name]

        with pytest.raises(LawBroken) as broken:
            law.check(lambda: nullcontext(make()))

        told = broken.value
        assert (told.law, told.statement, told.seen) == (
            law.name,
            law.statement,
            "None instead of datetime.timedelta(0)",
        )
        assert str(told) == f"{law.name}: {law.statement} Seen: {told.seen}"

    def test_an_error_of_the_adapter_breaks_the_law(self) -> None:
        """It is named, and is the cause."""
        make, name = THROTTLES["wants something to count"]

        with pytest.raises(ExceptionGroup) as broken:
            kit.check_throttle(lambda: nullcontext(make()))

        (told,) = broken.value.exceptions
        assert isinstance(told, LawBroken)
        assert (told.law, told.seen[:17]) == (name, "raised ValueError")
        assert isinstance(told.__cause__, ValueError)

    def test_all_broken_laws_are_told_at_once(self) -> None:
        """Each has an error of its own, and the text of the whole names them."""
        make, _ = THROTTLES["never forgives"]

        with pytest.raises(ExceptionGroup) as broken:
            kit.check_throttle(lambda: nullcontext(make()))

        names = {error.law for error in broken.value.exceptions if isinstance(error, LawBroken)}
        assert names == {law.name for law in kit.laws_of_throttle() if is_broken(law, make)}
        assert len(names) > 1
        assert all(name in str(broken.value) for name in names)

    def test_each_law_has_an_adapter_of_its_own_that_is_closed(self) -> None:
        """Nothing is left over from one law to the next, whether it was broken or not."""
        opened, closed = [], []

        @contextmanager
        def make() -> Iterator[MemoryThrottle]:
            opened.append(1)
            yield MemoryThrottle()
            closed.append(1)

        kit.check_throttle(make)

        assert len(opened) == len(closed) == len(kit.laws_of_throttle())

    def test_what_is_not_claimed_is_skipped_and_told(self) -> None:
        """The report tells which laws were not checked, and why."""
        report = kit.check_mailer(lambda: nullcontext(_plain_mailer()), without=[*Capability])

        assert report.skipped == {
            "a_batch_is_sent_like_single_messages": "does without several mails over one connection",
            "many_are_sent_at_once": "does without several threads at once",
        }
        assert str(report).splitlines()[0] == "mailer: 3 laws kept, 2 skipped"

    def test_what_is_claimed_must_be_there(self) -> None:
        """An adapter that lacks what it does not say it lacks breaks the law."""
        with pytest.raises(ExceptionGroup) as broken:
            kit.check_mailer(lambda: nullcontext(_plain_mailer()))

        assert [str(error).rpartition("Seen: ")[2] for error in broken.value.exceptions] == ["it has no batch()"]

    def test_the_number_of_threads_is_the_caller_s(self) -> None:
        """A race may be run by more."""
        numbers = set()

        class Watched(MemoryThrottle):
            def settle(self, **keys: Any) -> None:
                numbers.add(threading.get_ident())
                super().settle(**keys)

        (law,) = [law for law in kit.laws_of_throttle() if law.name == "no_settlement_is_lost"]
        law.check(lambda: nullcontext(Watched()), threads=3)

        assert len(numbers) <= 3
        assert numbers

    def test_no_test_runner_is_loaded(self) -> None:
        """The kit can be used by any of them."""
        program = "import sys, coproauth.testing.contracts; print({'pytest', 'hypothesis'} & sys.modules.keys())"

        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603 - our own

        assert done.stdout.strip() == "set()"


class TestSoundAdapters:
    """Adapters of the library that need no server keep the laws."""

    def test_the_fake_clock_is_a_clock(self) -> None:
        """Tests see the same time as the library would."""
        assert kit.check_clock(lambda: nullcontext(FakeClock())).skipped == {}

    def test_logging_keeps_the_trail(self) -> None:
        """Each event is one line, from which it can be read again."""
        report = kit.check_audit_sink(_logged, without=[Capability.TRAIL])

        assert "an_event_stays_one_event" in report.kept


def _plain_mailer() -> kit.ReadMailer:
    mailer = MemoryMailer()
    return kit.ReadMailer(mailer, lambda: [message.to for message in mailer.sent])


@contextmanager
def _logged() -> Iterator[kit.ReadSink]:
    """Read the events from the lines of a log."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.Logger("audit")  # noqa: LOG001 - of this test alone
    logger.addHandler(handler)
    yield kit.ReadSink(LoggingAudit(logger), lambda: [_event(line) for line in lines])


def _event(line: str) -> AuditEvent:
    assert len(line.splitlines()) == 1
    fields = json.loads(line)
    fields["at"] = datetime.fromisoformat(fields["at"])
    del fields["event"]
    return AuditEvent(**{**fields, "pathway": Pathway(fields["pathway"]), "outcome": Outcome(fields["outcome"])})
