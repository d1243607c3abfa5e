"""What bounds guessing beyond one source and one login: the portal as a whole, the limit of a login, and managers."""

from __future__ import annotations

from datetime import timedelta

import attrs
import pytest
from tests.town import JEANNE, Town, refusal_of

from coproauth import LoginRefused, NotAllowed, Policy, SignedIn, Source, Throttled, ThrottleRule
from coproauth.core.activation_codes import ActivationCode
from coproauth.core.audit import Outcome
from coproauth.testing.sandbox import PASSWORD, cheap_policy

_OTHER = "trois pommes sur un nuage"
_THROTTLED = (Throttled, "throttled")
_RESET_REQUIRED = (Throttled, "reset_required")
_SMALL = ThrottleRule(
    free_attempts=6,
    first_delay=timedelta(seconds=1),
    longest_delay=timedelta(seconds=5),
    one_less_every=timedelta(seconds=10),
)


def _town(**limits: object) -> Town:
    return Town.found(policy=attrs.evolve(cheap_policy(), **limits))  # type: ignore[arg-type]


def _source(number: int) -> Source:
    return Source(f"198.51.100.{number}", device_token="")


def _log_in(town: Town, source: Source, *, email: str = JEANNE, password: str = PASSWORD) -> SignedIn:
    return town.auth.login.log_in(email=email, password=password, source=source)


def _spray(town: Town, *, sources: int, each: int = 1) -> list[tuple[type[Exception], str]]:
    """Try one password on as many addresses, from as many sources."""
    return [
        refusal_of(lambda: _log_in(town, _source(number), email=f"{number}-{turn}@example.fr"))  # noqa: B023
        for turn in range(each)
        for number in range(sources)
    ]


class TestPortal:
    """Guesses that are spread over sources and logins are slowed by a key of the whole portal (D-07)."""

    def test_d07_many_sources_together_are_slowed(self) -> None:
        """Three guesses from each of three sources; then whoever has failed three times must wait."""
        town = _town(throttle_portal=_SMALL)

        answers = _spray(town, sources=3, each=4)

        assert answers == [(LoginRefused, "login_refused")] * 9 + [_THROTTLED] * 3

    def test_d07_codes_are_counted_likewise_and_apart(self) -> None:
        """Guesses at codes do not slow those who log in, nor the other way round."""
        town = _town(throttle_portal=_SMALL)
        town.move_in()
        codes = [str(ActivationCode.draw(town.wiring.secrets.token_bytes)) for _ in range(12)]

        answers = [
            refusal_of(lambda: town.auth.activation.preview(code, source=_source(number % 3)))  # noqa: B023
            for number, code in enumerate(codes)
        ]

        assert [kind for kind, _ in answers[9:]] == [Throttled] * 3
        assert _log_in(town, _source(0)).session.email == JEANNE

    def test_nobody_closes_the_portal_by_failing(self) -> None:
        """In the middle of an attack from many sources, whoever has not failed himself logs in, from anywhere."""
        town = _town(throttle_portal=_SMALL)
        town.move_in()
        assert _THROTTLED in _spray(town, sources=20, each=4)

        assert _log_in(town, _source(99)).session.email == JEANNE

    def test_nobody_closes_the_onboarding_by_failing_at_passwords(self) -> None:
        """Meanwhile a second property is added with a code and the login's password, as ever."""
        town = _town(throttle_portal=_SMALL)
        town.move_in()
        code = town.code_for(town.contact(condominium="Les Tilleuls"))
        assert _THROTTLED in _spray(town, sources=20, each=4)

        signed_in = town.auth.activation.activate(code=code, email=JEANNE, password=PASSWORD, source=_source(99))

        assert len(signed_in.session.accounts) == 2

    def test_at_the_onboarding_too_whoever_has_failed_waits(self) -> None:
        """A source that is not spared at the login is not spared there."""
        town = _town(throttle_portal=_SMALL)
        town.move_in()
        code = town.code_for(town.contact(condominium="Les Tilleuls"))
        assert _THROTTLED in _spray(town, sources=3, each=4)

        answer = refusal_of(
            lambda: town.auth.activation.activate(code=code, email=JEANNE, password=PASSWORD, source=_source(0))
        )

        assert answer == _THROTTLED

    def test_who_mistypes_twice_during_an_attack_is_not_slowed_either(self) -> None:
        """A source has as many failures as the policy spares."""
        town = _town(throttle_portal=_SMALL)
        town.move_in()
        _spray(town, sources=20, each=4)
        for _ in range(2):
            with pytest.raises(LoginRefused):
                _log_in(town, _source(99), password=_OTHER)

        assert _log_in(town, _source(99)).session.email == JEANNE

    def test_a_known_browser_is_not_slowed_from_the_attackers_own_network(self) -> None:
        """It is not counted there at all."""
        town = _town(throttle_portal=_SMALL)
        browser = attrs.evolve(_source(0), device_token=town.move_in().device_token)
        _spray(town, sources=3, each=4)

        assert _log_in(town, browser).session.email == JEANNE

    def test_the_wait_is_a_matter_of_seconds(self) -> None:
        """Even for those who failed, however long the attack goes on."""
        town = _town(throttle_portal=_SMALL)
        _spray(town, sources=30, each=3)

        with pytest.raises(Throttled) as throttled:
            _log_in(town, _source(0))

        assert throttled.value.retry_after <= timedelta(seconds=5)

    def test_it_is_over_soon_after_the_attack(self) -> None:
        """The count leaks."""
        town = _town(throttle_portal=_SMALL)
        town.move_in()
        _spray(town, sources=3, each=4)

        town.later(minutes=5)

        assert _log_in(town, _source(0)).session.email == JEANNE

    def test_the_ordinary_failures_of_ten_million_logins_do_not_fill_it(self) -> None:
        """35 log-ins in the busiest second, of which one in six fails: less than leaks, with a rush to spare."""
        rule = Policy().throttle_portal
        failures_a_second = 35 / 6

        assert rule.one_less_every is not None
        assert failures_a_second < timedelta(seconds=1) / rule.one_less_every
        assert rule.free_attempts >= 100 * failures_a_second


