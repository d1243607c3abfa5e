"""Pages: home with the active account, and the selection of another."""

from __future__ import annotations

from starlette.responses import Response

from coproauth.errors import SwitchRefused
from coproauth.portal.visits import Page, Visit


def _show_home(visit: Visit) -> Response:
    session = visit.require_session()
    if session.active_account is None:
        return visit.render("add_account.html")
    overview = visit.portal.overview
    return visit.render(
        "home.html",
        account=session.active_account,
        overview=overview(session.active_account) if overview else None,
    )


def _select(visit: Visit) -> Response:
    try:
        signed_in = visit.auth.accounts.switch(visit.session_token, account_id=visit.field("account_id"))
    except SwitchRefused:
        return visit.redirect("/", notice="switch_refused")
    return visit.sign_in(signed_in)


PAGES = (
    Page(path="/", get=_show_home),
    Page(path="/accounts/select", post=_select, back="/"),
)
