"""Login: what a logged-in person may change, once the password was given again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.town import JEANNE, Town, refusal_of

from coproauth import (
    InvalidInput,
    LoginRefused,
    PasswordRejected,
    ReauthenticationRequired,
    Refused,
    ResetRefused,
    SessionRefused,
    Throttled,
)
from coproauth.core.messages import (
    ConfirmEmailMessage,
    EmailChangedMessage,
    EmailChangeRequestedMessage,
    PasswordChangedMessage,
)
from coproauth.testing.sandbox import PASSWORD

_NEW = "new.jeanne@example.org"
_OTHER = "trois pommes sur un nuage"


class TestReauthenticate:
    """Giving the password again renews the session."""

    def test_a_new_token_authenticated_now(self, town: Town) -> None:
        """The old token is dead, the account stays selected, the twelve hours begin anew."""
        first = town.contact()
        town.activate(first, JEANNE)
        town.activate(town.contact(), JEANNE)
        token = town.auth.accounts.switch(town.log_in(JEANNE).token, account_id=first.account.id).token
        town.later(minutes=30)

        signed_in = town.auth.login.reauthenticate(token, password=PASSWORD, source=town.source)

        assert signed_in.session.authenticated_at == town.clock.now()
        assert signed_in.session.expires_at == town.clock.now() + timedelta(hours=12)
        assert signed_in.session.active_account == first.account
        assert town.auth.login.session(signed_in.token) == signed_in.session
        assert refusal_of(lambda: town.auth.login.session(token))[0] is SessionRefused

    def test_a63_a_wrong_password_is_counted(self, town: Town) -> None:
        """A-63: the session holds, and after ten the login page is slowed as well."""
        token = town.move_in().token

        for _ in range(10):
            assert refusal_of(lambda: town.auth.login.reauthenticate(token, password=_OTHER, source=town.source)) == (
                ReauthenticationRequired,
                "wrong_password",
            )

        assert town.auth.login.session(token).email == JEANNE
        assert refusal_of(lambda: town.auth.login.reauthenticate(token, password=PASSWORD, source=town.source))[0] is (
            Throttled
        )
        assert refusal_of(lambda: town.log_in(JEANNE))[0] is Throttled

    def test_a_session_that_ends_in_the_middle_is_not_renewed(self, town: Town) -> None:
        """Logged out meanwhile, or overtaken by a new password: no session comes of it."""
        token, link = town.move_in().token, town.reset_token()
        town.hasher.meanwhile = lambda: town.auth.login.log_out(token)

        def again(session_token: str) -> tuple[type[Refused], str]:
            return refusal_of(
                lambda: town.auth.login.reauthenticate(session_token, password=PASSWORD, source=town.source)
            )

        assert again(token) == (SessionRefused, "session_refused")
        other = town.log_in(JEANNE).token
        town.hasher.meanwhile = lambda: town.auth.password_reset.redeem(link, new_password=_OTHER, source=town.source)
        assert again(other) == (SessionRefused, "session_refused")

    def test_without_session_no_password_is_tried(self, town: Town) -> None:
        """A stolen password is not tested here."""
        town.move_in()
        town.hasher.seen.clear()

        answer = refusal_of(lambda: town.auth.login.reauthenticate("x", password=PASSWORD, source=town.source))

        assert (answer, town.hasher.seen) == ((SessionRefused, "session_refused"), [])


class TestChangePassword:
    """A logged-in person changes the password with the present one."""

    def test_a76_everything_older_is_dead(self, town: Town) -> None:
        """A-76: other sessions, reset links and pending e-mail changes; this browser gets a new session."""
        other_browser, here = town.move_in(), town.log_in(JEANNE)
        link = town.reset_token()
        town.auth.login.change_email(here.token, new_email=_NEW, current_password=PASSWORD, source=town.source)
        confirmation = town.mail(ConfirmEmailMessage)[-1].url.rpartition("/")[2]

        renewed = town.auth.login.change_password(
            here.token, current_password=PASSWORD, new_password=_OTHER, source=town.source
        )

        assert town.auth.login.session(renewed.token) == renewed.session
        for token in (other_browser.token, here.token):
            assert refusal_of(lambda: town.auth.login.session(token))[0] is SessionRefused  # noqa: B023
        assert refusal_of(lambda: town.auth.password_reset.inspect(link))[0] is ResetRefused
        assert refusal_of(lambda: town.auth.login.confirm_email(confirmation, source=town.source))[0] is ResetRefused
        assert town.log_in(JEANNE, password=_OTHER).session.email == JEANNE
        assert [mail.to for mail in town.mail(PasswordChangedMessage)] == [JEANNE]

    def test_the_present_password_is_needed(self, town: Town) -> None:
        """A wrong one is a counted refusal, and nothing changes."""
        token = town.move_in().token

        answer = refusal_of(
            lambda: town.auth.login.change_password(
                token, current_password=_OTHER, new_password=_OTHER, source=town.source
            )
        )

        assert answer == (ReauthenticationRequired, "wrong_password")
        assert town.log_in(JEANNE).session.email == JEANNE

    def test_the_policy_holds(self, town: Town) -> None:
        """The names of all of the login's contacts count as known; the session holds."""
        town.activate(town.contact("Ali Benali", condominium="Le Moulin"), JEANNE)
        token = town.activate(town.contact("Zoe Quentin"), JEANNE).token

        with pytest.raises(PasswordRejected) as refusal:
            town.auth.login.change_password(
                token, current_password=PASSWORD, new_password="Benali-Moulin-Zoe", source=town.source
            )

        assert refusal.value.violations == ("context_word",)
        assert town.auth.login.session(token).email == JEANNE

    def test_a_change_in_the_middle_wins(self, town: Town) -> None:
        """A reset that is redeemed meanwhile ends the session that was about to change the password."""
        token = town.move_in().token
        link = town.reset_token()
        town.hasher.meanwhile = lambda: town.auth.password_reset.redeem(link, new_password=_OTHER, source=town.source)

        answer = refusal_of(
            lambda: town.auth.login.change_password(
                token, current_password=PASSWORD, new_password="quatre chats sur un mur", source=town.source
            )
        )

        assert answer[0] is SessionRefused
        assert town.log_in(JEANNE, password=_OTHER).session.email == JEANNE


