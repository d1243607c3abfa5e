"""Password reset: by the person, through a mailed link; by the manager's hand, within its short reach."""

from __future__ import annotations

from datetime import timedelta

import attrs
import pytest
from tests.town import JEANNE, Town, refusal_of

from coproauth import (
    InvalidInput,
    LoginRefused,
    Manager,
    NotAllowed,
    PasswordChangeRequired,
    PasswordRejected,
    ResetLink,
    ResetRefused,
    SessionRefused,
    Source,
    Throttled,
)
from coproauth.core.audit import Outcome
from coproauth.core.messages import (
    Message,
    PasswordChangedMessage,
    ResetLinkMessage,
    TemporaryPasswordSetMessage,
    UnknownAddressMessage,
)
from coproauth.testing.sandbox import PASSWORD, PORTAL_URL, cheap_policy

_OTHER = "trois pommes sur un nuage"


class TestRequest:
    """Whether or not an address is known, the answer and the work are the same."""

    def test_a31_a33_a_known_address_gets_a_link(self, town: Town) -> None:
        """S8: under the configured address of the portal; nothing is returned (A-31, A-33)."""
        town.move_in()

        town.auth.password_reset.request(email=JEANNE, source=town.source)

        (mail,) = town.mail(ResetLinkMessage)
        assert mail.to == JEANNE
        assert mail.url.startswith(f"{PORTAL_URL}/reset/")

    def test_an_unknown_address_gets_a_mail_that_says_so(self, town: Town) -> None:
        """With the way to the onboarding page, and no link."""
        town.auth.password_reset.request(email="unknown@example.fr", source=Source("192.0.2.1", locale="en"))

        town.auth.deliver_mail()
        assert town.mailer.sent == [
            UnknownAddressMessage(to="unknown@example.fr", locale="en", url=f"{PORTAL_URL}/activate")
        ]

    def test_a07_one_mail_in_every_state(self, town: Town) -> None:
        """A-07: known, orphan, handed over and unknown each get exactly one."""
        town.move_in("known@example.fr")
        orphan = town.contact()
        town.activate(orphan, "orphan@example.fr")
        town.directory.remove_contact(orphan.id)
        handed = town.contact()
        town.activate(handed, "temporary@example.fr")
        town.auth.password_reset.set_password(handed.id, by=town.manager)
        town.auth.deliver_mail()
        town.mailer.sent.clear()
        emails = [f"{name}@example.fr" for name in ("known", "orphan", "temporary", "unknown")]

        for email in emails:
            town.auth.password_reset.request(email=email, source=town.source)

        assert [mail.to for mail in town.mail(Message)] == emails

    def test_no_password_is_hashed(self, town: Town) -> None:
        """The work does not depend on whether there is a login."""
        town.move_in()
        town.hasher.seen.clear()

        for email in (JEANNE, "unknown@example.fr"):
            town.auth.password_reset.request(email=email, source=town.source)

        assert town.hasher.seen == []

    def test_a12_the_mail_goes_to_the_stored_address(self, town: Town) -> None:
        """A-12: never to the spelling that was typed."""
        town.move_in()

        town.auth.password_reset.request(email="JEANNE@EXAMPLE.FR", source=town.source)

        assert [mail.to for mail in town.mail(ResetLinkMessage)] == [JEANNE]

    @pytest.mark.parametrize(
        "email", ["", "no address", "m\u0131ke@example.org", f"{JEANNE},eve@example.fr", ["a@b.fr"]]
    )
    def test_a16_a17_what_is_no_address_is_refused_by_the_field(self, town: Town, email: str) -> None:
        """A-16, A-17: and no mail goes anywhere."""
        town.move_in()

        with pytest.raises(InvalidInput) as refusal:
            town.auth.password_reset.request(email=email, source=town.source)

        assert refusal.value.field == "email"
        assert town.mail(ResetLinkMessage) == []

    @pytest.mark.parametrize("email", [JEANNE, "unknown@example.fr"])
    def test_a64_a_mailbox_cannot_be_flooded(self, town: Town, email: str) -> None:
        """A-64: five mails, then silence, from however many sources."""
        town.move_in()
        town.auth.deliver_mail()
        town.mailer.sent.clear()
        town.later(days=1)

        for number in range(500):
            town.auth.password_reset.request(email=email, source=Source(f"198.51.{number // 250}.{number % 250}"))

        assert len(town.mail(Message, to=email)) == 5

    def test_a_request_that_comes_to_nothing_is_on_record_as_refused(self, town: Town) -> None:
        """The person is answered as ever; the trail tells why no mail came."""
        for _ in range(6):
            town.auth.password_reset.request(email="unknown@example.fr", source=town.source)

        assert [(event.outcome, event.reason) for event in town.audit.events[-2:]] == [
            (Outcome.SUCCEEDED, None),
            (Outcome.REFUSED, "throttled"),
        ]

    def test_a64_over_a_day_a_mailbox_gets_few(self, town: Town) -> None:
        """A-64: a request every minute from new sources is five mails at first, and one an hour from then on."""
        town.move_in()

        for number in range(24 * 60):
            town.auth.password_reset.request(email=JEANNE, source=Source(f"198.51.{number // 250}.{number % 250}"))
            town.later(minutes=1)

        assert len(town.mail(ResetLinkMessage)) <= 5 + 25

    def test_a_source_is_slowed(self, town: Town) -> None:
        """Twenty addresses from one place, and the next must wait."""
        for number in range(20):
            town.auth.password_reset.request(email=f"person{number}@example.fr", source=town.source)

        answer = refusal_of(lambda: town.auth.password_reset.request(email=JEANNE, source=town.source))

        assert answer == (Throttled, "throttled")


