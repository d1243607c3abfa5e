"""What the owner of a login is told of by mail, and what that mail says."""

from __future__ import annotations

import attrs
import pytest
from tests.town import JEANNE, Town

from coproauth import (
    LoginAfterFailuresMessage,
    LoginRefused,
    MailKind,
    Message,
    NewDeviceMessage,
    PasswordChangeRequired,
    SignedIn,
    Source,
)
from coproauth.core.audit import Outcome, Pathway
from coproauth.core.messages import ConfirmEmailMessage
from coproauth.mail import render
from coproauth.policy import LOCALES, Locale
from coproauth.testing.sandbox import PASSWORD, PORTAL_URL, Sandbox

_OTHER = "trois pommes sur un nuage"
_FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
_NEW = Source("198.51.100.9", user_agent=_FIREFOX, device_token="")
_NOTICES = {MailKind.NEW_DEVICE, MailKind.LOGIN_AFTER_FAILURES}


def _log_in(town: Town, source: Source) -> SignedIn:
    return town.auth.login.log_in(email=JEANNE, password=PASSWORD, source=source)


def _guess(town: Town, source: Source, *, times: int) -> None:
    for _ in range(times):
        with pytest.raises(LoginRefused):
            town.auth.login.log_in(email=JEANNE, password="une autre girafe", source=source)


def _locales(town: Town, kind: MailKind) -> list[Locale]:
    return [mail.locale for mail in town.mail_to(JEANNE) if mail.kind is kind]


def _notices(town: Town) -> list[Message]:
    return [mail for mail in town.mail_to(JEANNE) if mail.kind in _NOTICES]


class TestNewDevice:
    """A login in a browser that was not known is told, once (ASVS V6.3.5)."""

    def test_the_owner_is_told_when_and_in_which_browser(self, town: Town) -> None:
        """In two words of ours, with the way to a new password."""
        town.move_in()

        _log_in(town, _NEW)

        assert _notices(town) == [
            NewDeviceMessage(
                to=JEANNE,
                locale="fr",
                url=f"{PORTAL_URL}/forgotten-password",
                opened_at=town.clock.now(),
                browser="Firefox, Linux",
            )
        ]

    def test_the_browser_is_known_after_that(self, town: Town) -> None:
        """No mail for each login of every day."""
        town.move_in()
        token = _log_in(town, _NEW).device_token

        _log_in(town, attrs.evolve(_NEW, device_token=token))

        assert len(_notices(town)) == 1

    def test_whoever_logs_in_again_and_again_does_not_fill_the_outbox(self, town: Town) -> None:
        """Five mails in a row, as of every kind: beyond them the login is opened, and others' mail is not held up."""
        town.move_in()

        opened = [_log_in(town, _NEW).session.email for _ in range(12)]

        assert opened == [JEANNE] * 12
        assert len(_notices(town)) == 5
        assert {event.outcome for event in town.audit.events if event.pathway is Pathway.LOGGED_IN} == {
            Outcome.SUCCEEDED
        }

    def test_it_is_told_again_later(self, town: Town) -> None:
        """Nobody silences the notices for longer than the longest wait."""
        town.move_in()
        for _ in range(12):
            _log_in(town, _NEW)

        town.later(hours=1)
        _log_in(town, _NEW)

        assert len(_notices(town)) == 6

    def test_a_browser_of_before_a_password_change_is_new(self, town: Town) -> None:
        """Whoever had the former password, and has learnt the next one, is told of."""
        browser = attrs.evolve(_NEW, device_token=town.move_in().device_token)
        town.auth.password_reset.redeem(town.reset_token(JEANNE), new_password=_OTHER, source=town.source)

        town.auth.login.log_in(email=JEANNE, password=_OTHER, source=browser)

        assert [mail.kind for mail in _notices(town)] == [MailKind.NEW_DEVICE]

    def test_the_first_session_is_told_by_the_activation_alone(self, town: Town) -> None:
        """Its browser is known from the start."""
        town.move_in()

        _log_in(town, attrs.evolve(_NEW, device_token=_first_token(town)))

        assert _notices(town) == []

    def test_a_host_that_keeps_no_tokens_sends_none(self, town: Town) -> None:
        """Every browser would be new to it."""
        town.move_in()

        _log_in(town, attrs.evolve(_NEW, device_token=None))

        assert _notices(town) == []

    def test_a_browser_of_another_login_is_new(self, town: Town) -> None:
        """Whoever has a login himself, and a stolen password, is told of."""
        town.move_in()
        thief = town.move_in("marc@example.fr").device_token

        _log_in(town, attrs.evolve(_NEW, device_token=thief))

        assert [mail.kind for mail in _notices(town)] == [MailKind.NEW_DEVICE]

    @pytest.mark.parametrize("user_agent", [None, "Your account is closed, call 0900 123", "x" * 400])
    def test_nobody_writes_to_the_owner_by_the_name_of_his_browser(self, town: Town, user_agent: str | None) -> None:
        """What is not recognised is not shown."""
        town.move_in()

        _log_in(town, attrs.evolve(_NEW, user_agent=user_agent))

        (notice,) = _notices(town)
        assert isinstance(notice, NewDeviceMessage)
        assert notice.browser == ""


