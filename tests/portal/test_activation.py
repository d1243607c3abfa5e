"""The pages of onboarding, step by step, and the addition of an account."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from httpx2 import Response
from tests.portal.conftest import Browser

from coproauth.portal.words import load_texts
from coproauth.testing.sandbox import PASSWORD, Sandbox

JEANNE = "jeanne@example.fr"
REGISTERED = "Un compte existe déjà avec cette adresse email"


def _typed_before(page: str) -> str:
    found = re.search(r'name="typed_before" value="([^"]+)"', page)
    assert found
    return found[1]


def test_the_three_steps_open_the_account(sandbox: Sandbox, browser: Browser) -> None:
    """Code, then e-mail and password, then the six digits; nothing secret is in an address."""
    code = sandbox.code_for(sandbox.contact(condominium="Les Lilas"))

    first = browser.post("/activate", code=code.lower())
    second = browser.post("/activate/login", code=code, email=JEANNE, new_password=PASSWORD)
    third = browser.post(
        "/activate/proof",
        code=code,
        email=JEANNE,
        new_password=PASSWORD,
        typed_before=_typed_before(second.text),
        email_code=sandbox.digits_for(JEANNE),
    )

    assert "Les Lilas" in first.text
    assert "Jeanne Roche" in first.text
    assert JEANNE in second.text
    assert PASSWORD not in second.text
    assert third.headers["location"] == "/"
    assert "Bienvenue" in browser.get("/").text


def test_another_password_in_the_last_step_is_noticed(sandbox: Sandbox, browser: Browser) -> None:
    """A slip of the keyboard does not become the password."""
    code = sandbox.code_for(sandbox.contact())
    second = browser.post("/activate/login", code=code, email=JEANNE, new_password=PASSWORD)
    fields = {"code": code, "email": JEANNE, "typed_before": _typed_before(second.text)}

    answer = browser.post(
        "/activate/proof", **fields, new_password=PASSWORD + "!", email_code=sandbox.digits_for(JEANNE)
    )

    assert answer.status_code == 422
    assert "étape précédente" in answer.text
    assert _typed_before(answer.text) == fields["typed_before"]


def test_wrong_digits_can_be_typed_again(sandbox: Sandbox, browser: Browser) -> None:
    """The page stays, and says what is wrong beside the field."""
    code = sandbox.code_for(sandbox.contact())
    second = browser.post("/activate/login", code=code, email=JEANNE, new_password=PASSWORD)
    fields = {"code": code, "email": JEANNE, "new_password": PASSWORD, "typed_before": _typed_before(second.text)}

    wrong = browser.post("/activate/proof", **fields, email_code="000000")
    right = browser.post("/activate/proof", **fields, email_code=sandbox.digits_for(JEANNE))

    assert 'aria-describedby="email_code-hint email_code-error" aria-invalid="true"' in " ".join(wrong.text.split())
    assert right.headers["location"] == "/"


def test_d11_a_mistyped_address_can_be_corrected(sandbox: Sandbox, browser: Browser) -> None:
    """The step before is shown again, with what was typed (D-11)."""
    code = sandbox.code_for(sandbox.contact())
    browser.post("/activate/login", code=code, email="jeane@example.fr", new_password=PASSWORD)

    answer = browser.post("/activate/address", code=code, email="jeane@example.fr")

    assert 'value="jeane@example.fr"' in answer.text
    assert code in answer.text


def test_an_empty_field_is_asked_for(sandbox: Sandbox, browser: Browser) -> None:
    """No step calls a field that was left empty a wrong code or a wrong password."""
    sandbox.activate(sandbox.contact(), JEANNE)
    code = sandbox.code_for(sandbox.contact())

    login = browser.post("/activate/login", code=code, email=JEANNE)
    proof = browser.post("/activate/proof", code=code, email=JEANNE, typed_before="as signed")

    assert (login.status_code, proof.status_code) == (422, 422)
    for page in (login.text, proof.text):
        assert "Saisissez un mot de passe." in page
        assert REGISTERED not in page
    assert "Saisissez le code à six chiffres du message." in proof.text
    assert "étape précédente." not in proof.text


def test_digits_that_a_new_message_replaces_are_not_shown_again(sandbox: Sandbox, browser: Browser) -> None:
    """Whoever has new ones sent finds their field empty."""
    code = sandbox.code_for(sandbox.contact())

    again = browser.post("/activate/login", code=code, email=JEANNE, new_password=PASSWORD, email_code="123456")

    assert 'id="email_code"' in again.text
    assert "123456" not in again.text


def test_no_new_digits_are_sent_without_the_password_and_the_page_says_so(sandbox: Sandbox, browser: Browser) -> None:
    """The last step stays, with what was typed, and the password typed again has them sent."""
    code = sandbox.code_for(sandbox.contact())
    second = browser.post("/activate/login", code=code, email=JEANNE, new_password=PASSWORD)
    fields = {"code": code, "email": JEANNE, "typed_before": _typed_before(second.text)}
    sent = len(sandbox.mail_to(JEANNE))

    refused = browser.post("/activate/login", **fields, new_password="")
    sent_without = len(sandbox.mail_to(JEANNE))
    browser.post("/activate/login", **fields, new_password=PASSWORD)

    assert refused.status_code == 422
    assert load_texts("fr")["activate.resend_password"] in refused.text
    assert 'id="email_code"' in refused.text
    assert _typed_before(refused.text) == fields["typed_before"]
    assert (sent_without, len(sandbox.mail_to(JEANNE))) == (sent, sent + 1)


@pytest.mark.parametrize("code", ["", "not a code", "AAAA-AAAA-AAAA-AAAA", "x" * 65])
def test_what_is_no_code_is_told_at_the_first_step(browser: Browser, code: str) -> None:
    """The form comes back with the reason beside the field."""
    answer = browser.post("/activate", code=code)

    assert answer.status_code == 422
    assert 'id="code-error"' in answer.text


@pytest.mark.parametrize(("code", "is_told"), [("ABCD-EFGH-JKMN", True), ("AAAA-AAAA-AAAA-AAAA", False)])
def test_a_code_of_another_length_is_told(browser: Browser, code: str, *, is_told: bool) -> None:
    """Whoever left out a group reads how long a code is."""
    assert ("compte seize caractères" in browser.post("/activate", code=code).text) == is_told


def test_who_logs_in_already_is_told_above_the_password(sandbox: Sandbox, browser: Browser) -> None:
    """The explanation stands before the field that it is about."""
    page = browser.post("/activate", code=sandbox.code_for(sandbox.contact())).text

    assert page.index("Vous avez déjà un espace") < page.index('id="new_password"')
    assert "Votre mot de passe actuel" in page


def test_a_used_code_leads_on_to_the_ways_back(sandbox: Sandbox, browser: Browser) -> None:
    """Whoever types a used code and the address it opened is shown the login page and the reset (S5)."""
    code = sandbox.code_for(sandbox.contact())
    sandbox.activate_with(code, JEANNE)

    first = browser.post("/activate", code=code)
    second = browser.post("/activate/login", code=code, email=JEANNE, new_password="whatever it was")
    other = browser.post("/activate/login", code=code, email="marc@example.fr", new_password="whatever it was")

    assert "<h1>Ce code a déjà servi</h1>" in first.text
    assert 'autocomplete="current-password"' in first.text
    assert "caractères au moins" not in first.text
    assert "revenez ici avec ce code" not in second.text
    assert second.text.count(REGISTERED) == 1
    assert 'href="/login"' in second.text
    assert 'href="/forgotten-password"' in second.text
    assert REGISTERED not in other.text
    assert "Chaque personne du foyer" in other.text


def test_the_right_password_is_never_called_wrong(sandbox: Sandbox, browser: Browser) -> None:
    """A used code is answered alike with any password; only a good code tells that it is another's (S5)."""
    used = sandbox.code_for(sandbox.contact())
    sandbox.activate_with(used, JEANNE)
    good = sandbox.code_for(sandbox.contact())

    right = browser.post("/activate/login", code=used, email=JEANNE, new_password=PASSWORD)
    wrong = browser.post("/activate/login", code=good, email=JEANNE, new_password="another password here")

    told = load_texts("fr")["activate.registered_password"]
    assert REGISTERED in right.text
    assert told not in right.text
    assert told in wrong.text


