"""What becomes of mail that waits: due, for later, or given up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import attrs

from coproauth.core.messages import Intention
from coproauth.policy import Policy

MAILS_LOOKED_AT = 10_000  # more than anyone reads; the oldest come first, and with them what was given up


def is_given_up(intention: Intention, policy: Policy) -> bool:
    """Whether a mail was tried as often as the policy allows: no courier takes it again."""
    return intention.tries >= policy.mail_tries


@attrs.frozen(kw_only=True)
class Backlog:
    """The mail that waits, by what is to happen with it.

    Attributes:
        due: to be sent now.
        later: to be tried at its time, or in somebody's hand.
        given_up: tried as often as the policy allows; no courier takes it again.
    """

    due: tuple[Intention, ...]
    later: tuple[Intention, ...]
    given_up: tuple[Intention, ...]

    @classmethod
    def of(cls, mails: Sequence[Intention], *, at: datetime, policy: Policy) -> Backlog:
        """Sort the mail that waits."""
        tried = [mail for mail in mails if not is_given_up(mail, policy)]
        return cls(
            due=tuple(mail for mail in tried if mail.due_at <= at),
            later=tuple(mail for mail in tried if mail.due_at > at),
            given_up=tuple(mail for mail in mails if is_given_up(mail, policy)),
        )
