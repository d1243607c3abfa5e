"""S1 to S12, walked through in a real browser: headless Chromium on the demonstration over SQLite.

Each test acts as people of the town that no other test acts as, so that the order does not matter.
"""

from __future__ import annotations

import re
import shutil
import socket
import threading
from collections.abc import Callable, Iterator

import attrs
import pytest
import uvicorn
from playwright.sync_api import Browser, FloatRect, Locator, Page, Route, expect, sync_playwright

from coproauth.portal.demo import Demo, open_demo
from coproauth.portal.demo.hints import Hint
from coproauth.testing.sandbox import cheap_policy

_CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
_PHONE_WIDTH = 360  # CSS pixels
_CHOSEN = "quatre nuages violets"

_PATIENCE = 20_000  # milliseconds; a machine that runs other tests beside this one may be slow

expect.set_options(timeout=_PATIENCE)
pytestmark = pytest.mark.skipif(_CHROMIUM is None, reason="there is no Chromium on this machine")


@attrs.frozen
class Site:
    """The demonstration, served."""

    demo: Demo
    address: str

    def hint(self, shows: str) -> Hint:
        """Return the person that shows a situation."""
        return next(hint for hint in self.demo.hints if hint.shows == shows)

    def mail_to(self, address: str, subject: str) -> str:
        """Deliver what waits, and return the text of the latest mail with a subject like this."""
        self.demo.auth.deliver_mail()
        letters = self.demo.mailbox.letters()
        return next(row.mail.text for row in letters if row.to == address and subject in row.mail.subject)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The demonstration on a SQLite file, served by uvicorn in a thread."""
    database = tmp_path_factory.mktemp("browser") / "demo.sqlite3"
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with open_demo(database, portal_url=address, policy=cheap_policy()) as demo:
            config = uvicorn.Config(demo.app, log_level="warning", access_log=False, ws="none", lifespan="off")
            server = uvicorn.Server(config)
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
            thread.start()
            yield Site(demo, address)
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The system's Chromium, without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def new_page(site: Site, chromium: Browser) -> Iterator[Callable[..., Page]]:
    """What opens a page in a browser of its own, in French; whatever its policy blocks fails the test."""
    complaints: list[str] = []
    contexts = []

    def open_page(**options: object) -> Page:
        context = chromium.new_context(base_url=site.address, locale="fr-FR", **options)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert [text for text in complaints if "Failed to load resource: the server responded" not in text] == []


@pytest.fixture
def page(new_page: Callable[..., Page]) -> Page:
    """A page in a browser that has never been here."""
    return new_page()


def _press(what: Locator) -> None:
    """Follow a link or send a form, and wait for the page it leads to, with its style and its script."""
    with what.page.expect_navigation():
        what.click()


def _log_in(page: Page, email: str, password: str) -> None:
    page.goto("/login")
    page.get_by_label("Adresse email").fill(email)
    page.get_by_label("Mot de passe", exact=True).fill(password)
    _press(page.get_by_role("button", name="Se connecter"))


def _enter_code(page: Page, code: str) -> None:
    page.goto("/activate")
    page.get_by_label("Code d’activation").fill(code)  # noqa: RUF001 - French
    _press(page.get_by_role("button", name="Continuer"))


def _choose_login(page: Page, email: str, password: str) -> None:
    page.get_by_label("Adresse email").fill(email)
    page.get_by_label("Mot de passe", exact=True).fill(password)
    _press(page.get_by_role("button", name="Continuer"))


def _reset(page: Page, mail: str, password: str) -> None:
    """Follow the link of a mail, and choose a new password."""
    link = re.search(r"https?://\S+/reset/\S+", mail)
    assert link
    page.goto(link[0])
    expect(page).to_have_url(re.compile(r"/reset$"))
    page.get_by_label("Nouveau mot de passe").fill(password)
    _press(page.get_by_role("button", name="Enregistrer le mot de passe"))


def _open_contact(page: Page, manager: str, condominium: str, contact: str) -> None:
    page.goto("/demo")
    _press(page.get_by_role("button", name=manager))
    _press(page.get_by_role("link", name=condominium))
    _press(page.get_by_role("link", name=contact))


def _expect_home(page: Page, condominium: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(condominium)
    expect(page.locator(".account .account__name")).to_have_text(condominium)


def test_s1_an_activated_co_owner_logs_in(site: Site, page: Page) -> None:
    """E-mail and password open the home page, with the condominium at the avatar."""
    _log_in(page, "ahmed.haddad@example.com", site.demo.password)

    _expect_home(page, "Le Clos Saint-Jean")


def test_s2_one_refusal_lists_the_three_causes(page: Page) -> None:
    """An unknown address and a wrong password read the same, and each cause has its way out."""
    told = []
    for email in ("inconnu@example.com", "yves.morvan@example.com"):
        _log_in(page, email, "not the password")
        told.append(page.get_by_role("alert").inner_text())

    assert told[0] == told[1]
    expect(page.get_by_role("alert").get_by_role("listitem")).to_have_count(3)
    expect(page.get_by_role("alert")).to_be_focused()
    _press(page.get_by_role("link", name="saisissez votre code"))
    expect(page).to_have_url(re.compile("/activate$"))


def test_s3_the_call_for_funds_prints_the_identifier(page: Page) -> None:
    """The manager's printable page shows the e-mail that the contact logs in with."""
    _open_contact(page, "Yann Le Goff", "Villa Marine", "Gaël Kerbrat")

    _press(page.get_by_role("link", name="Appel de fonds"))

    expect(page.get_by_role("article")).to_contain_text("Votre identifiant est")
    expect(page.get_by_role("article")).to_contain_text("gael.kerbrat@example.com")


