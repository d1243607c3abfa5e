"""The demonstration: its town, what it hints at, and what is kept from one start to the next."""

from __future__ import annotations

import re
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from tests.portal.conftest import DEMO_ADDRESS, Browser

from coproauth import ActivationRefused, Contact, LoginRefused, Manager, PasswordChangeRequired, Policy, Source
from coproauth.adapters.sqlalchemy import Schema, sqlite_engine
from coproauth.portal.demo import DatabaseRefused, Demo, app, open_demo
from coproauth.portal.demo.database import DemoDatabase
from coproauth.portal.demo.files import key_file
from coproauth.portal.demo.hints import Hint
from coproauth.portal.demo.seed import seed
from coproauth.portal.demo.town import FIRMS, TOWN
from coproauth.portal.words import load_texts
from coproauth.testing.sandbox import cheap_policy

_SOURCE = Source("192.0.2.1")


def test_the_town_is_as_large_as_promised(demo: Demo) -> None:
    """Two portfolios, five condominiums that are left, some thirty contacts."""
    condominiums = [row for firm in FIRMS for row in demo.directory.condominiums(firm.portfolio_id)]
    contacts = [row for condominium in condominiums for row in demo.directory.contacts_of(condominium.id)]

    assert len(FIRMS) == 2
    assert len(condominiums) == len(TOWN) - 1 == 5
    assert 28 <= len(contacts) <= 34


def test_every_hint_does_what_it_says(demo: Demo) -> None:
    """Logins open, codes preview, the expired and the used one are refused, the temporary password must be changed."""
    refused = {"used_code": "code_already_used", "expired_code": "code_expired"}
    for hint in demo.hints:
        if hint.shows in refused:
            with pytest.raises(ActivationRefused, match=refused[hint.shows]):
                demo.auth.activation.preview(hint.code or "", source=_SOURCE)
        elif hint.code:
            assert demo.auth.activation.preview(hint.code, source=_SOURCE).contact_name == hint.name
        elif hint.password:
            with pytest.raises(PasswordChangeRequired):
                demo.auth.login.log_in(email=hint.email or "", password=hint.password, source=_SOURCE)
        else:
            session = demo.auth.login.log_in(email=hint.email or "", password=demo.password, source=_SOURCE).session
            assert (session.active_account is None) == (hint.shows == "orphan")


def test_every_hint_is_worded(demo: Demo) -> None:
    """The guide says in both languages what each is for."""
    for locale in ("fr", "en"):
        for worded in ("demo.show.", "demo.expect."):
            assert {worded + hint.shows for hint in demo.hints} == {
                key for key in load_texts(locale) if key.startswith(worded)
            }


def test_the_mailbox_starts_empty(demo: Demo, visitor: Browser) -> None:
    """What seeding would have sent is not shown."""
    demo.auth.deliver_mail()

    assert demo.mailbox.letters() == []
    assert "Aucun message" in visitor.get("/demo/mailbox").text


def test_the_second_start_finds_what_the_first_left(start: Callable[[], Demo]) -> None:
    """People and passwords are kept; codes that nobody used are new, and the former ones revoked."""
    first = start()
    marc, password = "marc.dubois@example.com", "quatre nuages violets"
    signed_in = first.auth.login.log_in(email=marc, password=first.password, source=_SOURCE)
    first.auth.login.change_password(
        signed_in.token, current_password=first.password, new_password=password, source=_SOURCE
    )

    second = start()

    codes = [{hint.code for hint in demo.hints if hint.code and hint.shows != "used_code"} for demo in (first, second)]
    assert len(codes[0]) == len(codes[1]) == 5
    assert not codes[0] & codes[1]
    assert second.auth.login.log_in(email=marc, password=password, source=_SOURCE).session.email == marc
    with pytest.raises(LoginRefused):
        second.auth.login.log_in(email=marc, password=first.password, source=_SOURCE)


def _contact(demo: Demo, name: str) -> Contact:
    condominiums = [row for firm in FIRMS for row in demo.directory.condominiums(firm.portfolio_id)]
    contacts = [contact for row in condominiums for contact in demo.directory.contacts_of(row.id)]
    return next(contact for contact in contacts if contact.name == name)