class TestInspect:
    """Opening a link consumes nothing."""

    def test_d30_a38_it_shows_the_login(self, town: Town) -> None:
        """D-30, A-38: a mail scanner opens it three times, and it still works."""
        town.move_in()
        token = town.reset_token()

        shown = [town.auth.password_reset.inspect(token) for _ in range(3)]

        assert shown == [ResetLink(email=JEANNE)] * 3
        town.auth.password_reset.redeem(token, new_password=_OTHER, source=town.source)
        assert town.log_in(JEANNE, password=_OTHER).session.email == JEANNE

    @pytest.mark.parametrize("token", ["", "x", "a.b.c", "\ud800", "x" * 5000])
    def test_a37_what_is_no_link_is_refused(self, town: Town, token: str) -> None:
        """A-37: blank, garbage, or far too long."""
        assert refusal_of(lambda: town.auth.password_reset.inspect(token)) == (ResetRefused, "link_invalid")


class TestRedeem:
    """A link sets a new password once."""

    def test_a76_everything_older_is_dead(self, town: Town) -> None:
        """S8, A-76: sessions, the former password, other links; a notice is sent, and no session opens."""
        session = town.move_in()
        first, second = town.reset_token(), town.reset_token()

        town.auth.password_reset.redeem(second, new_password=_OTHER, source=town.source)

        assert refusal_of(lambda: town.auth.login.session(session.token))[0] is SessionRefused
        assert refusal_of(lambda: town.log_in(JEANNE))[0] is LoginRefused
        assert refusal_of(lambda: town.auth.password_reset.inspect(first)) == (ResetRefused, "link_invalid")
        assert [mail.to for mail in town.mail(PasswordChangedMessage)] == [JEANNE]
        token = town.log_in(JEANNE, password=_OTHER).token
        assert len(town.auth.login.sessions(token)) == 1

    def test_a26_d31_a_link_works_once(self, town: Town) -> None:
        """A-26, D-31."""
        town.move_in()
        token = town.reset_token()
        town.auth.password_reset.redeem(token, new_password=_OTHER, source=town.source)

        answer = refusal_of(lambda: town.auth.password_reset.redeem(token, new_password=PASSWORD, source=town.source))

        assert answer == (ResetRefused, "link_invalid")
        assert town.log_in(JEANNE, password=_OTHER).session.email == JEANNE

    def test_d25_a_clock_going_back_does_not_revive_it(self, town: Town) -> None:
        """D-25: what was used stays used."""
        town.move_in()
        token = town.reset_token()
        town.auth.password_reset.redeem(token, new_password=_OTHER, source=town.source)
        town.later(seconds=-30)

        assert refusal_of(lambda: town.auth.password_reset.inspect(token)) == (ResetRefused, "link_invalid")

    @pytest.mark.parametrize(("minutes", "works"), [(59, True), (60, False), (60 * 24 * 3650, False)])
    def test_a27_d31_a_link_works_for_an_hour(self, town: Town, minutes: int, works: bool) -> None:  # noqa: FBT001
        """A-27, D-31: the age is counted from delivery."""
        town.move_in()
        token = town.reset_token()
        town.later(minutes=minutes)

        if works:
            town.auth.password_reset.redeem(token, new_password=_OTHER, source=town.source)
            assert town.log_in(JEANNE, password=_OTHER).session.email == JEANNE
        else:
            answer = refusal_of(lambda: town.auth.password_reset.redeem(token, new_password="x", source=town.source))
            assert answer == (ResetRefused, "link_expired")

    def test_a_rejected_password_keeps_the_link(self, town: Town) -> None:
        """Every violation is told, the person's own names counted as known."""
        town.activate(town.contact("Ali Benali", condominium="Le Moulin"), JEANNE)
        token = town.reset_token()

        with pytest.raises(PasswordRejected) as refusal:
            town.auth.password_reset.redeem(token, new_password="benali", source=town.source)

        assert refusal.value.violations == ("too_short", "context_word")
        town.auth.password_reset.redeem(token, new_password=_OTHER, source=town.source)

    def test_a49_of_two_at_once_one_succeeds(self, town: Town) -> None:
        """A-49: the slower one is refused, and its password is not the login's."""
        town.move_in()
        token = town.reset_token()
        town.hasher.meanwhile = lambda: town.auth.password_reset.redeem(token, new_password=_OTHER, source=town.source)

        answer = refusal_of(
            lambda: town.auth.password_reset.redeem(token, new_password="cinq oies en hiver", source=town.source)
        )

        assert answer == (ResetRefused, "link_invalid")
        assert town.log_in(JEANNE, password=_OTHER).session.email == JEANNE

    def test_a_reset_replaces_a_temporary_password(self, town: Town) -> None:
        """Whoever chose a password by link has one of his own: nothing more is asked for."""
        contact = town.contact()
        town.activate(contact, JEANNE)
        town.auth.password_reset.set_password(contact.id, by=town.manager)

        town.auth.password_reset.redeem(town.reset_token(), new_password=_OTHER, source=town.source)

        assert town.log_in(JEANNE, password=_OTHER).session.email == JEANNE

    def test_a30_each_lifetime_is_its_own(self) -> None:
        """A-30: a policy with five minutes for a reset link means five minutes."""
        town = Town.found(policy=attrs.evolve(cheap_policy(), reset_link_lifetime=timedelta(minutes=5)))
        town.move_in()
        token = town.reset_token()
        town.later(minutes=5)

        assert refusal_of(lambda: town.auth.password_reset.inspect(token)) == (ResetRefused, "link_expired")