@pytest.mark.parametrize("path", ["/login", "/forgotten-password"])
def test_the_ways_back_know_the_address(sandbox: Sandbox, browser: Browser, path: str) -> None:
    """Whoever follows one finds the e-mail filled in, which stands in no address (S5, S6)."""
    sandbox.activate(sandbox.contact(), JEANNE)
    code = sandbox.code_for(sandbox.contact())

    refused = browser.post("/activate/login", code=code, email=JEANNE, new_password="another password here")

    assert f'href="{path}"' in refused.text
    assert f'value="{JEANNE}"' in browser.get(path).text


def test_a_second_property_joins_the_login(sandbox: Sandbox, browser: Browser) -> None:
    """The e-mail and password of the existing login are enough, without any digits (S7)."""
    sandbox.activate(sandbox.contact(condominium="Les Lilas"), JEANNE)
    code = sandbox.code_for(sandbox.contact(condominium="Les Pins"))

    wrong = browser.post("/activate/login", code=code, email=JEANNE, new_password="another password here")
    right = browser.post("/activate/login", code=code, email=JEANNE, new_password=PASSWORD)

    assert REGISTERED in wrong.text
    assert right.headers["location"] == "/"
    assert "Les Pins" in browser.get("/").text


class TestTemporaryPassword:
    """Whoever activates with a password that a manager set chooses one's own first, and types the code but once."""

    CHOSEN = "quatre nuages violets"

    def _interrupt(self, sandbox: Sandbox, browser: Browser, code: str) -> Response:
        """Activate with a temporary password; return the page that asks for one's own."""
        contact = sandbox.contact(condominium="Les Lilas")
        sandbox.activate(contact, JEANNE)
        temporary = sandbox.auth.password_reset.set_password(contact.id, by=sandbox.manager).password
        return browser.post("/activate/login", code=code, email=JEANNE, new_password=temporary)

    def test_the_code_goes_along(self, sandbox: Sandbox, browser: Browser) -> None:
        """It waits in the form, through a refused password too, and its account is the active one at the end."""
        code = sandbox.code_for(sandbox.contact(condominium="Les Pins"))

        asked = self._interrupt(sandbox, browser, code)
        weak = browser.post("/choose-password", code=code, email=JEANNE, new_password="court")
        done = browser.post("/choose-password", code=code, email=JEANNE, new_password=self.CHOSEN)

        for page in (asked, weak):
            assert f'name="code" value="{code}"' in page.text
            assert f'name="email" value="{JEANNE}" autocomplete="username"' in page.text
        assert done.headers["location"] == "/"
        assert "<h1>Les Pins</h1>" in browser.get("/").text

    def test_a_code_that_died_meanwhile_is_told(self, sandbox: Sandbox, browser: Browser) -> None:
        """The password is kept and the session open; the page to add an account says why, and its form works."""
        contact = sandbox.contact(condominium="Les Pins")
        code = sandbox.code_for(contact)
        self._interrupt(sandbox, browser, code)
        latest = sandbox.code_for(contact)

        told = browser.post("/choose-password", code=code, new_password=self.CHOSEN)
        token = re.search(r'name="form_token" value="([^"]+)"', told.text)
        assert token
        added = browser.send("/accounts/add", {"form_token": token[1], "code": latest})

        assert told.status_code == 422
        assert 'id="code-error"' in told.text
        assert '<span class="account__name">Les Lilas</span>' in told.text
        assert added.headers["location"] == "/"
        assert sandbox.log_in(JEANNE, password=self.CHOSEN).session.email == JEANNE

    def test_nothing_of_it_is_in_an_address(self, sandbox: Sandbox, browser: Browser) -> None:
        """Opened again, the page asks for a password alone."""
        code = sandbox.code_for(sandbox.contact(condominium="Les Pins"))
        self._interrupt(sandbox, browser, code)

        again = browser.get("/choose-password")

        assert again.status_code == 200
        assert code not in again.text
        assert JEANNE not in again.text