class TestLimit:
    """A hundred failures in a row, and the password alone opens nothing (NIST SP 800-63B-4 §3.2.2)."""

    @staticmethod
    def _attack(town: Town) -> None:
        """Fail a hundred times at Jeanne's login, waiting as long as is told."""
        for number in range(100):
            while refusal_of(lambda: _log_in(town, _source(number), password=_OTHER)) == _THROTTLED:  # noqa: B023
                town.later(hours=1)

    def test_no_further_guess_reaches_a_verdict(self, town: Town) -> None:
        """Not after an hour, nor after four weeks, from wherever it comes, not even the right one."""
        town.move_in()
        self._attack(town)

        answers = set()
        for weeks in range(4):
            answers.add(refusal_of(lambda: _log_in(town, _source(200 + weeks))))  # noqa: B023
            town.later(days=7)

        assert answers == {_RESET_REQUIRED}

    def test_a_redeemed_link_lets_the_owner_in(self, town: Town) -> None:
        """A-65: at once, with the new password."""
        town.move_in()
        self._attack(town)

        town.auth.password_reset.redeem(town.reset_token(JEANNE), new_password=_OTHER, source=_source(201))

        assert _log_in(town, _source(201), password=_OTHER).session.email == JEANNE

    def test_a_known_browser_lets_the_owner_in_and_ends_it(self, town: Town) -> None:
        """A-65: by the password as always; after that, other browsers may try again."""
        token = town.move_in().device_token
        self._attack(town)

        known = _log_in(town, attrs.evolve(_source(201), device_token=token))

        assert known.session.email == JEANNE
        assert _log_in(town, _source(202)).session.email == JEANNE

    def test_a_known_browser_has_a_hundred_failures_of_its_own(self, town: Town) -> None:
        """A stolen cookie is no way around the limit; a reset link ends that one, too."""
        browser = attrs.evolve(_source(201), device_token=town.move_in().device_token)
        for _ in range(100):
            while refusal_of(lambda: _log_in(town, browser, password=_OTHER)) == _THROTTLED:
                town.later(hours=1)
        assert refusal_of(lambda: _log_in(town, browser)) == _RESET_REQUIRED

        town.auth.password_reset.redeem(town.reset_token(JEANNE), new_password=_OTHER, source=browser)

        assert _log_in(town, browser, password=_OTHER).session.email == JEANNE

    def test_a_manager_lets_in_who_cannot_read_mail(self, town: Town) -> None:
        """The password that was guessed at is gone with the one that is set."""
        contact = town.contact()
        town.activate(contact, JEANNE)
        for _ in range(10):
            with pytest.raises(LoginRefused):
                _log_in(town, _source(1), password=_OTHER)

        temporary = town.auth.password_reset.set_password(contact.id, by=town.manager).password

        assert refusal_of(lambda: _log_in(town, _source(2), password=temporary))[1] == "password_change_required"

    def test_an_address_without_a_login_is_answered_alike(self, town: Town) -> None:
        """A-27: the limit tells nobody who has a login."""
        limits = attrs.evolve(Policy().throttle_login, free_attempts=1, limit=2)
        town = _town(throttle_login=attrs.evolve(limits, longest_delay=timedelta(seconds=30)))
        town.move_in()

        answers = []
        for email in (JEANNE, "nobody@example.fr"):
            seen = []
            for _ in range(3):
                seen.append(refusal_of(lambda: _log_in(town, _source(1), email=email, password=_OTHER)))  # noqa: B023
                town.later(seconds=30)
            answers.append(seen)

        assert answers[0] == answers[1]
        assert answers[0][-1] == _RESET_REQUIRED