class TestSendLink:
    """A manager sends a reset link."""

    def test_d02_it_goes_to_the_logins_e_mail(self, town: Town) -> None:
        """S9, D-02: never to the one on the contact's file."""
        contact = town.contact(email="file@example.fr")
        town.activate(contact, JEANNE)

        town.auth.password_reset.send_link(contact.id, by=town.manager)

        assert [mail.to for mail in town.mail(ResetLinkMessage)] == [JEANNE]
        assert town.auth.password_reset.inspect(town.reset_token_for(JEANNE)) == ResetLink(email=JEANNE)

    def test_d01_it_works_for_a_login_in_several_portfolios(self, town: Town) -> None:
        """D-01: the mail goes to its owner and to nobody else."""
        contact = town.contact()
        for one in (contact, town.contact(portfolio_id="portfolio-2")):
            town.activate(one, JEANNE)

        town.auth.password_reset.send_link(contact.id, by=town.manager)

        assert [mail.to for mail in town.mail(ResetLinkMessage)] == [JEANNE]

    def test_a_contact_without_login_is_told(self, town: Town) -> None:
        """It needs a code, not a link."""
        contact = town.contact(email="file@example.fr")

        answer = refusal_of(lambda: town.auth.password_reset.send_link(contact.id, by=town.manager))

        assert answer == (NotAllowed, "not_activated")
        assert town.mail(ResetLinkMessage) == []

    @pytest.mark.parametrize("portfolio_id", ["portfolio-2", "", None])
    def test_d04_only_within_the_portfolio(self, town: Town, portfolio_id: str) -> None:
        """D-04: another's contact and none look alike."""
        contact = town.contact()
        town.activate(contact, JEANNE)
        stranger = Manager(id="manager-2", portfolio_id=portfolio_id)

        for contact_id in (contact.id, "contact-99"):
            answer = refusal_of(lambda: town.auth.password_reset.send_link(contact_id, by=stranger))  # noqa: B023
            assert answer == (NotAllowed, "not_allowed")

    def test_a_password_changed_meanwhile_voids_the_mail(self, town: Town) -> None:
        """A link that waits in the outbox is not sent once it could do harm."""
        contact = town.contact()
        token = town.activate(contact, JEANNE).token
        town.auth.password_reset.send_link(contact.id, by=town.manager)
        town.auth.login.change_password(token, current_password=PASSWORD, new_password=_OTHER, source=town.source)

        assert town.mail(ResetLinkMessage) == []


