"""How attempts are slowed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coproauth import ConfigurationError, Manager, Policy, Source, ThrottleRule
from coproauth.adapters.memory_throttle import MemoryThrottle
from coproauth.core.devices import Device
from coproauth.core.messages import MailKind
from coproauth.core.throttling import (
    Counter,
    OnSuccess,
    ThrottleKey,
    code_key,
    decide_admission,
    device_key,
    is_limit_reached,
    login_key,
    mail_key,
    manager_key,
    portal_key,
    proof_key,
    requests_key,
    sender_key,
    source_key,
    uncounted,
)

_AT = datetime(2026, 1, 1, 8, tzinfo=UTC)
_POLICY = Policy()
_RULE = ThrottleRule(free_attempts=3, first_delay=timedelta(seconds=30), longest_delay=timedelta(minutes=5))
_KEY = ThrottleKey(name="login:x", rule=_RULE)
_RULES = st.builds(
    ThrottleRule,
    free_attempts=st.integers(1, 100),
    first_delay=st.timedeltas(timedelta(seconds=1), timedelta(hours=1)),
    longest_delay=st.timedeltas(timedelta(hours=1), timedelta(days=30)),
    forget_after=st.just(timedelta(days=30)),
)


class TestDelay:
    """Some attempts are free; each further one makes the next wait twice as long, up to a limit."""

    @pytest.mark.parametrize(
        ("attempts", "seconds"), [(0, 0), (1, 0), (2, 0), (3, 30), (4, 60), (5, 120), (6, 240), (7, 300), (1000, 300)]
    )
    def test_an_example(self, attempts: int, seconds: int) -> None:
        """Three attempts free of a wait, then 30 seconds doubling up to five minutes."""
        assert _RULE.delay_after(attempts) == timedelta(seconds=seconds)

    @given(_RULES, st.integers(0, 10_000))
    def test_it_never_shrinks_and_never_passes_the_longest(self, rule: ThrottleRule, attempts: int) -> None:
        """One attempt more never means a shorter wait, and without a limit no number of them one beyond the longest."""
        delay = rule.delay_after(attempts)

        assert timedelta(0) <= delay <= rule.delay_after(attempts + 1) <= rule.longest_delay

    @given(st.integers(0, 10_000))
    @pytest.mark.parametrize("field", ["login", "device", "code", "source", "portal", "manager", "requests", "mail"])
    def test_every_rule_of_the_policy_holds_for_any_number(self, field: str, attempts: int) -> None:
        """No number of attempts breaks the arithmetic."""
        rule: ThrottleRule = getattr(_POLICY, f"throttle_{field}")

        is_beyond = rule.limit is not None and attempts >= rule.limit
        assert rule.delay_after(attempts) <= (rule.forget_after if is_beyond else rule.longest_delay)

    def test_a65_nobody_is_locked_out_of_a_login_for_more_than_an_hour(self) -> None:
        """A-65: an attacker slows a login; below the limit no wait is longer."""
        assert _POLICY.throttle_login.longest_delay <= timedelta(hours=1)

    def test_a_hundred_failures_in_a_row_are_the_most(self) -> None:
        """NIST SP 800-63B-4 §3.2.2: the hundredth is followed by none until the count is cleared, or long forgotten."""
        rule = _POLICY.throttle_login

        assert (rule.delay_after(99), rule.delay_after(100)) == (timedelta(hours=1), timedelta(days=30))

    def test_a_stranger_slows_the_portal_by_seconds_at_most(self) -> None:
        """However many failures there are."""
        assert _POLICY.throttle_portal.delay_after(10**9) == timedelta(seconds=5)

    @pytest.mark.parametrize(
        "numbers",
        [
            {"one_less_every": timedelta(seconds=1)},
            {"one_less_every": timedelta(0)},
            {"limit": 3},
            {"limit": 5, "one_less_every": timedelta(minutes=5)},
        ],
    )
    def test_numbers_that_contradict_each_other_are_a_mistake(self, numbers: dict[str, timedelta]) -> None:
        """A leak that forgets before the longest delay is over, a limit among the free attempts, and both together."""
        with pytest.raises(ConfigurationError):
            attrs.evolve(_RULE, **numbers)  # type: ignore[arg-type]


class TestAdmission:
    """An attempt waits for the slowest of its keys, and is then counted on none."""

    def _after(self, attempts: int, *, at: datetime = _AT) -> dict[str, Counter]:
        """Return the counters after so many attempts at one instant that were let through."""
        counters: dict[str, Counter] = {}
        for _ in range(attempts):
            decision = decide_admission([_KEY], counters, at=at)
            assert isinstance(decision, dict)
            counters.update(decision)
        return counters

    def test_free_attempts_are_let_through(self) -> None:
        """Three at the same instant, and the fourth waits thirty seconds."""
        assert decide_admission([_KEY], self._after(3), at=_AT) == timedelta(seconds=30)

    def test_a59_after_the_wait_one_attempt_is_let_through(self) -> None:
        """A-59: and the next wait is twice as long; the lock re-arms."""
        counters = self._after(3)

        assert decide_admission([_KEY], counters, at=_AT + timedelta(seconds=29)) == timedelta(seconds=1)
        decision = decide_admission([_KEY], counters, at=_AT + timedelta(seconds=30))
        assert isinstance(decision, dict)
        assert decide_admission([_KEY], decision, at=_AT + timedelta(seconds=30)) == timedelta(seconds=60)

    def test_the_slowest_key_is_waited_for_and_none_is_counted(self) -> None:
        """An attempt that must wait for one key costs nothing on the others."""
        other = ThrottleKey(name="source:x", rule=_RULE)

        assert decide_admission([other, _KEY], self._after(3), at=_AT) == timedelta(seconds=30)

    def test_a_count_is_forgotten_after_a_day(self) -> None:
        """Twenty-four hours after the last attempt the count starts from nothing."""
        counters = self._after(3)

        decision = decide_admission([_KEY], counters, at=_AT + timedelta(hours=24))

        assert decision == self._after(1, at=_AT + timedelta(hours=24))

    @pytest.mark.parametrize("behind", [timedelta(microseconds=1), timedelta(seconds=60), timedelta(hours=2)])
    def test_d25_free_attempts_do_not_wait_for_a_clock(self, behind: timedelta) -> None:
        """D-25: of two servers or threads, the one whose clock was read a moment earlier is not held up."""
        assert isinstance(decide_admission([_KEY], self._after(1), at=_AT - behind), dict)

    @pytest.mark.parametrize("failures", [0, 1, 2, 3, 7])
    def test_an_attempt_taken_back_leaves_no_wait(self, failures: int) -> None:
        """What was no guess is given back, with the wait that would have followed, also beyond the free attempts."""
        throttle = MemoryThrottle()
        at = _AT
        for _ in range(failures):
            at += throttle.admit([_KEY], at=at)
            throttle.admit([_KEY], at=at)
        at += timedelta(hours=1)
        assert throttle.admit([_KEY], at=at) == timedelta(0)

        throttle.settle(forgive=[_KEY])

        assert throttle.admit([_KEY], at=at) == timedelta(0)


_LEAKY = attrs.evolve(_RULE, one_less_every=timedelta(minutes=2))
_STEPS = st.lists(st.tuples(st.booleans(), st.timedeltas(timedelta(0), timedelta(minutes=5))), max_size=30)


class TestLeak:
    """A count that leaks forgets one attempt in each span of time, however the attempts fall."""

    @given(_STEPS)
    def test_it_is_what_a_bucket_with_a_hole_would_hold(self, steps: list[tuple[bool, timedelta]]) -> None:
        """Compared with a level that falls steadily: what is counted is the level, rounded up."""
        every, now, level = timedelta(minutes=2), _AT, timedelta(0)
        counter = uncounted(now)

        for is_attempt, step in steps:
            now, level = now + step, max(level - step, timedelta(0))
            if is_attempt:
                counter, level = counter.current(_LEAKY, at=now).one_more(_LEAKY, at=now), level + every

            assert counter.current(_LEAKY, at=now).attempts == -(-level // every)

    @given(st.integers(1, 10), st.timedeltas(timedelta(0), timedelta(days=1)))
    def test_d25_a_clock_that_goes_back_adds_nothing(self, attempts: int, behind: timedelta) -> None:
        """D-25: of two servers, the one whose clock is behind counts no more than the other."""
        counter = uncounted(_AT)
        for _ in range(attempts):
            counter = counter.one_more(_LEAKY, at=_AT)

        assert counter.current(_LEAKY, at=_AT - behind).attempts == attempts

    def test_what_comes_slower_than_the_leak_is_never_slowed(self) -> None:
        """Ordinary life goes on for ever."""
        throttle = MemoryThrottle()
        key = ThrottleKey(name="portal", rule=_LEAKY)

        waits = {throttle.admit([key], at=_AT + number * timedelta(minutes=2)) for number in range(1000)}

        assert waits == {timedelta(0)}

    def test_what_comes_faster_is(self) -> None:
        """The free attempts are used up in the end."""
        throttle = MemoryThrottle()
        key = ThrottleKey(name="portal", rule=_LEAKY)

        waits = [throttle.admit([key], at=_AT + number * timedelta(seconds=20)) for number in range(8)]

        assert waits.count(timedelta(0)) < len(waits)

    def test_an_attempt_given_back_leaves_the_leak_as_it_was(self) -> None:
        """One more and one less is nothing."""
        counter = Counter(attempts=0, last_at=_AT, not_before=_AT, forget_at=_AT).one_more(_LEAKY, at=_AT)
        later = _AT + timedelta(seconds=30)

        given_back = counter.current(_LEAKY, at=later).one_more(_LEAKY, at=later).one_less(_LEAKY)

        assert given_back.forget_at == counter.forget_at
        assert given_back.wait(at=later) == timedelta(0)


class TestSpared:
    """A key may make only those wait who have failed on another one."""

    def test_who_has_hardly_failed_does_not_wait(self) -> None:
        """The portal is slowed by strangers; a source with two failures is not, one with three is."""
        throttle = MemoryThrottle()
        at = {"at": _AT}
        strangers = [source_key(Source(f"198.51.100.{number}"), _POLICY) for number in range(3)]
        portal = {
            key.name: ThrottleKey(name="portal", rule=_RULE, spared_by=key.name, spared_below=3) for key in strangers
        }
        for key in strangers:
            throttle.admit([key, portal[key.name]], **at)

        first = strangers[0]
        waits = [throttle.admit([first, portal[first.name]], **at) for _ in range(3)]

        assert waits == [timedelta(0), timedelta(0), timedelta(minutes=2)]

    def test_without_the_other_key_nobody_is_spared(self) -> None:
        """What is not counted cannot speak for anybody."""
        throttle = MemoryThrottle()
        key = ThrottleKey(name="portal", rule=_RULE, spared_by="source:x", spared_below=3)

        assert [throttle.admit([key], at=_AT) for _ in range(4)][-1] == timedelta(seconds=30)


class TestLimit:
    """From a limit on there is no further attempt, and the wait alone tells that from a delay."""

    _LIMITED = ThrottleKey(name="login:x", rule=attrs.evolve(_RULE, limit=9, forget_after=timedelta(days=30)))

    @pytest.mark.parametrize(("wait", "is_reached"), [(_RULE.longest_delay, False), (timedelta(days=30), True)])
    def test_a_wait_beyond_every_delay_is_the_limits(self, wait: timedelta, *, is_reached: bool) -> None:
        """The longest delay is one that doubled; a month is not."""
        assert is_limit_reached([_KEY, self._LIMITED], wait) is is_reached

    def test_without_a_limit_none_is_reached(self) -> None:
        """However long the wait."""
        assert not is_limit_reached([_KEY], timedelta(days=30))


def _device(nonce: str) -> Device:
    return Device(identity_id="i", email_mac="m", nonce=nonce, credential_stamp=1)


class TestKeys:
    """Attempts are counted on what they are about and on where they come from."""

    @pytest.mark.parametrize(
        "key",
        [
            source_key(Source("192.0.2.77"), _POLICY),
            requests_key(Source("192.0.2.77"), _POLICY),
            login_key("jeanne@example.fr", _POLICY),
            mail_key(MailKind.RESET_LINK, "jeanne@example.fr", _POLICY),
        ],
    )
    def test_no_address_stands_in_a_key(self, key: ThrottleKey) -> None:
        """Who reads the counters learns neither e-mails nor network addresses."""
        assert "jeanne" not in key.name
        assert "192.0.2" not in key.name

    def test_no_two_scopes_share_a_counter(self) -> None:
        """The same value counted for two reasons has two counters."""
        source = Source("x")
        names = {
            source_key(source, _POLICY).name,
            requests_key(source, _POLICY).name,
            login_key("x", _POLICY).name,
            mail_key(MailKind.RESET_LINK, "x", _POLICY).name,
            mail_key(MailKind.EMAIL_PROOF, "x", _POLICY).name,
            sender_key("x", _POLICY).name,
            code_key("x", _POLICY).name,
            portal_key("password", source_key(source, _POLICY), _POLICY).name,
            portal_key("code", source_key(source, _POLICY), _POLICY).name,
            manager_key(Manager(id="x", portfolio_id="x"), _POLICY).name,
            proof_key("x", _POLICY).name,
            proof_key("y", _POLICY).name,
            device_key(_device("x"), _POLICY).name,
            device_key(_device("y"), _POLICY).name,
        }

        assert len(names) == 14

    def test_managers_of_two_portfolios_never_share_a_counter(self) -> None:
        """Whatever spaces stand in the ids that a host gives them."""
        one = Manager(id="3", portfolio_id="1 2")
        other = Manager(id="2 3", portfolio_id="1")

        assert manager_key(one, _POLICY).name != manager_key(other, _POLICY).name

    def test_a62_what_a_browser_says_of_itself_does_not_matter(self) -> None:
        """A-62: another user agent or language is the same source."""
        one = Source("2001:db8::1", user_agent="Firefox")
        other = Source("2001:db8::2", user_agent="curl", locale="en")

        assert source_key(one, _POLICY) == source_key(other, _POLICY)
        assert requests_key(one, _POLICY) == requests_key(other, _POLICY)

    def test_sources_are_counted_apart(self) -> None:
        """One source's failures are not another's, whatever stands in its address."""
        names = {source_key(Source(address), _POLICY).name for address in ("192.0.2.1", "192.0.2.2", "\ud800")}

        assert len(names) == 3
        assert {len(name) for name in names} == {len("source:") + 32}

    def test_a_success_clears_only_what_it_proves(self) -> None:
        """A right password clears its login's failures, never its source's; a mail is counted in any case."""
        outcomes = {
            "source": source_key(Source("x"), _POLICY).on_success,
            "code": code_key("x", _POLICY).on_success,
            "login": login_key("x", _POLICY).on_success,
            "proof": proof_key("x", _POLICY).on_success,
            "device": device_key(_device("x"), _POLICY).on_success,
            "requests": requests_key(Source("x"), _POLICY).on_success,
            "mail": mail_key(MailKind.RESET_LINK, "x", _POLICY).on_success,
        }

        assert outcomes == {
            "source": OnSuccess.FORGIVE,
            "code": OnSuccess.FORGIVE,
            "login": OnSuccess.CLEAR,
            "proof": OnSuccess.CLEAR,
            "device": OnSuccess.CLEAR,
            "requests": OnSuccess.KEEP,
            "mail": OnSuccess.KEEP,
        }
