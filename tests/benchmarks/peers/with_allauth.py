"""django-allauth: its forms, by address; its limits on rates are off, for a measurement is an attack."""
# pyright: reportMissingImports=false

from __future__ import annotations

import sqlite3
from contextlib import closing
from importlib import import_module
from typing import Any

from tests.benchmarks.peers.protocol import Contestant, Site
from tests.benchmarks.peers.with_django import APPS, Django, request_with, set_up

_OWN_APPS = ("django.contrib.sites", "allauth", "allauth.account")
_ADDRESSES = """
    INSERT INTO account_emailaddress (email, verified, "primary", user_id) SELECT email, 1, 1, id FROM auth_user
"""


def open_contestant(site: Site) -> Contestant:
    """Fill the file if it is new; addresses are verified."""
    set_up(
        site,
        "allauth",
        (*APPS, *_OWN_APPS),
        ROOT_URLCONF="allauth.urls",
        SITE_ID=1,
        AUTHENTICATION_BACKENDS=["allauth.account.auth_backends.AuthenticationBackend"],
        ACCOUNT_LOGIN_METHODS={"email"},
        ACCOUNT_SIGNUP_FIELDS=["email*", "password1*"],
        ACCOUNT_RATE_LIMITS=False,
        MIDDLEWARE=["allauth.account.middleware.AccountMiddleware"],
    )
    with closing(sqlite3.connect(site.file("allauth"))) as raw, raw:
        if raw.execute("SELECT 1 FROM account_emailaddress").fetchone() is None:
            raw.execute(_ADDRESSES)
    return Contestant(peer=Allauth("db"))


class Allauth(Django):
    """Forms of `allauth.account`; who is logged in is Django's."""

    mails_strangers = True

    def __init__(self, engine: str) -> None:
        super().__init__(engine)
        self._own_forms = import_module("allauth.account.forms")
        self._models = import_module("django.contrib.auth.models")
        self._context = import_module("allauth.core.context").request_context

    def log_in(self, email: str, password: str) -> str | None:
        """`LoginView`: its form, and what it does if that is valid; the session saved."""
        request = self._request({"login": email, "password": password})
        with self._context(request):
            form = self._own_forms.LoginForm(request.POST, request=request)
            if not form.is_valid():
                return None
            form.login(request, redirect_url="/")
            request.session.save()
        return str(request.session.session_key)

    def request_reset(self, email: str) -> None:
        """`PasswordResetView`: its form."""
        request = self._request({"email": email})
        with self._context(request):
            form = self._own_forms.ResetPasswordForm(request.POST)
            assert form.is_valid()
            form.save(request)

    def _request(self, data: dict[str, str]) -> Any:
        request = request_with(self._sessions.SessionStore(), data)
        request.user = self._models.AnonymousUser()
        return request