def test_s4_another_account_is_selected(site: Site, page: Page) -> None:
    """The menu of the avatar lists the other accounts; the selected one brings its own documents and payments."""
    _log_in(page, "sophie.mercier@example.com", site.demo.password)
    seen = {}
    for condominium in ("Résidence Les Tilleuls", "12 rue des Lilas", "Villa Marine"):
        if not page.locator(".account .account__name", has_text=condominium).count():
            page.locator("details.account summary").click()
            _press(page.get_by_role("button", name=condominium))
        _expect_home(page, condominium)
        seen[condominium] = page.locator(".overview").inner_text()

    assert len(set(seen.values())) == 3


def test_s5_a_used_code_leads_back(site: Site, page: Page) -> None:
    """The code and the address it opened are answered with the ways to the login page and to the reset."""
    nadia = site.hint("used_code")
    _enter_code(page, nadia.code or "")
    _choose_login(page, nadia.email or "", "whatever it was")

    expect(page.get_by_role("alert")).to_contain_text("Un compte existe déjà avec cette adresse email")
    expect(page.get_by_role("alert").get_by_role("link", name="Mot de passe oublié")).to_be_visible()
    _press(page.get_by_role("alert").get_by_role("link", name="Se connecter"))
    expect(page).to_have_url(re.compile("/login$"))


def test_s6_an_orphan_comes_back(site: Site, page: Page) -> None:
    """Refused because the e-mail is known, the orphan resets the password and activates with the same code."""
    helene = site.hint("orphan_returns")
    email, code = helene.email or "", helene.code or ""
    _enter_code(page, code)
    _choose_login(page, email, "a password long forgotten")
    expect(page.get_by_role("alert")).to_contain_text("Un compte existe déjà")

    _press(page.get_by_role("alert").get_by_role("link", name="Mot de passe oublié"))
    page.get_by_label("Adresse email").fill(email)
    _press(page.get_by_role("button", name="Recevoir le lien"))
    _reset(page, site.mail_to(email, "mot de passe"), _CHOSEN)
    _log_in(page, email, _CHOSEN)
    expect(page.get_by_role("heading", level=1)).to_contain_text("saisissez un code")
    page.locator("details.account summary").click()
    _press(page.get_by_role("button", name="Se déconnecter"))
    _enter_code(page, code)
    _choose_login(page, email, _CHOSEN)

    _expect_home(page, "12 rue des Lilas")


