"""What the page says of a new password that is refused: which rule, and what to do."""

from __future__ import annotations

from html import unescape

import pytest
from starlette.testclient import TestClient
from tests.portal.conftest import Browser

from coproauth import PasswordRejected
from coproauth.policy import Locale
from coproauth.portal import create_portal
from coproauth.portal.words import load_texts
from coproauth.testing import LeakedPasswords, Sandbox
from coproauth.testing.sandbox import PORTAL_URL

JEANNE = "jeanne@laposte.example"
LEAKED = "un chameau dans le placard"


@pytest.mark.parametrize("locale", ["fr", "en"])
@pytest.mark.parametrize(
    ("password", "violation"),
    [
        ("court kz7", "too_short"),
        ("x7" * 600, "too_long"),
        ("8301659274063815927", "digits_only"),
        ("kzpwqvtmkzpwqvtm", "repeated"),
        ("Il était une fois... 2026", "common"),
        ("jeanne.laposte.roche", "context_word"),
        (LEAKED, "breached"),
    ],
)
def test_each_reason_is_told_in_words(locale: Locale, password: str, violation: str) -> None:
    """The sentence of the rule stands on the page, in the person's language; the password does not."""
    town = Sandbox.build(breaches=LeakedPasswords([LEAKED]))
    town.activate(town.contact(), JEANNE)
    portal = create_portal(town.auth)
    browser = Browser(TestClient(portal, base_url=PORTAL_URL, headers={"accept-language": locale}))
    browser.post("/forgotten-password", email=JEANNE)
    browser.get(f"/reset/{town.reset_token_for(JEANNE)}")

    answer = browser.post("/reset", new_password=password)

    limits = {"min_length": 15, "max_length": 1024, "digits": 20}
    sentence = load_texts(locale)[f"violation.{violation}"].format(**limits)
    assert answer.status_code == 422
    assert sentence in unescape(answer.text)
    assert password not in unescape(answer.text)


def test_the_words_of_the_portal_s_address_are_known(sandbox: Sandbox) -> None:
    """Whoever names the password after the site has one that anyone would try there (ASVS V6.1.2)."""
    code = sandbox.code_for(sandbox.contact())

    with pytest.raises(PasswordRejected) as refusal:
        sandbox.activate_with(code, "zoe@autre.fr", password="App-Example-2026!")

    assert refusal.value.violations == ("context_word",)
