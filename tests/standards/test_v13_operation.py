"""Chapters V13 to V16 of OWASP ASVS 5.0, configuration, data, architecture and errors: what no other test shows."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest
from tests.engines import adapters_on
from tests.portal.conftest import Browser
from tests.town import JEANNE, Town, refusal_of

from coproauth import Manager
from coproauth.adapters.memory import MemoryStore
from coproauth.adapters.sqlalchemy import EngineSettings
from coproauth.adapters.sqlalchemy.tables import Tables
from coproauth.core.audit import Outcome
from coproauth.ports import Store
from coproauth.testing.sandbox import PASSWORD, Sandbox

_OTHER = "trois pommes sur un nuage"


def test_v13_2_6_each_pool_and_wait_is_a_setting_with_an_end() -> None:
    """Nothing is waited for without limit, and no number of connections is endless."""
    settings = EngineSettings()

    assert {field.name for field in attrs.fields(EngineSettings)} == {
        "pool_size",
        "pool_overflow",
        "pool_timeout",
        "connect_timeout",
        "statement_timeout",
    }
    assert settings.pool_size + settings.pool_overflow <= 15
    assert max(settings.pool_timeout, settings.connect_timeout, settings.statement_timeout).total_seconds() <= 10


def test_v14_2_6_a_stranger_is_shown_no_address(sandbox: Sandbox, browser: Browser) -> None:
    """Neither behind a code nor on the page of a refusal stands an e-mail that was not typed there."""
    contact = sandbox.contact(email="file@example.fr")
    code = sandbox.code_for(contact)
    sandbox.activate(sandbox.contact(), JEANNE)

    pages = [
        browser.post("/activate", code=code).text,
        browser.post("/login", email="nobody@example.fr", password="x").text,
        browser.post("/forgotten-password", email="nobody@example.fr").text,
    ]

    assert not any("file@example.fr" in page or JEANNE in page for page in pages)


def test_v15_3_3_what_no_form_asks_for_sets_nothing(sandbox: Sandbox, browser: Browser) -> None:
    """Fields named after columns, with a change of password as the carrier, are ignored one and all."""
    contact = sandbox.contact()
    sandbox.activate(contact, JEANNE)
    browser.log_in(JEANNE, PASSWORD)
    columns = ("id", "identity_id", "email", "email_key", "credential_stamp", "temporary_until", "manager_id")

    browser.post(
        "/profile/password", current_password=PASSWORD, new_password=_OTHER, **dict.fromkeys(columns, "forged")
    )

    with sandbox.store.reading() as work:
        identity = work.identities.by_email(JEANNE)
    assert identity is not None
    assert (identity.email, identity.temporary_until) == (JEANNE, None)
    assert sandbox.log_in(JEANNE, password=_OTHER).session.accounts[0].id == contact.account.id


@pytest.mark.parametrize("kind", ["memory", "sqlite", "postgresql"])
def test_v15_4_3_acts_in_opposite_order_end(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Two people of two managers, taken in turn by some and in the opposite turn by others: nobody waits for ever."""
    with adapters_on(kind, request, tmp_path) as adapters:
        town = Sandbox.build(store=adapters.store, directory=adapters.directory)
        first, second = town.contact(), town.contact("Marc Dubois")
        town.activate(first, JEANNE)
        town.activate(second, "marc@example.fr")

        def act(*contacts: str) -> None:
            for _ in range(5):
                for contact_id in contacts:
                    town.auth.activation.issue(contact_id, by=town.manager)
                    town.auth.password_reset.set_password(contact_id, by=town.manager)

        orders = [(first.id, second.id), (second.id, first.id)] * 2
        workers = [threading.Thread(target=act, args=order, daemon=True) for order in orders]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(timeout=60)

        assert not any(worker.is_alive() for worker in workers)


