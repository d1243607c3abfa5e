"""The demonstration: its town, what it hints at, and what is kept from one start to the next."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.portal.conftest import Browser

from coproauth import ActivationRefused, LoginRefused, PasswordChangeRequired, Source
from coproauth.portal.demo import Demo, open_demo
from coproauth.portal.demo.app import key_file
from coproauth.portal.demo.town import FIRMS, TOWN
from coproauth.portal.words import load_texts
from coproauth.testing.sandbox import cheap_policy

_ADDRESS = "http://127.0.0.1:8000"
_SOURCE = Source("192.0.2.1")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], Demo]]:
    """What starts the demonstration, each time on the same file."""
    opened: list[Demo] = []

    def start_once() -> Demo:
        opened.append(open_demo(tmp_path / "demo.sqlite3", portal_url=_ADDRESS, policy=cheap_policy()))
        return opened[-1]

    yield start_once
    for demo in opened:
        demo.engine.dispose()


@pytest.fixture
def demo(start: Callable[[], Demo]) -> Demo:
    """The demonstration, started for the first time."""
    return start()


@pytest.fixture
def visitor(demo: Demo) -> Browser:
    """A browser on the demonstration."""
    return Browser(TestClient(demo.app, base_url=_ADDRESS, headers={"accept-language": "fr"}))


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
        assert {f"demo.show.{hint.shows}" for hint in demo.hints} == {
            key for key in load_texts(locale) if key.startswith("demo.show.")
        }


def test_the_mailbox_starts_empty(demo: Demo, visitor: Browser) -> None:
    """What seeding would have sent is not shown."""
    demo.auth.deliver_mail()

    assert demo.mailbox.letters() == []
    assert "Aucun message" in visitor.get("/demo/mailbox").text


def test_the_second_start_finds_what_the_first_left(start: Callable[[], Demo]) -> None:
    """People and passwords are kept; codes are new, and the former ones revoked."""
    first = start()
    marc, password = "marc.dubois@example.com", "quatre nuages violets"
    signed_in = first.auth.login.log_in(email=marc, password=first.password, source=_SOURCE)
    first.auth.login.change_password(
        signed_in.token, current_password=first.password, new_password=password, source=_SOURCE
    )

    second = start()

    codes = [{hint.code for hint in demo.hints if hint.code} for demo in (first, second)]
    assert len(codes[0]) == len(codes[1]) == 6
    assert not codes[0] & codes[1]
    assert second.auth.login.log_in(email=marc, password=password, source=_SOURCE).session.email == marc
    with pytest.raises(LoginRefused):
        second.auth.login.log_in(email=marc, password=first.password, source=_SOURCE)


def test_the_secret_key_is_its_owners_alone(demo: Demo, tmp_path: Path) -> None:
    """The file beside the database can be read by nobody else."""
    del demo

    assert stat.S_IMODE(key_file(tmp_path / "demo.sqlite3").stat().st_mode) == 0o600


def test_a_manager_is_chosen_and_left(visitor: Browser) -> None:
    """The choice opens the desk of that firm, until it is taken back; an invented one opens none."""
    assert visitor.get("/desk").headers["location"] == "/demo"
    assert visitor.post("/demo/manager", manager_id="nobody").status_code == 400
    visitor.post("/demo/manager", manager_id="yann-le-goff")
    desk = visitor.get("/desk").text
    visitor.post("/demo/manager/leave")

    assert "Villa Marine" in desk
    assert "Les Tilleuls" not in desk
    assert visitor.get("/desk").headers["location"] == "/demo"


@pytest.mark.parametrize("cookie", ["claire-lemaire", "claire-lemaire.", "claire-lemaire.x", ".", "x.y"])
def test_a_forged_choice_opens_no_desk(visitor: Browser, cookie: str) -> None:
    """The cookie is signed."""
    visitor.client.cookies.set("coproauth_manager", cookie)

    assert visitor.get("/desk").headers["location"] == "/demo"


def test_the_mailbox_shows_links_that_work(demo: Demo, visitor: Browser) -> None:
    """A reset link can be followed from the page."""
    visitor.post("/forgotten-password", email="marc.dubois@example.com")
    demo.auth.deliver_mail()
    (letter,) = demo.mailbox.letters()

    page = visitor.get(f"/demo/mailbox/{letter.number}").text
    html = visitor.get(f"/demo/mailbox/{letter.number}/html")

    assert f'<a href="{_ADDRESS}/reset/' in page
    assert html.headers["content-security-policy"].startswith("default-src 'none'; style-src 'unsafe-inline';")
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
