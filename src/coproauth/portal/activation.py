"""Pages of onboarding: the code, then e-mail and password, then the six digits; and adding an account when logged in.

The code travels from step to step in the forms, never in an address. The password does not travel: it is typed again
with the six digits, and compared with what was typed before by a keyed hash, so that no page ever contains it.
"""

from __future__ import annotations

from starlette.responses import Response

from coproauth.core.activation import ActivationPreview
from coproauth.errors import (
    ActivationRefused,
    EmailAlreadyRegistered,
    EmailProofRequired,
    InvalidInput,
    PasswordChangeRequired,
    PasswordRejected,
    Refused,
    Throttled,
)
from coproauth.portal.addresses import forget_typed, keep_typed
from coproauth.portal.login import ask_for_own_password
from coproauth.portal.refusals import Fault
from coproauth.portal.visits import Page, Visit


def _show_code(visit: Visit) -> Response:
    return visit.redirect("/accounts/add") if visit.session else visit.render("activate_code.html")


def _enter_code(visit: Visit) -> Response:
    if missing := visit.missing("code"):
        return visit.render("activate_code.html", status=422, faults=missing)
    try:
        preview = visit.auth.activation.preview(visit.field("code"), source=visit.source)
    except ActivationRefused as refusal:
        if refusal.reason == "code_already_used":
            return _ask_for_login(visit, preview=None)
        return visit.refuse("activate_code.html", refusal)
    except (InvalidInput, Throttled) as refusal:
        return visit.refuse("activate_code.html", refusal)
    return _ask_for_login(visit, preview=preview)


def _ask_for_login(visit: Visit, *, preview: ActivationPreview | None) -> Response:
    return visit.render("activate_login.html", preview=preview)


def _correct_address(visit: Visit) -> Response:
    return _ask_for_login(visit, preview=_preview(visit))


def _activate(visit: Visit) -> Response:
    """Take e-mail and password; also asks for six new digits."""
    if missing := visit.missing("email", "new_password"):
        return _ask_for_missing(visit, missing)
    try:
        signed_in = visit.auth.activation.activate(
            code=visit.field("code"),
            email=visit.field("email"),
            password=visit.field("new_password"),
            source=visit.source,
        )
    except EmailProofRequired:
        visit.form.pop("email_code", None)  # that of the message before
        return visit.render("activate_proof.html", typed_before=_fingerprint(visit))
    except PasswordChangeRequired as required:
        return ask_for_own_password(visit, required)
    except Refused as refusal:
        return _refuse(visit, refusal)
    return forget_typed(visit, visit.sign_in(signed_in, notice="account_added"))


def _ask_for_missing(visit: Visit, missing: list[Fault]) -> Response:
    """Show the form that was sent: whoever has new digits sent has typed all but the password, one step before."""
    typed_before = visit.field("typed_before")
    if typed_before and [fault.field for fault in missing] == ["new_password"]:
        fault = Fault(key="activate.resend_password", field="new_password")
        return visit.render("activate_proof.html", status=422, faults=[fault], typed_before=typed_before)
    return visit.render("activate_login.html", status=422, faults=missing, preview=_preview(visit))


def _ask_for_proof(visit: Visit) -> Response:
    return visit.render("activate_proof.html", typed_before=visit.field("typed_before"))


def _prove_address(visit: Visit) -> Response:
    if missing := visit.missing("email_code", "new_password"):
        return visit.render("activate_proof.html", status=422, faults=missing, typed_before=visit.field("typed_before"))
    if not visit.portal.web.is_signed("typed", _typed(visit), visit.field("typed_before")):
        fault = Fault(key="activate.passwords_differ", field="new_password")
        return visit.render("activate_proof.html", status=422, faults=[fault], typed_before=visit.field("typed_before"))
    try:
        signed_in = visit.auth.activation.activate(
            code=visit.field("code"),
            email=visit.field("email"),
            password=visit.field("new_password"),
            email_code=visit.field("email_code"),
            source=visit.source,
        )
    except (EmailProofRequired, Throttled) as refusal:
        return visit.refuse("activate_proof.html", refusal, typed_before=visit.field("typed_before"))
    except PasswordChangeRequired as required:
        return ask_for_own_password(visit, required)
    except Refused as refusal:
        return _refuse(visit, refusal)
    return forget_typed(visit, visit.sign_in(signed_in, notice="activated"))


def _refuse(visit: Visit, refusal: Refused) -> Response:
    """Show the step that can mend what was refused."""
    match refusal:
        case EmailAlreadyRegistered():
            response = visit.refuse("activate_login.html", refusal, preview=_preview(visit))
            return keep_typed(visit, response, visit.field("email"))
        case PasswordRejected() | InvalidInput(field="email" | "password") | Throttled():
            return visit.refuse("activate_login.html", refusal, preview=_preview(visit))
        case _:
            return visit.refuse("activate_code.html", refusal)


def _preview(visit: Visit) -> ActivationPreview | None:
    try:
        return visit.auth.activation.preview(visit.field("code"), source=visit.source)
    except Refused:
        return None


def _typed(visit: Visit) -> str:
    return visit.portal.web.form_token(visit.request) + visit.field("new_password")


def _fingerprint(visit: Visit) -> str:
    return visit.portal.web.sign("typed", _typed(visit))


def _show_add(visit: Visit) -> Response:
    visit.require_session()
    return visit.render("add_account.html")


def _add(visit: Visit) -> Response:
    visit.require_session()
    if missing := visit.missing("code"):
        return visit.render("add_account.html", status=422, faults=missing)
    try:
        signed_in = visit.auth.activation.link(visit.session_token, code=visit.field("code"), source=visit.source)
    except (ActivationRefused, InvalidInput, Throttled) as refusal:
        return visit.refuse("add_account.html", refusal)
    return visit.sign_in(signed_in, notice="account_added")


PAGES = (
    Page(path="/activate", get=_show_code, post=_enter_code, again=_show_code),
    Page(path="/activate/login", post=_activate, again=_correct_address, back="/activate"),
    Page(path="/activate/address", post=_correct_address, again=_correct_address, back="/activate"),
    Page(path="/activate/proof", post=_prove_address, again=_ask_for_proof, back="/activate"),
    Page(path="/accounts/add", get=_show_add, post=_add, again=_show_add),
)