def _hint(demo: Demo, shows: str) -> Hint | None:
    return next((hint for hint in demo.hints if hint.shows == shows), None)


def test_a_start_leaves_every_login_as_it_was(start: Callable[[], Demo]) -> None:
    """A session that was open goes on, and a password that replaced the temporary one stays."""
    first = start()
    odile = _hint(first, "temporary")
    assert odile
    with pytest.raises(PasswordChangeRequired) as required:
        first.auth.login.log_in(email=odile.email or "", password=odile.password or "", source=_SOURCE)
    chosen = first.auth.login.choose_password(
        required.value.token, new_password="quatre nuages violets", source=_SOURCE
    )

    second = start()

    assert second.auth.login.session(chosen.token).email == odile.email
    assert _hint(second, "temporary") is None


def test_what_nobody_tried_is_shown_again(start: Callable[[], Demo]) -> None:
    """The temporary password and the used code are those of the first start."""
    first, second = start(), start()

    for shows in ("temporary", "used_code", "orphan", "several_accounts"):
        assert _hint(first, shows) == _hint(second, shows) is not None


def test_mail_that_was_waiting_still_arrives(start: Callable[[], Demo]) -> None:
    """A link asked for just before the end is in the mailbox after the next start."""
    start().auth.password_reset.request(email="marc.dubois@example.com", source=_SOURCE)

    second = start()
    second.auth.deliver_mail()

    assert [letter.to for letter in second.mailbox.letters()] == ["marc.dubois@example.com"]


def test_a_dissociated_contact_stays_so(start: Callable[[], Demo]) -> None:
    """Nobody is activated again behind the visitor's back, and the code that was used is hinted at no more."""
    first = start()
    nadia = _contact(first, "Nadia Benali")
    first.auth.activation.dissociate(nadia.id, by=Manager(id="claire-lemaire", portfolio_id="lemaire"))

    second = start()

    assert second.auth.login.identifier_of(nadia.id) is None
    assert _hint(second, "used_code") is None


def test_who_came_back_is_no_orphan_any_more(start: Callable[[], Demo]) -> None:
    """Once her new account is open, neither her empty login nor her code is hinted at."""
    first = start()
    helene = _hint(first, "orphan_returns")
    assert helene
    first.auth.activation.activate(
        code=helene.code or "", email=helene.email or "", password=first.password, source=_SOURCE
    )

    second = start()

    assert _hint(second, "orphan") is _hint(second, "orphan_returns") is None


def test_a_deleted_condominium_stays_deleted(start: Callable[[], Demo]) -> None:
    """Whoever deletes them all starts over with --reset, and not by surprise."""
    first = start()
    for firm in FIRMS:
        for condominium in first.directory.condominiums(firm.portfolio_id):
            first.directory.remove_condominium(condominium.id)

    second = start()

    assert not any(second.directory.condominiums(firm.portfolio_id) for firm in FIRMS)
    assert [hint.shows for hint in second.hints] == ["orphan"]


