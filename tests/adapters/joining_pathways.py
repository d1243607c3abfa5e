"""Every pathway whose success joins the unit of work that it ends with, one act for each way to take it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TypeAlias

import attrs
import pytest
from tests.town import JEANNE, Town

from coproauth import EmailProofRequired, PasswordChangeRequired, Pathway
from coproauth.core.messages import ConfirmEmailMessage
from coproauth.testing.sandbox import PASSWORD

Act: TypeAlias = Callable[[], object]

_OTHER = "deux nuages sous la pluie"
_NEW = "new@example.fr"


@attrs.frozen
class Joining:
    """A way to take a pathway to its success.

    Attributes:
        prepare: does what comes before, and returns the act itself; Jeanne has a login.
    """

    pathway: Pathway
    prepare: Callable[[Town], Act]

    def __str__(self) -> str:
        """Return what the case is called."""
        return self.prepare.__name__.strip("_")


def _issue(town: Town) -> Act:
    contact = town.contact()
    return lambda: town.auth.activation.issue(contact.id, by=town.manager)


def _issue_all(town: Town) -> Act:
    contact = town.contact()
    return lambda: town.auth.activation.issue_all(contact.account.condominium_id, by=town.manager)


def _activate(town: Town) -> Act:
    code, source = town.code_for(town.contact()), town.source
    with suppress(EmailProofRequired):
        town.auth.activation.activate(code=code, email=_NEW, password=PASSWORD, source=source)
    digits = town.digits_for(_NEW)
    return lambda: town.auth.activation.activate(
        code=code, email=_NEW, password=PASSWORD, email_code=digits, source=source
    )


def _add_to_a_login(town: Town) -> Act:
    code = town.code_for(town.contact())
    return lambda: town.auth.activation.activate(code=code, email=JEANNE, password=PASSWORD, source=town.source)


def _link(town: Town) -> Act:
    session, code = town.log_in(JEANNE).token, town.code_for(town.contact())
    return lambda: town.auth.activation.link(session, code=code, source=town.source)


def _dissociate(town: Town) -> Act:
    contact = town.contact()
    town.activate(contact, JEANNE)
    return lambda: town.auth.activation.dissociate(contact.id, by=town.manager)


def _log_in(town: Town) -> Act:
    return lambda: town.log_in(JEANNE)


def _log_out(town: Town) -> Act:
    session = town.log_in(JEANNE).token
    return lambda: town.auth.login.log_out(session)


def _log_out_everywhere(town: Town) -> Act:
    session = town.log_in(JEANNE).token
    return lambda: town.auth.login.log_out_everywhere(session)


def _log_out_elsewhere(town: Town) -> Act:
    session = town.log_in(JEANNE).token
    return lambda: town.auth.login.log_out_elsewhere(session)


def _end_session(town: Town) -> Act:
    session = town.log_in(JEANNE).token
    handle = town.auth.login.sessions(session)[-1].handle
    return lambda: town.auth.login.end_session(session, handle=handle)


def _reauthenticate(town: Town) -> Act:
    session = town.log_in(JEANNE).token
    return lambda: town.auth.login.reauthenticate(session, password=PASSWORD, source=town.source)


def _change_password(town: Town) -> Act:
    session = town.log_in(JEANNE).token
    return lambda: town.auth.login.change_password(
        session, current_password=PASSWORD, new_password=_OTHER, source=town.source
    )


def _choose_password(town: Town) -> Act:
    contact = town.contact()
    town.activate(contact, JEANNE)
    temporary = town.auth.password_reset.set_password(contact.id, by=town.manager).password
    with pytest.raises(PasswordChangeRequired) as required:
        town.log_in(JEANNE, password=temporary)
    token = required.value.token
    return lambda: town.auth.login.choose_password(token, new_password=_OTHER, source=town.source)


def _change_email(town: Town) -> Act:
    session = town.log_in(JEANNE).token
    return lambda: town.auth.login.change_email(session, new_email=_NEW, current_password=PASSWORD, source=town.source)


def _confirm_email(town: Town) -> Act:
    _change_email(town)()
    token = town.mail(ConfirmEmailMessage)[-1].url.rpartition("/")[2]
    return lambda: town.auth.login.confirm_email(token, source=town.source)


def _request(town: Town) -> Act:
    return lambda: town.auth.password_reset.request(email=JEANNE, source=town.source)


def _redeem(town: Town) -> Act:
    token = town.reset_token()
    return lambda: town.auth.password_reset.redeem(token, new_password=_OTHER, source=town.source)


def _send_link(town: Town) -> Act:
    contact = town.contact()
    town.activate(contact, JEANNE)
    return lambda: town.auth.password_reset.send_link(contact.id, by=town.manager)


def _set_password(town: Town) -> Act:
    contact = town.contact()
    town.activate(contact, JEANNE)
    return lambda: town.auth.password_reset.set_password(contact.id, by=town.manager)


def _switch(town: Town) -> Act:
    contact = town.contact()
    session = town.activate(contact, JEANNE)
    (other,) = [account for account in session.session.accounts if account.id != contact.account.id]
    return lambda: town.auth.accounts.switch(session.token, account_id=other.id)


def _retry(town: Town) -> Act:
    town.give_up_a_mail("lost")
    return lambda: town.auth.waiting_mail.retry("lost")


def _retry_all(town: Town) -> Act:
    town.give_up_a_mail("lost")
    return town.auth.waiting_mail.retry_all


def _drop(town: Town) -> Act:
    town.give_up_a_mail("lost")
    return lambda: town.auth.waiting_mail.drop("lost")


JOINING = (
    Joining(Pathway.CODE_ISSUED, _issue),
    Joining(Pathway.CODE_ISSUED, _issue_all),
    Joining(Pathway.ACTIVATED, _activate),
    Joining(Pathway.ACTIVATED, _add_to_a_login),
    Joining(Pathway.ACCOUNT_LINKED, _link),
    Joining(Pathway.CONTACT_DISSOCIATED, _dissociate),
    Joining(Pathway.LOGGED_IN, _log_in),
    Joining(Pathway.LOGGED_OUT, _log_out),
    Joining(Pathway.SESSIONS_ENDED, _log_out_everywhere),
    Joining(Pathway.SESSIONS_ENDED, _log_out_elsewhere),
    Joining(Pathway.SESSIONS_ENDED, _end_session),
    Joining(Pathway.REAUTHENTICATED, _reauthenticate),
    Joining(Pathway.PASSWORD_CHANGED, _change_password),
    Joining(Pathway.PASSWORD_CHOSEN, _choose_password),
    Joining(Pathway.EMAIL_CHANGE_REQUESTED, _change_email),
    Joining(Pathway.EMAIL_CHANGED, _confirm_email),
    Joining(Pathway.RESET_REQUESTED, _request),
    Joining(Pathway.PASSWORD_RESET, _redeem),
    Joining(Pathway.RESET_LINK_SENT, _send_link),
    Joining(Pathway.TEMPORARY_PASSWORD_SET, _set_password),
    Joining(Pathway.ACCOUNT_SWITCHED, _switch),
    Joining(Pathway.MAIL_RETRIED, _retry),
    Joining(Pathway.MAIL_RETRIED, _retry_all),
    Joining(Pathway.MAIL_DROPPED, _drop),
)

APART = {
    Pathway.ACTIVATIONS_LISTED,  # writes nothing
    Pathway.CODE_PREVIEWED,
    Pathway.PERSONAL_DATA_EXPORTED,
    Pathway.PURGED,  # many short transactions, and what became of each login
    Pathway.IDLE_LOGIN_WARNED,
    Pathway.IDLE_LOGIN_REMOVED,
    Pathway.LOGIN_ERASED,
    Pathway.CONTACTS_IMPORTED,
}
"""The pathways that end with no unit of work of their own."""
