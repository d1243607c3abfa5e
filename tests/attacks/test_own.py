"""Attacks on what only this product has: codes from letters, managers, accounts that come and go, an outbox."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import attrs
import pytest
from tests.attacks.pathways import OTHER
from tests.mailers import FailingMailer, waiting
from tests.town import JEANNE, Town, refusal_of

from coproauth import (
    AccountAddedMessage,
    ConfirmEmailMessage,
    Contact,
    EmailProofRequired,
    LoginRefused,
    PasswordChangedMessage,
    PasswordChangeRequired,
    ResetLinkMessage,
    ResetRefused,
    SessionRefused,
    Source,
    Throttled,
)
from coproauth.mail.rendering import render
from coproauth.testing.sandbox import PASSWORD, cheap_policy

VICTIM = "victim@example.fr"


def _sources() -> Callable[[], Source]:
    """Return what gives a source that was never used before."""
    numbers = iter(range(60_000))

    def another() -> Source:
        number = next(numbers)
        return Source(f"198.18.{number // 250}.{number % 250}")

    return another


class TestDigits:
    """Six digits cannot be found out by having them sent again and again."""

    def _guess(self, town: Town, code: str, source: Source) -> bool:
        """Try wrong digits; return whether they reached a verdict."""
        proof = {"code": code, "email": VICTIM, "password": PASSWORD, "email_code": "000000"}
        kind, reason = refusal_of(lambda: town.auth.activation.activate(**proof, source=source))
        assert (kind, reason) in {
            (EmailProofRequired, "email_code_wrong"),
            (EmailProofRequired, "email_code_expired"),
            (Throttled, "throttled"),
        }
        return kind is EmailProofRequired

    def _ask(self, town: Town, code: str, source: Source) -> None:
        refusal_of(lambda: town.auth.activation.activate(code=code, email=VICTIM, password=PASSWORD, source=source))

    def test_x01_digits_asked_for_again_give_no_fresh_guesses(self, town: Town) -> None:
        """A new proof before each guess: ten reach a verdict all the same."""
        code, another = town.code_for(town.contact()), _sources()

        verdicts = []
        for _ in range(40):
            self._ask(town, code, another())
            verdicts.append(self._guess(town, code, another()))

        assert verdicts.count(True) == 10

    def test_x02_a_manager_who_issues_code_after_code_gets_no_fresh_guesses(self, town: Town) -> None:
        """Wrong digits are counted on the address, so that each of many codes does not bring ten of its own."""
        contact, another = town.contact(), _sources()

        verdicts = []
        for _ in range(40):
            code = town.code_for(contact)
            self._ask(town, code, another())
            verdicts.append(self._guess(town, code, another()))

        assert verdicts.count(True) == 10
        town.later(hours=1)
        assert town.move_in(VICTIM).session.email == VICTIM


class TestRemains:
    """What was handed out before a login changed hands or ended opens nothing of what came after."""

    def test_x03_nothing_of_an_erased_login_opens_the_next_with_its_address(self, town: Town) -> None:
        """Session, reset link and confirmation of the former one stay dead when the address is used again."""
        former = town.move_in()
        link = town.reset_token()
        town.auth.login.change_email(
            former.token, new_email="new@example.fr", current_password=PASSWORD, source=town.source
        )
        confirmation = town.mail(ConfirmEmailMessage)[-1].url.rpartition("/")[2]
        town.auth.personal_data.erase(email=JEANNE)

        town.move_in()

        source = town.source
        assert refusal_of(lambda: town.auth.login.session(former.token))[0] is SessionRefused
        assert refusal_of(lambda: town.auth.password_reset.redeem(link, new_password=OTHER, source=source))[0] is (
            ResetRefused
        )
        assert refusal_of(lambda: town.auth.login.confirm_email(confirmation, source=source))[0] is ResetRefused
        assert town.log_in(JEANNE).session.email == JEANNE

    def test_x04_a_link_from_before_a_change_of_address_opens_no_login(self, town: Town) -> None:
        """The mailbox that was left has neither the former login nor whoever takes the address next."""
        session = town.move_in().token
        link = town.reset_token()
        self._move(town, session)
        town.move_in(JEANNE, password=OTHER)

        answer = refusal_of(lambda: town.auth.password_reset.redeem(link, new_password=OTHER, source=town.source))

        assert answer == (ResetRefused, "link_invalid")
        assert town.log_in("new@example.fr").session.email == "new@example.fr"

    def test_x05_a_link_that_waits_is_not_sent_to_an_address_that_was_left(self, town: Town) -> None:
        """Asked for before the change took effect and delivered after it, it never leaves."""
        session = town.move_in().token
        token = self._confirmation(town, session)
        sent = len(town.mail(ResetLinkMessage))
        town.auth.password_reset.request(email=JEANNE, source=town.source)
        town.auth.login.confirm_email(token, source=town.source)

        assert len(town.mail(ResetLinkMessage)) == sent
        assert waiting(town) == []

    def _confirmation(self, town: Town, session: str) -> str:
        town.auth.login.change_email(session, new_email="new@example.fr", current_password=PASSWORD, source=town.source)
        return town.mail(ConfirmEmailMessage)[-1].url.rpartition("/")[2]

    def _move(self, town: Town, session: str) -> None:
        town.auth.login.confirm_email(self._confirmation(town, session), source=town.source)

    def test_x06_mail_that_was_given_up_carries_no_old_link(self) -> None:
        """Tried again after the password was changed, a dead letter is dropped instead of minted anew."""
        mailer = FailingMailer(failures=0)
        town = Town.found(mailer=mailer, policy=attrs.evolve(cheap_policy(), require_email_proof=False))
        session = town.move_in().token
        town.auth.deliver_mail()
        mailer.failures = 1000
        town.auth.password_reset.request(email=JEANNE, source=town.source)
        for _ in range(12):
            town.auth.deliver_mail()
            town.later(hours=4)
        (dead,) = waiting(town)
        session = town.log_in(JEANNE).token
        town.auth.login.change_password(session, current_password=PASSWORD, new_password=OTHER, source=town.source)

        mailer.failures = 0
        with town.store.writing() as work:
            work.outbox.postpone(dead.id, due_at=town.clock.now(), tries=0, failure=dead.failure)
        sent = len(mailer.sent)
        town.auth.deliver_mail()

        assert [type(mail) for mail in mailer.sent[sent:]] == [PasswordChangedMessage]
        assert waiting(town) == []

    @pytest.mark.parametrize(("made", "read"), [(1, 0), (0, 1), (2, 1)])
    def test_x07_an_epoch_is_left_in_both_directions(self, made: int, read: int) -> None:
        """What was opened under one epoch is void under any other, also when a configuration is taken back."""
        before = attrs.evolve(cheap_policy(), epoch=made)
        after = attrs.evolve(cheap_policy(), epoch=read)
        town = Town.found(policy=before)
        session, link = town.move_in().token, town.reset_token()

        other = town.another_server(policy=after)

        assert refusal_of(lambda: other.login.session(session))[0] is SessionRefused
        assert refusal_of(lambda: other.password_reset.inspect(link))[0] is ResetRefused


class TestManagersHand:
    """A manager who hands over a password gets no further than that."""

    def _hand_over(self, town: Town, contact: Contact) -> str:
        """Set a temporary password, and return the token that it leads to."""
        temporary = town.auth.password_reset.set_password(contact.id, by=town.manager).password
        with pytest.raises(PasswordChangeRequired) as required:
            town.log_in(JEANNE, password=temporary)
        return required.value.token

    def test_d01_x08_while_a_temporary_password_stands_nothing_is_shown_or_switched(self, town: Town) -> None:
        """Sessions from before are dead at every door, and the step that is left shows no account (D-01)."""
        lilas, pins = town.contact(condominium="Les Lilas"), town.contact(condominium="Les Pins")
        town.activate(lilas, JEANNE)
        session = town.activate(pins, JEANNE).token
        code = town.code_for(town.contact(condominium="Le Moulin"))
        choice = self._hand_over(town, lilas)
        auth, source = town.auth, town.source
        doors: list[Callable[[str], object]] = [
            auth.login.session,
            auth.login.sessions,
            auth.accounts.accounts,
            lambda token: auth.accounts.switch(token, account_id=lilas.account.id),
            lambda token: auth.activation.link(token, code=code, source=source),
            lambda token: auth.login.reauthenticate(token, password=PASSWORD, source=source),
        ]

        answers = {refusal_of(lambda: door(token)) for door in doors for token in (session, choice)}  # noqa: B023

        assert answers == {(SessionRefused, "session_refused")}

    def test_x09_a_second_temporary_password_voids_the_step_of_the_first(self, town: Town) -> None:
        """Whoever kept the token of the first hand-over cannot choose the password after the second."""
        contact = town.contact()
        town.activate(contact, JEANNE)
        first, second = self._hand_over(town, contact), self._hand_over(town, contact)

        answer = refusal_of(lambda: town.auth.login.choose_password(first, new_password=OTHER, source=town.source))

        assert answer == (ResetRefused, "link_invalid")
        assert town.auth.login.choose_password(second, new_password=OTHER, source=town.source).session.email == JEANNE


class TestHoard:
    """Known browsers do not multiply guesses."""

    def test_x24_tokens_hoarded_before_a_change_of_password_bring_no_guesses(self, town: Town) -> None:
        """Twenty logins while he had the password are ten guesses at the next one, and not two hundred."""
        session, another = town.move_in().token, _sources()
        hoard = [str(town.log_in(JEANNE).device_token) for _ in range(20)]
        town.auth.login.change_password(session, current_password=PASSWORD, new_password=OTHER, source=town.source)

        verdicts = [
            refusal_of(self._guess(town, attrs.evolve(another(), device_token=token)))[0]
            for token in hoard
            for _ in range(2)
        ]

        assert verdicts.count(LoginRefused) == 10

    def test_x24_the_owner_s_browser_is_known_again_once_it_was_used(self, town: Town) -> None:
        """The login that opens under the new password makes it one that strangers do not slow."""
        session = town.move_in().token
        browser = attrs.evolve(town.source, device_token=town.log_in(JEANNE).device_token)
        town.auth.login.change_password(session, current_password=PASSWORD, new_password=OTHER, source=town.source)
        again = town.auth.login.log_in(email=JEANNE, password=OTHER, source=browser)
        another = _sources()
        for _ in range(10):
            refusal_of(self._guess(town, another()))

        known = attrs.evolve(browser, device_token=again.device_token)
        assert town.auth.login.log_in(email=JEANNE, password=OTHER, source=known).session.email == JEANNE

    def _guess(self, town: Town, source: Source) -> Callable[[], object]:
        return lambda: town.auth.login.log_in(email=JEANNE, password="deux loutres dans la cour", source=source)


class TestNames:
    """Whoever names a condominium writes no mail in the name of the portal."""

    @pytest.mark.parametrize(
        "name",
        [
            "Votre compte est bloqué : https://evil.example/login",
            "www.evil.example",
            "evil.example/login",
            "HTTP://EVIL.EXAMPLE",
            "ftp://evil.example",
            "evil\u3002example",
            "evil\uff0eexample",
            "https:\u200b//evil.example",
        ],
    )
    def test_x11_a_name_is_never_a_link(self, name: str) -> None:
        """Nothing in a mail that a name brought along is made a link, by us or by the reader's program."""
        rendered = render(AccountAddedMessage(to=JEANNE, locale="fr", condominium_name=name))

        for part in (rendered.text, rendered.html):
            assert "evil.example" not in part.lower()
            assert "://evil" not in part.lower()
            assert "evil\u3002e" not in part
            assert "evil\uff0ee" not in part

    @pytest.mark.parametrize("name", ["Résidence St. Paul", "Les Lilas 2.0", "12, rue d'Assas", "Bât. A : nord"])
    def test_x11_an_ordinary_name_is_left_as_it_is(self, name: str) -> None:
        """Dots and colons of everyday writing stay where they are."""
        assert name in render(AccountAddedMessage(to=JEANNE, locale="fr", condominium_name=name)).text


def test_x13_waits_are_not_shortened_by_a_clock_that_jumps(town: Town) -> None:
    """Whoever can move a server's clock back does not get his guesses back."""
    town.move_in()
    for _ in range(10):
        with pytest.raises(LoginRefused):
            town.log_in(JEANNE, password=OTHER)
    town.clock.advance(timedelta(hours=-2))

    with pytest.raises(Throttled):
        town.log_in(JEANNE, password=OTHER)
