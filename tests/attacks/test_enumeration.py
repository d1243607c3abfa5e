"""What can be told about a login from outside: nothing, whichever way is tried, and whatever state it is in."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from starlette.testclient import TestClient
from tests.attacks.pathways import GUESS, STATES, WAYS, WITH_LOGIN, Scene, State, Way, answer_to, given
from tests.portal.conftest import Browser
from tests.town import JEANNE, Town, refusal_of

from coproauth import EmailAlreadyRegistered, LoginRefused, Source, Throttled
from coproauth.portal import create_portal
from coproauth.testing.sandbox import PASSWORD, PORTAL_URL

each_way = pytest.mark.parametrize("way", WAYS, ids=lambda way: f"{way.method}: {way.answer.partition(' ')[0]}")
each_guess = pytest.mark.parametrize(
    "way", [way for way in WAYS if way.is_guess], ids=lambda way: f"{way.method}: {way.answer.partition(' ')[0]}"
)


def _lock(town: Town) -> None:
    """Use up the free attempts on Jeanne's login, each from another address."""
    for number in range(10):
        with pytest.raises(LoginRefused):
            town.auth.login.log_in(email=JEANNE, password=GUESS, source=Source(f"198.51.100.{number}"))


def test_a02_every_way_that_takes_a_password_or_an_address_is_in_the_table() -> None:
    """A new one fails here until it is shown to tell nothing."""
    assert {way.method for way in WAYS} == set(given())


@each_way
def test_a01_a02_the_state_of_a_login_shows_on_no_way(way: Way) -> None:
    """One answer, and the same number of hashes, in each of the states."""
    assert {state: way.seen_in(state) for state in way.states} == dict.fromkeys(way.states, (way.answer, way.hashes))


def test_a01_a_locked_login_looks_like_a_locked_stranger() -> None:
    """The wait is the same for every state, and no password is hashed meanwhile."""
    answers = set()
    for state in STATES:
        town = Scene.of(state).town
        _lock(town)
        town.hasher.seen.clear()
        answers.add((answer_to(lambda: town.log_in(JEANNE, password=GUESS)), len(town.hasher.seen)))  # noqa: B023

    assert answers == {(f"Throttled throttled retry_after={timedelta(seconds=30)}", 0)}


def test_a01_a08_every_state_gets_the_same_page() -> None:
    """Status, headers and every octet of the login's answer are equal, for a wrong and for an outdated password."""
    pages = {_page_of(state, GUESS) for state in STATES} | {_page_of("outdated", "trois pommes sur un nuage")}

    assert len(pages) == 1
    assert pages.pop()[0] == 422


def test_a07_every_state_gets_the_same_page_of_a_reset() -> None:
    """So is the answer to the request for a link, whether or not a mail will bring one."""
    pages = set()
    for state in STATES:
        browser = Browser(TestClient(create_portal(Scene.of(state).town.auth), base_url=PORTAL_URL))
        answer = browser.post("/forgotten-password", email=JEANNE)
        pages.add((answer.status_code, _headers(answer.headers.multi_items()), answer.text))

    assert len(pages) == 1


def _page_of(state: State, password: str) -> tuple[int, str, str]:
    browser = Browser(TestClient(create_portal(Scene.of(state).town.auth), base_url=PORTAL_URL))
    answer = browser.log_in(JEANNE, password)
    body = re.sub(r'name="form_token" value="[^"]+"', "", answer.text)
    return answer.status_code, _headers(answer.headers.multi_items()), body


def _headers(headers: list[tuple[str, str]]) -> str:
    """Return all headers as text, but for the random value that protects a form."""
    return re.sub(r"(__Host-coproauth_form)=[\w-]+", r"\1=", "\n".join(f"{name}: {value}" for name, value in headers))


@each_guess
def test_a10_guesses_on_any_way_are_counted_on_the_login(way: Way) -> None:
    """Ten wrong passwords on a side entrance, and the front door waits, for whoever comes and from wherever."""
    scene = Scene.of("known")
    act = way.prepare(scene)

    answers = [answer_to(act) for _ in range(10)]

    assert answers == [way.answer] * 10
    stranger = Source("203.0.113.9")
    assert refusal_of(lambda: scene.town.auth.login.log_in(email=JEANNE, password=PASSWORD, source=stranger))[0] is (
        Throttled
    )


@pytest.mark.parametrize("state", WITH_LOGIN)
def test_a11_only_who_holds_code_and_password_learns_more(state: State) -> None:
    """With a good code, a taken address and a wrong password there is one answer; the code is kept."""
    scene = Scene.of(state)
    code = scene.code()

    answer = refusal_of(
        lambda: scene.town.auth.activation.activate(code=code, email=JEANNE, password=GUESS, source=scene.town.source)
    )

    assert answer == (EmailAlreadyRegistered, "email_already_registered")
    assert scene.town.auth.activation.preview(code, source=scene.town.source).contact_name == "Marc Dubois"