def _first_token(town: Town) -> str | None:
    """Return the token that came with another account of Jeanne's, added by code, address and password."""
    code = town.code_for(town.contact())
    return town.auth.activation.activate(code=code, email=JEANNE, password=PASSWORD, source=town.source).device_token


class TestAfterFailures:
    """A login that comes after many failures is told."""

    def test_after_five_failures_it_is(self, town: Town) -> None:
        """Instead of the other notice: one mail for one login."""
        town.move_in()
        _guess(town, _NEW, times=5)

        _log_in(town, _NEW)

        assert [type(mail) for mail in _notices(town)] == [LoginAfterFailuresMessage]

    def test_after_four_it_is_not(self, town: Town) -> None:
        """Whoever mistypes is left in peace."""
        token = town.move_in().device_token
        browser = attrs.evolve(_NEW, device_token=token)
        _guess(town, browser, times=4)

        _log_in(town, browser)

        assert _notices(town) == []

    @pytest.mark.parametrize("is_strangers", [True, False])
    def test_in_a_known_browser_too(self, town: Town, is_strangers: bool) -> None:  # noqa: FBT001 - a case
        """Whether a stranger failed, or somebody at this very browser."""
        browser = attrs.evolve(_NEW, device_token=town.move_in().device_token)
        _guess(town, _NEW if is_strangers else browser, times=5)

        _log_in(town, browser)
        _log_in(town, browser)

        assert [type(mail) for mail in _notices(town)] == [LoginAfterFailuresMessage]

    def test_a_host_that_keeps_no_tokens_tells_it(self, town: Town) -> None:
        """It needs none for that."""
        town.move_in()
        _guess(town, town.source, times=5)

        town.log_in(JEANNE)

        assert [type(mail) for mail in _notices(town)] == [LoginAfterFailuresMessage]


def _walk(sandbox: Sandbox) -> None:
    """Do everything that the owner of a login is to be told of."""
    auth, source, manager = sandbox.auth, sandbox.source, sandbox.manager
    contact = sandbox.contact(email="file@example.fr")
    sandbox.activate(contact, JEANNE)
    added = sandbox.contact()
    session = auth.activation.link(sandbox.log_in(JEANNE).token, code=sandbox.code_for(added), source=source)
    auth.activation.dissociate(added.id, by=manager)
    session = auth.login.log_in(email=JEANNE, password=PASSWORD, source=_NEW)
    session = auth.login.change_password(session.token, current_password=PASSWORD, new_password=_OTHER, source=source)
    for _ in range(5):
        with pytest.raises(LoginRefused):
            sandbox.log_in(JEANNE)
    session = sandbox.log_in(JEANNE, password=_OTHER)
    auth.password_reset.send_link(contact.id, by=manager)
    auth.password_reset.redeem(sandbox.reset_token_for(JEANNE), new_password=PASSWORD, source=source)
    temporary = auth.password_reset.set_password(contact.id, by=manager).password
    with pytest.raises(PasswordChangeRequired) as required:
        sandbox.log_in(JEANNE, password=temporary)
    session = auth.login.choose_password(required.value.token, new_password=_OTHER, source=source)
    auth.login.change_email(session.token, new_email="new@example.fr", current_password=_OTHER, source=source)
    links = [mail.url for mail in sandbox.mail_to("new@example.fr") if isinstance(mail, ConfirmEmailMessage)]
    auth.login.confirm_email(links[-1].rpartition("/")[2], source=source)


