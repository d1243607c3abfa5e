"""The manager's desk: what it shows, what it does, and to whom it does not exist."""

# ruff: noqa: RUF001 - French needs its apostrophe

from __future__ import annotations

import re
from contextlib import AbstractContextManager, suppress

import pytest
from httpx2 import Response
from starlette.testclient import TestClient
from tests.portal.conftest import MANAGER_HEADER, Browser

from coproauth import Manager, Throttled
from coproauth.adapters.memory import MemoryDirectory, MemoryStore
from coproauth.core.messages import ResetLinkMessage
from coproauth.policy import LOCALES, Locale
from coproauth.portal import Desk, create_portal
from coproauth.portal.words import load_texts
from coproauth.ports import UnitOfWork
from coproauth.testing.sandbox import PASSWORD, PORTAL_URL, PORTFOLIO, Sandbox

JEANNE = "jeanne@example.fr"
ON_FILE = "old@example.fr"


def _act(browser: Browser, path: str) -> Response:
    """Open the page that asks, and confirm."""
    return browser.post(path, form_id=_form_id(browser.get(path).text))


def _form_id(page: str) -> str:
    found = re.search(r'name="form_id" value="([^"]+)"', page)
    assert found
    return found[1]


def test_without_a_desk_there_is_none(sandbox: Sandbox) -> None:
    """A portal whose host says nothing of managers has no such pages."""
    client = TestClient(create_portal(sandbox.auth), base_url=PORTAL_URL)

    assert client.get("/desk").status_code == 404


def test_strangers_find_no_desk(sandbox: Sandbox, browser: Browser) -> None:
    """Whoever the host does not know as a manager gets a page that is not there, also by POST."""
    contact = sandbox.contact()

    assert browser.get("/desk").status_code == 404
    assert browser.post(f"/desk/contacts/{contact.id}/code").status_code == 404


def test_strangers_are_led_to_the_entrance(sandbox: Sandbox) -> None:
    """Where the host has a page for its staff to log in, the desk leads there."""
    desk = Desk(manager=lambda _: None, condominiums=lambda _: (), entrance="/staff")
    client = TestClient(create_portal(sandbox.auth, desk=desk), base_url=PORTAL_URL)

    assert client.get("/desk", follow_redirects=False).headers["location"] == "/staff"


def test_d35_it_shows_who_is_activated_and_no_login(sandbox: Sandbox, manager_browser: Browser) -> None:
    """Yes or no, and the e-mail on the file; never the one of the login (D-35)."""
    contact = sandbox.contact(email=ON_FILE)
    sandbox.activate(contact, JEANNE)
    pages = [
        manager_browser.get(path).text
        for path in (
            "/desk",
            f"/desk/condominiums/{contact.account.condominium_id}",
            f"/desk/contacts/{contact.id}",
        )
    ]

    assert "Les Lilas" in pages[0]
    assert '<span class="badge badge--yes">Oui</span>' in pages[1]
    assert ON_FILE in pages[2]
    assert not any(JEANNE in page for page in pages)


