"""A-32, ASVS V16.2.5: whatever happens, no secret and no address is in what was written down about it.

Every pathway is taken to every end that it has, with marked secrets. A new pathway fails here until it is on the stage.
"""

from __future__ import annotations

import json
import logging
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import attrs
import pytest
from tests.engines import adapters_on
from tests.services.canaries import (
    FAULT,
    JEANNE,
    MARKS,
    NAME,
    PASSWORD,
    PEPPER,
    ROW,
    Stage,
    end,
    faults,
    refusals,
    succeed,
)
from tests.town import SECRET_KEY

from coproauth import Outcome, Pathway
from coproauth.adapters.pepper import PepperedHasher
from coproauth.adapters.smtp import SmtpMailer
from coproauth.configuration import Configuration, RedisSettings
from coproauth.core.audit import AuditEvent

_PARTS_OF_A_PURGE = {Pathway.IDLE_LOGIN_WARNED, Pathway.IDLE_LOGIN_REMOVED}
_NEVER_REFUSED = _PARTS_OF_A_PURGE | {
    Pathway.PURGED,
    Pathway.PERSONAL_DATA_EXPORTED,
    Pathway.LOGIN_ERASED,
    Pathway.CONTACTS_IMPORTED,
    Pathway.MAIL_RETRIED,
    Pathway.MAIL_DROPPED,
}

_CONFIGURATION = Configuration(
    database="postgresql://portal:perruche@db.example.fr/portal",
    portal_url="https://portal.example.fr",
    secret_keys=(SECRET_KEY,),
    peppers=(PEPPER,),
    smtp=SmtpMailer(host="smtp.example.fr", sender="syndic@example.fr", username="mailer", password="perruche"),
    redis=RedisSettings(url="redis://:perruche@redis.example.fr"),
)


@attrs.frozen
class Played:
    """What is left after the play."""

    stage: Stage
    log: str

    @property
    def events(self) -> list[AuditEvent]:
        """The trail."""
        return self.stage.town.audit.events