class TestChangeEmail:
    """D-14: another e-mail needs the password, a proof at the new address, and tells the old one."""

    def _asked(self, town: Town, token: str, *, new_email: str = _NEW) -> None:
        town.auth.login.change_email(token, new_email=new_email, current_password=PASSWORD, source=town.source)

    def _confirmation(self, town: Town) -> str:
        return town.mail(ConfirmEmailMessage)[-1].url.rpartition("/")[2]

    def test_d14_nothing_changes_before_the_link_is_followed(self, town: Town) -> None:
        """The link goes to the new address, a notice to the present one, with the way to object."""
        token = town.move_in().token

        self._asked(town, token)

        assert [mail.to for mail in town.mail(ConfirmEmailMessage)] == [_NEW]
        assert [mail.to for mail in town.mail(EmailChangeRequestedMessage)] == [JEANNE]
        assert town.auth.login.session(token).email == JEANNE

    def test_d14_the_link_makes_it_the_login(self, town: Town) -> None:
        """The new address logs in, the old one does not; sessions and links are dead; the old one is told."""
        contact = town.contact()
        token = town.activate(contact, JEANNE).token
        link = town.reset_token()
        self._asked(town, token)

        town.auth.login.confirm_email(self._confirmation(town), source=town.source)

        assert town.log_in(_NEW).session.email == _NEW
        assert town.auth.login.identifier_of(contact.id) == _NEW
        assert refusal_of(lambda: town.log_in(JEANNE))[0] is LoginRefused
        assert refusal_of(lambda: town.auth.login.session(token))[0] is SessionRefused
        assert refusal_of(lambda: town.auth.password_reset.inspect(link))[0] is ResetRefused
        assert [mail.to for mail in town.mail(EmailChangedMessage)] == [JEANNE]

    def test_a26_a27_the_link_works_once_and_for_an_hour(self, town: Town) -> None:
        """A-26, A-27: a used one is invalid, an old one expired."""
        self._asked(town, town.move_in().token)
        confirmation = self._confirmation(town)
        town.auth.login.confirm_email(confirmation, source=town.source)
        self._asked(town, town.log_in(_NEW).token, new_email="third@example.fr")
        late = self._confirmation(town)

        assert refusal_of(lambda: town.auth.login.confirm_email(confirmation, source=town.source)) == (
            ResetRefused,
            "link_invalid",
        )
        town.later(hours=1)
        assert refusal_of(lambda: town.auth.login.confirm_email(late, source=town.source)) == (
            ResetRefused,
            "link_expired",
        )

    def test_d14_an_address_that_is_taken_gets_the_same_answer(self, town: Town) -> None:
        """The same notice to the present address, and no link to the one that is taken."""
        town.move_in("paul@example.fr")
        token = town.move_in().token

        self._asked(town, token, new_email="PAUL@example.fr")

        assert town.mail(ConfirmEmailMessage) == []
        assert len(town.mail(EmailChangeRequestedMessage)) == 1

    def test_a23_an_address_that_is_taken_meanwhile_is_refused(self, town: Town) -> None:
        """A-23: two logins never share an e-mail."""
        self._asked(town, town.move_in().token)
        town.move_in(_NEW)

        answer = refusal_of(lambda: town.auth.login.confirm_email(self._confirmation(town), source=town.source))

        assert answer == (ResetRefused, "link_invalid")
        assert town.log_in(JEANNE).session.email == JEANNE

    def test_d14_the_password_is_needed(self, town: Town) -> None:
        """A stolen session alone does not take the login over; a guess here is counted."""
        token = town.move_in().token

        answer = refusal_of(
            lambda: town.auth.login.change_email(token, new_email=_NEW, current_password=_OTHER, source=town.source)
        )

        assert answer == (ReauthenticationRequired, "wrong_password")
        assert town.mail(ConfirmEmailMessage) == []

    def test_d14_no_address_is_told_by_the_field(self, town: Town) -> None:
        """InvalidInput(field="new_email")."""
        token = town.move_in().token

        with pytest.raises(InvalidInput) as refusal:
            self._asked(town, token, new_email="no address")

        assert refusal.value.field == "new_email"

    @pytest.mark.parametrize("typed", [JEANNE, f" {JEANNE.title()} "])
    def test_d14_the_present_address_is_told_to_be_that(self, town: Town, typed: str) -> None:
        """InvalidInput(field="new_email", reason="unchanged"), however it is spelt; nothing is sent."""
        token = town.move_in().token

        with pytest.raises(InvalidInput) as refusal:
            self._asked(town, token, new_email=typed)

        assert (refusal.value.field, refusal.value.reason) == ("new_email", "unchanged")
        assert (town.mail(ConfirmEmailMessage), town.mail(EmailChangeRequestedMessage)) == ([], [])

    def test_d14_the_present_address_needs_the_password_too(self, town: Town) -> None:
        """It is judged first, as for any other address."""
        token = town.move_in().token

        answer = refusal_of(
            lambda: town.auth.login.change_email(token, new_email=JEANNE, current_password=_OTHER, source=town.source)
        )

        assert answer == (ReauthenticationRequired, "wrong_password")

    def test_a64_a_mailbox_cannot_be_flooded(self, town: Town) -> None:
        """A-64: the sixth request for one address must wait."""
        token = town.move_in().token
        for _ in range(5):
            self._asked(town, token)

        assert refusal_of(lambda: self._asked(town, token))[0] is Throttled
        assert len(town.mail(ConfirmEmailMessage)) == 5

    def test_a42_the_objection_is_a_reset(self, town: Town) -> None:
        """A-42: a pending change does not survive a new password."""
        self._asked(town, town.move_in().token)
        confirmation = self._confirmation(town)
        town.auth.password_reset.redeem(town.reset_token(), new_password=_OTHER, source=town.source)

        assert refusal_of(lambda: town.auth.login.confirm_email(confirmation, source=town.source))[0] is ResetRefused


