"""The trail as lines of JSON: one line an event, in ASCII, whatever a browser sent (A-84, ASVS V16.4.1)."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, timedelta, timezone

import attrs
import pytest
from tests.town import JEANNE, Town, refusal_of

from coproauth import ActorKind, AuditEvent, Outcome, Pathway, Source
from coproauth.adapters.logging import LoggingAudit

NOON = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
_EVENT = AuditEvent(
    at=NOON,
    pathway=Pathway.LOGGED_IN,
    outcome=Outcome.REFUSED,
    reason="login_refused",
    actor_kind=ActorKind.PERSON,
    subject="identity-1",
    address="192.0.2.1",
    user_agent="Browser",
    correlation_id="request-1",
)


@pytest.fixture
def town(caplog: pytest.LogCaptureFixture) -> Town:
    """A town whose trail is logged."""
    caplog.set_level(logging.INFO)
    return Town.found(audit=LoggingAudit())


def test_a_line_holds_the_event_and_its_name_in_the_vocabulary(caplog: pytest.LogCaptureFixture) -> None:
    """Every key, and nothing else."""
    caplog.set_level(logging.INFO)

    LoggingAudit().record(_EVENT)

    (record,) = caplog.records
    assert (record.name, record.levelname) == ("coproauth.audit", "INFO")
    assert json.loads(record.getMessage()) == {
        "event": "authn_login_fail",
        "at": "2026-03-01T12:30:00+00:00",
        "pathway": "logged_in",
        "outcome": "refused",
        "reason": "login_refused",
        "actor_kind": "person",
        "actor": None,
        "subject": "identity-1",
        "address": "192.0.2.1",
        "user_agent": "Browser",
        "correlation_id": "request-1",
    }


def test_instants_are_told_in_utc(caplog: pytest.LogCaptureFixture) -> None:
    """ASVS V16.2.2: also where the host's clock has another zone."""
    caplog.set_level(logging.INFO)
    in_paris = NOON.astimezone(timezone(timedelta(hours=1)))

    LoggingAudit().record(attrs.evolve(_EVENT, at=in_paris))

    assert json.loads(caplog.messages[0])["at"] == "2026-03-01T12:30:00+00:00"


def test_what_nobody_expected_is_an_error(caplog: pytest.LogCaptureFixture) -> None:
    """ASVS V16.3.4: it wakes somebody up."""
    LoggingAudit().record(attrs.evolve(_EVENT, outcome=Outcome.FAILED, reason="OSError"))

    (record,) = caplog.records
    assert record.levelname == "ERROR"


def test_a84_a_hostile_browser_writes_one_line(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    """Line ends, escapes and text turned around: in the address that is typed, the user agent, the code."""
    hostile = 'x\r\n\x1b[2J\u202e\u2028"}'
    source = Source(f"192.0.2.1{hostile}", user_agent=hostile)
    login, activation = town.auth.login, town.auth.activation

    refusal_of(lambda: login.log_in(email=f"jeanne{hostile}@example.fr", password=hostile, source=source))
    refusal_of(lambda: activation.preview(hostile, source=source))
    refusal_of(lambda: activation.issue(f"contact{hostile}", by=town.manager))

    assert len(caplog.messages) == 3
    for line in caplog.messages:
        assert line.isascii()
        assert line.isprintable()
        assert json.loads(line)["outcome"] == "refused"


def test_what_is_held_off_or_malformed_is_on_record(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    """ASVS V16.3.3: attempts to get around the throttle and the checks of input show by their names."""
    refusal_of(lambda: town.auth.password_reset.request(email="no address", source=town.source))
    while refusal_of(lambda: town.log_in(JEANNE))[1] != "throttled":
        pass

    names = [json.loads(line)["event"] for line in caplog.messages]
    assert names[0] == "input_validation_fail"
    assert set(names[1:-1]) == {"authn_login_fail"}
    assert names[-1] == "authn_login_fail_max"
