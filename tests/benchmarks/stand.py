"""A contestant at work, in a process of his own, and what he can be asked to do there."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from importlib import import_module

import argon2
import attrs
from tests.benchmarks.measuring import Deed
from tests.benchmarks.peers.protocol import Contestant, Peer, Site
from tests.benchmarks.population import PASSWORD

_TURN = 0.02  # seconds
_CALLS = 20  # of a turn, at most
_COOKIES = 20
_CREW, _EACH = 8, 3  # threads of a rush, and the log-ins of each
_PAUSE = 0.005  # seconds between two page checks meanwhile
_WRONG = "deux loutres dans la cour"


@attrs.frozen(kw_only=True)
class Rush:
    """Eight people who log in, one after the other and then at once.

    Attributes:
        one_by_one: seconds, of all of them.
        at_once: likewise.
        pages: seconds of each page check meanwhile.
    """

    one_by_one: float
    at_once: float
    pages: Sequence[float]


class Stand:
    """A contestant at work, in his process."""

    def __init__(self, module: str, site: Site) -> None:
        opened: Contestant = import_module(f"tests.benchmarks.peers.{module}").open_contestant(site)
        self.site, self.links, self.peer, self.signed = site, opened.links, opened.peer, opened.signed
        self.cookies, self.signed_cookies = self._cookies(self.peer), self._cookies(self.signed)
        self.password_hash, self.verify = site.people.password_hash(), argon2.PasswordHasher().verify

    @cached_property
    def crew(self) -> ThreadPoolExecutor:
        """Threads that stay, and their connections with them."""
        return ThreadPoolExecutor(_CREW)

    def offers(self, deed: str) -> bool:
        """Whether the contestant has such a thing."""
        if deed.startswith("reset"):
            return type(self.peer).request_reset is not Peer.request_reset
        needed = {"signed page": self.signed, "make link": self.links, "check link": self.links}
        return needed.get(deed, self.peer) is not None

    def _cookies(self, peer: Peer | None) -> list[str]:
        """Log people in; everybody has to know them again."""
        if peer is None:
            return []
        cookies = [peer.log_in(self.site.email(), PASSWORD) or "" for _ in range(_COOKIES)]
        assert all(map(peer.who, cookies))
        return cookies


def _page(peer: Peer | None, cookies: Sequence[str]) -> Deed:
    assert peer
    return partial(peer.who, random.choice(cookies))  # noqa: S311 - no secret


def _make(stand: Stand) -> Deed:
    assert stand.links
    return stand.links.make


def _check(stand: Stand) -> Deed:
    assert stand.links
    return partial(stand.links.check, stand.links.make())


_DEEDS: Mapping[str, Callable[[Stand], Deed]] = {
    "hash": lambda stand: partial(stand.verify, stand.password_hash, PASSWORD),
    "log in": lambda stand: partial(stand.peer.log_in, stand.site.email(), PASSWORD),
    "log in, wrong": lambda stand: partial(stand.peer.log_in, stand.site.email(), _WRONG),
    "log in, unknown": lambda stand: partial(stand.peer.log_in, stand.site.nobody(), _WRONG),
    "reset": lambda stand: partial(stand.peer.request_reset, stand.site.email()),
    "reset, unknown": lambda stand: partial(stand.peer.request_reset, stand.site.nobody()),
    "page": lambda stand: _page(stand.peer, stand.cookies),
    "signed page": lambda stand: _page(stand.signed, stand.signed_cookies),
    "make link": _make,
    "check link": _check,
}


def turn(stand: Stand, deed: str) -> list[float]:
    """Do it for a moment, and return the seconds of each time; nothing if the contestant has no such thing."""
    if not stand.offers(deed):
        return []
    draw, took = _DEEDS[deed], list[float]()
    until = time.perf_counter() + _TURN
    while not took or (len(took) < _CALLS and time.perf_counter() < until):
        work = draw(stand)
        started = time.perf_counter()
        work()
        took.append(time.perf_counter() - started)
    return took


def rush(stand: Stand, _: str) -> Rush:
    """Log people in one by one, then at once."""
    emails = [stand.site.email() for _ in range(_CREW * _EACH)]
    started = time.perf_counter()
    for email in emails:
        stand.peer.log_in(email, PASSWORD)
    one_by_one, pages = time.perf_counter() - started, list[float]()
    with stand.peer.serving():
        started = time.perf_counter()
        coming = [stand.crew.submit(stand.peer.log_in, email, PASSWORD) for email in emails]
        while not all(one.done() for one in coming):
            asked = time.perf_counter()
            stand.peer.who(stand.cookies[0])
            pages.append(time.perf_counter() - asked)
            time.sleep(_PAUSE)
        at_once = time.perf_counter() - started
    assert all(one.result() for one in coming)
    return Rush(one_by_one=one_by_one, at_once=at_once, pages=pages)
