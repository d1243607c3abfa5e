"""Whether mail can be sent, and is."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator, Sequence
from contextlib import closing

from sqlalchemy.exc import DBAPIError

from coproauth.adapters.smtp import SmtpMailer
from coproauth.commands.doctor.database import missing_file
from coproauth.commands.doctor.findings import Finding, bad, good
from coproauth.configuration import Configuration
from coproauth.core.messages import Intention
from coproauth.core.outbox import MAILS_LOOKED_AT, Backlog
from coproauth.errors import ConfigurationError, Unavailable
from coproauth.ports import Clock

_COURIERS = {
    "smtp": "run 'coproauth deliver' as a service",
    "host": "have the host run a courier of its own",
}


def examine(configuration: Configuration, clock: Clock) -> Iterator[Finding]:
    """Yield what is found."""
    yield _smtp(configuration.smtp) if configuration.mail == "smtp" else good("smtp", "mail is the host's")
    yield from _outbox(configuration, clock)


def _smtp(mailer: SmtpMailer | None) -> Finding:
    """Go as far with the mail server as can be gone without sending anything."""
    if mailer is None:
        return bad("smtp", "not configured", advice='add a table [smtp], or say mail = "host" if the host sends it')
    try:
        with closing(mailer._connect()) as smtp:  # noqa: SLF001 - what it does before the first mail, and no mail
            smtp.ehlo_or_helo_if_needed()
            smtp.quit()
    except smtplib.SMTPAuthenticationError as error:
        return bad("smtp", f"the login is refused ({error.smtp_code})", advice="correct username and password")
    except (smtplib.SMTPException, OSError) as error:
        advice = "see that host, port and security are right, and that the network lets you through"
        return bad("smtp", f"{mailer.host}:{mailer.port} {_told(error)}", advice=advice)
    return good("smtp", f"{mailer.host}:{mailer.port} {'takes our login' if mailer.username else 'answers'}")


def _told(error: Exception) -> str:
    """Return what went wrong; nothing that the server wrote, which may quote what it was sent."""
    return getattr(error, "strerror", None) or type(error).__name__


def _outbox(configuration: Configuration, clock: Clock) -> Iterator[Finding]:
    mails = _waiting(configuration)
    if mails is None:
        yield bad("outbox", "it cannot be read", advice="repair the database first")
        return
    backlog = Backlog.of(mails, at=clock.now(), policy=configuration.policy)
    yield _punctuality(backlog, configuration, clock)
    yield _given_up(backlog)


def _waiting(configuration: Configuration) -> Sequence[Intention] | None:
    try:
        if missing_file(configuration):
            return None
        with configuration.store().reading() as work:
            return work.outbox.waiting(limit=MAILS_LOOKED_AT)
    except (ConfigurationError, ModuleNotFoundError, Unavailable, DBAPIError):
        return None


def _punctuality(backlog: Backlog, configuration: Configuration, clock: Clock) -> Finding:
    """Tell whether anybody delivers: what is due does not wait longer than a courier may hold it."""
    overdue = [mail for mail in backlog.due if clock.now() - mail.due_at > configuration.policy.mail_lease]
    if overdue:
        return bad("outbox", f"{len(overdue)} mails wait for a courier", advice=_COURIERS[configuration.mail])
    return good("outbox", f"{len(backlog.due)} mails are due, {len(backlog.later)} wait for their time")


def _given_up(backlog: Backlog) -> Finding:
    if backlog.given_up:
        advice = "see why by 'coproauth outbox', then retry or drop them"
        return bad("outbox", f"{len(backlog.given_up)} mails were given up", advice=advice)
    return good("outbox", "no mail was given up")
