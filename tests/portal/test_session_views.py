"""The portal where pages may believe signed views: what they spare the database, and what that costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import attrs
import pytest
from sqlalchemy import event
from starlette.testclient import TestClient
from tests.portal.conftest import Browser

from coproauth.adapters.sqlalchemy import SqlStore, StandaloneDirectory, sql_engine
from coproauth.portal import create_portal
from coproauth.testing.sandbox import PASSWORD, PORTAL_URL, Sandbox, cheap_policy

_JEANNE = "jeanne@example.fr"
_VIEW = "__Host-coproauth_view"


@attrs.frozen
class _Site:
    """A portal over SQLite whose statements are counted."""

    town: Sandbox
    work: Counter[str]

    def browser(self) -> Browser:
        """Open one more browser, and log in."""
        client = TestClient(create_portal(self.town.auth), base_url=PORTAL_URL, headers={"accept-language": "fr"})
        browser = Browser(client)
        assert browser.log_in(_JEANNE, PASSWORD).status_code == 303
        return browser

    def thief_of(self, browser: Browser) -> Browser:
        """Open one that sends whatever another has kept."""
        kept = "; ".join(f"{cookie.name}={cookie.value}" for cookie in browser.client.cookies.jar)
        return Browser(TestClient(create_portal(self.town.auth), base_url=PORTAL_URL, headers={"cookie": kept}))

    def work_of(self, browser: Browser, path: str) -> tuple[int, int]:
        """Open a page, and return its status and how many statements it took."""
        self.work.clear()
        return browser.get(path).status_code, self.work.total()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[_Site]:
    """A portal whose pages believe a view for twenty seconds, and a login with two accounts."""
    engine = sql_engine(f"sqlite:///{tmp_path / 'town.sqlite3'}")
    store = SqlStore(engine)
    store.create_tables()
    policy = attrs.evolve(cheap_policy(), session_view_lifetime=timedelta(seconds=20))
    town, work = Sandbox.build(store=store, directory=StandaloneDirectory(engine), policy=policy), Counter[str]()
    town.activate(town.contact(condominium="Les Lilas"), _JEANNE)
    town.activate(town.contact(condominium="Les Pins"), _JEANNE)
    event.listen(engine, "before_cursor_execute", lambda *_: work.update(["statements"]))
    event.listen(engine, "begin", lambda *_: work.update(["units of work"]))
    yield _Site(town, work)
    engine.dispose()


def test_of_a_page_and_what_it_loads_only_the_first_asks_the_database(site: _Site) -> None:
    """Twenty requests in a row: one look into the store, and no statement, not even a transaction, from then on."""
    browser = site.browser()
    (status, first), *others = [site.work_of(browser, "/profile/password") for _ in range(20)]

    assert (status, first > 0) == (200, True)
    assert others == [(200, 0)] * 19


def test_after_its_lifetime_the_database_is_asked_again(site: _Site) -> None:
    """Once."""
    browser = site.browser()
    browser.get("/")
    site.town.later(seconds=20)

    asked = [site.work_of(browser, "/")[1] > 0 for _ in range(3)]

    assert asked == [True, False, False]


def test_an_ended_session_is_refused_a_post_at_once_and_a_page_in_time(site: _Site) -> None:
    """Ended in another browser: nothing can be done with it from then on, and nothing is shown after the lifetime."""
    left, other = site.browser(), site.browser()
    form_token = left.form_token()
    assert left.get("/").status_code == 200
    other.post("/profile/sessions/end-others")

    for path in ("/profile/email", "/accounts/select", "/profile/sessions/end-all"):
        refused = site.thief_of(left).send(path, {"form_token": form_token, "account_id": "x"})
        assert (refused.status_code, refused.headers["location"]) == (303, "/login")
    assert left.get("/").status_code == 200
    site.town.later(seconds=20)

    assert left.get("/").status_code == 303


def test_the_list_of_sessions_is_never_shown_by_a_view(site: _Site) -> None:
    """What is behind it is asked for in the store; the browser forgets session and view, and asks for the password."""
    left, other = site.browser(), site.browser()
    left.get("/")
    other.post("/profile/sessions/end-others")

    answer = left.get("/profile/sessions")

    assert answer.status_code == 303
    assert {"__Host-coproauth_session", _VIEW}.isdisjoint(left.client.cookies)
    assert left.get("/").status_code == 303


@pytest.mark.parametrize("path", ["/logout", "/accounts/select", "/profile/sessions/end-all"])
def test_a_change_of_session_takes_the_view_out_of_this_browser(site: _Site, path: str) -> None:
    """Log-out, here or everywhere, and the switch: the next page of this browser is what it must be."""
    browser = site.browser()
    browser.get("/")
    assert _VIEW in browser.client.cookies
    accounts = site.town.log_in(_JEANNE).session.accounts

    browser.post(path, account_id=accounts[0].id)

    assert _VIEW not in browser.client.cookies
    shown = browser.get("/")
    assert shown.status_code == 303 if path != "/accounts/select" else accounts[0].condominium_name in shown.text


def test_static_files_and_strangers_are_given_none(site: _Site) -> None:
    """Only who is logged in has a view, and one header brings it, once."""
    stranger = Browser(TestClient(create_portal(site.town.auth), base_url=PORTAL_URL))
    browser = site.browser()

    set_by = [
        [line for line in answer.headers.get_list("set-cookie") if line.startswith(_VIEW)]
        for answer in (stranger.get("/login"), browser.get("/static/portal.css"), browser.get("/"), browser.get("/"))
    ]

    assert list(map(len, set_by)) == [0, 0, 1, 0]
