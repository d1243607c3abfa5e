"""The use cases that change something, each ready to be run, with what it is to leave."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import attrs
from tests.faults.states import State

from coproauth import Refused
from coproauth.core.messages import ConfirmEmailMessage
from coproauth.testing import Sandbox
from coproauth.testing.sandbox import PASSWORD

JEANNE = "jeanne@example.fr"
NEW_EMAIL = "jeanne.roche@example.fr"
NEW_PASSWORD = "encore une girafe bleue"


@attrs.frozen(kw_only=True)
class Deed:
    """A use case that is ready to be run.

    Attributes:
        act: runs it.
        before: what the database holds now.
        after: what it holds once it was run.
        repeated: the reason of the refusal if it is run a second time; None if that succeeds and changes nothing.
        ended: the token of a session that it ends.
        opens: e-mail and password that open a session afterwards; None if nothing does without a further step.
    """

    act: Callable[[], object]
    before: State
    after: State
    repeated: str | None
    ended: str | None = None
    opens: tuple[str, str] | None = (JEANNE, PASSWORD)


def ask_for_digits(town: Sandbox) -> Deed:
    """Begin an activation: digits go to the new address."""
    code = town.code_for(town.contact())
    return Deed(
        act=partial(town.auth.activation.activate, code=code, email=JEANNE, password=PASSWORD, source=town.source),
        before=State(codes=(("Jeanne Roche", "standing"),)),
        after=State(codes=(("Jeanne Roche", "proof asked"),), mail=(("email_proof", JEANNE),)),
        repeated="email_proof_required",
        opens=None,
    )


def activate(town: Sandbox) -> Deed:
    """Open a login."""
    code = town.code_for(town.contact())
    _ask(town, code)
    act = partial(
        town.auth.activation.activate,
        code=code,
        email=JEANNE,
        password=PASSWORD,
        email_code=town.digits_for(JEANNE),
        source=town.source,
    )
    return Deed(
        act=act,
        before=State(codes=(("Jeanne Roche", "proof asked"),)),
        after=_activated(mail=(("activation_notice", JEANNE),)),
        repeated="email_already_registered",
    )


def join(town: Sandbox) -> Deed:
    """Add a second property to a login, by code, e-mail and password."""
    _move_in(town)
    code = town.code_for(town.contact("Jeanne Roche-Petit", condominium="Les Pins"))
    standing = (("Jeanne Roche", f"used by {JEANNE}"), ("Jeanne Roche-Petit", "standing"))
    used = (("Jeanne Roche", f"used by {JEANNE}"), ("Jeanne Roche-Petit", f"used by {JEANNE}"))
    return Deed(
        act=partial(town.auth.activation.activate, code=code, email=JEANNE, password=PASSWORD, source=town.source),
        before=_activated(codes=standing),
        after=_activated(
            codes=used,
            links=(("Jeanne Roche", JEANNE), ("Jeanne Roche-Petit", JEANNE)),
            sessions=((JEANNE, 1), (JEANNE, 1)),
            mail=(("account_added", JEANNE),),
        ),
        repeated="email_already_registered",
    )


def redeem(town: Sandbox) -> Deed:
    """Follow a reset link."""
    session = _move_in(town)
    town.auth.password_reset.request(email=JEANNE, source=town.source)
    token = town.reset_token_for(JEANNE)
    return Deed(
        act=partial(town.auth.password_reset.redeem, token, new_password=NEW_PASSWORD, source=town.source),
        before=_activated(),
        after=_activated(logins=((JEANNE, 2, True, False),), sessions=(), mail=(("password_changed", JEANNE),)),
        repeated="link_invalid",
        ended=session,
        opens=(JEANNE, NEW_PASSWORD),
    )


def set_password(town: Sandbox) -> Deed:
    """Let the manager set a password to hand over; a second one is another."""
    contact = town.contact()
    session = town.activate(contact, JEANNE).token
    town.auth.deliver_mail()
    return Deed(
        act=partial(town.auth.password_reset.set_password, contact.id, by=town.manager, new_password=NEW_PASSWORD),
        before=_activated(),
        after=_activated(logins=((JEANNE, 2, True, True),), sessions=(), mail=(("temporary_password_set", JEANNE),)),
        repeated=None,
        ended=session,
        opens=None,
    )


def change_password(town: Sandbox) -> Deed:
    """Change one's own password."""
    session = _move_in(town)
    act = partial(
        town.auth.login.change_password,
        session,
        current_password=PASSWORD,
        new_password=NEW_PASSWORD,
        source=town.source,
    )
    return Deed(
        act=act,
        before=_activated(),
        after=_activated(
            logins=((JEANNE, 2, True, False),), sessions=((JEANNE, 2),), mail=(("password_changed", JEANNE),)
        ),
        repeated="session_refused",
        ended=session,
        opens=(JEANNE, NEW_PASSWORD),
    )


def confirm_email(town: Sandbox) -> Deed:
    """Follow the link that makes another address the login's."""
    session = _move_in(town)
    town.auth.login.change_email(session, new_email=NEW_EMAIL, current_password=PASSWORD, source=town.source)
    (link,) = [mail.url for mail in town.mail_to(NEW_EMAIL) if isinstance(mail, ConfirmEmailMessage)]
    return Deed(
        act=partial(town.auth.login.confirm_email, link.rpartition("/")[2], source=town.source),
        before=_activated(),
        after=State(
            logins=((NEW_EMAIL, 2, True, False),),
            links=(("Jeanne Roche", NEW_EMAIL),),
            codes=(("Jeanne Roche", f"used by {NEW_EMAIL}"),),
            mail=(("email_changed", JEANNE),),
        ),
        repeated="link_invalid",
        ended=session,
        opens=(NEW_EMAIL, PASSWORD),
    )


def dissociate(town: Sandbox) -> Deed:
    """Let the manager take a contact off its login."""
    contact = town.contact()
    session = town.activate(contact, JEANNE).token
    town.auth.deliver_mail()
    return Deed(
        act=partial(town.auth.activation.dissociate, contact.id, by=town.manager),
        before=_activated(),
        after=_activated(links=(), sessions=(), mail=(("account_removed", JEANNE),)),
        repeated=None,
        ended=session,
    )


DEEDS = (ask_for_digits, activate, join, redeem, set_password, change_password, confirm_email, dissociate)


def reason_of(call: Callable[[], object]) -> str | None:
    """Return the reason of the refusal that a call is answered with, or None."""
    try:
        call()
    except Refused as refused:
        return refused.reason
    return None


def _activated(**others: object) -> State:
    """Return what is there once Jeanne has a login, and her mail was delivered; some of it otherwise."""
    usual = State(
        logins=((JEANNE, 1, True, False),),
        links=(("Jeanne Roche", JEANNE),),
        codes=(("Jeanne Roche", f"used by {JEANNE}"),),
        sessions=((JEANNE, 1),),
    )
    return attrs.evolve(usual, **others)  # type: ignore[arg-type]


def _move_in(town: Sandbox) -> str:
    """Return the token of Jeanne's session, once she has a login and her mail."""
    token = town.activate(town.contact(), JEANNE).token
    town.auth.deliver_mail()
    return token


def _ask(town: Sandbox, code: str) -> None:
    reason = reason_of(
        lambda: town.auth.activation.activate(code=code, email=JEANNE, password=PASSWORD, source=town.source)
    )
    assert reason == "email_proof_required"