def test_half_a_town_is_never_kept(start: Callable[[], Demo], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while people are moving in leaves no file; the next start begins anew."""
    with monkeypatch.context() as patched:
        patched.setattr(app, "seed", _interrupted)
        with pytest.raises(KeyboardInterrupt):
            start()
    left = list(tmp_path.iterdir())

    again = start()

    assert left == []
    assert len(again.hints) == len({hint.shows for hint in again.hints}) == 13


def _interrupted(database: DemoDatabase, *, portal_url: str, policy: Policy) -> None:
    """Stand in for a seeding that Ctrl-C ends half-way."""
    seed(database, portal_url=portal_url, policy=policy)
    raise KeyboardInterrupt


def test_a_town_of_an_older_release_is_brought_up_to_date(start: Callable[[], Demo], tmp_path: Path) -> None:
    """What the first release made is opened by this one, with everything in it."""
    before = [hint.email for hint in start().hints]
    with closing(sqlite3.connect(tmp_path / "demo.sqlite3")) as file:
        for index in re.findall(r"INDEX IF NOT EXISTS (\S+)", Schema(sqlite_engine(":memory:")).steps[1].script):
            file.execute(f"DROP INDEX {index}")
        file.execute("ALTER TABLE coproauth_identities DROP COLUMN warned_at")
        file.execute("ALTER TABLE coproauth_outbox DROP COLUMN failure")
        file.execute("ALTER TABLE coproauth_outbox DROP COLUMN browser")
        file.execute("DROP TABLE coproauth_audit")
        file.execute("DROP TABLE coproauth_schema")

    after = [hint.email for hint in start().hints]

    assert after == before


def test_an_interrupted_reset_keeps_the_former_town(
    start: Callable[[], Demo], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is there is given up only for something whole."""
    first = start()
    odile = _hint(first, "temporary")
    with monkeypatch.context() as patched:
        patched.setattr(app, "seed", _interrupted)
        with (
            pytest.raises(KeyboardInterrupt),
            open_demo(tmp_path / "demo.sqlite3", portal_url=DEMO_ADDRESS, policy=cheap_policy(), reset=True),
        ):
            pytest.fail("nothing was interrupted")

    assert _hint(start(), "temporary") == odile is not None


def test_its_files_are_their_owners_alone(demo: Demo, tmp_path: Path) -> None:
    """Nobody else can read the key, nor the database with its codes and the log that belongs to it."""
    del demo

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}

    assert {key_file(tmp_path / "demo.sqlite3").name, "demo.sqlite3"} <= modes.keys()
    assert set(modes.values()) == {0o600}


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("content", [b"", b"a letter to keep " * 100])
def test_a_foreign_file_is_left_alone(tmp_path: Path, content: bytes, *, reset: bool) -> None:
    """What the demonstration did not make is neither written into nor replaced."""
    path = tmp_path / "letter.sqlite3"
    path.write_bytes(content)

    with pytest.raises(DatabaseRefused), open_demo(path, portal_url=DEMO_ADDRESS, reset=reset):
        pytest.fail("it was opened")

    assert [file.read_bytes() for file in tmp_path.iterdir()] == [content]


def test_a_database_of_something_else_is_left_alone(tmp_path: Path) -> None:
    """A SQLite file with other tables gets none of ours."""
    path = tmp_path / "ledger.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE ledger (cents INTEGER)")

    with pytest.raises(DatabaseRefused, match="not one of the demonstration"), open_demo(path, portal_url=DEMO_ADDRESS):
        pytest.fail("it was opened")


def test_a_manager_is_chosen_and_left(visitor: Browser) -> None:
    """The choice opens the desk of that firm, until it is taken back; an invented one opens none."""
    assert visitor.get("/desk").headers["location"] == "/demo#managers"
    assert 'id="managers"' in visitor.get("/demo").text
    assert visitor.post("/demo/manager", manager_id="nobody").status_code == 400
    visitor.post("/demo/manager", manager_id="yann-le-goff")
    desk = visitor.get("/desk").text
    visitor.post("/demo/manager/leave")

    assert "Villa Marine" in desk
    assert "Les Tilleuls" not in desk
    assert visitor.get("/desk").headers["location"] == "/demo#managers"


@pytest.mark.parametrize("cookie", ["claire-lemaire", "claire-lemaire.", "claire-lemaire.x", ".", "x.y"])
def test_a_forged_choice_opens_no_desk(visitor: Browser, cookie: str) -> None:
    """The cookie is signed."""
    visitor.client.cookies.set("coproauth_manager", cookie)

    assert visitor.get("/desk").headers["location"] == "/demo#managers"


def test_the_mailbox_shows_links_that_work(demo: Demo, visitor: Browser) -> None:
    """A reset link can be followed from the page."""
    visitor.post("/forgotten-password", email="marc.dubois@example.com")
    demo.auth.deliver_mail()
    (letter,) = demo.mailbox.letters()

    page = visitor.get(f"/demo/mailbox/{letter.number}").text
    html = visitor.get(f"/demo/mailbox/{letter.number}/html")

    assert f'<a href="{DEMO_ADDRESS}/reset/' in page
    assert html.headers["content-security-policy"].startswith("default-src 'none'; style-src 'unsafe-inline';")
    assert html.text.count('role="main"') == 1
    assert visitor.get("/demo/mailbox/99").status_code == 404