def test_a_weak_password_is_told_beside_its_field(sandbox: Sandbox, browser: Browser) -> None:
    """Each violation is worded, and the code is kept for the next try."""
    code = sandbox.code_for(sandbox.contact())

    answer = browser.post("/activate/login", code=code, email=JEANNE, new_password="1234")

    assert '<a href="#new_password">' in answer.text
    assert "trop court" in answer.text
    assert code in answer.text


def test_an_account_is_added_to_the_session(sandbox: Sandbox, browser: Browser) -> None:
    """Logged in, the code alone is enough, and the new account is the active one."""
    sandbox.activate(sandbox.contact(condominium="Les Lilas"), JEANNE)
    code = sandbox.code_for(sandbox.contact(condominium="Les Pins"))
    browser.log_in(JEANNE, PASSWORD)

    refused = browser.post("/accounts/add", code="AAAA")
    added = browser.post("/accounts/add", code=code)

    assert browser.get("/activate").headers["location"] == "/accounts/add"
    assert refused.status_code == 422
    assert added.headers["location"] == "/"
    assert "<h1>Les Pins</h1>" in browser.get("/").text


def test_an_orphan_is_asked_for_a_code(sandbox: Sandbox, browser: Browser, open_browser: Callable[[], Browser]) -> None:
    """Once the condominium is deleted, the open session and the next login show the empty home (S11)."""
    contact = sandbox.contact()
    sandbox.activate(contact, JEANNE)
    browser.log_in(JEANNE, PASSWORD)
    sandbox.directory.remove_condominium(contact.account.condominium_id)
    later = open_browser()
    later.log_in(JEANNE, PASSWORD)

    assert "Aucun compte : saisissez un code" in browser.get("/").text.replace("\N{NO-BREAK SPACE}", " ")
    assert "Aucun compte" in later.get("/").text


@pytest.mark.parametrize("code", ["", "AAAA"])
def test_an_orphan_who_mistypes_still_reads_why_a_code_is_asked_for(
    sandbox: Sandbox, browser: Browser, code: str
) -> None:
    """The page of an empty or wrong code does not speak of a further account, and names the fault (S11)."""
    contact = sandbox.contact()
    sandbox.activate(contact, JEANNE)
    browser.log_in(JEANNE, PASSWORD)
    sandbox.directory.remove_condominium(contact.account.condominium_id)

    page = browser.post("/accounts/add", code=code)

    assert page.status_code == 422
    assert "<h1>Aucun compte\N{NO-BREAK SPACE}: saisissez un code</h1>" in page.text
    assert 'id="code-error"' in page.text
    assert 'href="#code"' in page.text
