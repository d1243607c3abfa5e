"""Every pathway that anybody may call, as a table: which secrets it takes, and which of them works once."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from coproauth.testing.ledger import Kind
from coproauth.testing.sandbox import Sandbox


@attrs.frozen(kw_only=True)
class Form:
    """What somebody fills in.

    Attributes:
        secrets: out of his purse, in the order in which the way takes them; empty where he has none.
    """

    secrets: tuple[str, ...]
    email: str
    new_password: str
    account_id: str


@attrs.frozen
class Way:
    """A pathway that anybody may call.

    Attributes:
        takes: what its secrets were made for.
        spends: the place of the one that works once.
        proves: the place of the password that is asked for.
    """

    call: Callable[[Sandbox, Form], object]
    takes: tuple[Kind, ...] = ()
    spends: int | None = None
    proves: int | None = None


def _activate(town: Sandbox, form: Form) -> object:
    code, password, digits = form.secrets
    return town.auth.activation.activate(
        code=code, email=form.email, password=password, email_code=digits or None, source=town.source
    )


def _change_password(town: Sandbox, form: Form) -> object:
    token, password = form.secrets
    return town.auth.login.change_password(
        token, current_password=password, new_password=form.new_password, source=town.source
    )


def _change_email(town: Sandbox, form: Form) -> None:
    token, password = form.secrets
    town.auth.login.change_email(token, new_email=form.email, current_password=password, source=town.source)


WAYS = {
    "activate": Way(_activate, (Kind.CODE, Kind.PASSWORD, Kind.DIGITS), spends=0, proves=1),
    "link": Way(
        lambda town, form: town.auth.activation.link(form.secrets[0], code=form.secrets[1], source=town.source),
        (Kind.SESSION, Kind.CODE),
        spends=1,
    ),
    "log_in": Way(
        lambda town, form: town.auth.login.log_in(email=form.email, password=form.secrets[0], source=town.source),
        (Kind.PASSWORD,),
        proves=0,
    ),
    "session": Way(lambda town, form: town.auth.login.session(form.secrets[0]), (Kind.SESSION,)),
    "switch": Way(
        lambda town, form: town.auth.accounts.switch(form.secrets[0], account_id=form.account_id), (Kind.SESSION,)
    ),
    "log_out": Way(lambda town, form: town.auth.login.log_out(form.secrets[0]), (Kind.SESSION,)),
    "reauthenticate": Way(
        lambda town, form: town.auth.login.reauthenticate(
            form.secrets[0], password=form.secrets[1], source=town.source
        ),
        (Kind.SESSION, Kind.PASSWORD),
        proves=1,
    ),
    "change_password": Way(_change_password, (Kind.SESSION, Kind.PASSWORD), proves=1),
    "change_email": Way(_change_email, (Kind.SESSION, Kind.PASSWORD)),
    "confirm_email": Way(
        lambda town, form: town.auth.login.confirm_email(form.secrets[0], source=town.source), (Kind.CONFIRM,), spends=0
    ),
    "choose_password": Way(
        lambda town, form: town.auth.login.choose_password(
            form.secrets[0], new_password=form.new_password, source=town.source
        ),
        (Kind.CHOOSE,),
        spends=0,
    ),
    "request": Way(lambda town, form: town.auth.password_reset.request(email=form.email, source=town.source)),
    "redeem": Way(
        lambda town, form: town.auth.password_reset.redeem(
            form.secrets[0], new_password=form.new_password, source=town.source
        ),
        (Kind.RESET,),
        spends=0,
    ),
}
