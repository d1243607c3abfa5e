"""Login: one refusal for every cause, the throttle, the hash, the temporary password."""

from __future__ import annotations

import threading
from datetime import timedelta

import attrs
import pytest
from tests.town import JEANNE, Town, refusal_of

from coproauth import (
    Argon2Parameters,
    LoginRefused,
    PasswordChangeRequired,
    PasswordRejected,
    Refused,
    ResetRefused,
    SessionRefused,
    Source,
    Throttled,
)
from coproauth.adapters.argon2 import Argon2Hasher
from coproauth.core.messages import (
    PasswordChangedMessage,
)
from coproauth.testing.sandbox import PASSWORD, Sandbox

_OTHER = "trois pommes sur un nuage"


def _wrong(town: Sandbox, *, times: int = 1, email: str = JEANNE, source: Source | None = None) -> None:
    """Try a wrong password some times."""
    for _ in range(times):
        with pytest.raises(LoginRefused):
            town.auth.login.log_in(email=email, password="une autre girafe", source=source or town.source)


class TestLogIn:
    """E-mail and password open a session."""

    def test_the_account_used_last_is_active(self, town: Town) -> None:
        """S1: the one that was selected last, over the first one."""
        first = town.contact()
        second = town.contact()
        for contact in (first, second):
            town.activate(contact, JEANNE)
        token = town.log_in(JEANNE).token
        town.auth.accounts.switch(token, account_id=first.account.id)

        session = town.log_in(JEANNE).session

        assert (session.active_account, session.accounts) == (first.account, (first.account, second.account))

    def test_the_first_account_is_active_once_the_last_is_gone(self, town: Town) -> None:
        """S1, S11: else the first in the host's order."""
        first, second = town.contact(), town.contact()
        for contact in (first, second):
            town.activate(contact, JEANNE)
        town.directory.remove_condominium(second.account.condominium_id)

        assert town.log_in(JEANNE).session.active_account == first.account

    def test_the_session_tells_when(self, town: Town) -> None:
        """It begins now and ends in twelve hours."""
        town.move_in()
        town.later(days=3)

        session = town.log_in(JEANNE).session

        assert session.authenticated_at == town.clock.now()
        assert session.expires_at == town.clock.now() + timedelta(hours=12)

    @pytest.mark.parametrize("spelling", ["JEANNE@example.fr", "jeanne@EXAMPLE.FR", "  jeanne@example.fr "])
    def test_the_spelling_of_the_e_mail_does_not_matter(self, town: Town, spelling: str) -> None:
        """The address that was typed is compared, never written to or shown."""
        town.move_in()

        assert town.log_in(spelling).session.email == JEANNE

    @pytest.mark.parametrize(
        "password",
        [
            "caf\u00e9 \u00e0 la cr\u00e8me br\u00fbl\u00e9e, sans girafe",
            "cafe\u0301 a\u0300 la cre\u0300me bru\u0302le\u0301e, sans girafe",
        ],
    )
    def test_x20_the_composition_of_accents_does_not_matter(self, town: Town, password: str) -> None:
        """A password that was set on one machine opens from another."""
        town.move_in(password="caf\u00e9 \u00e0 la cr\u00e8me br\u00fbl\u00e9e, sans girafe")

        assert town.log_in(JEANNE, password=password).session.email == JEANNE

    @pytest.mark.parametrize(
        "typed", [PASSWORD + " ", " " + PASSWORD, PASSWORD.upper(), PASSWORD[:-1], PASSWORD + "\0"]
    )
    def test_everything_else_about_a_password_does(self, town: Town, typed: str) -> None:
        """Nothing is trimmed, folded or cut off."""
        town.move_in()

        with pytest.raises(LoginRefused):
            town.log_in(JEANNE, password=typed)

    def test_the_73rd_byte_counts(self, town: Town) -> None:
        """Two passwords that are equal in their first 72 bytes are two."""
        long = "les girafes violettes jouent du tuba sous un parapluie de laine bleue, "
        town.move_in(password=long * 2 + "a")

        with pytest.raises(LoginRefused):
            town.log_in(JEANNE, password=long * 2 + "b")

    def test_a_password_changed_in_the_middle_opens_nothing(self, town: Town) -> None:
        """What was right when it was checked, and is not when the session opens, is refused."""
        town.move_in()
        link = town.reset_token()
        town.hasher.meanwhile = lambda: town.auth.password_reset.redeem(link, new_password=_OTHER, source=town.source)

        assert refusal_of(lambda: town.log_in(JEANNE)) == (LoginRefused, "login_refused")

    def test_d20_an_orphan_logs_in_and_sees_no_account(self, town: Town) -> None:
        """D-20, S11: the right password opens an empty home, the wrong one nothing."""
        contact = town.contact()
        town.activate(contact, JEANNE)
        town.directory.remove_condominium(contact.account.condominium_id)

        session = town.log_in(JEANNE).session

        assert (session.active_account, session.accounts) == (None, ())
        _wrong(town)