class TestManagers:
    """What one manager does is limited in number (D-24)."""

    def _hurry(self, town: Town) -> tuple[int, str]:
        """Send links until there is a refusal; return how many went out, and why no more."""
        contact = town.contact()
        town.activate(contact, JEANNE)
        for number in range(1000):
            try:
                town.auth.password_reset.send_link(contact.id, by=town.manager)
            except Throttled as throttled:
                return number, throttled.reason
        return 1000, ""

    def test_d24_a_stolen_account_does_not_reset_thousands(self, town: Town) -> None:
        """Three hundred acts at once, then some more an hour."""
        town.manager_of(town.contact())

        sent, reason = self._hurry(town)

        assert 290 <= sent <= 300
        assert reason == "throttled"

    def test_d24_every_act_counts(self) -> None:
        """Links, passwords, codes and dissociations; those that were refused, too."""
        rule = attrs.evolve(Policy().throttle_manager, free_attempts=6, one_less_every=timedelta(hours=1))
        town = _town(throttle_manager=rule)
        contact = town.contact()
        town.auth.activation.issue(contact.id, by=town.manager)
        town.auth.activation.issue_all(contact.account.condominium_id, by=town.manager)
        for act in (town.auth.password_reset.send_link, town.auth.password_reset.set_password):
            with pytest.raises(NotAllowed):
                act(contact.id, by=town.manager)
        with pytest.raises(NotAllowed):
            town.auth.activation.issue("not there", by=town.manager)
        town.auth.activation.dissociate(contact.id, by=town.manager)

        assert refusal_of(lambda: town.auth.activation.issue(contact.id, by=town.manager)) == _THROTTLED

    def test_a_large_office_does_not_notice(self, town: Town) -> None:
        """Two acts a minute, all day long."""
        contact = town.contact()
        town.activate(contact, JEANNE)

        for _ in range(8 * 60 * 2):
            town.auth.password_reset.send_link(contact.id, by=town.manager)
            town.later(seconds=30)

        assert town.audit.events[-1].outcome is Outcome.SUCCEEDED

    def test_codes_for_a_whole_condominium_are_one_act(self, town: Town) -> None:
        """Letters for four hundred co-owners are printed at once."""
        building = town.directory.add_condominium(name="Les Tours", portfolio_id="portfolio-1")
        for number in range(400):
            account = town.directory.add_account(building.id, label=f"Lot {number}")
            town.directory.add_contact(account.id, name=f"Copropriétaire {number}")

        letters = town.auth.activation.issue_all(building.id, by=town.manager)

        assert len(letters) == 400
        assert town.auth.activation.issue(letters[0].contact.id, by=town.manager).code

    def test_a_refusal_is_on_record(self, town: Town) -> None:
        """The firm sees whose account it was."""
        self._hurry(town)

        event = town.audit.events[-1]
        assert (event.actor, event.outcome, event.reason) == (town.manager.id, Outcome.REFUSED, "throttled")