_NOTICED = {
    MailKind.ACTIVATION_NOTICE,
    MailKind.ACCOUNT_ADDED,
    MailKind.ACCOUNT_REMOVED,
    MailKind.NEW_DEVICE,
    MailKind.LOGIN_AFTER_FAILURES,
    MailKind.PASSWORD_CHANGED,
    MailKind.RESET_LINK,
    MailKind.TEMPORARY_PASSWORD_SET,
    MailKind.EMAIL_CHANGE_REQUESTED,
    MailKind.EMAIL_CHANGED,
}
_NOT_YOU = {"fr": ("Si ce n\u2019est pas vous", "Si vous n"), "en": ("If this was not you", "If you did not")}


class TestLanguage:
    """Mail that nobody asked for is in the language in which the login was used last."""

    def test_a_notice_is_in_the_language_of_the_last_login(self, town: Town) -> None:
        """Whoever changes the password in English reads of it in English."""
        town.move_in()
        signed_in = _log_in(town, attrs.evolve(_NEW, locale="en"))

        town.auth.login.change_password(
            signed_in.token, current_password=PASSWORD, new_password=_OTHER, source=town.source
        )

        assert _locales(town, MailKind.PASSWORD_CHANGED) == ["en"]

    def test_that_of_a_login_is_in_the_language_before_it(self, town: Town) -> None:
        """A stranger who logs in does not choose how the owner is told so."""
        town.move_in()

        _log_in(town, attrs.evolve(_NEW, locale="en"))

        assert _locales(town, MailKind.NEW_DEVICE) == ["fr"]

    def test_a_further_account_counts_as_a_login(self, town: Town) -> None:
        """Activating with the password opens a session like any other."""
        contact = town.contact(condominium="Les Lilas")
        town.activate(contact, JEANNE)
        source = attrs.evolve(town.source, locale="en")
        code = town.code_for(town.contact(condominium="Les Pins"))
        town.auth.activation.activate(code=code, email=JEANNE, password=PASSWORD, source=source)

        town.auth.activation.dissociate(contact.id, by=town.manager_of(contact))

        assert _locales(town, MailKind.ACCOUNT_REMOVED) == ["en"]


class TestEveryChange:
    """Each change a person should know of is told, with what to do if it was not them (ASVS V6.3.7)."""

    def test_each_is_told_to_the_login_s_email(self, sandbox: Sandbox) -> None:
        """Password, e-mail, accounts, what a manager did, a new browser, and success after failures."""
        _walk(sandbox)

        assert {mail.kind for mail in sandbox.mail_to(JEANNE)} >= _NOTICED

    @pytest.mark.parametrize("locale", LOCALES)
    def test_each_says_what_to_do_if_it_was_not_them(self, sandbox: Sandbox, locale: Locale) -> None:
        """In both languages."""
        _walk(sandbox)
        told = {mail.kind: render(attrs.evolve(mail, locale=locale)).text for mail in sandbox.mail_to(JEANNE)}

        silent = {kind for kind in _NOTICED if not any(words in told[kind] for words in _NOT_YOU[locale])}

        assert silent == set()

    def test_no_notice_holds_a_secret(self, sandbox: Sandbox) -> None:
        """Only what was asked for carries a link that works."""
        _walk(sandbox)
        carriers = {MailKind.RESET_LINK, MailKind.EMAIL_PROOF}

        notices = [mail for mail in sandbox.mail_to(JEANNE) if mail.kind not in carriers]

        assert [mail for mail in notices if PASSWORD in render(mail).text or _OTHER in render(mail).text] == []
        assert {getattr(mail, "url", f"{PORTAL_URL}/forgotten-password") for mail in notices} == {
            f"{PORTAL_URL}/forgotten-password"
        }


@pytest.fixture
def sandbox() -> Sandbox:
    """An installation in memory."""
    return Sandbox.build()
