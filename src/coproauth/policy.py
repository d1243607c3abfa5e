"""Every limit that an installation may set, with its unit and its source.

What a number means is said here; what follows from it stands with the rule that reads it. A bound that nobody chooses,
for it follows from a format, a protocol or a column, stands beside what reads it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Literal, get_args

import attrs

from coproauth.errors import ConfigurationError

Locale = Literal["fr", "en"]
ThrottleOutage = Literal["refuse", "local"]
BreachOutage = Literal["accept", "refuse"]
LOCALES: tuple[Locale, ...] = ("fr", "en")

PASSWORD_FLOOR = 8  # code points; NIST SP 800-63B-4 §3.1.1.2: no verifier may accept fewer
_OWASP = {1: 46, 2: 19, 3: 12, 4: 9, 5: 7}  # passes: MiB; OWASP Password Storage, Argon2id
_ASVS_PASSES = (1, 2, 3)  # of these, what ASVS V11.4.2 accepts at least
BATCH_CEILING = 10_000  # rows; each is a parameter of a statement, and PostgreSQL takes 65 535 of them
LONGEST = timedelta(days=36_500)  # a century: what is added to an instant must not pass the year 9999
SESSION_VIEW_CEILING = timedelta(seconds=60)  # a minute: the longest that an ended session may still be shown
SECRET_KEY_FLOOR = 32  # bytes; ASVS V11.2.3 asks for 128 bits, an HMAC-SHA-256 key is at its best with 256


def doubled(first: timedelta, *, times: int, longest: timedelta) -> timedelta:
    """Return a wait that was doubled so many times, up to the longest."""
    try:
        wait: timedelta = first * 2 ** min(times, 67)  # beyond, a microsecond is longer than any timedelta
    except OverflowError:
        return longest
    return min(wait, longest)


def _require_within_reason(name: str, value: object) -> None:
    """Refuse a duration that nobody means, and that leads beyond the last year there is."""
    if isinstance(value, timedelta) and value > LONGEST:
        raise ConfigurationError(f"{name} must be at most {LONGEST.days} days")


@attrs.frozen(kw_only=True)
class Argon2Parameters:
    """The cost of one password hash with Argon2id.

    Attributes:
        memory_cost: KiB.
        time_cost: passes over the memory.
        parallelism: lanes.
    """

    memory_cost: int
    time_cost: int
    parallelism: int

    @classmethod
    def rfc_9106(cls) -> Argon2Parameters:
        """2 GiB, 1 pass, 4 lanes (RFC 9106 §4, first recommended option)."""
        return cls(memory_cost=2 * 1024 * 1024, time_cost=1, parallelism=4)

    @classmethod
    def rfc_9106_low_memory(cls) -> Argon2Parameters:
        """64 MiB, 3 passes, 4 lanes (RFC 9106 §4, second recommended option)."""
        return cls(memory_cost=64 * 1024, time_cost=3, parallelism=4)

    @classmethod
    def owasp(cls, *, passes: int = 2) -> Argon2Parameters:
        """1 lane, and 46, 19, 12, 9 or 7 MiB for 1 to 5 passes: five that are equally strong (OWASP Password Storage).

        The first three are the least that ASVS V11.4.2 accepts; a policy refuses the last two.

        Raises:
            ConfigurationError: there is none with so many passes.
        """
        if passes not in _OWASP:
            raise ConfigurationError(f"OWASP names Argon2id with 1 to 5 passes, not with {passes}")
        return cls(memory_cost=_OWASP[passes] * 1024, time_cost=passes, parallelism=1)

    @classmethod
    def unsafe_only_for_tests(cls) -> Argon2Parameters:
        """8 KiB, 1 pass, 1 lane: as cheap as the algorithm allows, and worth as much."""
        return cls(memory_cost=8, time_cost=1, parallelism=1)

    def covers(self, other: Argon2Parameters) -> bool:
        """Whether another cost is in no respect higher than this."""
        return (
            other.memory_cost <= self.memory_cost
            and other.time_cost <= self.time_cost
            and other.parallelism <= self.parallelism
        )

    @property
    def is_safe(self) -> bool:
        """Whether the cost reaches one of the three combinations of ASVS V11.4.2."""
        return any(self.time_cost >= passes and self.memory_cost >= _OWASP[passes] * 1024 for passes in _ASVS_PASSES)


@attrs.frozen(kw_only=True)
class ThrottleRule:
    """How attempts on one key are slowed: some are free, each further one makes the next wait twice as long.

    Attributes:
        free_attempts: how many go through without a wait.
        first_delay: the wait after the last free attempt.
        longest_delay: where the doubling stops.
        forget_after: how long after the last attempt the count starts again from nothing.
        one_less_every: in place of that, how long it takes to forget one attempt: the count leaks, and attempts that
            come slower than that are never slowed.
        limit: the count from which on there is no further attempt until it is cleared, or forgotten; only where a reset
            clears it.

    Raises:
        ConfigurationError: the numbers would slow nobody, or everybody.
    """

    free_attempts: int
    first_delay: timedelta
    longest_delay: timedelta
    forget_after: timedelta = timedelta(hours=24)
    one_less_every: timedelta | None = None
    limit: int | None = None

    def __attrs_post_init__(self) -> None:
        for field in attrs.fields(ThrottleRule):
            _require_within_reason(field.name, getattr(self, field.name))
        if self.free_attempts < 1 or not timedelta(0) < self.first_delay <= self.longest_delay:
            raise ConfigurationError("a throttle must allow one attempt, and slow those after the free ones")
        if self._kept_at_least < self.longest_delay:
            raise ConfigurationError("a throttle must not forget before its longest delay is over")
        if self.limit is not None and (self.limit <= self.free_attempts or self.one_less_every is not None):
            raise ConfigurationError(
                "a throttle's limit must come after its free attempts, and its count must not leak"
            )

    @property
    def _kept_at_least(self) -> timedelta:
        """How long a count that makes anybody wait is kept."""
        return self.forget_after if self.one_less_every is None else self.one_less_every * self.free_attempts

    def delay_after(self, attempts: int) -> timedelta:
        """How long the next attempt must wait once ``attempts`` have been counted."""
        if self.limit is not None and attempts >= self.limit:
            return self.forget_after
        excess = attempts - self.free_attempts
        return timedelta(0) if excess < 0 else doubled(self.first_delay, times=excess, longest=self.longest_delay)


@attrs.frozen(kw_only=True)
class Policy:
    """Every limit of an installation.

    Raises:
        ConfigurationError: a number is outside what the named source allows.

    Attributes:
        password_min_length: code points, 8 or more (NIST SP 800-63B-4 §3.1.1.2: 15 where it is the only factor).
        password_max_length: code points, 64 or more (NIST SP 800-63B-4 §3.1.1.2; ASVS V6.2.9).
        digits_only_min_length: code points; a password of digits alone must be this long (20 digits: 66 bits).
        context_words: words that anyone would try here, beside names and addresses (ASVS V6.1.2).
        breach_outage: when nobody can tell whether a new password has leaked: ``"accept"`` it if nothing else is wrong
            with it, and say so in the log (ASVS V6.2.12), or ``"refuse"`` every new password meanwhile.
        argon2: the cost of a password hash.
        argon2_limit: the most that a hash found in the store may cost, besides the cost above; a dearer one fits no
            password, so that a row that somebody else wrote exhausts no memory.
        unsafe_cheap_hashes: accept a cost below ASVS V11.4.2; only for testing.
        hashes_at_once: how many password hashes may be computed at the same time in one process; None: one a core, but
            no more than 30.
        hashes_waiting: how many more may wait for that; whoever comes beyond is refused at once. None: eight for each
            place, so that the last waits about a second at the default cost; but no more than 30 with the places,
            so that a rush leaves threads of a pool of 40 (Starlette's) to other pages.
        hash_patience: after how long whoever waits is refused, too: a person has gone on to something else by then.
        hash_memory_kept: after how long without a hash its memory goes back to the system; zero: at once. It is a page
            fault for every 4 KiB that makes the first hash after that slower, so it pays from one log-in to the next.
        code_lifetime: how long an activation code can be used, for the post to arrive and the reader to act.
        email_code_lifetime: how long the six digits prove an address (ASVS V6.5.5: 10 minutes).
        require_email_proof: whether a new login must prove its address first.
        reset_link_lifetime: how long a reset link works (at most 24 hours).
        email_link_lifetime: how long the link that confirms a new e-mail works.
        choose_password_lifetime: how long the step after a temporary password stays open.
        temporary_password_lifetime: how long a password set by a manager opens that step (ASVS V6.4.1).
        session_lifetime: when a session ends however much it is used (ASVS V7.3.2; at most NIST's 30 days).
        session_idle: when an unused session ends (ASVS V7.3.1).
        sessions_per_login: how many sessions a login may have; one more ends the one unused longest (ASVS V7.1.2).
        session_touch: how exactly the last use is recorded; at most one write in this time.
        session_view_lifetime: for how long GET and HEAD believe a signed cookie about who is logged in, and do not ask
            the store; zero: never; at most 60 seconds. For so long, and as much longer as clocks differ, a session that
            was logged out or ended elsewhere still opens pages to whoever has kept its cookies, and an account is still
            shown after the right to it was lost or its condominium deleted (ASVS V7.4.1, V7.4.2, V8.3.2). The cookie
            holds, to be read in the browser, the e-mail and the accounts (V14.3.3).
        clock_leeway: how far the clocks of two servers may differ (at most 60 seconds).
        throttle_login: attempts on one login, counted until one succeeds; beyond 100 the password alone opens nothing
            (NIST SP 800-63B-4 §3.2.2).
        throttle_device: attempts on one login from one browser in which it was opened before; a stranger's attempts are
            not among them (OWASP, device cookies).
        device_lifetime: how long a browser is known after its last login.
        notice_after_failures: after how many failures the owner is told by mail of a login (ASVS V6.3.5).
        throttle_code: attempts with one activation code; and with the digits for one address, whatever the code.
        throttle_source: failed attempts from one source.
        throttle_portal: failed attempts at passwords, and likewise at codes, of all unknown browsers together; it
            forgets as many as people make in ordinary life (``docs/explanation/throttling.md``: how to scale it).
        throttle_portal_spares: how many failures a source may have before those of the whole portal slow it.
        throttle_manager: what one manager does to single contacts, and to whole condominiums.
        throttle_requests: mails that one source can have sent.
        throttle_mail: mails of one kind to one address, and mails that one code or login can have sent; the delay
            stays short enough that nobody is kept from a reset for long.
        mail_batch: how many mails a courier takes at once, and sends over one connection; what does not fit into the
            first half of the lease is given back.
        mail_lease: how long a mail that was taken is left to the courier who took it; sending one must take less than
            half of it.
        mail_tries: after how many deliveries that failed, or were cut off, a mail is given up.
        mail_backoff: wait after the first failed delivery; doubles each time.
        mail_longest_backoff: where the doubling stops; a mail server may be away for days (RFC 5321 §4.5.4.1).
        mail_kept: how long mail that was not delivered, given up or not, is kept from when it was queued.
        codes_kept: how long a code is kept after it expired, so that whoever finds an old letter is told what to do.
        audit_kept: how long audit events are kept in the table (CNIL 2021-122: six months to a year).
        login_idle: after how long without a login an identity is removed (recycled mailboxes).
        login_idle_warning: how long before that its owner is warned.
        purge_batch: rows that a sweep deletes in one transaction.
        store_tries: how often a unit of work is run before other units or a lost connection make it fail.
        store_patience: after how long it is not run again, however often it was.
        store_backoff: wait before its second run, at random up to this; doubles each time.
        store_longest_backoff: where the doubling stops.
        throttle_outage: when attempts cannot be counted in Redis: ``"refuse"`` them (fail closed, ASVS
            V16.5.3), or count them in the memory of each process meanwhile (``"local"``).
        throttle_recovery: for how long, after Redis lost the counters, each login has one free attempt left.
        epoch: raise it after a backup was restored: nothing signed, opened or issued before is accepted.
    """

    password_min_length: int = 15
    password_max_length: int = 1024
    digits_only_min_length: int = 20
    context_words: tuple[str, ...] = (
        "copropriete",
        "coproprietaire",
        "copro",
        "syndic",
        "syndicat",
        "gestionnaire",
    )
    breach_outage: BreachOutage = "accept"
    argon2: Argon2Parameters = Argon2Parameters.rfc_9106_low_memory()
    argon2_limit: Argon2Parameters = Argon2Parameters(memory_cost=256 * 1024, time_cost=10, parallelism=16)
    unsafe_cheap_hashes: bool = False
    hashes_at_once: int | None = None
    hashes_waiting: int | None = None
    hash_patience: timedelta = timedelta(seconds=5)
    hash_memory_kept: timedelta = timedelta(minutes=1)

    code_lifetime: timedelta = timedelta(days=30)
    email_code_lifetime: timedelta = timedelta(minutes=10)
    require_email_proof: bool = True
    reset_link_lifetime: timedelta = timedelta(minutes=60)
    email_link_lifetime: timedelta = timedelta(minutes=60)
    choose_password_lifetime: timedelta = timedelta(minutes=15)
    temporary_password_lifetime: timedelta = timedelta(days=7)

    session_lifetime: timedelta = timedelta(hours=12)
    session_idle: timedelta = timedelta(hours=1)
    sessions_per_login: int = 50
    session_touch: timedelta = timedelta(minutes=1)
    session_view_lifetime: timedelta = timedelta(0)
    clock_leeway: timedelta = timedelta(seconds=60)

    throttle_login: ThrottleRule = ThrottleRule(
        free_attempts=10,
        first_delay=timedelta(seconds=30),
        longest_delay=timedelta(hours=1),
        forget_after=timedelta(days=30),
        limit=100,
    )
    throttle_device: ThrottleRule = ThrottleRule(
        free_attempts=10,
        first_delay=timedelta(seconds=30),
        longest_delay=timedelta(hours=1),
        forget_after=timedelta(days=30),
        limit=100,
    )
    device_lifetime: timedelta = timedelta(days=180)
    notice_after_failures: int = 5
    throttle_code: ThrottleRule = ThrottleRule(
        free_attempts=10, first_delay=timedelta(seconds=30), longest_delay=timedelta(hours=1)
    )
    throttle_source: ThrottleRule = ThrottleRule(
        free_attempts=50, first_delay=timedelta(seconds=5), longest_delay=timedelta(hours=1)
    )
    throttle_portal: ThrottleRule = ThrottleRule(
        free_attempts=1000,
        first_delay=timedelta(milliseconds=100),
        longest_delay=timedelta(seconds=5),
        one_less_every=timedelta(milliseconds=100),
    )
    throttle_portal_spares: int = 3
    throttle_manager: ThrottleRule = ThrottleRule(
        free_attempts=300,
        first_delay=timedelta(minutes=1),
        longest_delay=timedelta(hours=1),
        one_less_every=timedelta(seconds=30),
    )
    throttle_requests: ThrottleRule = ThrottleRule(
        free_attempts=20, first_delay=timedelta(seconds=30), longest_delay=timedelta(hours=1)
    )
    throttle_mail: ThrottleRule = ThrottleRule(
        free_attempts=5, first_delay=timedelta(minutes=15), longest_delay=timedelta(hours=1)
    )

    mail_batch: int = 20
    mail_lease: timedelta = timedelta(minutes=5)
    mail_tries: int = 10
    mail_backoff: timedelta = timedelta(seconds=30)
    mail_longest_backoff: timedelta = timedelta(hours=4)
    mail_kept: timedelta = timedelta(days=30)

    codes_kept: timedelta = timedelta(days=365)
    audit_kept: timedelta = timedelta(days=365)
    login_idle: timedelta = timedelta(days=730)
    login_idle_warning: timedelta = timedelta(days=30)
    purge_batch: int = 500

    store_tries: int = 20
    store_patience: timedelta = timedelta(seconds=10)
    store_backoff: timedelta = timedelta(milliseconds=10)
    store_longest_backoff: timedelta = timedelta(milliseconds=200)
    throttle_outage: ThrottleOutage = "refuse"
    throttle_recovery: timedelta = timedelta(hours=1)

    epoch: int = 0

    def __attrs_post_init__(self) -> None:
        for field in attrs.fields(Policy):
            _require_positive(field.name, getattr(self, field.name))
            _require_within_reason(field.name, getattr(self, field.name))
        for holds, rule in self._rules():
            if not holds:
                raise ConfigurationError(rule)

    def _rules(self) -> tuple[tuple[bool, str], ...]:
        return (
            (
                self.password_min_length >= PASSWORD_FLOOR,
                f"password_min_length must be at least {PASSWORD_FLOOR} code points",
            ),
            (
                self.password_max_length >= max(64, self.password_min_length),
                "password_max_length must allow at least 64 code points",
            ),
            (
                self.argon2.is_safe or self.unsafe_cheap_hashes,
                "argon2 must cost at least t=1 m=46 MiB, t=2 m=19 MiB or t=3 m=12 MiB",
            ),
            *self._rules_of_sessions(),
            (
                max(self.reset_link_lifetime, self.email_link_lifetime) <= timedelta(hours=24),
                "a mailed link must not work for more than 24 hours",
            ),
            (
                self.email_code_lifetime <= timedelta(minutes=10),
                "the six digits must not work for more than 10 minutes",
            ),
            (self.login_idle_warning < self.login_idle, "the warning must come before an idle login is removed"),
            (self.throttle_outage in get_args(ThrottleOutage), "throttle_outage must be 'refuse' or 'local'"),
            (self.breach_outage in get_args(BreachOutage), "breach_outage must be 'accept' or 'refuse'"),
            (self.clock_leeway <= timedelta(seconds=60), "clock_leeway must be at most 60 seconds"),
            (
                all(rule.limit is None for name, rule in self._throttles() if name not in _MAY_HAVE_A_LIMIT),
                "only throttle_login and throttle_device may have a limit: a reset clears no other count",
            ),
            (
                max(self.mail_batch, self.purge_batch) <= BATCH_CEILING,
                f"mail_batch and purge_batch must be at most {BATCH_CEILING}",
            ),
        )

    def _rules_of_sessions(self) -> tuple[tuple[bool, str], ...]:
        return (
            (
                self.session_touch <= self.session_idle <= self.session_lifetime <= timedelta(days=30),
                "a session must be touched before it is idle, idle before it is too old, and too old within 30 days",
            ),
            (
                # What a view answers is no use of the session: it must be seen in the store before it is idle.
                not self.session_view_lifetime
                or self.session_view_lifetime <= min(SESSION_VIEW_CEILING, self.session_idle - self.session_touch),
                "session_view_lifetime must be at most 60 seconds, and with session_touch no longer than session_idle",
            ),
        )

    def _throttles(self) -> Iterator[tuple[str, ThrottleRule]]:
        for field in attrs.fields(Policy):
            value = getattr(self, field.name)
            if isinstance(value, ThrottleRule):
                yield field.name, value


_MAY_HAVE_A_LIMIT = {"throttle_login", "throttle_device"}
_MAY_BE_ZERO = {
    "clock_leeway",
    "epoch",
    "hash_memory_kept",
    "hashes_waiting",
    "session_view_lifetime",
    "throttle_recovery",
}


def _require_positive(name: str, value: object) -> None:
    """Refuse a number or a duration that nothing could be done with."""
    if isinstance(value, bool) or not isinstance(value, int | timedelta):
        return
    nothing = 0 if isinstance(value, int) else timedelta(0)
    if value < nothing or (value == nothing and name not in _MAY_BE_ZERO):  # type: ignore[operator]
        raise ConfigurationError(f"{name} must be more than nothing")