class TestSetPassword:
    """A manager sets a password to hand over."""

    def test_it_opens_the_choice_of_another(self, town: Town) -> None:
        """S10: sessions ended, the owner told without the password, and it lasts for seven days."""
        contact = town.contact()
        token = town.activate(contact, JEANNE).token

        temporary = town.auth.password_reset.set_password(contact.id, by=town.manager)

        assert temporary.expires_at == town.clock.now() + timedelta(days=7)
        assert refusal_of(lambda: town.auth.login.session(token))[0] is SessionRefused
        assert refusal_of(lambda: town.log_in(JEANNE))[0] is LoginRefused
        assert refusal_of(lambda: town.log_in(JEANNE, password=temporary.password))[0] is PasswordChangeRequired
        (notice,) = town.mail(TemporaryPasswordSetMessage)
        assert notice.to == JEANNE
        assert temporary.password not in str(attrs.asdict(notice))

    @pytest.mark.parametrize(("after", "opens"), [(timedelta(days=7, seconds=-1), True), (timedelta(days=7), False)])
    def test_it_lasts_for_seven_days(self, town: Town, after: timedelta, opens: bool) -> None:  # noqa: FBT001
        """After that it is a wrong password like any other."""
        contact = town.contact()
        town.activate(contact, JEANNE)
        temporary = town.auth.password_reset.set_password(contact.id, by=town.manager)
        town.clock.advance(after)

        answer, _ = refusal_of(lambda: town.log_in(JEANNE, password=temporary.password))

        assert answer is (PasswordChangeRequired if opens else LoginRefused)

    def test_the_manager_may_name_one(self, town: Town) -> None:
        """Within the policy, the person's names counted as known."""
        contact = town.contact("Ali Benali")
        town.activate(contact, JEANNE)
        set_password = town.auth.password_reset.set_password

        with pytest.raises(PasswordRejected) as refusal:
            set_password(contact.id, by=town.manager, new_password="Benali-Ali")

        assert refusal.value.violations == ("too_short", "context_word")
        assert set_password(contact.id, by=town.manager, new_password=_OTHER).password == _OTHER

    def test_a76_links_are_dead(self, town: Town) -> None:
        """A-76: what was mailed before opens nothing any more."""
        contact = town.contact()
        town.activate(contact, JEANNE)
        link = town.reset_token()

        town.auth.password_reset.set_password(contact.id, by=town.manager)

        assert refusal_of(lambda: town.auth.password_reset.inspect(link)) == (ResetRefused, "link_invalid")

    def test_d01_d35_a_login_in_several_portfolios_is_out_of_reach(self, town: Town) -> None:
        """D-01, D-35: neither manager may, and neither is told why."""
        here, there = town.contact(), town.contact(portfolio_id="portfolio-2")
        for contact in (here, there):
            town.activate(contact, JEANNE)

        for contact in (here, there):
            answer = refusal_of(
                lambda: town.auth.password_reset.set_password(contact.id, by=town.manager_of(contact))  # noqa: B023
            )
            assert answer == (NotAllowed, "reset_link_only")
        assert town.log_in(JEANNE).session.email == JEANNE

    def test_it_is_within_reach_again_once_the_other_account_is_gone(self, town: Town) -> None:
        """S11: a deleted condominium counts for nothing."""
        here, there = town.contact(), town.contact(portfolio_id="portfolio-2")
        for contact in (here, there):
            town.activate(contact, JEANNE)
        town.directory.remove_condominium(there.account.condominium_id)

        assert town.auth.password_reset.set_password(here.id, by=town.manager).password

    def test_an_account_linked_in_the_middle_is_seen(self, town: Town) -> None:
        """The reach is asked for again when the password is written."""
        here, there = town.contact(), town.contact(portfolio_id="portfolio-2")
        town.activate(here, JEANNE)
        code = town.code_for(there)
        town.hasher.meanwhile = lambda: town.activate_with(code, JEANNE)

        answer = refusal_of(lambda: town.auth.password_reset.set_password(here.id, by=town.manager))

        assert answer == (NotAllowed, "reset_link_only")
        assert len(town.log_in(JEANNE).session.accounts) == 2

    def test_a_contact_without_login_is_told(self, town: Town) -> None:
        """There is no login to set it on."""
        answer = refusal_of(lambda: town.auth.password_reset.set_password(town.contact().id, by=town.manager))

        assert answer == (NotAllowed, "not_activated")

    @pytest.mark.parametrize("portfolio_id", ["portfolio-2", "", None])
    def test_d04_only_within_the_portfolio(self, town: Town, portfolio_id: str) -> None:
        """D-04: another's contact and none look alike, and no hash is computed."""
        contact = town.contact()
        town.activate(contact, JEANNE)
        stranger = Manager(id="manager-2", portfolio_id=portfolio_id)
        town.hasher.seen.clear()

        for contact_id in (contact.id, "contact-99"):
            answer = refusal_of(lambda: town.auth.password_reset.set_password(contact_id, by=stranger))  # noqa: B023
            assert answer == (NotAllowed, "not_allowed")
        assert town.hasher.seen == []


def test_a_log_in_while_a_link_is_redeemed_is_not_forgotten(town: Town) -> None:
    """What else changed while the password was hashed is kept: a login in use is not taken for an unused one."""
    town.move_in()
    town.auth.deliver_mail()
    token = town.reset_token()
    town.later(minutes=5)
    town.hasher.meanwhile = lambda: town.log_in(JEANNE)

    town.auth.password_reset.redeem(token, new_password="encore une girafe bleue", source=town.source)

    with town.store.reading() as work:
        identity = work.identities.by_email(JEANNE)
    assert identity is not None
    assert identity.last_login_at == town.clock.now()
