"""Mail that waits, in the hands of an operator: what there is, and what becomes of what was given up."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from coproauth.core.accounts import parse_id
from coproauth.core.audit import Pathway
from coproauth.core.identities import EmailAddress
from coproauth.core.messages import Intention
from coproauth.core.outbox import MAILS_LOOKED_AT, Backlog
from coproauth.ports import UnitOfWork
from coproauth.services.service import Service


@attrs.frozen(kw_only=True)
class WaitingMail(Service):
    """Tells what waits to be sent; has mail that was given up tried again, or forgets it.

    No courier touches what was given up, so a step reads nothing and waits for nobody.
    """

    def backlog(self) -> Backlog:
        """Return the mail that waits, by what is to happen with it; of more than 10 000 the oldest.

        Raises:
            Unavailable: the store is away.
        """
        mails = self._look(lambda work: work.outbox.waiting(limit=MAILS_LOOKED_AT))
        return Backlog.of(mails, at=self.clock.now(), policy=self.policy)

    def retry(self, mail_id: str, *, operator: str | None = None) -> bool:
        """Have a mail that was given up tried again from now on, with all its tries before it; False if it was not.

        Args:
            mail_id: of the mail.
            operator: the id of who asks for it, for the audit trail.

        Raises:
            InvalidInput: an id is none at all.
        """
        return self._act_on_one(Pathway.MAIL_RETRIED, mail_id, operator, self._retry)

    def retry_all(self, *, operator: str | None = None) -> int:
        """Have every mail that was given up tried again, and return how many; each is on record by itself.

        Args:
            operator: the id of who asks for it, for the audit trail.

        Raises:
            InvalidInput: the operator's id is none at all.
        """
        given_up = self.backlog().given_up
        for mail in given_up:
            self._act(Pathway.MAIL_RETRIED, mail, operator, self._retry)
        return len(given_up)

    def drop(self, mail_id: str, *, operator: str | None = None) -> bool:
        """Forget a mail that was given up; False if it was not.

        Args:
            mail_id: of the mail.
            operator: the id of who asks for it, for the audit trail.

        Raises:
            InvalidInput: an id is none at all.
        """
        return self._act_on_one(Pathway.MAIL_DROPPED, mail_id, operator, _drop)

    def _act_on_one(
        self, pathway: Pathway, mail_id: str, operator: str | None, step: Callable[[UnitOfWork, Intention], None]
    ) -> bool:
        wanted = parse_id(mail_id, field="mail_id")
        mail = next((mail for mail in self.backlog().given_up if mail.id == wanted), None)
        if mail is None:
            return False
        self._act(pathway, mail, operator, step)
        return True

    def _act(
        self, pathway: Pathway, mail: Intention, operator: str | None, step: Callable[[UnitOfWork, Intention], None]
    ) -> None:
        with self._attempts.by_operator(pathway, operator) as attempt:
            attempt.subject = mail.identity_id or self._pseudonym(EmailAddress.parse(mail.to))
            self._conclude(attempt, lambda work: step(work, mail))

    def _retry(self, work: UnitOfWork, mail: Intention) -> None:
        work.outbox.postpone(mail.id, due_at=self.clock.now(), tries=0, failure=mail.failure)


def _drop(work: UnitOfWork, mail: Intention) -> None:
    work.outbox.done(mail.id)
