"""What the right or the wrong password of a login leads to."""

from __future__ import annotations

from datetime import datetime

import attrs

from coproauth.core.identities import Identity


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
