"""S1 to S12: every situation that must work, through the public interface alone."""

from __future__ import annotations

import pytest

from coproauth import (
    ActivationRefused,
    EmailAlreadyRegistered,
    LoginRefused,
    Manager,
    NotAllowed,
    PasswordChangeRequired,
    ResetRefused,
    SessionRefused,
    SwitchRefused,
)
from coproauth.core.messages import (
    AccountAddedMessage,
    ActivationNoticeMessage,
    PasswordChangedMessage,
    ResetLinkMessage,
    TemporaryPasswordSetMessage,
    UnknownAddressMessage,
)
from coproauth.testing import Sandbox
from coproauth.testing.sandbox import PASSWORD

JEANNE = "jeanne@example.fr"
MARC = "marc@example.fr"
OTHER_PASSWORD = "encore une girafe bleue"


class TestS1LogIn:
    """An activated co-owner logs in with e-mail and password."""

    def test_the_first_account_is_active_at_the_first_login(self, town: Sandbox) -> None:
        """A session opens, with the only account active."""
        jeanne = town.contact()
        town.activate(jeanne, JEANNE)

        signed_in = town.log_in(JEANNE)

        assert signed_in.session.active_account == jeanne.account
        assert town.auth.login.session(signed_in.token) == signed_in.session

    def test_the_account_used_last_is_active_at_the_next_login(self, town: Sandbox) -> None:
        """Whoever left the portal on the second account finds it active again."""
        lilas, pins = town.contact(condominium="Les Lilas"), town.contact(condominium="Les Pins")
        town.activate(lilas, JEANNE)
        town.activate(pins, JEANNE)
        town.auth.accounts.switch(town.log_in(JEANNE).token, account_id=pins.account.id)

        session = town.log_in(JEANNE).session

        assert session.active_account == pins.account
        assert session.accounts == (lilas.account, pins.account)

    def test_the_address_may_be_typed_in_another_case(self, town: Sandbox) -> None:
        """Capitals and spaces around the address are a slip of the keyboard."""
        town.activate(town.contact(), JEANNE)

        session = town.log_in(" Jeanne@EXAMPLE.fr ").session

        assert session.email == JEANNE


class TestS2CannotLogIn:
    """Not activated, forgotten password and wrong e-mail look the same."""

    def test_the_three_causes_are_one_refusal(self, town: Sandbox) -> None:
        """The answer has the same class, reason, text and data for all three."""
        town.contact("Paul Petit", email="paul@example.fr")
        town.activate(town.contact(), JEANNE)
        answers = []

        for email, password in (("paul@example.fr", PASSWORD), (JEANNE, "pas le bon"), ("jane@example.fr", PASSWORD)):
            with pytest.raises(LoginRefused) as refused:
                town.log_in(email, password=password)
            answers.append((type(refused.value), refused.value.reason, str(refused.value), vars(refused.value)))

        assert answers[0] == answers[1] == answers[2]


class TestS3Identifier:
    """The call for funds tells people what they log in with."""

    def test_the_identifier_is_the_login_e_mail_not_the_one_on_file(self, town: Sandbox) -> None:
        """What is printed is what opens the portal."""
        jeanne = town.contact(email="old@example.fr")
        town.activate(jeanne, JEANNE)

        assert town.auth.login.identifier_of(jeanne.id) == JEANNE

    def test_nobody_who_is_not_activated_has_one(self, town: Sandbox) -> None:
        """The software prints nothing for a contact without a login."""
        assert town.auth.login.identifier_of(town.contact(email=JEANNE).id) is None