def test_s7_a_second_property_joins(site: Site, page: Page) -> None:
    """A new code with the existing e-mail and password adds the account."""
    paul = site.hint("second_property")
    _enter_code(page, paul.code or "")
    expect(page.get_by_text("Bonjour Paul Fontaine")).to_be_visible()

    _choose_login(page, paul.email or "", site.demo.password)

    _expect_home(page, "Le Clos Saint-Jean")
    page.locator("details.account summary").click()
    expect(page.get_by_role("button", name="Résidence Les Tilleuls")).to_be_visible()


def test_s8_a_forgotten_password_is_reset(site: Site, new_page: Callable[..., Page]) -> None:
    """A mail with a link, a new password, every session ended, a notice sent."""
    marc = "marc.dubois@example.com"
    elsewhere, page = new_page(), new_page()
    _log_in(elsewhere, marc, site.demo.password)
    page.goto("/login")
    _press(page.get_by_role("link", name="Mot de passe oublié"))
    page.get_by_label("Adresse email").fill(marc)
    _press(page.get_by_role("button", name="Recevoir le lien"))

    _reset(page, site.mail_to(marc, "mot de passe"), _CHOSEN)
    elsewhere.goto("/")

    expect(page.get_by_role("status")).to_contain_text("nouveau mot de passe est enregistré")
    expect(elsewhere).to_have_url(re.compile("/login$"))
    assert site.mail_to(marc, "mot de passe a été")
    _log_in(page, marc, _CHOSEN)
    _expect_home(page, "12 rue des Lilas")


def test_s9_the_manager_sends_the_link(site: Site, page: Page) -> None:
    """It goes to the login's e-mail, not to the one on the contact's file."""
    _open_contact(page, "Claire Lemaire", "Résidence Les Tilleuls", "Paul Fontaine")
    expect(page.get_by_text("p.fontaine.ancien@example.com")).to_be_visible()

    _press(page.get_by_role("button", name="Envoyer le lien de réinitialisation de mot de passe"))

    expect(page.get_by_role("status")).to_contain_text("envoyé")
    assert "/reset/" in site.mail_to("paul.fontaine@example.com", "mot de passe")
    assert "p.fontaine.ancien@example.com" not in {
        letter.to for letter in site.demo.mailbox.letters() if "/reset/" in letter.mail.text
    }


def test_s10_the_manager_sets_a_password(site: Site, new_page: Callable[..., Page]) -> None:
    """It is shown once, and must be changed at the next login; beyond the manager's reach only a link is offered."""
    desk, page = new_page(), new_page()
    _open_contact(desk, "Claire Lemaire", "Le Clos Saint-Jean", "Thomas Lefèvre")
    _press(desk.get_by_role("link", name="Changer le mot de passe"))
    _press(desk.get_by_role("button", name="Changer le mot de passe"))
    temporary = desk.locator(".secret code").inner_text()
    _log_in(page, "thomas.lefevre@example.com", temporary)
    expect(page.get_by_role("heading", level=1)).to_have_text("Choisissez votre mot de passe")
    page.get_by_label("Nouveau mot de passe").fill(_CHOSEN)
    _press(page.get_by_role("button", name="Enregistrer et continuer"))
    _expect_home(page, "Le Clos Saint-Jean")
    assert temporary not in site.mail_to("thomas.lefevre@example.com", "")

    _open_contact(desk, "Claire Lemaire", "12 rue des Lilas", "Sophie Mercier")
    _press(desk.get_by_role("link", name="Changer le mot de passe"))
    _press(desk.get_by_role("button", name="Changer le mot de passe"))

    expect(desk.get_by_role("alert")).to_contain_text("Envoyez-lui le lien de réinitialisation")


