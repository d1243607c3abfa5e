"""Guessing goes no faster by another entrance, address, server or browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.attacks.pathways import GUESS, OTHER, WAYS, Scene, Way, answer_to
from tests.engines import EVERYWHERE, adapters_on
from tests.portal.conftest import Browser
from tests.town import JEANNE, refusal_of

from coproauth import Source, Throttled
from coproauth.portal import create_portal
from coproauth.testing import Sandbox
from coproauth.testing.sandbox import PASSWORD, PORTAL_URL

_TOLD = ("x-forwarded-for", "x-real-ip", "forwarded", "client-ip", "true-client-ip", "cf-connecting-ip", "x-client-ip")

each_guess = pytest.mark.parametrize(
    "way", [way for way in WAYS if way.is_guess], ids=lambda way: f"{way.method}: {way.answer.partition(' ')[0]}"
)


def _visitor(
    sandbox: Sandbox,
    *,
    proxies: int = 0,
    told: dict[str, str] | None = None,
    agent: str = "Browser",
    language: str = "fr",
) -> Browser:
    """Return a browser without any cookie, behind as many proxies as are trusted, that tells this and that."""
    app = create_portal(sandbox.auth, trusted_proxies=proxies)
    headers = {"user-agent": agent, "accept-language": language, **(told or {})}
    return Browser(TestClient(app, base_url=PORTAL_URL, headers=headers))


def _through_proxy(sandbox: Sandbox, address: str) -> Browser:
    """Return a browser at an address, as the one trusted proxy tells it."""
    return _visitor(sandbox, proxies=1, told={"x-forwarded-for": address})


class TestSource:
    """Where a request comes from is not the client's to say."""

    def _statuses(self, sandbox: Sandbox, *, proxies: int, forwarded: str) -> list[int]:
        """Guess at fifty-one logins, with other headers each time; return the statuses."""
        statuses = []
        for number in range(51):
            told = dict.fromkeys(_TOLD, f"198.51.100.{number}") | {"forwarded": f"for=198.51.100.{number}"}
            told["x-forwarded-for"] = forwarded.format(f"198.51.100.{number}")
            browser = _visitor(sandbox, proxies=proxies, told=told)
            statuses.append(browser.log_in(f"person{number}@example.fr", GUESS).status_code)
        return statuses

    def test_a55_no_header_makes_a_new_source_of_a_client(self, sandbox: Sandbox) -> None:
        """Where no proxy is trusted, whatever a request says of addresses, its socket is what counts."""
        assert self._statuses(sandbox, proxies=0, forwarded="{}") == [422] * 50 + [429]

    def test_a55_what_stands_left_of_ones_own_proxy_is_not_believed(self, sandbox: Sandbox) -> None:
        """Behind a proxy it is the address that the proxy wrote, not those that the client sent along."""
        assert self._statuses(sandbox, proxies=1, forwarded="{}, 203.0.113.9") == [422] * 50 + [429]


@pytest.fixture(params=EVERYWHERE)
def town(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Sandbox]:
    """An installation on each technology in turn."""
    with adapters_on(request.param, request, tmp_path) as adapters:
        yield Sandbox.build(store=adapters.store, directory=adapters.directory)


class TestTwoServers:
    """Behind one proxy, two servers count together, and clients apart."""

    def _servers(self, town: Sandbox) -> list[Sandbox]:
        """Return two servers over one store."""
        return [town, Sandbox.build(store=town.store, directory=town.directory, clock=town.clock)]

    def test_a57_guesses_at_two_servers_are_one_count(self, town: Sandbox) -> None:
        """Five at one and five at the other, each from another address, and both make the login wait."""
        town.activate(town.contact(), JEANNE)
        servers = self._servers(town)

        guesses = [
            _through_proxy(servers[number % 2], f"198.51.100.{number}").log_in(JEANNE, GUESS) for number in range(10)
        ]

        assert {guess.status_code for guess in guesses} == {422}
        owner = [_through_proxy(server, "203.0.113.9").log_in(JEANNE, PASSWORD) for server in servers]
        assert [answer.status_code for answer in owner] == [429, 429]

    def test_a57_a_client_behind_the_proxy_does_not_slow_the_others(self, town: Sandbox) -> None:
        """Fifty failures of one client, at both servers: it must wait, and its neighbour behind the same proxy not."""
        town.activate(town.contact(), JEANNE)
        servers = self._servers(town)
        for number in range(50):
            _through_proxy(servers[number % 2], "198.51.100.7").log_in(f"person{number}@example.fr", GUESS)

        guesser = [_through_proxy(server, "198.51.100.7").log_in("next@example.fr", GUESS) for server in servers]
        neighbour = [_through_proxy(server, "203.0.113.9").log_in(JEANNE, PASSWORD) for server in servers]

        assert [answer.status_code for answer in guesser] == [429, 429]
        assert [answer.status_code for answer in neighbour] == [303, 303]


class TestOneCount:
    """Nothing that the client chooses gives it a count of its own."""

    def test_a62_another_browser_language_or_spelling_is_the_same_count(self, sandbox: Sandbox) -> None:
        """Cookies, names of browsers, languages, further fields and spellings of the address change nothing."""
        sandbox.activate(sandbox.contact(), JEANNE)
        spellings = [JEANNE, JEANNE.upper(), f" {JEANNE}", f"{JEANNE} ", "Jeanne@Example.fr"]

        for number in range(10):
            visitor = _visitor(sandbox, agent=f"Browser/{number}", language=f"x{number}")
            for name in ("__Host-coproauth_device", "__Host-coproauth_session", "sid"):
                visitor.client.cookies.set(name, f"x{number}", domain="app.example.fr", path="/")
            fields = {"email": spellings[number % 5], "password": GUESS, "device": f"{number}", "captcha": f"{number}"}
            assert visitor.post("/login", **fields).status_code == 422

        assert _visitor(sandbox).log_in(JEANNE, PASSWORD).status_code == 429


@each_guess
def test_a63_a_login_that_waits_at_the_door_waits_at_every_entrance(way: Way) -> None:
    """Locked by strangers' guesses at the login page, it takes no password anywhere, and nothing is hashed."""
    scene = Scene.of("known")
    act = way.prepare(scene)
    _lock(scene)
    scene.town.hasher.seen.clear()

    assert answer_to(act).partition(" ")[0] == "Throttled"
    assert scene.town.hasher.seen == []


def test_a63_a_redeemed_link_opens_no_session_and_ends_the_wait() -> None:
    """It is no way around: the password must be typed after it; and whoever reads the mailbox is let in (A-65)."""
    scene = Scene.of("known")
    link = scene.town.reset_token()
    _lock(scene)

    scene.town.auth.password_reset.redeem(link, new_password=OTHER, source=scene.town.source)

    assert scene.town.log_in(JEANNE, password=OTHER).session.email == JEANNE


def _lock(scene: Scene) -> None:
    """Use up the free attempts on Jeanne's login, each from another address."""
    login = scene.town.auth.login
    for number in range(10):
        source = Source(f"198.51.100.{number}")
        answer_to(lambda: login.log_in(email=JEANNE, password=GUESS, source=source))  # noqa: B023
    assert refusal_of(lambda: login.log_in(email=JEANNE, password=GUESS, source=Source("203.0.113.9")))[0] is Throttled