class TestS4SeveralAccounts:
    """One e-mail opens all of a person's accounts."""

    def test_selecting_an_account_gives_a_new_token_and_ends_the_old_one(self, town: Sandbox) -> None:
        """The selected account is active, and the token that was used before is dead."""
        lilas, pins = town.contact(condominium="Les Lilas"), town.contact(condominium="Les Pins")
        town.activate(lilas, JEANNE)
        before = town.activate(pins, JEANNE)

        after = town.auth.accounts.switch(before.token, account_id=lilas.account.id)

        assert after.session.active_account == lilas.account
        assert town.auth.login.session(after.token) == after.session
        with pytest.raises(SessionRefused):
            town.auth.login.session(before.token)

    def test_every_account_is_listed_in_the_host_s_order(self, town: Sandbox) -> None:
        """The menu shows all accounts, whichever is active."""
        contacts = [town.contact(condominium=name) for name in ("Zinnia", "Les Lilas", "Aubépine")]
        tokens = [town.activate(contact, JEANNE).token for contact in reversed(contacts)]

        accounts = town.auth.accounts.accounts(tokens[-1])

        assert accounts == tuple(contact.account for contact in contacts)

    def test_another_s_account_an_unknown_and_a_lost_one_look_alike(self, town: Sandbox) -> None:
        """Nothing shows about accounts that are not the person's own."""
        jeanne, marc, lost = town.contact(), town.contact("Marc Blanc"), town.contact(condominium="Les Pins")
        town.activate(marc, MARC)
        town.activate(lost, JEANNE)
        signed_in = town.activate(jeanne, JEANNE)
        town.directory.remove_condominium(lost.account.condominium_id)
        answers = []

        for account_id in (marc.account.id, "no such account", lost.account.id):
            with pytest.raises(SwitchRefused) as refused:
                town.auth.accounts.switch(signed_in.token, account_id=account_id)
            answers.append(vars(refused.value))

        assert answers[0] == answers[1] == answers[2]
        assert town.auth.login.session(signed_in.token).active_account == jeanne.account


class TestS5CodeUsedAgain:
    """Onboarding again with a code that was used."""

    @pytest.mark.parametrize("days", [0, 400])
    def test_the_same_e_mail_is_told_to_log_in(self, town: Sandbox, days: int) -> None:
        """Whoever finds the old letter is shown the login page, however long ago it was."""
        code = town.code_for(town.contact())
        town.activate_with(code, JEANNE)
        town.later(days=days)

        with pytest.raises(EmailAlreadyRegistered):
            town.activate_with(code, JEANNE)

    def test_another_e_mail_is_told_that_the_code_was_used(self, town: Sandbox) -> None:
        """The second member of the household needs a code of their own."""
        code = town.code_for(town.contact())
        town.activate_with(code, JEANNE)

        with pytest.raises(ActivationRefused) as refused:
            town.activate_with(code, MARC)

        assert refused.value.reason == "code_already_used"


class TestS6Orphan:
    """The e-mail has a login, but the person has no account any more."""

    def test_reset_by_mail_then_onboarding_attaches_the_new_account(self, town: Sandbox) -> None:
        """Reset, then code, same e-mail and the new password: the new account is on the old login."""
        gone = town.contact(condominium="Les Lilas")
        login = town.activate(gone, JEANNE).session.identity_id
        town.directory.remove_condominium(gone.account.condominium_id)
        new = town.contact(condominium="Les Pins")
        code = town.code_for(new)
        with pytest.raises(EmailAlreadyRegistered):
            town.activate_with(code, JEANNE, password=OTHER_PASSWORD)

        town.auth.password_reset.request(email=JEANNE, source=town.source)
        town.auth.password_reset.redeem(town.reset_token_for(JEANNE), new_password=OTHER_PASSWORD, source=town.source)
        session = town.activate_with(code, JEANNE, password=OTHER_PASSWORD).session

        assert session.identity_id == login
        assert session.accounts == (new.account,)
        assert session.active_account == new.account