class TestIdentifier:
    """S3: the call for funds prints the e-mail that a contact logs in with."""

    def test_it_is_the_logins_and_not_the_files(self, town: Town) -> None:
        """None before activation, the login's e-mail after, whatever is on the file."""
        contact = town.contact(email="file@example.fr")
        before = town.auth.login.identifier_of(contact.id)

        town.activate(contact, JEANNE)

        assert (before, town.auth.login.identifier_of(contact.id)) == (None, JEANNE)

    def test_an_unknown_contact_has_none(self, town: Town) -> None:
        """No error, and nothing to print."""
        assert town.auth.login.identifier_of("contact-99") is None


class TestTheActiveAccount:
    """Whoever gives the password again stays on the account he was on, whatever another browser did meanwhile."""

    def _two_browsers(self, town: Town) -> tuple[str, str]:
        """Return a session on the first account, and that account; another session went to the second since."""
        first, second = town.contact(condominium="Les Lilas"), town.contact(condominium="Les Pins")
        town.activate(first, JEANNE)
        town.activate(second, JEANNE)
        here = town.auth.accounts.switch(town.log_in(JEANNE).token, account_id=first.account.id)
        town.auth.accounts.switch(town.log_in(JEANNE).token, account_id=second.account.id)
        return here.token, first.account.id

    def test_reauthentication_keeps_it(self, town: Town) -> None:
        """The new session is on the account of the old one."""
        token, account_id = self._two_browsers(town)

        renewed = town.auth.login.reauthenticate(token, password=PASSWORD, source=town.source).session

        assert renewed.active_account is not None
        assert renewed.active_account.id == account_id

    def test_a_new_password_keeps_it(self, town: Town) -> None:
        """So is the one that a change of password opens."""
        token, account_id = self._two_browsers(town)

        changed = town.auth.login.change_password(
            token, current_password=PASSWORD, new_password="trois loutres sous un saule", source=town.source
        ).session

        assert changed.active_account is not None
        assert changed.active_account.id == account_id
