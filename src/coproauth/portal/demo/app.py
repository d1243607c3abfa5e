"""Opens the demonstration: a database, the portal over it, and the pages that only a demonstration has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import attrs
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from coproauth.adapters.sqlalchemy import StandaloneDirectory
from coproauth.core.accounts import Account, Condominium, Manager
from coproauth.facade import Coproauth
from coproauth.integrations.starlette import WebAuth
from coproauth.policy import Policy
from coproauth.portal.app import create_portal
from coproauth.portal.demo.database import DemoDatabase
from coproauth.portal.demo.files import key_file, require_own, told_in_words, written_whole
from coproauth.portal.demo.hints import Hint, find_hints
from coproauth.portal.demo.mailbox import Mailbox
from coproauth.portal.demo.samples import sample_overview
from coproauth.portal.demo.seed import seed
from coproauth.portal.demo.states import states_of
from coproauth.portal.demo.town import FIRMS, PASSWORD, SITUATIONS, Firm
from coproauth.portal.desk import Desk
from coproauth.portal.overviews import Overview
from coproauth.portal.visits import Page, Visit

_BY_MANAGER = {firm.manager_id: firm for firm in FIRMS}
_TOOLS = (("/demo", "demo.guide"), ("/demo/mailbox", "demo.mailbox"), ("/desk", "demo.desk"))


@attrs.frozen(kw_only=True)
class Demo:
    """The demonstration, opened.

    Attributes:
        app: to be served at the address it was opened for.
        hints: what to try.
        password: of every login that is activated.
    """

    app: Starlette
    auth: Coproauth
    mailbox: Mailbox
    directory: StandaloneDirectory
    hints: tuple[Hint, ...]
    password: str = attrs.field(default=PASSWORD, repr=False)


@contextmanager
def open_demo(path: Path, *, portal_url: str, policy: Policy | None = None, reset: bool = False) -> Iterator[Demo]:
    """Open the demonstration on a SQLite file for as long as the block lasts.

    A file that is not there is made and filled, and seen only once it is whole; one that is there is left as the
    visitor left it, unless ``reset`` replaces it.

    Raises:
        DatabaseRefused: the file is out of reach, or not one of the demonstration.
    """
    policy = policy or Policy()
    with ExitStack() as stack:
        with told_in_words(path):
            _make_ready(path, portal_url=portal_url, policy=policy, reset=reset)
            opened = DemoDatabase.opened(path, secret_key=key_file(path).read_bytes())
            database = stack.enter_context(opened)
            database.store.create_tables()  # those that an older release made are brought up to date
            hints = find_hints(database, portal_url=portal_url, policy=policy)
        yield _open(database, hints, portal_url=portal_url, policy=policy)


def _make_ready(path: Path, *, portal_url: str, policy: Policy, reset: bool) -> None:
    if path.exists():
        require_own(path)
        if not reset:
            return
    with (
        written_whole(path) as draft,
        DemoDatabase.opened(draft, secret_key=key_file(draft).read_bytes()) as database,
    ):
        seed(database, portal_url=portal_url, policy=policy)


def _open(database: DemoDatabase, hints: tuple[Hint, ...], *, portal_url: str, policy: Policy) -> Demo:
    mailbox = Mailbox()
    auth = database.wire(portal_url=portal_url, policy=policy, mailer=mailbox)
    host = _Host(directory=database.directory, web=WebAuth(auth), hints=hints)
    pages = (*host.pages(), *mailbox.pages())
    app = create_portal(auth, desk=host.desk, overview=host.overview, extra_pages=pages, tools=_TOOLS)
    app.user_middleware.append(Middleware(_OwnHost, portal_url=portal_url))
    return Demo(app=app, auth=auth, mailbox=mailbox, directory=database.directory, hints=hints)


@attrs.frozen(kw_only=True)
class _Host:
    """Stands in for the host software: its managers, its documents, and the deletion of a condominium."""

    directory: StandaloneDirectory
    web: WebAuth
    hints: tuple[Hint, ...]

    @property
    def desk(self) -> Desk:
        return Desk(
            manager=self._manager,
            condominiums=lambda manager: self.directory.condominiums(manager.portfolio_id),
            firm=lambda manager: _BY_MANAGER[manager.id].name,
            entrance="/demo#managers",
        )

    def overview(self, account: Account) -> Overview:
        base = urlsplit(self.web.auth.portal_url).path
        return sample_overview(account, url=lambda path: base + path)

    def pages(self) -> tuple[Page, ...]:
        return (
            Page(path="/demo", get=self._show_guide),
            Page(path="/demo/manager", post=self._choose_manager, back="/demo"),
            Page(path="/demo/manager/leave", post=self._leave, back="/demo"),
            Page(path="/demo/condominiums/remove", post=self._remove_condominium, back="/demo"),
            Page(path="/demo/documents/{account_id}/{place}", get=self._show_document),
        )

    def _firm(self, request: Request) -> Firm | None:
        manager_id, _, signature = (self.web.read_cookie(request, "manager") or "").partition(".")
        firm = _BY_MANAGER.get(manager_id)
        return firm if firm and self.web.is_signed("manager", manager_id, signature) else None

    def _manager(self, request: Request) -> Manager | None:
        firm = self._firm(request)
        return Manager(id=firm.manager_id, portfolio_id=firm.portfolio_id) if firm else None

    def _condominiums(self) -> list[Condominium]:
        """Return all, the latest first: the guide proposes the first for deletion, and few situations live in that."""
        return [row for firm in FIRMS for row in self.directory.condominiums(firm.portfolio_id)][::-1]

    def _show_guide(self, visit: Visit) -> Response:
        return visit.render(
            "demo/guide.html",
            logins=[hint for hint in self.hints if hint.code is None],
            codes=[hint for hint in self.hints if hint.code],
            states=states_of(self.hints, self.web.auth),
            situations=SITUATIONS,
            password=PASSWORD,
            firms=FIRMS,
            chosen=self._firm(visit.request),
            condominiums=self._condominiums(),
        )

    def _choose_manager(self, visit: Visit) -> Response:
        manager_id = visit.field("manager_id")
        if manager_id not in _BY_MANAGER:
            raise HTTPException(400)
        response = visit.redirect("/desk")
        self.web.set_cookie(response, "manager", f"{manager_id}.{self.web.sign('manager', manager_id)}")
        return response

    def _leave(self, visit: Visit) -> Response:
        response = visit.redirect("/demo")
        self.web.delete_cookie(response, "manager")
        return response

    def _remove_condominium(self, visit: Visit) -> Response:
        wanted = [row for row in self._condominiums() if row.id == visit.field("condominium_id")]
        for condominium in wanted:
            self.directory.remove_condominium(condominium.id)
        return visit.redirect("/demo", notice="condominium_removed" if wanted else None)

    def _show_document(self, visit: Visit) -> Response:
        """Show a sample file to whom its account is active for: the authorisation is the host's own matter."""
        session, wanted = visit.require_session(), visit.request.path_params
        account = next((row for row in session.accounts if row.id == wanted["account_id"]), None)
        if account is None:
            raise HTTPException(404)
        if account != session.active_account:  # switched to another, in another window
            return visit.render("demo/other_account.html", status=409, account=account)
        for place, document in enumerate(self.overview(account).documents):
            if str(place) == wanted["place"]:
                return visit.render("demo/document.html", account=account, document=document)
        raise HTTPException(404)


class _OwnHost:
    """ASGI middleware: answers nobody who calls this machine by another name than the demonstration's own.

    A page elsewhere could have its name point here, and then read what its visitor sees (DNS rebinding).
    """

    def __init__(self, app: ASGIApp, *, portal_url: str) -> None:
        self._app = app
        self._home = f"{portal_url}/"
        self._host = urlsplit(portal_url).netloc
        self._alias = self._host.replace("127.0.0.1", "localhost", 1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._choose(scope)(scope, receive, send)

    def _choose(self, scope: Scope) -> ASGIApp:
        host = Headers(scope=scope).get("host", "").lower() if scope["type"] == "http" else self._host
        if host == self._host:
            return self._app
        if host == self._alias:
            return RedirectResponse(self._home, status_code=303)
        return PlainTextResponse(f"The demonstration is at {self._home}\n", status_code=421)