class TestS7SecondProperty:
    """A new code, and the login that exists already."""

    def test_code_e_mail_and_password_add_the_account(self, town: Sandbox) -> None:
        """The account is added, active, and its owner is told."""
        first, second = town.contact(condominium="Les Lilas"), town.contact(condominium="Les Pins")
        town.activate(first, JEANNE)

        session = town.activate(second, JEANNE).session

        assert session.accounts == (first.account, second.account)
        assert session.active_account == second.account
        assert AccountAddedMessage(to=JEANNE, locale="fr", condominium_name="Les Pins") in town.mail_to(JEANNE)

    def test_logged_in_the_code_alone_adds_the_account(self, town: Sandbox) -> None:
        """No e-mail and no password are asked for again."""
        first, second = town.contact(condominium="Les Lilas"), town.contact(condominium="Les Pins")
        before = town.activate(first, JEANNE)

        after = town.auth.activation.link(before.token, code=town.code_for(second), source=town.source)

        assert after.session.accounts == (first.account, second.account)
        assert after.session.active_account == second.account
        with pytest.raises(SessionRefused):
            town.auth.login.session(before.token)

    def test_the_wrong_password_adds_nothing_and_keeps_the_code(self, town: Sandbox) -> None:
        """A code never sets the password of a login that exists."""
        first, second = town.contact(condominium="Les Lilas"), town.contact(condominium="Les Pins")
        town.activate(first, JEANNE)
        code = town.code_for(second)

        with pytest.raises(EmailAlreadyRegistered):
            town.activate_with(code, JEANNE, password=OTHER_PASSWORD)

        assert town.log_in(JEANNE).session.accounts == (first.account,)
        assert town.activate_with(code, JEANNE).session.accounts == (first.account, second.account)


class TestS8ForgottenPassword:
    """A link by mail, a new password, everything older ended."""

    def test_the_link_sets_the_password_once_and_ends_every_session(self, town: Sandbox) -> None:
        """The old password, the old sessions and the link itself open nothing afterwards; a notice is sent."""
        session = town.activate(town.contact(), JEANNE)
        town.auth.password_reset.request(email=JEANNE, source=town.source)
        token = town.reset_token_for(JEANNE)

        link = town.auth.password_reset.inspect(token)
        town.auth.password_reset.redeem(token, new_password=OTHER_PASSWORD, source=town.source)

        assert link.email == JEANNE
        assert town.log_in(JEANNE, password=OTHER_PASSWORD).session.email == JEANNE
        assert isinstance(town.mail_to(JEANNE)[-1], PasswordChangedMessage)
        with pytest.raises(SessionRefused):
            town.auth.login.session(session.token)
        with pytest.raises(LoginRefused):
            town.log_in(JEANNE)
        with pytest.raises(ResetRefused):
            town.auth.password_reset.redeem(token, new_password=PASSWORD, source=town.source)

    def test_an_unknown_address_is_told_so_by_mail_only(self, town: Sandbox) -> None:
        """The page answers the same; the mail says that there is no such login, and carries no reset link."""
        town.auth.password_reset.request(email=JEANNE, source=town.source)

        assert [type(mail) for mail in town.mail_to(JEANNE)] == [UnknownAddressMessage]


class TestS9ManagerSendsLink:
    """The manager sends the reset link from the contact's page."""

    def test_the_link_goes_to_the_login_s_e_mail(self, town: Sandbox) -> None:
        """Whatever stands on the contact's file gets nothing."""
        jeanne = town.contact(email="file@example.fr")
        town.activate(jeanne, JEANNE)
        seen = len(town.mail_to("file@example.fr"))

        town.auth.password_reset.send_link(jeanne.id, by=town.manager)

        assert isinstance(town.mail_to(JEANNE)[-1], ResetLinkMessage)
        assert len(town.mail_to("file@example.fr")) == seen