def test_v16_3_2_an_act_that_is_not_allowed_is_on_record(town: Town) -> None:
    """Who tried, and that it was refused."""
    contact = town.contact(portfolio_id="portfolio-2")
    stranger = Manager(id="manager-9", portfolio_id="portfolio-1")

    for act in (town.auth.activation.issue, town.auth.activation.dissociate, town.auth.password_reset.set_password):
        refusal_of(partial(act, contact.id, by=stranger))

    assert [(event.outcome, event.reason, event.actor) for event in town.audit.events] == [
        (Outcome.REFUSED, "not_allowed", "manager-9")
    ] * 3


class _Flaky:
    """Stands before a unit of work or a repository; its ``n``-th call of a repository fails."""

    def __init__(self, inner: object, countdown: list[int]) -> None:
        self._inner = inner
        self._countdown = countdown

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        return self._guarded(found) if callable(found) else _Flaky(found, self._countdown)

    def _guarded(self, call: Callable[..., object]) -> Callable[..., object]:
        def guarded(*args: object, **kwargs: object) -> object:
            self._countdown[0] -= 1
            if self._countdown[0] == 0:
                raise OSError("the disk is full")
            return call(*args, **kwargs)

        return guarded


class _FlakyStore(MemoryStore):
    """A store whose repositories fail once, at a call of the test's choice."""

    countdown: list[int]

    @contextmanager
    def reading(self) -> Iterator[Any]:
        with super().reading() as work:
            yield _Flaky(work, self.countdown)

    @contextmanager
    def writing(self) -> Iterator[Any]:
        with super().writing() as work:
            yield _Flaky(work, self.countdown)


def _ways_in(town: Town, code: str, link: str) -> dict[str, Callable[[], object]]:
    auth, source = town.auth, town.source
    session = town.log_in(JEANNE).token
    return {
        "log_in": lambda: town.log_in(JEANNE),
        "activate": lambda: auth.activation.activate(code=code, email=JEANNE, password=PASSWORD, source=source),
        "link": lambda: auth.activation.link(session, code=code, source=source),
        "reauthenticate": lambda: auth.login.reauthenticate(session, password=PASSWORD, source=source),
        "change_password": lambda: auth.login.change_password(
            session, current_password=PASSWORD, new_password=_OTHER, source=source
        ),
        "redeem": lambda: auth.password_reset.redeem(link, new_password=_OTHER, source=source),
    }


@pytest.mark.parametrize("name", ["log_in", "activate", "link", "reauthenticate", "change_password", "redeem"])
def test_v16_5_3_whatever_call_of_the_store_fails_no_session_opens(name: str) -> None:
    """Each call in turn, until a use case gets through: before that it raises, and leaves all as it was."""
    for failing in range(1, 60):
        store = _FlakyStore()
        store.countdown = [0]
        town = Town.found(store=store)
        town.move_in()
        code, link = town.code_for(town.contact()), town.reset_token()
        call = _ways_in(town, code, link)[name]
        before = _kept(store)
        store.countdown[0] = failing

        try:
            call()
        except OSError:
            store.countdown[0] = 0
            assert _kept(store) == before
            continue
        assert store.countdown[0] > 0, "a failure was swallowed"
        assert failing > 2
        return
    raise AssertionError("no end was reached")


def _kept(store: Store) -> tuple[object, ...]:
    """Return what somebody could get in with: the login as it is, its sessions, and its accounts."""
    with store.reading() as work:
        identity = work.identities.by_email(JEANNE)
        assert identity is not None
        digests = {session.digest for session in work.sessions.of(identity.id)}
        return identity, digests, tuple(work.links.contacts_of(identity.id))


def test_v14_1_1_every_table_is_among_what_is_kept() -> None:
    """A new table fails here until it is written down what is in it, what guards it and when it goes."""
    page = (Path(__file__).parents[2] / "docs" / "explanation" / "standards.md").read_text("utf-8")
    section = page.partition("\n## What is kept\n")[2].partition("\n## ")[0]

    tables = {field.name for field in attrs.fields(Tables)} - {"prefix"}

    assert [name for name in sorted(tables) if f"`{name}`" not in section] == []
