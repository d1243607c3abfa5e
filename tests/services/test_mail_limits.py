"""How much mail others can have sent, and to whom."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.town import JEANNE, Town

from coproauth import (
    ConfirmEmailMessage,
    EmailProofMessage,
    EmailProofRequired,
    ResetLinkMessage,
    Source,
    Throttled,
)
from coproauth.testing.sandbox import PASSWORD

STRANGER = Source("198.51.100.1")


def sources(count: int) -> list[Source]:
    """Return as many different sources."""
    return [Source(f"198.51.100.{number}") for number in range(count)]


def ask_for_proof(town: Town, code: str, email: str, source: Source) -> bool:
    """Ask for the proof of an address; return whether a mail was promised."""
    try:
        town.auth.activation.activate(code=code, email=email, password=PASSWORD, source=source)
    except EmailProofRequired:
        return True
    except Throttled:
        return False
    raise AssertionError("a new address needs its proof")


def test_a64_a_code_is_no_mail_relay(town: Town) -> None:
    """A-64: whoever holds a code can have mail sent to five addresses, from however many sources."""
    code = town.code_for(town.contact())

    promised = [ask_for_proof(town, code, f"u{n}@example.org", source) for n, source in enumerate(sources(30))]

    assert promised == [True] * 5 + [False] * 25
    assert len(town.mail(EmailProofMessage)) == 5


def test_a64_a_source_with_many_codes_is_none_either(town: Town) -> None:
    """A-64: twenty mails, then it must wait."""
    codes = [town.code_for(town.contact()) for _ in range(25)]

    promised = [ask_for_proof(town, code, f"u{n}@example.org", STRANGER) for n, code in enumerate(codes)]

    assert promised == [True] * 20 + [False] * 5


def test_a64_a_login_can_ask_for_five_new_addresses(town: Town) -> None:
    """A-64: the confirmation of a new e-mail is mail to an address of one's choice, too."""
    token = town.move_in().token

    for number in range(5):
        town.auth.login.change_email(
            token, new_email=f"u{number}@example.org", current_password=PASSWORD, source=Source(f"198.51.100.{number}")
        )

    with pytest.raises(Throttled):
        town.auth.login.change_email(token, new_email="u6@example.org", current_password=PASSWORD, source=town.source)
    assert len(town.mail(ConfirmEmailMessage)) == 5


def test_a65_a_stranger_s_resets_do_not_keep_the_proof_from_arriving(town: Town) -> None:
    """A-65: the kinds of mail are counted apart."""
    code = town.code_for(town.contact())
    for source in sources(9):
        town.auth.password_reset.request(email=JEANNE, source=source)

    assert ask_for_proof(town, code, JEANNE, town.source)


def test_a65_a_stranger_keeps_nobody_from_a_reset_for_more_than_an_hour(town: Town) -> None:
    """A-65: however long the stranger goes on, an hour without a mail is the most there is."""
    town.move_in()
    for source in sources(40):
        town.auth.password_reset.request(email=JEANNE, source=source)
        town.clock.advance(timedelta(minutes=30))
    town.mail(ResetLinkMessage)
    before = len(town.mail(ResetLinkMessage))
    town.clock.advance(timedelta(hours=1))

    town.auth.password_reset.request(email=JEANNE, source=town.source)

    assert len(town.mail(ResetLinkMessage)) == before + 1


def test_what_is_dropped_silently_is_on_record(town: Town) -> None:
    """The answer is that of a success, the audit trail says what it was."""
    town.move_in()

    for source in sources(6):
        town.auth.password_reset.request(email=JEANNE, source=source)

    assert [event.reason for event in town.audit.events[-6:]] == [None] * 5 + ["throttled"]
