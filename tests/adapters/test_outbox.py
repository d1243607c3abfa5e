"""Several couriers, threads or processes, share one outbox: each mail is sent once; after a crash, none is lost."""

from __future__ import annotations

import asyncio
import itertools
import multiprocessing
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from multiprocessing.process import BaseProcess
from pathlib import Path

import attrs
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from tests.servers import HOST, PATIENCE, free_port

from coproauth import Keyring, Policy
from coproauth.adapters.memory import MemoryMailer
from coproauth.adapters.smtp import SmtpMailer
from coproauth.adapters.sqlalchemy import SqlStore, sql_engine
from coproauth.core.messages import Intention, MailKind, Message
from coproauth.core.portal_urls import PortalUrls
from coproauth.ports import Mailer, Store
from coproauth.services.courier import Courier
from coproauth.testing.contracts.threads import together
from coproauth.testing.fakes import FakeClock

MAILS = 200
BATCH = Policy().mail_batch
THREADS = 4
PROCESSES = 3
PORTAL = "https://portail.example.fr"
NOW = datetime(2026, 1, 1, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
VICTIM = 0

_numbers = itertools.count()

each_database = pytest.mark.parametrize("database", ["sqlite", "postgresql", "mariadb"], indirect=True)


@pytest.fixture
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.sqlite3'}"
    server = request.getfixturevalue("postgres_server" if request.param == "postgresql" else "mariadb_server")
    url: str = server.create_database(f"outbox_{next(_numbers)}")
    return url


@contextmanager
def store_on(url: str) -> Iterator[SqlStore]:
    """A store on a database, closed when the block ends."""
    engine = sql_engine(url)
    try:
        yield SqlStore(engine)
    finally:
        engine.dispose()


def fill(store: SqlStore) -> set[str]:
    """Queue notices in an empty database, and return their ids."""
    store.create_tables()
    names = [f"mail-{number:03}" for number in range(MAILS)]
    with store.writing() as work:
        for name in names:
            work.outbox.add(
                Intention(
                    id=name,
                    kind=MailKind.PASSWORD_CHANGED,
                    to=f"{name}@example.fr",
                    locale="fr",
                    queued_at=NOW,
                    due_at=NOW,
                )
            )
    return set(names)


def courier(store: Store, mailer: Mailer, *, at: datetime = NOW) -> Courier:
    """Return a courier of default limits, whose time stands still."""
    return Courier(
        store=store,
        mailer=mailer,
        clock=FakeClock(at),
        keyring=Keyring(secret_keys=["a key for tests, 0123456789 abcdef"], audience=PORTAL),
        urls=PortalUrls(base=PORTAL),
        policy=Policy(),
    )


def waiting(store: SqlStore) -> list[Intention]:
    with store.reading() as work:
        return list(work.outbox.waiting(limit=MAILS))


class _Meeting(MemoryMailer):
    """A mailer that takes nothing before every thread has something in hand."""

    def __init__(self) -> None:
        super().__init__()
        self._all_there = threading.Barrier(THREADS)
        self._met = threading.local()

    def send(self, message: Message) -> None:
        if not hasattr(self._met, "yes"):
            self._met.yes = True
            self._all_there.wait(PATIENCE)
        super().send(message)


@each_database
def test_threads_send_each_mail_once(database: str) -> None:
    """Four have a batch in hand at the same time, and no two the same mail."""
    with store_on(database) as store:
        names = fill(store)
        mailer = _Meeting()

        counts = together(lambda _: courier(store, mailer).deliver(), THREADS)

        assert Counter(message.id for message in mailer.sent) == dict.fromkeys(names, 1)
        assert sum(counts) == MAILS
        assert waiting(store) == []


@pytest.mark.parametrize("database", ["postgresql", "mariadb"], indirect=True)
def test_mail_is_taken_and_forgotten_side_by_side(database: str) -> None:
    """Four units of work take a batch before any of them is kept, then four forget theirs: none has to be run again."""
    with store_on(database) as store:
        names = fill(store)
        all_there = threading.Barrier(THREADS)

        def take_and_forget(_: int) -> list[str]:
            with store.writing() as work:
                batch = work.outbox.claim(at=NOW, until=NOW + HOUR, limit=BATCH, max_tries=1)
                all_there.wait(PATIENCE)
            with store.writing() as work:
                for mail in batch:
                    work.outbox.done(mail.id)
                all_there.wait(PATIENCE)
            return [mail.id for mail in batch]

        batches = together(take_and_forget, THREADS)

        assert [len(set(batch)) for batch in batches] == [BATCH] * THREADS
        assert {mail.id for mail in waiting(store)} == names.difference(*batches)
        assert len(waiting(store)) == MAILS - THREADS * BATCH


@attrs.frozen(kw_only=True)
class _Delivered:
    """What the mail server took."""

    worker: int
    message_id: str


class _Post:
    """A mail server that lets every process come before it takes anything, and may keep one waiting for an answer.

    Attributes:
        taken: every mail, in order.
        holding: set when the victim's fifth mail was taken, and its answer withheld.
    """

    def __init__(self, *, is_holding: bool) -> None:
        self.port = free_port()
        self.taken: list[_Delivered] = []
        self.holding = threading.Event()
        self._is_holding = is_holding
        self._workers: set[str] = set()
        self._may_go_on = asyncio.Event()

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Wait for all to have begun, and for the victim to be held."""
        self._workers.add(address)
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        if len(self._workers) == PROCESSES and not self._is_holding:
            self._may_go_on.set()
        if not self._is_victim(address) or not self._is_holding:
            await self._may_go_on.wait()
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take the mail; the victim hears nothing of its fifth."""
        assert isinstance(envelope.content, bytes)
        assert envelope.mail_from is not None
        worker = int(envelope.mail_from.partition("@")[0].removeprefix("worker-"))
        mail = message_from_bytes(envelope.content)
        self.taken.append(_Delivered(worker=worker, message_id=str(mail["Message-ID"])))
        if self._is_holding and [delivered.worker for delivered in self.taken].count(VICTIM) == 5 and worker == VICTIM:
            self._may_go_on.set()
            self.holding.set()
            await asyncio.Event().wait()
        return "250 OK"

    def _is_victim(self, address: str) -> bool:
        return address.startswith(f"worker-{VICTIM}@")


@contextmanager
def post_office(*, is_holding: bool = False) -> Iterator[_Post]:
    """A mail server on loopback."""
    post = _Post(is_holding=is_holding)
    server = Controller(post, hostname=HOST, port=post.port)
    server.start()
    try:
        yield post
    finally:
        server.stop()


def mailer_of(worker: int, port: int) -> SmtpMailer:
    """Return a mailer whose mails tell who sent them."""
    sender = f"worker-{worker}@example.fr"
    return SmtpMailer(HOST, port=port, sender=sender, security="none", timeout=timedelta(seconds=PATIENCE))


def work(url: str, port: int, worker: int) -> None:
    """Deliver everything that is due; the life of one process."""
    with store_on(url) as store:
        courier(store, mailer_of(worker, port)).deliver()


def start_processes(url: str, port: int) -> Sequence[BaseProcess]:
    """Start processes that share nothing but database and mail server."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])  # imports once what all of them need
    processes = [context.Process(target=work, args=(url, port, worker)) for worker in range(PROCESSES)]
    for process in processes:
        process.start()
    return processes


@each_database
def test_processes_send_each_mail_once(database: str) -> None:
    """Three of them, over a real mail server, each with a batch in hand at the same time."""
    with store_on(database) as store, post_office() as post:
        names = fill(store)

        processes = start_processes(database, post.port)
        for process in processes:
            process.join()

        assert [process.exitcode for process in processes] == [0] * PROCESSES
        assert Counter(mail.message_id for mail in post.taken) == {f"<{name}@example.fr>": 1 for name in names}
        assert {mail.worker for mail in post.taken} == set(range(PROCESSES))
        assert waiting(store) == []


@each_database
def test_a_killed_process_loses_no_mail(database: str) -> None:
    """One is killed while it waits for an answer: that mail alone is sent twice, and told as the same (RFC 5322)."""
    with store_on(database) as store, post_office(is_holding=True) as post:
        names = fill(store)
        processes = start_processes(database, post.port)
        assert post.holding.wait(PATIENCE)
        in_hand = [mail.message_id for mail in post.taken if mail.worker == VICTIM][-1]

        processes[VICTIM].kill()
        for process in processes:
            process.join()
        left = waiting(store)
        lease_is_over = NOW + Policy().mail_lease
        delivered = courier(store, mailer_of(PROCESSES, post.port), at=lease_is_over).deliver()

        assert (len(left), delivered) == (16, 16)
        expected = Counter(f"<{name}@example.fr>" for name in names)
        assert Counter(mail.message_id for mail in post.taken) == expected + Counter([in_hand])
        assert waiting(store) == []