class TestOneRefusal:
    """Whatever the cause, the refusal is one and the same, for the same work."""

    def _states(self, town: Town) -> dict[str, str]:
        """Return an e-mail in each state in which a login can be, and that no password typed here opens."""
        contact = town.contact()
        town.activate(contact, "orphan@example.fr")
        town.directory.remove_condominium(contact.account.condominium_id)
        town.move_in("known@example.fr")
        handed = town.contact()
        town.activate(handed, "temporary@example.fr")
        town.auth.password_reset.set_password(handed.id, by=town.manager, new_password=_OTHER)
        town.move_in("imported@example.fr")
        with town.store.writing() as work:
            imported = work.identities.by_email("imported@example.fr")
            assert imported is not None
            assert work.identities.save(attrs.evolve(imported, password_hash=None), expected_stamp=1)
        town.code_for(town.contact(email="waiting@example.fr"))
        return {
            name: f"{name}@example.fr" for name in ("orphan", "known", "temporary", "imported", "waiting", "unknown")
        }

    def test_a08_a_temporary_password_that_is_too_old_looks_like_a_wrong_one(self, town: Town) -> None:
        """A-08: right and wrong get one answer, for one hash each."""
        self._states(town)
        town.later(days=7)

        for password in (_OTHER, PASSWORD):
            town.hasher.seen.clear()
            answer = refusal_of(lambda: town.log_in("temporary@example.fr", password=password))  # noqa: B023
            assert answer == (LoginRefused, "login_refused")
            assert town.hasher.seen == [password]

    def test_a_login_without_password_is_opened_by_none(self, town: Town) -> None:
        """No password is not an empty one."""
        self._states(town)

        with pytest.raises(LoginRefused):
            town.log_in("imported@example.fr", password="")

    @pytest.mark.parametrize("email", ["", "no address", "a@x.fr,b@y.fr", "j\u0435anne@example.fr", JEANNE + "\n"])
    def test_what_is_no_address_is_the_commonrefusal_of(self, town: Town, email: str) -> None:
        """A typo is not told from an unknown address."""
        town.move_in()

        assert refusal_of(lambda: town.log_in(email)) == (LoginRefused, "login_refused")

    def test_a10_a_known_e_mail_is_throttled_like_an_unknown_one(self, town: Town) -> None:
        """A-10: counting tells nothing either."""
        town.move_in()

        def waits(email: str) -> list[timedelta]:
            _wrong(town, times=10, email=email, source=Source("192.0.2.9"))
            with pytest.raises(Throttled) as refusal:
                town.log_in(email)
            return [refusal.value.retry_after]

        assert waits(JEANNE) == waits("unknown@example.fr")