def test_s11_a_deleted_condominium_leaves_an_orphan(site: Site, new_page: Callable[..., Page]) -> None:
    """The open session shows no account at the next request, and the person may still log in."""
    page, host = new_page(), new_page()
    _log_in(page, "minh.nguyen@example.com", site.demo.password)
    _expect_home(page, "Les Terrasses du Port")
    host.goto("/demo")
    host.get_by_label("Copropriété").select_option("Les Terrasses du Port")
    _press(host.get_by_role("button", name="Supprimer"))
    expect(host.get_by_role("status")).to_contain_text("supprimée")

    page.reload()

    expect(page.get_by_role("heading", level=1)).to_contain_text("saisissez un code")
    _log_in(host, "ines.ferreira@example.com", site.demo.password)
    expect(host.get_by_role("heading", level=1)).to_contain_text("saisissez un code")


def test_s12_each_of_several_contacts_has_a_login(site: Site, page: Page) -> None:
    """One of the joint owners activates with a code of his own: code, e-mail and password, six digits."""
    email, denis = "denis.caron@example.com", site.hint("undivided")
    _enter_code(page, denis.code or "")
    _choose_login(page, email, _CHOSEN)
    digits = re.search(r"\b\d{6}\b", site.mail_to(email, ""))
    assert digits
    page.get_by_label("Code à six chiffres").fill(digits[0])
    page.get_by_label("Mot de passe, encore une fois").fill(_CHOSEN)
    _press(page.get_by_role("button", name="Activer mon compte"))

    _expect_home(page, "12 rue des Lilas")
    expect(page.get_by_text("Lot 5, indivision Caron").first).to_be_visible()


def test_s12_a_couple_on_one_email_is_one_login(site: Site, page: Page) -> None:
    """Two contacts, one address, one account: there is nothing to switch to."""
    _log_in(page, "famille.roux@example.com", site.demo.password)

    page.locator("details.account summary").click()

    expect(page.get_by_text("Lot 9, M. et Mme Roux").first).to_be_visible()
    expect(page.get_by_text("Changer de compte")).to_have_count(0)


def test_everything_works_without_scripts(site: Site, new_page: Callable[..., Page]) -> None:
    """Login, the menu and logout need no JavaScript, on a phone."""
    page = new_page(java_script_enabled=False, viewport={"width": _PHONE_WIDTH, "height": 740})
    _log_in(page, "claire.caron@example.com", site.demo.password)
    page.locator("details.account summary").click()
    _press(page.get_by_role("button", name="Se déconnecter"))

    expect(page.get_by_role("status")).to_contain_text("Votre session est fermée")


def test_the_language_is_switched(page: Page) -> None:
    """The page comes back in English with what was typed, and stays so; Enter sends the form."""
    page.goto("/forgotten-password")
    page.get_by_label("Adresse email").fill("inconnu@example.com")
    _press(page.get_by_role("button", name="English"))

    expect(page.get_by_role("heading", level=1)).to_have_text("Forgotten password")
    expect(page.get_by_label("Email address")).to_have_value("inconnu@example.com")
    with page.expect_navigation(url="**/forgotten-password/sent"):
        page.get_by_label("Email address").press("Enter")
    page.goto("/login")
    expect(page.get_by_role("button", name="Log in")).to_be_visible()


def test_the_keyboard_is_enough(site: Site, page: Page) -> None:
    """The skip link comes first; the menu opens with the keyboard and closes with Escape."""
    page.goto("/login")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Aller au contenu")).to_be_focused()
    _log_in(page, "anne.fontaine@example.com", site.demo.password)
    page.locator("details.account summary").press("Enter")
    expect(page.get_by_role("link", name="Mes sessions")).to_be_visible()
    page.keyboard.press("Escape")

    expect(page.get_by_role("link", name="Mes sessions")).to_be_hidden()