class TestS10ManagerSetsPassword:
    """The manager sets a password to hand over."""

    def test_it_must_be_changed_at_the_next_login(self, town: Sandbox) -> None:
        """It opens nothing but the choice of another; sessions are dead, and the owner is told."""
        jeanne = town.contact()
        session = town.activate(jeanne, JEANNE)

        temporary = town.auth.password_reset.set_password(jeanne.id, by=town.manager)

        with pytest.raises(SessionRefused):
            town.auth.login.session(session.token)
        with pytest.raises(PasswordChangeRequired) as required:
            town.log_in(JEANNE, password=temporary.password)
        chosen = town.auth.login.choose_password(required.value.token, new_password=OTHER_PASSWORD, source=town.source)
        assert chosen.session.active_account == jeanne.account
        assert town.log_in(JEANNE, password=OTHER_PASSWORD).session.accounts == (jeanne.account,)
        assert TemporaryPasswordSetMessage in [type(mail) for mail in town.mail_to(JEANNE)]

    def test_it_is_refused_when_the_login_opens_accounts_elsewhere(self, town: Sandbox) -> None:
        """The manager is told to send a link, and not why."""
        mine = town.contact(condominium="Les Lilas")
        town.activate(mine, JEANNE)
        session = town.activate(town.contact(condominium="Ailleurs", portfolio_id="portfolio-2"), JEANNE)

        with pytest.raises(NotAllowed) as refused:
            town.auth.password_reset.set_password(mine.id, by=town.manager)

        assert vars(refused.value) == {"reason": "reset_link_only"}
        assert town.auth.login.session(session.token) == session.session

    def test_another_portfolio_s_contact_looks_like_none(self, town: Sandbox) -> None:
        """A manager learns nothing about contacts that are not his own."""
        jeanne = town.contact()
        town.activate(jeanne, JEANNE)
        stranger = Manager(id="stranger", portfolio_id="portfolio-2")
        answers = []

        for contact_id in (jeanne.id, "no such contact"):
            with pytest.raises(NotAllowed) as refused:
                town.auth.password_reset.set_password(contact_id, by=stranger)
            answers.append(vars(refused.value))

        assert answers[0] == answers[1]


class TestS11CondominiumDeleted:
    """The host deletes a condominium and calls nobody."""

    def test_its_accounts_vanish_from_open_sessions(self, town: Sandbox) -> None:
        """The next page shows the accounts that are left."""
        lilas, pins = town.contact(condominium="Les Lilas"), town.contact(condominium="Les Pins")
        town.activate(lilas, JEANNE)
        signed_in = town.activate(pins, JEANNE)

        town.directory.remove_condominium(pins.account.condominium_id)

        session = town.auth.login.session(signed_in.token)
        assert session.accounts == (lilas.account,)
        assert session.active_account == lilas.account

    def test_a_login_left_with_none_may_still_log_in(self, town: Sandbox) -> None:
        """The orphan sees no account, and may enter a code."""
        gone = town.contact()
        town.activate(gone, JEANNE)
        town.directory.remove_condominium(gone.account.condominium_id)
        new = town.contact(condominium="Les Pins")

        orphan = town.log_in(JEANNE)
        linked = town.auth.activation.link(orphan.token, code=town.code_for(new), source=town.source)

        assert (orphan.session.accounts, orphan.session.active_account) == ((), None)
        assert linked.session.active_account == new.account


class TestS12Couple:
    """One account, several contacts."""

    def test_each_contact_may_have_a_login_of_their_own(self, town: Sandbox) -> None:
        """Two codes and two e-mails are two logins to one account."""
        jeanne = town.contact("Jeanne Roche", email=JEANNE)
        marc = town.directory.add_contact(jeanne.account.id, name="Marc Roche")

        hers, his = town.activate(jeanne, JEANNE).session, town.activate(marc, MARC).session

        assert hers.identity_id != his.identity_id
        assert hers.accounts == his.accounts == (jeanne.account,)

    def test_two_contacts_on_one_e_mail_are_one_login(self, town: Sandbox) -> None:
        """The second activation asks for the password that exists; the account is listed once."""
        jeanne = town.contact("Jeanne Roche")
        marc = town.directory.add_contact(jeanne.account.id, name="Marc Roche")

        first, second = town.activate(jeanne, JEANNE).session, town.activate(marc, JEANNE).session

        assert first.identity_id == second.identity_id
        assert second.accounts == (jeanne.account,)

    def test_an_activation_is_told_to_the_address_on_file(self, town: Sandbox) -> None:
        """A thief of the letter does not go unnoticed."""
        jeanne = town.contact(email="file@example.fr")

        town.activate(jeanne, "thief@example.fr")

        expected = ActivationNoticeMessage(
            to="file@example.fr", locale="fr", contact_name=jeanne.name, condominium_name="Les Lilas"
        )
        assert town.mail_to("file@example.fr") == [expected]
