"""Pages: login, logout, the choice of a password after a temporary one, and the language of the pages."""

from __future__ import annotations

import re

from starlette.responses import Response

from coproauth.core.sessions import SignedIn
from coproauth.errors import (
    ActivationRefused,
    InvalidInput,
    LoginRefused,
    PasswordChangeRequired,
    PasswordRejected,
    ResetRefused,
    Throttled,
)
from coproauth.portal.addresses import AT_LOGIN, AT_RESET_REQUEST, forget_typed
from coproauth.portal.links import LinkCookie
from coproauth.portal.visits import Page, Visit

_CHOOSE_PASSWORD = LinkCookie(path="/choose-password")
_OWN_PATH = re.compile(r"/|(/[A-Za-z0-9_-][A-Za-z0-9_.~-]*)+")
_PATH_MAX_LENGTH = 400  # characters


def _show_login(visit: Visit) -> Response:
    if visit.session:
        return visit.redirect("/")
    AT_LOGIN.fill_in(visit)
    return AT_LOGIN.drop(visit, visit.render("login.html"))


def _log_in(visit: Visit) -> Response:
    if missing := visit.missing("email", "password"):
        response = visit.render("login.html", status=422, faults=missing)
        return AT_RESET_REQUEST.keep(visit, response, visit.field("email"))
    try:
        signed_in = visit.auth.login.log_in(
            email=visit.field("email"), password=visit.field("password"), source=visit.source
        )
    except PasswordChangeRequired as required:
        return ask_for_own_password(visit, required)
    except (LoginRefused, InvalidInput, Throttled) as refusal:
        response = visit.refuse("login.html", refusal)
        return AT_RESET_REQUEST.keep(visit, response, visit.field("email"))
    return forget_typed(visit, visit.sign_in(signed_in))


def _log_out(visit: Visit) -> Response:
    return forget_typed(visit, visit.sign_out(notice="logged_out"))


def ask_for_own_password(visit: Visit, required: PasswordChangeRequired) -> Response:
    """Lead from a temporary password to the choice of one's own; the e-mail and any code typed go along in the form."""
    visit.back = _CHOOSE_PASSWORD.path
    response = visit.render("choose_password.html")
    return _CHOOSE_PASSWORD.keep(visit, response, required.token, lifetime=visit.auth.policy.choose_password_lifetime)


def _show_choose_password(visit: Visit) -> Response:
    if not _CHOOSE_PASSWORD.token(visit):
        return visit.redirect("/login")
    return visit.render("choose_password.html")


def _choose_password(visit: Visit) -> Response:
    if missing := visit.missing("new_password"):
        return visit.render("choose_password.html", status=422, faults=missing)
    try:
        signed_in = visit.auth.login.choose_password(
            _CHOOSE_PASSWORD.token(visit), new_password=visit.field("new_password"), source=visit.source
        )
    except ResetRefused:
        return _CHOOSE_PASSWORD.drop(visit, visit.redirect("/login", notice="choose_password_expired"))
    except (PasswordRejected, InvalidInput, Throttled) as refusal:
        return visit.refuse("choose_password.html", refusal)
    was_activating = bool(visit.field("code"))
    response = _link(visit, signed_in) if was_activating else visit.sign_in(signed_in, notice="password_chosen")
    return _CHOOSE_PASSWORD.drop(visit, forget_typed(visit, response))


def _link(visit: Visit, signed_in: SignedIn) -> Response:
    """Go on where the temporary password interrupted an activation: its code is not typed again."""
    try:
        linked = visit.auth.activation.link(signed_in.token, code=visit.field("code"), source=visit.source)
    except (ActivationRefused, InvalidInput, Throttled) as refusal:
        visit.go_on_as(signed_in, back="/accounts/add")
        return visit.keep_session(visit.refuse("add_account.html", refusal), signed_in)
    return visit.sign_in(linked, notice="account_added")


def _come_back(visit: Visit) -> Response:
    """Show the page on which a language was chosen: one without a form to lose."""
    return visit.redirect(own_path(visit.field("path")))


def own_path(typed: str) -> str:
    """Return a path if it is a plain one of this site, else that of the home page (ASVS V3.7.2)."""
    return typed if len(typed) <= _PATH_MAX_LENGTH and _OWN_PATH.fullmatch(typed) else "/"


PAGES = (
    Page(path="/login", get=_show_login, post=_log_in, again=_show_login),
    Page(path="/logout", post=_log_out, back="/"),
    Page(path="/choose-password", get=_show_choose_password, post=_choose_password, again=_show_choose_password),
    Page(path="/locale", post=_come_back, again=_come_back, back="/"),
)