def test_a_deleted_condominium_is_gone_from_the_next_page(visitor: Browser, demo: Demo) -> None:
    """Its accounts vanish from the open session, as S11 says."""
    visitor.log_in("minh.nguyen@example.com", demo.password)
    condominium = next(row for row in demo.directory.condominiums("atlantique") if row.name == "Les Terrasses du Port")

    visitor.post("/demo/condominiums/remove", condominium_id=condominium.id)

    assert "Aucun compte" in visitor.get("/").text


def test_a_document_is_for_the_active_account_alone(visitor: Browser, demo: Demo) -> None:
    """The file of another account, and one that does not exist, are not found."""
    visitor.log_in("sophie.mercier@example.com", demo.password)
    page = visitor.get("/").text
    own = page.split('href="/demo/documents/')[1].partition('"')[0]
    account_id = own.partition("/")[0]

    assert "Appel de fonds" in visitor.get(f"/demo/documents/{own}").text
    assert visitor.get(f"/demo/documents/{account_id}/99").status_code == 404
    assert visitor.get("/demo/documents/another/0").status_code == 404


def test_a_document_leads_back(visitor: Browser, demo: Demo) -> None:
    """It is a page like the others, which fits a phone, and no text to leave by the browser alone."""
    visitor.log_in("sophie.mercier@example.com", demo.password)
    own = visitor.get("/").text.split('href="/demo/documents/')[1].partition('"')[0]

    page = visitor.get(f"/demo/documents/{own}")

    assert page.headers["content-type"].startswith("text/html")
    assert 'class="button" href="/"' in page.text
    assert 'name="viewport"' in page.text


def test_a_document_of_another_account_says_whose_it_is(visitor: Browser, demo: Demo) -> None:
    """Whoever switched in another window reads which account to go back to, and one button does it (S4)."""
    visitor.log_in("sophie.mercier@example.com", demo.password)
    page = visitor.get("/").text
    active = page.split("<h1>")[1].partition("<")[0]
    own = page.split('href="/demo/documents/')[1].partition('"')[0]
    other = re.findall(r'name="account_id" value="([^"]+)"', page)[0]
    visitor.post("/accounts/select", account_id=other)

    answer = visitor.get(f"/demo/documents/{own}")
    visitor.post("/accounts/select", account_id=own.partition("/")[0])

    assert answer.status_code == 409
    assert "autre de vos comptes" in answer.text
    assert f"<strong>{active}</strong>" in answer.text
    assert f'name="account_id" value="{own.partition("/")[0]}">Passer' in answer.text
    assert "Appel de fonds" in visitor.get(f"/demo/documents/{own}").text


@pytest.mark.parametrize("number", ["9" * 5000, "99", "01", "-1", "x", "%C2%B2"])
def test_what_numbers_no_message_or_document_is_not_found(visitor: Browser, demo: Demo, number: str) -> None:
    """However long or strange it is, the answer is the page of what is not there."""
    visitor.log_in("sophie.mercier@example.com", demo.password)
    account_id = visitor.get("/").text.split('href="/demo/documents/')[1].partition("/")[0]

    paths = (f"/demo/mailbox/{number}", f"/demo/mailbox/{number}/html", f"/demo/documents/{account_id}/{number}")

    assert [visitor.get(path).status_code for path in paths] == [404, 404, 404]


@pytest.mark.parametrize("host", ["evil.example:8000", "evil.example", "127.0.0.1:8001", "127.0.0.1", ""])
def test_another_name_of_this_machine_is_not_served(visitor: Browser, host: str) -> None:
    """A page elsewhere that has its name point here reads nothing (DNS rebinding); the headers are sent still."""
    answer = visitor.get("/demo", host=host)

    assert answer.status_code == 421
    assert "sophie.mercier" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_localhost_leads_to_the_one_address(visitor: Browser) -> None:
    """Cookies, links and forms belong to a single origin."""
    assert visitor.get("/demo", host="localhost:8000").headers["location"] == f"{DEMO_ADDRESS}/"
