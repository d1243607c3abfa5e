"""Directories, mailers and all else that do one thing wrong, and the law that each is caught by."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar, cast

import attrs
from tests.testing.broken_operations import RACES
from tests.testing.broken_units import LINKS
from tests.testing.spoilt import Faults, LastWriterWins, Spoilt, only_in_its_thread, plain

from coproauth.adapters.argon2 import Argon2Hasher
from coproauth.adapters.memory import MemoryAudit, MemoryDirectory, MemoryMailer, MemoryStore
from coproauth.adapters.system import SystemClock, SystemSecrets
from coproauth.core.audit import Outcome
from coproauth.policy import Argon2Parameters
from coproauth.ports import Clock, PasswordHasher, SecretSource, Store
from coproauth.testing.contracts import ReadMailer, ReadSink
from coproauth.testing.sandbox import WritableDirectory

T = TypeVar("T")
Broken = dict[str, tuple[Callable[[], T], str]]

_ZERO = timedelta(0)


# Stores over the same data, that are not


def _apart() -> Sequence[Store]:
    return [MemoryStore(), MemoryStore()]


def _racing() -> Sequence[Store]:
    return [LastWriterWins()] * 2


def _sharing_contacts() -> Sequence[Store]:
    return [LINKS["shares contacts"][0]()] * 2


SHARED: Broken[Sequence[Store]] = {
    "read what they wrote themselves": (_apart, "what_one_writes_the_others_read"),
    "change what they wrote themselves": (_apart, "what_one_changes_the_others_see_changed"),
    "count apart": (_apart, "of_many_attempts_at_once_only_the_free_ones_are_admitted"),
    "settle apart": (_apart, "no_settlement_is_lost"),
    **{name: (_racing, law) for name, (_, law) in RACES.items()},
    "share contacts": (_sharing_contacts, "a_contact_has_one_login_after_all"),
}

# Directories


def _directory(**faults: Callable[..., Any]) -> Callable[[], WritableDirectory]:
    return lambda: cast("WritableDirectory", Spoilt(MemoryDirectory(), faults))


def _asked_order(real: Any, contact_ids: Any) -> list[Any]:
    known = {contact.id: contact for contact in real(contact_ids)}
    return [known[contact_id] for contact_id in dict.fromkeys(contact_ids) if contact_id in known]


def _few(real: Any, contact_ids: Any) -> Any:
    if len(contact_ids) > 999:
        raise ValueError("too many parameters")
    return real(contact_ids)


def _all_contacts(real: Any) -> list[Any]:
    return list(real.__self__._contacts.values())  # noqa: SLF001 - the fault


def _keeps_contacts(real: Any, condominium_id: str) -> None:
    contacts = dict(real.__self__._contacts)  # noqa: SLF001 - the fault
    real(condominium_id)
    real.__self__._contacts.update(contacts)  # noqa: SLF001


def _adds_anywhere() -> Faults:
    known: dict[str, Any] = {}

    def add_account(real: Any, condominium_id: str, *, label: str) -> Any:
        if condominium_id in known:
            return known[condominium_id]
        known[condominium_id] = real(condominium_id, label=label)
        return known[condominium_id]

    return {"add_account": add_account}


class _IdsAgain(MemoryDirectory):
    """Numbers by how many there are."""

    def _new_id(self, kind: str) -> str:
        return f"{kind}-{len(self._contacts)}-{len(self._accounts)}-{len(self._condominiums)}"


def _removes_the_account(real: Any, contact_id: str) -> None:
    contact = real.__self__.contact(contact_id)
    for other in [other for other in _all_contacts(real) if contact and other.account == contact.account]:
        real(other.id)


DIRECTORIES: Broken[WritableDirectory] = {
    "forgets e-mails": (
        _directory(contact=lambda real, one: (found := real(one)) and attrs.evolve(found, email=None)),
        "a_contact_comes_with_its_account",
    ),
    "returns contacts as they were asked for": (
        _directory(contacts=_asked_order),
        "contacts_come_in_the_host_s_order",
    ),
    "returns everybody when nobody was asked for": (
        _directory(contacts=lambda real, ids: real(ids) if ids else _all_contacts(real)),
        "only_those_asked_for_come",
    ),
    "returns somebody twice": (
        _directory(contacts=lambda real, ids: [one for one in real(ids) for _ in range(list(ids).count(one.id))]),
        "who_is_asked_for_twice_comes_once",
    ),
    "mixes condominiums": (
        _directory(contacts_of=lambda real, _: _all_contacts(real)),
        "a_condominium_has_its_own_contacts",
    ),
    "finds ids that look alike": (
        _directory(contact=lambda real, one: real(plain(one))),
        "ids_are_compared_exactly",
    ),
    "takes a thousand at most": (_directory(contacts=_few), "a_great_many_may_be_asked_for"),
    "serves one thread": (_directory(contacts=only_in_its_thread), "many_are_answered_at_once"),
    "shortens labels": (
        _directory(add_account=lambda real, where, label: real(where, label=label.strip())),
        "what_was_added_is_found_whole",
    ),
    "removes the whole account": (
        _directory(remove_contact=_removes_the_account),
        "removing_a_contact_leaves_the_account_s_others",
    ),
    "keeps the contacts of what is gone": (
        _directory(remove_condominium=_keeps_contacts),
        "removing_a_condominium_removes_its_contacts_only",
    ),
    "adds to what is gone": (
        lambda: cast("WritableDirectory", Spoilt(MemoryDirectory(), _adds_anywhere())),
        "nothing_is_added_to_what_is_gone",
    ),
    "gives ids again": (_IdsAgain, "no_id_is_given_twice"),
}

# Mailers


class _BatchingMailer(MemoryMailer):
    """Takes several at once."""

    @contextmanager
    def batch(self) -> Iterator[_BatchingMailer]:
        """Take them one by one."""
        yield self


def sound_mailer() -> ReadMailer:
    """Return a mailer in memory that takes batches."""
    return _mailer()()


def _mailer(**faults: Callable[..., Any]) -> Callable[[], ReadMailer]:
    def make() -> ReadMailer:
        mailer = _BatchingMailer()
        spoilt: Any = Spoilt(mailer, faults) if faults else mailer
        return ReadMailer(spoilt, lambda: [message.to for message in mailer.sent])

    return make


def _once(real: Any, message: Any) -> None:
    if message not in real.__self__.sent:
        real(message)


@contextmanager
def _loses_the_last(real: Any) -> Iterator[Any]:
    with real() as mailer:
        yield mailer
    del mailer.sent[-1:]


MAILERS: Broken[ReadMailer] = {
    "sends French only": (
        _mailer(send=lambda real, message: {"fr": real}[message.locale](message)),
        "every_kind_of_message_is_taken",
    ),
    "sends all to one": (
        _mailer(send=lambda real, message: real(attrs.evolve(message, to="p0@example.fr"))),
        "each_message_arrives_once_at_its_recipient",
    ),
    "sends once for all": (_mailer(send=_once), "a_message_may_be_sent_again"),
    "loses the last of a batch": (_mailer(batch=_loses_the_last), "a_batch_is_sent_like_single_messages"),
    "serves one thread": (_mailer(send=only_in_its_thread), "many_are_sent_at_once"),
}

# Hashers


def sound_hasher() -> PasswordHasher:
    """Return a hasher that costs nothing."""
    return Argon2Hasher(Argon2Parameters.unsafe_only_for_tests())


def _hasher(**faults: Callable[..., Any]) -> Callable[[], PasswordHasher]:
    return lambda: cast("PasswordHasher", Spoilt(sound_hasher(), faults))


def _both(read: Callable[[str], str]) -> Callable[[], PasswordHasher]:
    """Return what makes a hasher that reads passwords its own way."""
    return _hasher(
        hash=lambda real, password: real(read(password)),
        verify=lambda real, password_hash, password: real(password_hash=password_hash, password=read(password)),
    )


def _as_bcrypt(password: str) -> str:
    return password.encode()[:72].partition(b"\0")[0].decode(errors="ignore")


def _unsalted() -> Faults:
    known: dict[str, str] = {}

    def hash_(real: Any, password: str) -> str:
        return known.setdefault(password, real(password))

    return {"hash": hash_}


class _KnownDecoy(Argon2Hasher):
    def __init__(self) -> None:
        super().__init__(Argon2Parameters.unsafe_only_for_tests())
        self.decoy = self.hash("decoy")


def _raises(real: Any, *, password_hash: str, password: str) -> bool:
    if not password_hash.startswith("$argon2id$v=19$m=8,t=1,p=1$"):
        raise ValueError("no hash")
    return bool(real(password_hash=password_hash, password=password))


HASHERS: Broken[PasswordHasher] = {
    "ignores case and spaces": (_both(plain), "only_the_password_that_was_hashed_fits"),
    "reads 72 bytes": (_both(_as_bcrypt), "every_symbol_of_a_long_password_counts"),
    "has no salt": (lambda: cast("PasswordHasher", Spoilt(sound_hasher(), _unsalted())), "a_hash_is_salted"),
    "shows the password": (
        _hasher(hash=lambda real, password: f"{real(password)}${password}"),
        "a_hash_is_in_phc_notation_and_shows_no_password",
    ),
    "raises at what it cannot read": (_hasher(verify=_raises), "a_hash_that_cannot_be_read_fits_none"),
    "takes every hash for current": (
        _hasher(needs_rehash=lambda _, __: False),
        "only_a_hash_of_other_parameters_needs_another",
    ),
    "has a decoy that a password fits": (_KnownDecoy, "no_password_fits_the_decoy"),
    "serves one thread": (_hasher(hash=only_in_its_thread), "many_hash_at_once"),
}

# Audit sinks


def sound_sink() -> ReadSink:
    """Return a trail in memory."""
    return _sink()()


def _sink(**faults: Callable[..., Any]) -> Callable[[], ReadSink]:
    def make() -> ReadSink:
        sink = MemoryAudit()
        spoilt: Any = Spoilt(sink, faults) if faults else sink
        return ReadSink(spoilt, lambda: sink.events)

    return make


def _on_one_line(real: Any, event: Any) -> None:
    for line in (event.reason or "").splitlines() or [None]:
        real(attrs.evolve(event, reason=line))


def _new_only(real: Any, event: Any) -> None:
    if event not in real.__self__.events:
        real(event)


SINKS: Broken[ReadSink] = {
    "truncates microseconds": (
        _sink(record=lambda real, event: real(attrs.evolve(event, at=event.at.replace(microsecond=0)))),
        "an_event_is_kept_whole",
    ),
    "keeps no failures": (
        _sink(record=lambda real, event: event.outcome is Outcome.FAILED or real(event)),
        "every_pathway_and_outcome_is_kept",
    ),
    "splits lines": (_sink(record=_on_one_line), "an_event_stays_one_event"),
    "keeps what is new": (_sink(record=_new_only), "what_happens_twice_is_kept_twice"),
    "tells the latest first": (
        _sink(about=lambda real, subjects: real(subjects)[::-1]),
        "a_trail_tells_what_is_about_somebody",
    ),
    "serves one thread": (_sink(record=only_in_its_thread), "no_event_is_lost"),
}

# Clocks and secrets


def _backwards() -> Faults:
    looks = iter(range(10**6))
    return {"now": lambda real: real() - timedelta(hours=next(looks))}


CLOCKS: Broken[Clock] = {
    "is naive": (
        lambda: cast("Clock", Spoilt(SystemClock(), {"now": lambda real: real().replace(tzinfo=None)})),
        "an_instant_is_aware_in_utc",
    ),
    "goes back": (lambda: cast("Clock", Spoilt(SystemClock(), _backwards())), "time_does_not_go_back"),
}


def _secrets(token_bytes: Callable[..., Any]) -> Callable[[], SecretSource]:
    return lambda: cast("SecretSource", Spoilt(SystemSecrets(), {"token_bytes": token_bytes}))


class _SeededByThread(SystemSecrets):
    """Begins anew in each thread."""

    def __init__(self) -> None:
        self._local = threading.local()

    def token_bytes(self, size: int) -> bytes:
        """Draw what can be foretold."""
        if not hasattr(self._local, "source"):
            self._local.source = random.Random(0)  # noqa: S311 - the fault
        return cast("bytes", self._local.source.randbytes(size))


SECRETS: Broken[SecretSource] = {
    "is sparing": (_secrets(lambda real, size: real(min(size, 16))), "as_many_bytes_come_as_were_asked_for"),
    "says the same": (_secrets(lambda _, size: b"x" * size), "no_secret_comes_twice"),
    "knows seven bits": (_secrets(lambda real, size: bytes(byte & 0x7F for byte in real(size))), "every_bit_varies"),
    "is seeded in each thread": (_SeededByThread, "no_two_threads_draw_one_secret"),
}
