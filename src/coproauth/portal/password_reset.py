"""Pages: asking for a reset link, and choosing a new password with it."""

from __future__ import annotations

from starlette.responses import Response

from coproauth.errors import InvalidInput, PasswordRejected, Refused, ResetRefused, Throttled
from coproauth.portal.addresses import AT_LOGIN, AT_RESET_REQUEST
from coproauth.portal.links import LinkCookie
from coproauth.portal.visits import Page, Visit

_RESET = LinkCookie(path="/reset")


def _show_request(visit: Visit) -> Response:
    AT_RESET_REQUEST.fill_in(visit)
    return AT_RESET_REQUEST.drop(visit, visit.render("forgotten_password.html"))


def _request(visit: Visit) -> Response:
    if missing := visit.missing("email"):
        return visit.render("forgotten_password.html", status=422, faults=missing)
    try:
        visit.auth.password_reset.request(email=visit.field("email"), source=visit.source)
    except (InvalidInput, Throttled) as refusal:
        return visit.refuse("forgotten_password.html", refusal)
    return visit.redirect("/forgotten-password/sent")


def _show_sent(visit: Visit) -> Response:
    return visit.render("reset_sent.html")


def _follow(visit: Visit) -> Response:
    token = visit.request.path_params["token"]
    return _RESET.follow(visit, token, lifetime=visit.auth.policy.reset_link_lifetime)


def _show_reset(visit: Visit) -> Response:
    return _ask_for_password(visit)


def _ask_for_password(visit: Visit, refusal: Refused | None = None) -> Response:
    try:
        email = visit.auth.password_reset.inspect(_RESET.token(visit)).email
    except ResetRefused as void:
        return _void(visit, void)
    if refusal is None:
        return visit.render("reset.html", email=email)
    return visit.refuse("reset.html", refusal, email=email)


def _reset(visit: Visit) -> Response:
    token = _RESET.token(visit)
    try:
        email = visit.auth.password_reset.inspect(token).email
        if missing := visit.missing("new_password"):
            return visit.render("reset.html", status=422, faults=missing, email=email)
        visit.auth.password_reset.redeem(token, new_password=visit.field("new_password"), source=visit.source)
    except ResetRefused as refusal:
        return _void(visit, refusal)
    except (PasswordRejected, InvalidInput, Throttled) as refusal:
        return _ask_for_password(visit, refusal)
    response = AT_RESET_REQUEST.drop(visit, visit.sign_out(notice="password_reset"))
    return _RESET.drop(visit, AT_LOGIN.keep(visit, response, email))


def _void(visit: Visit, refusal: ResetRefused) -> Response:
    return _RESET.drop(visit, visit.refuse("link_void.html", refusal, is_reset=True))


PAGES = (
    Page(path="/forgotten-password", get=_show_request, post=_request, again=_show_request),
    Page(path="/forgotten-password/sent", get=_show_sent),
    Page(path="/reset", get=_show_reset, post=_reset, again=_show_reset),
    Page(path="/reset/{token:path}", get=_follow, back="/"),
)
