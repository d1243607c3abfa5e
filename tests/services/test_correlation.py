"""What belongs to one request carries one id, said once by whoever serves it."""

from __future__ import annotations

import asyncio
import contextvars
from concurrent.futures import ThreadPoolExecutor

from tests.town import JEANNE, Town, refusal_of

from coproauth import Pathway, correlated, current_correlation_id


def _ids(town: Town) -> list[str | None]:
    return [event.correlation_id for event in town.audit.events]


def _fail_to_log_in(town: Town) -> None:
    refusal_of(lambda: town.log_in(JEANNE))


def test_a_block_gives_its_id_to_all_that_happens_inside(town: Town) -> None:
    """What persons do and what managers do: neither says anything more than before."""
    contact = town.contact()
    with correlated("request-1"):
        town.code_for(contact)
        _fail_to_log_in(town)

    assert _ids(town) == ["request-1", "request-1"]


def test_the_host_can_read_the_id(town: Town) -> None:
    """Its log says of a request what the trail says, also where a middleware drew the id."""
    with correlated("request-\N{SNOWMAN}"):
        _fail_to_log_in(town)
        assert _ids(town) == [current_correlation_id()] == ["request-?"]

    assert current_correlation_id() is None


def test_without_a_block_each_attempt_has_an_id_of_its_own(town: Town) -> None:
    """128 random bits, so that no two are one; the one before is forgotten."""
    with correlated("request-1"):
        _fail_to_log_in(town)
    _fail_to_log_in(town)
    _fail_to_log_in(town)

    first, second, third = _ids(town)
    assert first == "request-1"
    assert second is not None
    assert third is not None
    assert len(second) == len(third) == 32
    assert second != third


def test_the_outer_block_holds_again_after_the_inner(town: Town) -> None:
    """A job that calls another one is not lost."""
    with correlated("job"):
        with correlated("part"):
            _fail_to_log_in(town)
        _fail_to_log_in(town)

    assert _ids(town) == ["part", "job"]


def test_an_empty_id_is_none(town: Town) -> None:
    """A proxy that sends an empty header leaves the trail as it would be without."""
    with correlated(""):
        _fail_to_log_in(town)

    assert len(town.audit.events[0].correlation_id or "") == 32


def test_a84_an_id_from_outside_is_a_bounded_word(town: Town) -> None:
    """A-84: no line ends, no escapes, and it fits the table."""
    with correlated("a\r\n\x1b[2J\u202e" + "x" * 100):
        _fail_to_log_in(town)

    assert _ids(town) == ["a???[2J?" + "x" * 56]


def test_threads_have_ids_of_their_own(town: Town) -> None:
    """Requests that are served side by side are not mixed up."""

    def serve(number: int) -> None:
        with correlated(f"request-{number}"):
            for _ in range(3):
                refusal_of(lambda: town.log_in(f"person{number}@example.fr"))

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(serve, range(4)))

    by_subject = {(event.subject, event.correlation_id) for event in town.audit.events}
    assert len(by_subject) == 4


def test_a_thread_of_an_asyncio_task_has_the_tasks_id(town: Town) -> None:
    """As in a web framework that calls the services in its thread pool."""

    async def serve() -> None:
        with correlated("request-1"):
            await asyncio.to_thread(_fail_to_log_in, town)

    asyncio.run(serve())

    assert _ids(town) == ["request-1"]


def test_a_context_that_was_copied_keeps_the_id(town: Town) -> None:
    """What a request starts and does not wait for belongs to it, too."""
    with correlated("request-1"):
        copied = contextvars.copy_context()

    copied.run(_fail_to_log_in, town)

    assert _ids(town) == ["request-1"]


def test_what_a_purge_does_to_many_logins_has_its_id(town: Town) -> None:
    """One run, one id."""
    town.move_in()
    town.move_in("marc@example.fr")
    town.audit.events.clear()
    town.later(days=710)

    town.auth.maintenance.purge()

    assert {event.pathway for event in town.audit.events} == {Pathway.IDLE_LOGIN_WARNED, Pathway.PURGED}
    assert len(town.audit.events) == 3
    assert len(set(_ids(town))) == 1
