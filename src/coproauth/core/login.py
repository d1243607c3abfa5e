"""What the right or the wrong password of a login leads to."""

from __future__ import annotations

from datetime import datetime

import attrs

from coproauth.core.identities import Identity
from coproauth.core.messages import MailKind
from coproauth.policy import Policy


@attrs.frozen
class RefuseLogin:
    """No session; the cause is not told."""


@attrs.frozen
class DemandNewPassword:
    """The password is one that a manager set."""

    identity: Identity


@attrs.frozen
class OpenSession:
    """The password is the person's own."""

    identity: Identity


Decision = RefuseLogin | DemandNewPassword | OpenSession


def decide_login(identity: Identity | None, *, password_fits: bool, at: datetime) -> Decision:
    """Decide one attempt to log in, or to continue with a password.

    1. No such login and a wrong password are one and the same refusal (ASVS V6.3.8).
    2. A password set by a manager opens nothing but the choice of another, and not for ever (ASVS V6.4.1).
    """
    if identity is None or not password_fits:
        return RefuseLogin()
    if identity.temporary_until is None:
        return OpenSession(identity)
    if at >= identity.temporary_until:
        return RefuseLogin()
    return DemandNewPassword(identity)


def decide_notice(*, failures: int, is_known: bool, policy: Policy) -> MailKind | None:
    """Decide what the owner is told of a login by mail, once (ASVS V6.3.5).

    Args:
        failures: on the login, since its password was last right.
        is_known: whether it was opened in this browser before; also where the host cannot tell.
        policy: after how many failures it is told.
    """
    if failures >= policy.notice_after_failures:
        return MailKind.LOGIN_AFTER_FAILURES
    return None if is_known else MailKind.NEW_DEVICE