def test_a_long_list_is_looked_up_as_fast_as_a_short_one(
    sandbox: Sandbox, manager_browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is activated is asked once for a condominium, not once for each contact."""
    account = sandbox.contact().account
    path = f"/desk/condominiums/{account.condominium_id}"
    looks: list[MemoryStore] = []
    reading = MemoryStore.reading

    def counted(store: MemoryStore) -> AbstractContextManager[UnitOfWork]:
        looks.append(store)
        return reading(store)

    monkeypatch.setattr(MemoryStore, "reading", counted)
    manager_browser.get(path)
    short = len(looks)
    for number in range(5):
        sandbox.directory.add_contact(account.id, name=f"Contact {number}")

    page = manager_browser.get(path).text

    assert "sur 6" in page
    assert len(looks) == 2 * short


def test_a_condominium_without_contacts_is_shown(sandbox: Sandbox, manager_browser: Browser) -> None:
    """There is nobody to help yet, and nothing is refused."""
    empty = sandbox.directory.add_condominium(name="Villa Neuve", portfolio_id=PORTFOLIO)

    page = manager_browser.get(f"/desk/condominiums/{empty.id}")

    assert page.status_code == 200
    assert "Villa Neuve" in page.text


@pytest.mark.parametrize("contact_id", ["x" * 300, "%00"])
def test_what_is_no_contact_is_refused(manager_browser: Browser, contact_id: str) -> None:
    """An address that cannot name a contact is answered with a page, which leads to the desk."""
    page = manager_browser.get(f"/desk/contacts/{contact_id}")

    assert page.status_code in {404, 422}
    assert 'class="button" href="/desk"' in page.text


def test_d04_another_portfolio_does_not_exist(sandbox: Sandbox, manager_browser: Browser) -> None:
    """Condominiums and contacts of others look like ones that are not there (D-04)."""
    other = sandbox.contact(portfolio_id="portfolio-2")
    code = sandbox.code_for(other)

    for contact_id in (other.id, "nobody"):
        assert manager_browser.get(f"/desk/contacts/{contact_id}").status_code == 404
        for action in ("link", "password", "code", "dissociate"):
            assert manager_browser.post(f"/desk/contacts/{contact_id}/{action}").status_code == 404
    for condominium_id in (other.account.condominium_id, "nowhere"):
        assert manager_browser.get(f"/desk/condominiums/{condominium_id}").status_code == 404
        assert manager_browser.post(f"/desk/condominiums/{condominium_id}/codes").status_code == 404
    assert sandbox.auth.activation.preview(code, source=sandbox.source).contact_name == other.name


def test_d02_the_link_goes_to_the_login(sandbox: Sandbox, manager_browser: Browser) -> None:
    """Never to the e-mail on the file (S9, D-02)."""
    contact = sandbox.contact(email=ON_FILE)
    sandbox.activate(contact, JEANNE)

    answer = manager_browser.post(f"/desk/contacts/{contact.id}/link")

    assert answer.headers["location"] == f"/desk/contacts/{contact.id}"
    assert any(isinstance(mail, ResetLinkMessage) for mail in sandbox.mail_to(JEANNE))
    assert not any(isinstance(mail, ResetLinkMessage) for mail in sandbox.mail_to(ON_FILE))


def test_a_temporary_password_is_shown_once(sandbox: Sandbox, manager_browser: Browser) -> None:
    """In the answer to the form, and on no page after it (S10)."""
    contact = sandbox.contact()
    sandbox.activate(contact, JEANNE)

    answer = _act(manager_browser, f"/desk/contacts/{contact.id}/password")

    shown = re.search(r"<code>([^<]+)</code>", answer.text)
    assert shown
    assert shown[1] == shown[1].lower()
    assert load_texts("fr")["desk.temporary_typing"] in answer.text
    assert shown[1] not in manager_browser.get(f"/desk/contacts/{contact.id}").text
    assert "Choisissez votre mot de passe" in manager_browser.log_in(JEANNE, shown[1]).text


def test_d01_beyond_the_managers_reach_only_the_link_is_offered(sandbox: Sandbox, manager_browser: Browser) -> None:
    """A login that also opens another portfolio's account keeps its password; the cause is not told (D-01)."""
    contact = sandbox.contact()
    sandbox.activate(contact, JEANNE)
    sandbox.activate(sandbox.contact(condominium="Villa Marine", portfolio_id="portfolio-2"), JEANNE)

    answer = _act(manager_browser, f"/desk/contacts/{contact.id}/password")

    assert answer.status_code == 409
    assert "Envoyez-lui le lien" in answer.text
    assert "Villa Marine" not in answer.text
    assert sandbox.log_in(JEANNE).session.email == JEANNE


def _desk_of(town: Sandbox, directory: MemoryDirectory) -> Browser:
    """Open the desk of another installation."""
    desk = Desk(
        manager=lambda _: Manager(id="manager-1", portfolio_id=PORTFOLIO),
        condominiums=lambda manager: directory.condominiums(manager.portfolio_id),
        firm=lambda _: "Cabinet Roche",
    )
    return Browser(TestClient(create_portal(town.auth, desk=desk), base_url=PORTAL_URL))


def test_a_refused_password_is_told_with_the_reason(directory: MemoryDirectory) -> None:
    """Each rule that it breaks is named, and the way leads back to the contact."""

    class Everything:
        def is_breached(self, password: str) -> bool:
            del password
            return True

    sandbox = Sandbox.build(directory=directory)
    sandbox.activate(contact := sandbox.contact(), JEANNE)
    strict = Sandbox.build(directory=directory, store=sandbox.store, breaches=Everything())
    page = _act(_desk_of(strict, directory), f"/desk/contacts/{contact.id}/password")

    assert page.status_code == 422
    assert load_texts("fr")["violation.breached"] in page.text
    assert "Cabinet Roche" in page.text
    assert f'class="button" href="/desk/contacts/{contact.id}">Retour à la fiche<' in page.text
    assert sandbox.log_in(JEANNE).session.email == JEANNE


@pytest.mark.parametrize("action", ["link", "password", "code", "dissociate", "codes"])
def test_a_manager_in_a_hurry_is_told_to_wait(sandbox: Sandbox, manager_browser: Browser, action: str) -> None:
    """Within the desk, too; the way leads back to the contact, or to the condominium, in another language as well."""
    sandbox.activate(contact := sandbox.contact(), JEANNE)
    with suppress(Throttled):
        for _ in range(1000):
            sandbox.auth.activation.issue(contact.id, by=sandbox.manager)
    back, label = f"/desk/contacts/{contact.id}", "Retour à la fiche"
    if action == "codes":
        back, label = f"/desk/condominiums/{contact.account.condominium_id}", "Retour à la copropriété"
    path = f"{back}/{action}"

    page = manager_browser.post(path) if action in {"link", "dissociate"} else _act(manager_browser, path)

    assert page.status_code == 429
    assert "Patientez" in page.text
    assert f'class="button" href="{back}">{label}<' in page.text
    assert f'name="path" value="{back}"' in page.text  # where another language leads


@pytest.mark.parametrize("action", ["link", "password"])
def test_a_contact_without_login_is_offered_a_code(sandbox: Sandbox, manager_browser: Browser, action: str) -> None:
    """Neither link nor password makes sense before the activation."""
    path = f"/desk/contacts/{sandbox.contact().id}/{action}"

    answer = manager_browser.post(path) if action == "link" else _act(manager_browser, path)

    assert answer.status_code == 409
    assert "pas encore activé" in answer.text
    assert f'name="path" value="{path.rpartition("/")[0]}"' in answer.text  # where another language leads


def test_letters_carry_codes_that_work(sandbox: Sandbox, manager_browser: Browser) -> None:
    """One contact's letter, and those of a whole condominium; each code opens the onboarding."""
    contact = sandbox.contact(condominium="Les Lilas")
    one = _act(manager_browser, f"/desk/contacts/{contact.id}/code").text
    all_of_them = _act(manager_browser, f"/desk/condominiums/{contact.account.condominium_id}/codes").text

    former, latter = (re.findall(r'letter-code">([^<]+)<', page) for page in (one, all_of_them))

    assert (len(former), len(latter)) == (1, 1)
    assert sandbox.auth.activation.preview(latter[0], source=sandbox.source).condominium_name == "Les Lilas"
    assert f"{PORTAL_URL}/activate" in one


def test_d12_dissociation_is_confirmed_first(sandbox: Sandbox, manager_browser: Browser) -> None:
    """The page asks; the button acts (D-12)."""
    contact = sandbox.contact()
    sandbox.activate(contact, JEANNE)

    manager_browser.get(f"/desk/contacts/{contact.id}/dissociate")
    assert sandbox.auth.login.identifier_of(contact.id) == JEANNE
    manager_browser.post(f"/desk/contacts/{contact.id}/dissociate")

    assert sandbox.auth.login.identifier_of(contact.id) is None
    assert "Activé\N{NO-BREAK SPACE}: non" in manager_browser.get(f"/desk/contacts/{contact.id}").text


@pytest.mark.parametrize("locale", LOCALES)
def test_whoever_dissociates_is_told_what_is_left_to_do(
    sandbox: Sandbox, manager_browser: Browser, locale: Locale
) -> None:
    """The directory still names the contact, and the next letters hold a code for it: before, and after."""
    contact = sandbox.contact()
    sandbox.activate(contact, JEANNE)
    manager_browser.client.headers["accept-language"] = locale
    path = f"/desk/contacts/{contact.id}"

    before = [manager_browser.get(page).text for page in (path, f"{path}/dissociate")]
    manager_browser.post(f"{path}/dissociate")
    after = manager_browser.get(path).text
    letters = manager_browser.get(f"/desk/condominiums/{contact.account.condominium_id}/codes").text

    assert all(load_texts(locale)["desk.dissociate_then"] in page for page in (*before, after))
    assert load_texts(locale)["desk.issue_all_dissociated"] in letters


def test_the_call_for_funds_prints_the_identifier(sandbox: Sandbox, manager_browser: Browser) -> None:
    """The login's e-mail stands on its first page, or the way to a code (S3)."""
    contact = sandbox.contact(email=ON_FILE)
    before = manager_browser.get(f"/desk/contacts/{contact.id}/call-for-funds").text
    sandbox.activate(contact, JEANNE)

    after = manager_browser.get(f"/desk/contacts/{contact.id}/call-for-funds").text

    assert "pas encore activé" in before
    assert JEANNE in after
    assert ON_FILE not in after


class TestTheLanguageOfPaper:
    """What is printed for a contact is in the contact's language, and the page around it in the manager's."""

    @pytest.fixture
    def english_manager(self, manager_browser: Browser) -> Browser:
        """A manager who reads the desk in English."""
        manager_browser.client.headers["accept-language"] = "en"
        return manager_browser

    def test_it_is_french_unless_the_host_says_otherwise(self, sandbox: Sandbox, english_manager: Browser) -> None:
        """A letter to a French co-owner is no matter of the manager's browser."""
        path = f"/desk/contacts/{sandbox.contact().id}"

        pages = [_act(english_manager, f"{path}/code").text, english_manager.get(f"{path}/call-for-funds").text]

        for page, subject in zip(pages, ("Madame, Monsieur,", "Appel de fonds"), strict=True):
            sheet = page.partition('<article class="sheet" lang="fr">')[2].partition("</article>")[0]
            assert "Back to the contact" in page.replace(sheet, "")
            assert subject in sheet

    def test_the_host_says_in_which(self, sandbox: Sandbox, directory: MemoryDirectory) -> None:
        """It knows its contacts: here one is written to in English, by a manager who reads French."""
        abroad = sandbox.contact("John Smith")
        desk = Desk(
            manager=lambda _: Manager(id="manager-1", portfolio_id=PORTFOLIO),
            condominiums=lambda manager: directory.condominiums(manager.portfolio_id),
            printed_in=lambda contact: "en" if contact.id == abroad.id else "fr",
        )
        browser = Browser(TestClient(create_portal(sandbox.auth, desk=desk), base_url=PORTAL_URL))

        page = _act(browser, f"/desk/contacts/{abroad.id}/code").text

        assert 'lang="en"' in page
        assert "Dear Sir or Madam," in page


def test_a_name_may_hold_anything(sandbox: Sandbox, manager_browser: Browser) -> None:
    """Names come from the host and are shown as text."""
    contact = sandbox.contact("<b>Zoé</b>", condominium="<i>Lilas</i>")

    pages = [manager_browser.get(path).text for path in ("/desk", f"/desk/contacts/{contact.id}")]

    assert not any("<b>" in page or "<i>" in page for page in pages)
    assert manager_browser.client.headers[MANAGER_HEADER] == PORTFOLIO
    assert PASSWORD not in "".join(pages)


class TestOneTimeForms:
    """What a page shows once is not done again when the page is loaded again."""

    @pytest.mark.parametrize("action", ["password", "code"])
    def test_a_reloaded_page_does_nothing(self, sandbox: Sandbox, manager_browser: Browser, action: str) -> None:
        """The code in the printed letter, or the password just handed over, goes on working."""
        contact = sandbox.contact()
        sandbox.activate(contact, JEANNE)
        path = f"/desk/contacts/{contact.id}/{action}"
        form_id = _form_id(manager_browser.get(path).text)
        first = manager_browser.post(path, form_id=form_id)
        shown = re.findall(r"<code[^>]*>([^<]+)</code>", first.text)

        again = manager_browser.post(path, form_id=form_id)

        assert again.status_code == 409
        assert "Revenez à la fiche" in again.text
        assert again.text.partition("<main")[2].count("Déjà fait") == 1
        assert "<code" not in again.text
        if action == "code":
            assert sandbox.auth.activation.preview(shown[0], source=sandbox.source).contact_name == contact.name
        else:
            assert "Choisissez votre mot de passe" in manager_browser.log_in(JEANNE, shown[0]).text

    def test_a_reloaded_page_of_letters_replaces_no_code(self, sandbox: Sandbox, manager_browser: Browser) -> None:
        """The letters of a whole condominium stay valid."""
        contact = sandbox.contact()
        path = f"/desk/condominiums/{contact.account.condominium_id}/codes"
        form_id = _form_id(manager_browser.get(path).text)
        (code,) = re.findall(r'letter-code">([^<]+)<', manager_browser.post(path, form_id=form_id).text)

        again = manager_browser.post(path, form_id=form_id)

        assert "Revenez à la copropriété" in again.text
        assert sandbox.auth.activation.preview(code, source=sandbox.source).contact_name == contact.name

    def test_it_can_be_done_again_from_the_start(self, sandbox: Sandbox, manager_browser: Browser) -> None:
        """Opening the page anew is a new form."""
        path = f"/desk/contacts/{sandbox.contact().id}/code"

        assert [_act(manager_browser, path).status_code for _ in range(2)] == [200, 200]

    def test_a_form_of_ones_own_making_does_nothing(self, sandbox: Sandbox, manager_browser: Browser) -> None:
        """Without the page that asks, there is no form to send."""
        path = f"/desk/contacts/{sandbox.contact().id}/code"

        answers = [manager_browser.post(path, form_id=typed) for typed in ("", "x", "é")]

        assert [answer.status_code for answer in answers] == [409, 409, 409]

    def test_the_result_offers_no_way_to_send_it_again(self, sandbox: Sandbox, manager_browser: Browser) -> None:
        """The switch of the language would lead away from what is shown once."""
        page = _act(manager_browser, f"/desk/contacts/{sandbox.contact().id}/code").text

        assert 'action="/locale"' not in page
        assert "ne la rechargez pas" in page

    def test_whoever_prints_is_told_how_and_what(self, sandbox: Sandbox, manager_browser: Browser) -> None:
        """In a sentence: the keys, and that the sheet comes out without the page around it."""
        path = f"/desk/contacts/{sandbox.contact().id}"

        pages = [_act(manager_browser, f"{path}/code").text, manager_browser.get(f"{path}/call-for-funds").text]

        told = load_texts("fr")["letter.print_hint"]
        assert "Ctrl + P" in told
        assert "seules les feuilles ci-dessous" in told
        assert all(told in page for page in pages)


def test_what_will_happen_is_said_before(sandbox: Sandbox, manager_browser: Browser) -> None:
    """The pages that ask tell what stops working, and opening them changes nothing."""
    contact = sandbox.contact()
    code = sandbox.code_for(contact)
    path = f"/desk/contacts/{contact.id}"
    fresh = manager_browser.get(f"{path}/code").text
    sandbox.activate_with(code, JEANNE)

    password, spare = (manager_browser.get(f"{path}/{action}").text for action in ("password", "code"))
    dissociate = manager_browser.get(f"{path}/dissociate").text

    assert "Le code déjà posté cessera de fonctionner." in fresh
    assert "perdu l’accès" not in fresh
    assert "perdu l’accès à sa boîte email" in spare
    assert "Changer le mot de passe du contact" in password
    assert "ses appareils seront déconnectés" in password
    assert "l’accès reste ouvert" in dissociate
    assert sandbox.log_in(JEANNE).session.email == JEANNE


def test_what_is_not_there_is_told_within_the_desk(manager_browser: Browser) -> None:
    """The manager keeps the header of the firm, and the way back to the desk."""
    page = manager_browser.get("/desk/contacts/nobody")

    assert page.status_code == 404
    assert "Cabinet Roche" in page.text
    assert 'class="button" href="/desk"' in page.text
