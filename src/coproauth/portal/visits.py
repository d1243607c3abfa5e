"""One request to the portal: who asks, in which language, with what, and how it is answered.

A page is a plain function from a visit to a response; it runs in the thread pool, because the services block.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import tzinfo
from functools import cached_property
from pathlib import Path

import attrs
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from coproauth.core.sessions import Session, SignedIn
from coproauth.core.sources import Source
from coproauth.errors import NotAllowed, Outage, Refused, SessionRefused
from coproauth.facade import Coproauth
from coproauth.integrations.starlette import WebAuth, read_form
from coproauth.policy import LOCALES, Locale
from coproauth.portal.overviews import OverviewOf
from coproauth.portal.refusals import CARRIED, Fault, faults_of, headers_of, read_faults, status_of, tell, write_faults
from coproauth.portal.words import Words, initials, load_texts

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters["initials"] = initials
_LOCALE_MAX_AGE = 365 * 24 * 3600  # seconds


@attrs.frozen(kw_only=True)
class Portal:
    """What every page is given.

    Attributes:
        base: the path under which the portal stands, without a final slash.
        tools: further links, as ``(path, key of the text)``, shown on every page.
    """

    auth: Coproauth
    web: WebAuth
    base: str
    overview: OverviewOf | None
    time_zone: tzinfo
    tools: Sequence[tuple[str, str]] = ()


class Visit:
    """One request, and the ways to answer it.

    Attributes:
        form: the posted fields, each a single value; empty for GET.
        back: the page to come back to when the language is changed.
        chosen_locale: the language that this request chooses, for the answer and for the browser to keep.
    """

    def __init__(self, portal: Portal, request: Request, *, form: dict[str, str], back: str) -> None:
        """Open a visit."""
        self.portal = portal
        self.auth = portal.auth
        self.request = request
        self.form = form
        self.back = back
        self.chosen_locale: Locale | None = None

    # What is asked

    @cached_property
    def words(self) -> Words:
        """The language of the answer."""
        locale = self.chosen_locale or self.portal.web.locale(self.request)
        return Words(locale=locale, texts=load_texts(locale), time_zone=self.portal.time_zone)

    def choose_locale(self) -> bool:
        """Take the language whose button was pressed, if one was; whether one was."""
        asked = self.field("locale")
        self.chosen_locale = asked if asked in LOCALES else None
        return self.chosen_locale is not None

    @cached_property
    def source(self) -> Source:
        """Where the request comes from."""
        return self.portal.web.source(self.request)

    @cached_property
    def session(self) -> Session | None:
        """Who is logged in."""
        return self.portal.web.session(self.request)

    @property
    def session_token(self) -> str:
        """The token of the session, for a service.

        Raises:
            SessionRefused: the browser has none.
        """
        token = self.portal.web.session_token(self.request)
        if token is None:
            raise SessionRefused
        return token

    def require_session(self) -> Session:
        """Return who is logged in.

        Raises:
            SessionRefused: nobody; the browser is sent to the login page.
        """
        if self.session is None:
            raise SessionRefused
        return self.session

    def field(self, name: str) -> str:
        """Return a posted field, empty if it is missing."""
        return self.form.get(name, "")

    def missing(self, *names: str) -> list[Fault]:
        """Return what is wrong with fields that were left empty: slips of the keyboard, and no attempt."""
        return [Fault(key=f"missing.{name}", field=name) for name in names if not self.field(name)]

    @property
    def faults_before(self) -> tuple[Fault, ...]:
        """What was wrong with the form on the page where another language was chosen."""
        text, _, signature = self.field("faults").rpartition(".")
        is_ours = self.chosen_locale and self.portal.web.is_signed(CARRIED, text, signature)
        return read_faults(text) if is_ours else ()

    # How it is answered

    def render(
        self,
        template: str,
        *,
        status: int = 200,
        faults: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
        **context: object,
    ) -> Response:
        """Answer with a page; in another language it tells the faults that the page before told."""
        faults = faults or self.faults_before
        notice = self.portal.web.read_cookie(self.request, "notice")
        body = _TEMPLATES.get_template(template).render(
            visit=self,
            t=self.words,
            url=self.url,
            locales=LOCALES,
            faults=[tell(fault, self.words, self.auth.policy) for fault in faults],
            carried_faults=self._carried(faults),
            notice=f"notice.{notice}" if f"notice.{notice}" in self.words else None,
            form_token=self.portal.web.form_token(self.request),
            **context,
        )
        response = HTMLResponse(body, status_code=status, headers=dict(headers or {}))
        response.headers["Content-Language"] = self.words.locale
        if notice:
            self.portal.web.delete_cookie(response, "notice")
        return response

    def _carried(self, faults: Sequence[Fault]) -> str:
        """Return faults as the form carries them, signed: the next page tells nothing that no page has told."""
        text = write_faults(faults)
        return f"{text}.{self.portal.web.sign(CARRIED, text)}" if faults else ""

    def refuse(self, template: str, refusal: Refused, **context: object) -> Response:
        """Answer with a page that tells a refusal."""
        faults = faults_of(refusal, typed_code=self.field("code"))
        return self.render(template, status=status_of(refusal), faults=faults, headers=headers_of(refusal), **context)

    def redirect(self, path: str, *, notice: str | None = None) -> Response:
        """Send the browser to another page of the portal, which shows a notice once."""
        response = RedirectResponse(self.url(path), status_code=303)
        if notice:
            self.portal.web.set_cookie(response, "notice", notice, max_age=60)
        return response

    def sign_in(self, signed_in: SignedIn, *, notice: str | None = None) -> Response:
        """Keep a session that was opened, and show the home page."""
        return self.keep_session(self.redirect("/", notice=notice), signed_in)

    def keep_session(self, response: Response, signed_in: SignedIn) -> Response:
        """Have the browser keep a session that was opened; the one it held ends (ASVS V7.2.4)."""
        self._end_former_session()
        self.portal.web.remember(response, signed_in)
        return response

    def go_on_as(self, signed_in: SignedIn, *, back: str) -> None:
        """Answer as if the request had come in a session that was opened in it, from the page ``back``."""
        self.portal.web.adopt(self.request, signed_in)
        self.session = signed_in.session
        self.back = back

    def sign_out(self, *, notice: str) -> Response:
        """End the session that the browser holds, whoever's it is, and show the login page."""
        self._end_former_session()
        response = self.redirect("/login", notice=notice)
        self.portal.web.forget(response)
        return response

    def _end_former_session(self) -> None:
        """End the session that the request came with: without its cookie nobody could end it any more."""
        former = self.portal.web.read_cookie(self.request, "session")
        if former is not None:
            with suppress(SessionRefused):  # it ended by itself, or the service replaced it: that is no logout
                self.auth.login.session(former)
                self.auth.login.log_out(former)

    def url(self, path: str) -> str:
        """Return the address of a page, within this site."""
        return self.portal.base + path