class TestThrottle:
    """Guesses are slowed by login and by source, and nothing is looked at meanwhile."""

    def test_a50_the_right_password_waits_too(self, town: Town) -> None:
        """A-50: as the eleventh attempt it is refused without a hash, and opens once the wait is over."""
        town.move_in()
        _wrong(town, times=10)
        town.hasher.seen.clear()

        with pytest.raises(Throttled) as refusal:
            town.log_in(JEANNE)

        assert (refusal.value.retry_after, town.hasher.seen) == (timedelta(seconds=30), [])
        town.later(seconds=30)
        assert town.log_in(JEANNE).session.email == JEANNE

    def test_a55_a62_no_other_place_helps(self, town: Town) -> None:
        """A-55, A-62: the login's count is one for all sources, browsers and spellings."""
        town.move_in()
        for number in range(10):
            _wrong(town, source=Source(f"198.51.100.{number}"), email=JEANNE.upper())

        assert refusal_of(lambda: town.log_in(JEANNE))[0] is Throttled

    def test_a_source_is_slowed_whatever_it_tries(self, town: Town) -> None:
        """One password on fifty logins is fifty attempts of one source."""
        for number in range(50):
            _wrong(town, email=f"person{number}@example.fr")

        assert refusal_of(lambda: town.log_in("person50@example.fr"))[0] is Throttled

    def test_a59_a65_the_lock_re_arms(self, town: Town) -> None:
        """A-59: each further failure doubles the wait, to an hour at most (A-65)."""
        town.move_in()
        _wrong(town, times=10)
        waits = []
        for _ in range(9):
            with pytest.raises(Throttled) as refusal:
                town.log_in(JEANNE)
            waits.append(refusal.value.retry_after)
            town.clock.advance(refusal.value.retry_after)
            _wrong(town)

        assert waits == [timedelta(seconds=min(30 * 2**n, 3600)) for n in range(9)]

    def test_a_success_clears_the_logins_failures(self, town: Town) -> None:
        """Its owner has spoken; ten more are free."""
        town.move_in()
        _wrong(town, times=9)
        town.log_in(JEANNE)

        _wrong(town, times=9)

        assert town.log_in(JEANNE).session.email == JEANNE

    def test_a_success_does_not_clear_the_sources_failures(self, town: Town) -> None:
        """A guesser cannot wash himself clean with a login of his own."""
        town.move_in("own@example.fr")
        for number in range(50):
            if number % 9 == 0:
                town.log_in("own@example.fr")
            _wrong(town, email=f"person{number}@example.fr")

        assert refusal_of(lambda: town.log_in("own@example.fr"))[0] is Throttled

    def test_successes_of_one_source_are_not_counted(self, town: Town) -> None:
        """A household or an office behind one address is not slowed for being many."""
        town.move_in()

        for _ in range(200):
            assert town.log_in(JEANNE).session.email == JEANNE

    def test_a65_a_victim_is_let_in_by_a_reset(self, town: Town) -> None:
        """A-65: whoever was locked out by a stranger's guesses gets in again by the reset link."""
        town.move_in()
        _wrong(town, times=10, source=Source("198.51.100.1"))

        town.auth.password_reset.redeem(town.reset_token(), new_password=_OTHER, source=town.source)

        assert town.log_in(JEANNE, password=_OTHER).session.email == JEANNE

    def test_a50_parallel_guesses_do_not_slip_through(self, town: Town) -> None:
        """A-50: of two hundred at once, ten reach a verdict."""
        town.move_in()
        town.hasher.seen.clear()
        barrier = threading.Barrier(20)
        answers: list[type[Refused]] = []

        def guess() -> None:
            barrier.wait()
            answers.extend(refusal_of(lambda: town.log_in(JEANNE, password=_OTHER))[0] for _ in range(10))

        threads = [threading.Thread(target=guess) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert (answers.count(LoginRefused), answers.count(Throttled), len(town.hasher.seen)) == (10, 190, 10)

    def test_what_is_too_long_costs_no_hash(self, town: Town) -> None:
        """Ten megabytes are refused by their length."""
        town.move_in()
        town.hasher.seen.clear()

        assert refusal_of(lambda: town.log_in(JEANNE, password="x" * 10_000_000))[0] is LoginRefused
        assert town.hasher.seen == []


class TestRehash:
    """A hash of former parameters is replaced at the next login."""

    def test_the_login_still_opens_and_is_rehashed_once(self, town: Town) -> None:
        """The second login after a change of parameters has nothing left to do."""
        town.move_in()
        town.hasher.inner = Argon2Hasher(Argon2Parameters(memory_cost=16, time_cost=1, parallelism=1))
        town.hasher.seen.clear()

        town.log_in(JEANNE)
        first = len(town.hasher.seen)
        town.log_in(JEANNE)

        assert (first, len(town.hasher.seen)) == (2, 3)

    def test_sessions_and_links_survive_it(self, town: Town) -> None:
        """It is the same password; nothing is ended by it."""
        signed_in = town.move_in()
        link = town.reset_token()
        town.hasher.inner = Argon2Hasher(Argon2Parameters(memory_cost=16, time_cost=1, parallelism=1))

        town.log_in(JEANNE)

        assert town.auth.login.session(signed_in.token).email == JEANNE
        assert town.auth.password_reset.inspect(link).email == JEANNE

    def test_a_wrong_password_is_not_rehashed(self, town: Town) -> None:
        """One hash, as everywhere."""
        town.move_in()
        town.hasher.inner = Argon2Hasher(Argon2Parameters(memory_cost=16, time_cost=1, parallelism=1))
        town.hasher.seen.clear()

        _wrong(town)

        assert len(town.hasher.seen) == 1


class TestTemporaryPassword:
    """A password that a manager set opens nothing but the choice of another."""

    def _handed_over(self, town: Town) -> tuple[str, str]:
        """Return the temporary password and the token that it leads to."""
        contact = town.contact()
        town.activate(contact, JEANNE)
        temporary = town.auth.password_reset.set_password(contact.id, by=town.manager).password
        with pytest.raises(PasswordChangeRequired) as refusal:
            town.log_in(JEANNE, password=temporary)
        assert refusal.value.reason == "password_change_required"
        return temporary, refusal.value.token

    def test_choosing_another_logs_in(self, town: Town) -> None:
        """S10: the new password opens from then on, the temporary one never again."""
        temporary, token = self._handed_over(town)

        signed_in = town.auth.login.choose_password(token, new_password=_OTHER, source=town.source)

        assert town.auth.login.session(signed_in.token) == signed_in.session
        assert len(signed_in.session.accounts) == 1
        assert town.log_in(JEANNE, password=_OTHER).session.email == JEANNE
        assert refusal_of(lambda: town.log_in(JEANNE, password=temporary))[0] is LoginRefused
        assert len(town.mail(PasswordChangedMessage, to=JEANNE)) == 1

    def test_a26_the_token_works_once(self, town: Town) -> None:
        """A-26: the second choice is refused."""
        _, token = self._handed_over(town)
        town.auth.login.choose_password(token, new_password=_OTHER, source=town.source)

        answer = refusal_of(
            lambda: town.auth.login.choose_password(token, new_password=_OTHER + "!", source=town.source)
        )

        assert answer == (ResetRefused, "link_invalid")

    def test_the_temporary_one_cannot_be_kept(self, town: Town) -> None:
        """A password that a manager knows is not one's own; the token is kept."""
        temporary, token = self._handed_over(town)

        with pytest.raises(PasswordRejected) as refusal:
            town.auth.login.choose_password(token, new_password=temporary, source=town.source)

        assert refusal.value.violations == ("unchanged",)
        assert town.auth.login.choose_password(token, new_password=_OTHER, source=town.source).token

    def test_the_policy_holds(self, town: Town) -> None:
        """A weak choice is told with its violations; the token is kept."""
        _, token = self._handed_over(town)

        with pytest.raises(PasswordRejected) as refusal:
            town.auth.login.choose_password(token, new_password="motdepasse", source=town.source)

        assert refusal.value.violations == ("too_short", "common")
        assert town.auth.login.choose_password(token, new_password=_OTHER, source=town.source).token

    def test_the_step_closes_after_a_quarter_of_an_hour(self, town: Town) -> None:
        """The token is too old then; logging in once more gives another."""
        _, token = self._handed_over(town)
        town.later(minutes=15)

        answer = refusal_of(lambda: town.auth.login.choose_password(token, new_password=_OTHER, source=town.source))

        assert answer == (ResetRefused, "link_expired")

    def test_a29_the_token_opens_nothing_else(self, town: Town) -> None:
        """A-29: neither a session nor a reset nor a change of e-mail."""
        _, token = self._handed_over(town)

        assert refusal_of(lambda: town.auth.login.session(token))[0] is SessionRefused
        assert refusal_of(lambda: town.auth.password_reset.inspect(token))[0] is ResetRefused
        assert refusal_of(lambda: town.auth.login.confirm_email(token, source=town.source))[0] is ResetRefused

    def test_a_choice_made_in_the_middle_wins(self, town: Town) -> None:
        """Of two choices at the same instant one is kept, and the other told."""
        _, token = self._handed_over(town)

        def first() -> None:
            town.auth.login.choose_password(token, new_password=_OTHER, source=town.source)

        town.hasher.meanwhile = first
        answer = refusal_of(
            lambda: town.auth.login.choose_password(token, new_password=_OTHER + "!", source=town.source)
        )

        assert answer == (ResetRefused, "link_invalid")
        assert town.log_in(JEANNE, password=_OTHER).session.email == JEANNE