def test_a_double_click_sends_a_form_once(page: Page) -> None:
    """A second click before the answer is not told that the first has used what was typed."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.goto("/forgotten-password")
    page.get_by_label("Adresse email").fill("inconnu@example.com")
    box = page.locator("main button.primary").bounding_box()
    assert box
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.route("**/forgotten-password", hold)
    with page.expect_request("**/forgotten-password"):
        page.mouse.click(*middle)
    page.mouse.click(*middle)
    with page.expect_navigation(url="**/forgotten-password/sent"):
        held[-1].continue_()

    assert len(held) == 1


@pytest.mark.parametrize(("width", "height"), [(1000, 800), (1280, 900), (390, 844)])
def test_a_click_too_many_leaves_no_page_that_shows_once(
    new_page: Callable[..., Page], width: int, height: int
) -> None:
    """Where the button was that made letters or a password, the page that shows them has nothing to press."""
    desk = new_page(viewport={"width": width, "height": height})
    _open_contact(desk, "Claire Lemaire", "Résidence Les Tilleuls", "Odile Perrin")
    contact = desk.url
    _press(desk.get_by_role("link", name="Résidence Les Tilleuls"))

    for asks in (f"{desk.url}/codes", f"{contact}/code", f"{contact}/password"):
        desk.goto(asks)
        box = desk.locator("main button.primary").bounding_box()
        assert box
        _press(desk.locator("main button.primary"))

        expect(desk.locator("main code").first).to_be_visible()
        for place in desk.locator("a, button").all():
            assert not _overlap(box, place.bounding_box()), (asks, place.inner_text())


def _overlap(one: FloatRect, other: FloatRect | None) -> bool:
    """Whether two boxes of a page have a point in common."""
    if other is None:
        return False
    beside = one["x"] + one["width"] <= other["x"] or other["x"] + other["width"] <= one["x"]
    above_or_below = one["y"] + one["height"] <= other["y"] or other["y"] + other["height"] <= one["y"]
    return not beside and not above_or_below


def test_the_password_can_be_looked_at(page: Page) -> None:
    """The button shows what was typed, and says whether it does."""
    page.goto("/login")
    field = page.get_by_label("Mot de passe", exact=True)
    field.fill("trois")
    page.get_by_role("button", name="Afficher").click()

    expect(field).to_have_attribute("type", "text")
    expect(page.get_by_role("button", name="Masquer")).to_have_attribute("aria-pressed", "true")


def test_nothing_is_left_in_the_browsers_storage(site: Site, page: Page) -> None:
    """No page writes into local or session storage (ASVS V14.3.3)."""
    _log_in(page, "claire.caron@example.com", site.demo.password)

    assert page.evaluate("localStorage.length + sessionStorage.length") == 0


def test_the_building_stands_beside_the_whole_page(new_page: Callable[..., Page]) -> None:
    """Where the refusal makes the page longer than the window, the picture fills the window all the same."""
    page = new_page(viewport={"width": 1100, "height": 700})
    _log_in(page, "inconnu@example.com", "not the password")
    expect(page.get_by_role("alert")).to_be_visible()

    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    style = page.evaluate(
        "(({position, top, height}) => [position, top, height])(getComputedStyle(document.body, '::before'))"
    )

    assert page.evaluate("scrollY") > 0
    assert style == ["fixed", "0px", "700px"]


def test_no_page_is_wider_than_a_phone(site: Site, new_page: Callable[..., Page]) -> None:
    """At 360 pixels nothing has to be scrolled sideways."""
    page = new_page(viewport={"width": _PHONE_WIDTH, "height": 740})
    _open_contact(page, "Claire Lemaire", "Le Clos Saint-Jean", "Ingrid Vasseur")
    _log_in(page, "gerance.glycines@example.com", site.demo.password)
    for path in (
        "/",
        "/login",
        "/activate",
        "/accounts/add",
        "/profile/sessions",
        "/profile/password",
        "/desk",
        "/demo",
    ):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= _PHONE_WIDTH, path