@pytest.fixture(scope="module", params=["memory", "sqlite"])
def played(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """Everything, once; with all that was logged meanwhile, at the most talkative level that may be used."""
    folder = tmp_path_factory.mktemp("canaries")
    with (
        _listening() as lines,
        adapters_on("sqlite", request, folder) as trail,
        adapters_on(request.param, request, folder) as adapters,
    ):
        stage = Stage.set(adapters.store, trail.engine)
        _play(stage)
        yield Played(stage, "\n".join(lines))


def _play(stage: Stage) -> None:
    used = succeed(stage)
    for refuse in refusals(stage, used).values():
        stage.refused(refuse)
    for call, good in faults(stage, used).values():
        stage.failed(call, good=good)
    _break_elsewhere(stage)
    end(stage)


def _break_elsewhere(stage: Stage) -> None:
    """Break the import, the hasher and the mailer, too."""
    with pytest.raises(OSError, match="serin"):
        stage.importer().carry_out([ROW], codes=None, advance=_break)
    stage.town.hasher.meanwhile = _break
    with pytest.raises(OSError, match="serin"):
        stage.town.log_in(JEANNE, password=PASSWORD)
    stage.town.auth.password_reset.request(email=JEANNE, source=stage.town.source)
    stage.mailer.is_broken = True
    stage.town.auth.deliver_mail()


def _break(*_: object) -> None:
    raise OSError(FAULT)


@contextmanager
def _listening() -> Iterator[list[str]]:
    """Note every line of every log, SQLAlchemy's among them."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.setFormatter(logging.Formatter("%(name)s %(message)s"))
    handler.emit = lambda record: lines.append(handler.format(record))  # type: ignore[method-assign]
    levels = {logging.getLogger(): logging.DEBUG, logging.getLogger("sqlalchemy.engine"): logging.INFO}
    before = {logger: logger.level for logger in levels}
    for logger, level in levels.items():
        logger.setLevel(level)
    logging.getLogger().addHandler(handler)
    yield lines
    logging.getLogger().removeHandler(handler)
    for logger, level in before.items():
        logger.setLevel(level)


def _leaks(text: str, stage: Stage, *more: str) -> list[str]:
    """Return the secrets that are in a text; six digits only where they stand alone."""
    secrets = {*MARKS, *more, *stage.drawn}
    long = [secret for secret in secrets if not secret.isdigit() and secret.lower() in text.lower()]
    return long + [digits for digits in secrets if digits.isdigit() and re.search(rf"\b{digits}\b", text)]


class TestStage:
    """The play is the whole play."""

    @pytest.mark.parametrize(
        ("outcome", "pathways"),
        [
            (Outcome.SUCCEEDED, set(Pathway)),
            (Outcome.REFUSED, set(Pathway) - _NEVER_REFUSED),
            (Outcome.FAILED, set(Pathway) - _PARTS_OF_A_PURGE),
        ],
    )
    def test_every_pathway_comes_to_every_end(self, played: Played, outcome: Outcome, pathways: set[Pathway]) -> None:
        """Failures of a part of a purge are the purge's."""
        assert {event.pathway for event in played.events if event.outcome is outcome} == pathways

    def test_secrets_were_drawn(self, played: Played) -> None:
        """What is looked for is there to be found: codes, digits, links, sessions, devices, temporary passwords."""
        assert len(set(played.stage.drawn)) >= 20
        assert all(len(secret) >= 6 for secret in played.stage.drawn)
        assert _leaks(f"a {played.stage.drawn[0]} {JEANNE.title()}", played.stage) != []

    def test_much_was_logged(self, played: Played) -> None:
        """The logs are listened to: the trail's, the courier's, and each statement on SQLite."""
        for name in ("coproauth.audit", "coproauth.courier", "sqlalchemy.engine"):
            assert f"\n{name}" in played.log


class TestSinks:
    """Nothing is in the trail, wherever it is kept, nor in any log."""

    def test_a32_no_event_shows_a_secret(self, played: Played) -> None:
        """Neither secret, address nor name."""
        assert _leaks(repr(played.events), played.stage, "@", NAME) == []

    def test_no_line_of_json_shows_a_secret(self, played: Played) -> None:
        """One line for each event, which says the same."""
        lines = [line.partition(" ")[2] for line in played.log.splitlines() if line.startswith("coproauth.audit ")]

        assert [json.loads(line)["correlation_id"] for line in lines] == [e.correlation_id for e in played.events]
        assert _leaks("\n".join(lines), played.stage, "@", NAME) == []

    def test_no_row_shows_a_secret(self, played: Played) -> None:
        """One row for each event that was not purged."""
        rows = played.stage.rows()

        assert len(rows) == len(played.events)
        assert _leaks(repr(rows), played.stage, "@", NAME) == []

    def test_a32_no_logger_is_told_a_secret(self, played: Played) -> None:
        """Also when the store, the hasher or the mailer breaks in words that are full of them."""
        assert _leaks(played.log, played.stage, NAME) == []


class TestValues:
    """What is handed out or raised can be logged by mistake without harm."""

    def test_a74_no_value_shows_a_secret(self, played: Played) -> None:
        """Whatever the services returned, and the services themselves; every mail; what holds keys and passwords."""
        auth = played.stage.town.auth
        services = (auth, auth.activation, auth.login, auth.password_reset, auth.accounts, auth.personal_data)
        values = [
            *played.stage.values,
            *played.stage.mailer.sent,
            *services,
            auth.maintenance,
            auth.waiting_mail,
            auth.courier,
            auth.keyring,
        ]

        values += [PepperedHasher(played.stage.town.hasher, peppers=[PEPPER]), _CONFIGURATION, _CONFIGURATION.redis]

        leaks = {type(value).__name__: _leaks(f"{value!r} {value}", played.stage) for value in values}
        assert {kind: found for kind, found in leaks.items() if found} == {}

    def test_a74_no_refusal_shows_a_secret(self, played: Played) -> None:
        """Text, arguments and trace (ASVS V16.5.1)."""
        shown = [f"{error!r} {error} {error.args}" for error in played.stage.raised]
        traces = ["".join(traceback.format_exception(error)) for error in played.stage.raised]

        assert len(shown) >= len(Pathway) - len(_NEVER_REFUSED)
        assert [text for text in [*shown, *traces] if _leaks(text, played.stage)] == []
