"""Pages of the person who is logged in: sessions, password, e-mail."""

from __future__ import annotations

from contextlib import suppress

from starlette.responses import Response

from coproauth.errors import (
    InvalidInput,
    PasswordRejected,
    ReauthenticationRequired,
    ResetRefused,
    SessionRefused,
    Throttled,
)
from coproauth.portal.addresses import AT_LOGIN, AT_RESET_REQUEST, forget_typed
from coproauth.portal.links import LinkCookie
from coproauth.portal.visits import Page, Visit

_CONFIRM_EMAIL = LinkCookie(path="/email")


def _show_sessions(visit: Visit) -> Response:
    visit.require_session()
    return visit.render("sessions.html", sessions=visit.auth.login.sessions(visit.session_token))


def _end_session(visit: Visit) -> Response:
    visit.require_session()
    with suppress(SessionRefused):  # whether one's own holds, the list that follows finds out
        visit.auth.login.end_session(visit.session_token, handle=visit.field("handle"))
    return visit.redirect("/profile/sessions", notice="session_closed")


def _end_all_sessions(visit: Visit) -> Response:
    visit.auth.login.log_out_everywhere(visit.session_token)
    return forget_typed(visit, visit.sign_out(notice="logged_out_everywhere"))


def _end_other_sessions(visit: Visit) -> Response:
    visit.auth.login.log_out_elsewhere(visit.session_token)
    return visit.redirect("/profile/sessions", notice="logged_out_elsewhere")


def _show_password(visit: Visit) -> Response:
    visit.require_session()
    return visit.render("change_password.html")


def _change_password(visit: Visit) -> Response:
    visit.require_session()
    if missing := visit.missing("current_password", "new_password"):
        return visit.render("change_password.html", status=422, faults=missing)
    try:
        signed_in = visit.auth.login.change_password(
            visit.session_token,
            current_password=visit.field("current_password"),
            new_password=visit.field("new_password"),
            source=visit.source,
        )
    except (ReauthenticationRequired, PasswordRejected, InvalidInput, Throttled) as refusal:
        return visit.refuse("change_password.html", refusal)
    return visit.sign_in(signed_in, notice="password_changed")


def _show_email(visit: Visit) -> Response:
    visit.require_session()
    return visit.render("change_email.html")


def _change_email(visit: Visit) -> Response:
    visit.require_session()
    if missing := visit.missing("new_email", "current_password"):
        return visit.render("change_email.html", status=422, faults=missing)
    try:
        visit.auth.login.change_email(
            visit.session_token,
            new_email=visit.field("new_email"),
            current_password=visit.field("current_password"),
            source=visit.source,
        )
    except (ReauthenticationRequired, InvalidInput, Throttled) as refusal:
        return visit.refuse("change_email.html", refusal)
    return visit.redirect("/", notice="email_change_requested")


def _follow(visit: Visit) -> Response:
    token = visit.request.path_params["token"]
    return _CONFIRM_EMAIL.follow(visit, token, lifetime=visit.auth.policy.email_link_lifetime)


def _show_confirm(visit: Visit) -> Response:
    token = _CONFIRM_EMAIL.token(visit)
    if not token:
        return visit.redirect("/")
    try:
        return visit.render("confirm_email.html", new_email=visit.auth.login.inspect_email(token))
    except ResetRefused as refusal:
        return _void(visit, refusal)


def _confirm(visit: Visit) -> Response:
    token = _CONFIRM_EMAIL.token(visit)
    try:
        email = visit.auth.login.inspect_email(token)
        visit.auth.login.confirm_email(token, source=visit.source)
    except ResetRefused as refusal:
        return _void(visit, refusal)
    response = AT_RESET_REQUEST.drop(visit, visit.sign_out(notice="email_changed"))
    return _CONFIRM_EMAIL.drop(visit, AT_LOGIN.keep(visit, response, email))


def _void(visit: Visit, refusal: ResetRefused) -> Response:
    return _CONFIRM_EMAIL.drop(visit, visit.refuse("link_void.html", refusal, is_reset=False))


PAGES = (
    Page(path="/profile/sessions", get=_show_sessions),
    Page(path="/profile/sessions/end", post=_end_session, back="/profile/sessions"),
    Page(path="/profile/sessions/end-others", post=_end_other_sessions, back="/profile/sessions"),
    Page(path="/profile/sessions/end-all", post=_end_all_sessions, back="/profile/sessions"),
    Page(path="/profile/password", get=_show_password, post=_change_password, again=_show_password),
    Page(path="/profile/email", get=_show_email, post=_change_email, again=_show_email),
    Page(path="/email", get=_show_confirm, post=_confirm),
    Page(path="/email/{token:path}", get=_follow, back="/"),
)