Handler = Callable[[Visit], Response]


@attrs.frozen(kw_only=True)
class Page:
    """A path of the portal and what answers it.

    Attributes:
        again: answers in place of ``post`` when the button of a language was pressed: it shows the form once more with
            what was typed or, where there is none, the page that the button stood on. A page without it takes a field
            named ``locale`` like any other.
        back: where a changed language leads; the path itself if it can be got.
    """

    path: str
    get: Handler | None = None
    post: Handler | None = None
    again: Handler | None = None
    back: str | None = None

    def route(self, portal: Portal) -> Route:
        """Return the page as Starlette routes it: POST only from our own forms, everything else by GET."""
        handlers = {"GET": self.get, "HEAD": self.get, "POST": self.post}
        methods = [method for method, handler in handlers.items() if handler]

        async def endpoint(request: Request) -> Response:
            form = await read_form(request) if request.method == "POST" else {}
            visit = Visit(portal, request, form=form, back=self.back or request.url.path.removeprefix(portal.base))
            handler = self.again if self.again and visit.choose_locale() else handlers[request.method]
            return await run_in_threadpool(_answer, handler, visit) if handler else Response(status_code=405)

        return Route(self.path, _named(endpoint, self.path), methods=methods)


def _named(endpoint: Callable[[Request], Awaitable[Response]], path: str) -> Callable[[Request], Awaitable[Response]]:
    endpoint.__name__ = path
    return endpoint


def _answer(handler: Handler, visit: Visit) -> Response:
    """Answer a visit, whatever the services refuse."""
    web = visit.portal.web
    if visit.request.method == "POST":
        web.check_form(visit.request, visit.form)
    try:
        response = handler(visit)
        web.keep_view(visit.request, response)
    except SessionRefused:
        response = _ask_to_log_in(visit)
    except NotAllowed as refusal:
        response = error_page(visit, status_of(refusal))
    except Refused as refusal:
        response = visit.refuse("refused.html", refusal)
    if visit.chosen_locale:
        web.set_cookie(response, "locale", visit.chosen_locale, max_age=_LOCALE_MAX_AGE)
    web.keep_form_secret(visit.request, response)
    return response


def _ask_to_log_in(visit: Visit) -> Response:
    had_one = visit.portal.web.session_token(visit.request) is not None
    response = visit.redirect("/login", notice="session_ended" if had_one else None)
    if had_one:
        visit.portal.web.drop_session(response)
    return response


def error_page(
    visit: Visit, status: int, headers: Mapping[str, str] | None = None, *, outage: Outage | None = None
) -> Response:
    """Answer with the page of an HTTP error; nothing of its cause shows (ASVS V16.5.1), but whether one must look."""
    keys = (f"error.{outage}", f"error.{status}")
    key = next((key for key in keys if f"{key}.title" in visit.words), "error.other")
    visit.session = None  # the store may be what is failing
    return visit.render("error.html", status=status, headers=headers, key=key)
