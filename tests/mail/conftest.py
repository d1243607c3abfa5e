"""One sample of every message."""

from __future__ import annotations

from datetime import UTC, date, datetime

import attrs
import pytest

from coproauth.core.messages import (
    AccountAddedMessage,
    AccountRemovedMessage,
    ActivationNoticeMessage,
    ConfirmEmailMessage,
    EmailChangedMessage,
    EmailChangeRequestedMessage,
    EmailProofMessage,
    IdleWarningMessage,
    LoginAfterFailuresMessage,
    Message,
    NewDeviceMessage,
    PasswordChangedMessage,
    ResetLinkMessage,
    TemporaryPasswordSetMessage,
    UnknownAddressMessage,
)
from coproauth.policy import LOCALES

TO = "marie.lefevre@example.fr"
BASE = "https://app.example.fr"
OPENED = datetime(2026, 11, 23, 13, 5, tzinfo=UTC)

SAMPLES: tuple[Message, ...] = (
    EmailProofMessage(to=TO, locale="fr", code="204817", condominium_name="Les Lilas"),
    ResetLinkMessage(to=TO, locale="fr", url=f"{BASE}/reset/eyJh?a=1&b=2"),
    UnknownAddressMessage(to=TO, locale="fr", url=f"{BASE}/activate"),
    PasswordChangedMessage(to=TO, locale="fr", url=f"{BASE}/forgotten-password"),
    TemporaryPasswordSetMessage(to=TO, locale="fr", url=f"{BASE}/forgotten-password"),
    ActivationNoticeMessage(to=TO, locale="fr", contact_name="Marie Lefèvre", condominium_name="Les Lilas"),
    AccountAddedMessage(to=TO, locale="fr", condominium_name="Les Lilas"),
    AccountRemovedMessage(to=TO, locale="fr", condominium_name="Les Lilas"),
    ConfirmEmailMessage(to=TO, locale="fr", url=f"{BASE}/email/eyJh?a=1&b=2"),
    EmailChangeRequestedMessage(to=TO, locale="fr", url=f"{BASE}/forgotten-password"),
    EmailChangedMessage(to=TO, locale="fr"),
    IdleWarningMessage(to=TO, locale="fr", url=f"{BASE}/login", log_in_before=date(2027, 3, 1)),
    NewDeviceMessage(to=TO, locale="fr", url=f"{BASE}/forgotten-password", opened_at=OPENED, browser="Firefox, Linux"),
    LoginAfterFailuresMessage(to=TO, locale="fr", url=f"{BASE}/forgotten-password", opened_at=OPENED, browser=""),
)


@pytest.fixture(params=[pytest.param(sample, id=type(sample).__name__) for sample in SAMPLES])
def sample(request: pytest.FixtureRequest) -> Message:
    """Each kind of message in turn, in French."""
    message: Message = request.param
    return message


@pytest.fixture(params=LOCALES)
def message(request: pytest.FixtureRequest, sample: Message) -> Message:
    """Each kind of message in each language in turn."""
    return attrs.evolve(sample, locale=request.param)
