"""A contestant at work, in a process of his own, and what he can be asked to do there."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from importlib import import_module
from typing import Any

import argon2
import attrs
from tests.benchmarks.measuring import Deed
from tests.benchmarks.peers.protocol import Contestant, Peer, Site
from tests.benchmarks.population import PASSWORD

_TURN = 0.02  # seconds of what is timed
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

    def _cookies(self, peer: Peer | None) -> list[tuple[str, str]]:
        """Log people in, and return what each has to be known by again."""
        if peer is None:
            return []
        emails = [self.site.email() for _ in range(_COOKIES)]
        return [(peer.log_in(email, PASSWORD) or "", email) for email in emails]


@attrs.frozen(kw_only=True)
class Task:
    """Something to be done once.

    Attributes:
        work: what is timed.
        is_done: whether that is what the work has to return; asked afterwards.
    """

    work: Deed
    is_done: Callable[[Any], object]


def _hash(stand: Stand) -> Task:
    return Task(work=partial(stand.verify, stand.password_hash, PASSWORD), is_done=bool)


def _log_in(stand: Stand) -> Task:
    email, peer = stand.site.email(), stand.peer
    peer.greet(email, PASSWORD)
    return Task(work=partial(peer.log_in, email, PASSWORD), is_done=lambda cookie: cookie and peer.who(cookie) == email)


def _guess(stand: Stand, email: str) -> Task:
    return Task(work=partial(stand.peer.log_in, email, _WRONG), is_done=lambda cookie: cookie is None)


def _reset(stand: Stand, email: str, *, is_mailed: bool) -> Task:
    peer = stand.peer
    peer.forget_mail(email)
    return Task(work=partial(peer.request_reset, email), is_done=lambda _: peer.has_mail(email) == is_mailed)


def _page(peer: Peer | None, cookies: Sequence[tuple[str, str]]) -> Task:
    assert peer
    cookie, email = random.choice(cookies)  # noqa: S311 - no secret
    return Task(work=partial(peer.who, cookie), is_done=lambda who: who == email)


def _make(stand: Stand) -> Task:
    assert stand.links
    return Task(work=stand.links.make, is_done=stand.links.check)


def _check(stand: Stand) -> Task:
    assert stand.links
    return Task(work=partial(stand.links.check, stand.links.make()), is_done=bool)


_DEEDS: Mapping[str, Callable[[Stand], Task]] = {
    "hash": _hash,
    "log in": _log_in,
    "log in, wrong": lambda stand: _guess(stand, stand.site.email()),
    "log in, unknown": lambda stand: _guess(stand, stand.site.nobody()),
    "reset": lambda stand: _reset(stand, stand.site.email(), is_mailed=True),
    "reset, unknown": lambda stand: _reset(stand, stand.site.nobody(), is_mailed=stand.peer.mails_strangers),
    "page": lambda stand: _page(stand.peer, stand.cookies),
    "signed page": lambda stand: _page(stand.signed, stand.signed_cookies),
    "make link": _make,
    "check link": _check,
}


def turn(stand: Stand, deed: str) -> list[float]:
    """Do it for a moment, and return the seconds of each time; nothing if the contestant has no such thing."""
    if not stand.offers(deed):
        return []
    draw, took, answers = _DEEDS[deed], list[float](), list[tuple[Task, object]]()
    while not took or (len(took) < _CALLS and sum(took) < _TURN):
        task = draw(stand)
        started = time.perf_counter()
        answer = task.work()
        took.append(time.perf_counter() - started)
        answers.append((task, answer))
    for task, answer in answers:
        assert task.is_done(answer), f"{deed}: {answer!r}"
    return took


def rush(stand: Stand, _: str) -> Rush:
    """Log people in one by one, then at once."""
    emails = [stand.site.email() for _ in range(_CREW * _EACH)]
    for email in emails:
        stand.peer.greet(email, PASSWORD)
    started = time.perf_counter()
    cookies = [stand.peer.log_in(email, PASSWORD) for email in emails]
    one_by_one, pages, shown = time.perf_counter() - started, list[float](), list[str | None]()
    with stand.peer.serving():
        started = time.perf_counter()
        coming = [stand.crew.submit(stand.peer.log_in, email, PASSWORD) for email in emails]
        while not all(one.done() for one in coming):
            asked = time.perf_counter()
            shown.append(stand.peer.who(stand.cookies[0][0]))
            pages.append(time.perf_counter() - asked)
            time.sleep(_PAUSE)
        at_once = time.perf_counter() - started
    cookies += [one.result() for one in coming]
    assert [stand.peer.who(cookie or "") for cookie in cookies] == 2 * emails
    assert set(shown) == {stand.cookies[0][1]}
    return Rush(one_by_one=one_by_one, at_once=at_once, pages=pages)
