"""What the right or the wrong password leads to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import attrs
import pytest

from coproauth.core.identities import Identity
from coproauth.core.login import Decision, DemandNewPassword, OpenSession, RefuseLogin, decide_login

_AT = datetime(2026, 1, 1, 8, tzinfo=UTC)
_OWN = Identity(
    id="identity-1",
    email="jeanne@example.fr",
    email_key="jeanne@example.fr",
    password_hash="$argon2id$...",
    credential_stamp=1,
    temporary_until=None,
    last_account_id=None,
    locale="fr",
    created_at=_AT,
    last_login_at=_AT,
)
_TEMPORARY = attrs.evolve(_OWN, temporary_until=_AT + timedelta(seconds=1))
_EXPIRED = attrs.evolve(_OWN, temporary_until=_AT)


@pytest.mark.parametrize(
    ("identity", "password_fits", "decision"),
    [
        (None, False, RefuseLogin()),
        (None, True, RefuseLogin()),
        (_OWN, False, RefuseLogin()),
        (_OWN, True, OpenSession(_OWN)),
        (_TEMPORARY, False, RefuseLogin()),
        (_TEMPORARY, True, DemandNewPassword(_TEMPORARY)),
        (_EXPIRED, False, RefuseLogin()),
        (_EXPIRED, True, RefuseLogin()),
    ],
)
def test_every_case(identity: Identity | None, password_fits: bool, decision: Decision) -> None:  # noqa: FBT001
    """A session for one's own password, a new choice for a manager's until it is too old, and else one refusal."""
    assert decide_login(identity, password_fits=password_fits, at=_AT) == decision


def test_a74_the_password_hash_does_not_show() -> None:
    """A-74: no hash in a log line or a traceback."""
    assert "argon2" not in repr(_OWN)
