"""A-74: no secret shows in a repr, in an exception's text, or in the log."""

from __future__ import annotations

import logging

import pytest
from tests.town import JEANNE, SECRET_KEY, Town, refusal_of

from coproauth import PasswordChangeRequired
from coproauth.core.messages import ConfirmEmailMessage, EmailProofMessage, Message
from coproauth.testing.sandbox import PASSWORD

_OTHER = "trois pommes sur un nuage"


class TestValues:
    """What is handed out can be logged by mistake without harm."""

    def test_nothing_that_is_returned_shows_its_secret(self, town: Town) -> None:
        """Codes, session tokens, temporary passwords."""
        contact = town.contact()
        issued = town.auth.activation.issue(contact.id, by=town.manager)
        signed_in = town.activate_with(issued.code, JEANNE)
        temporary = town.auth.password_reset.set_password(contact.id, by=town.manager)

        shown = f"{issued!r} {signed_in!r} {temporary!r} {issued} {signed_in} {temporary}"

        assert not any(secret in shown for secret in (issued.code, signed_in.token, temporary.password))

    def test_no_mail_shows_its_link_or_digits(self, town: Town) -> None:
        """Also not in the list of what was sent."""
        town.move_in()
        link = town.reset_token()
        (proof,) = town.mail(EmailProofMessage)

        shown = repr(town.mailer.sent)

        assert len(town.mail(Message)) >= 3
        assert not any(secret in shown for secret in (link, proof.code, JEANNE))

    def test_no_record_in_the_store_shows_a_hash_or_digest(self, town: Town) -> None:
        """Identities, codes, sessions, proofs and waiting mail."""
        town.move_in()
        signed_in = town.log_in(JEANNE)
        town.auth.password_reset.request(email=JEANNE, source=town.source)

        with town.store.reading() as work:
            identity = work.identities.by_email(JEANNE)
            sessions = work.sessions.of(signed_in.session.identity_id)

        shown = repr((identity, sessions))
        assert identity is not None
        assert len(sessions) == 2
        assert "$argon2" not in shown
        assert not any(session.digest in shown for session in sessions)

    def test_neither_library_nor_key_ring_shows_a_key(self, town: Town) -> None:
        """A traceback with local variables may show any of them."""
        auth = town.auth

        shown = repr((auth, auth.keyring, auth.activation, auth.login, auth.password_reset, auth.accounts))

        assert SECRET_KEY not in shown


class TestRefusals:
    """The text of a refusal is its reason and nothing else."""

    def test_a_required_change_does_not_show_its_token(self, town: Town) -> None:
        """The token is an attribute; the text of the exception is the reason."""
        contact = town.contact()
        town.activate(contact, JEANNE)
        temporary = town.auth.password_reset.set_password(contact.id, by=town.manager).password

        with pytest.raises(PasswordChangeRequired) as refusal:
            town.log_in(JEANNE, password=temporary)

        assert str(refusal.value) == "password_change_required"
        assert refusal.value.args == ("password_change_required",)
        assert refusal.value.token not in repr(refusal.value)


class TestLogs:
    """A-32: a whole walk at the most talkative level."""

    def test_no_logger_is_told_a_secret(self, town: Town, caplog: pytest.LogCaptureFixture) -> None:
        """Neither code, password, token, link nor address."""
        with caplog.at_level(logging.DEBUG):
            code = town.code_for(town.contact())
            signed_in = town.activate_with(code, JEANNE)
            town.auth.login.change_email(
                signed_in.token, new_email="new@example.fr", current_password=PASSWORD, source=town.source
            )
            confirmation = town.mail(ConfirmEmailMessage)[-1].url
            link = town.reset_token()
            town.auth.password_reset.redeem(link, new_password=_OTHER, source=town.source)
            refusal_of(lambda: town.log_in(JEANNE))

        secrets = (code, signed_in.token, confirmation, link, PASSWORD, _OTHER, JEANNE)
        assert not any(secret in caplog.text for secret in secrets)
