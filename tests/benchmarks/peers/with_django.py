"""Django's own log-in: the forms of its views, sessions in the database or in signed cookies."""
# pyright: reportMissingImports=false

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import import_module
from types import ModuleType
from typing import Any, ClassVar

import django
from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.core.mail.backends.base import BaseEmailBackend
from tests.benchmarks.peers.protocol import KEY, Contestant, Links, Peer, Site, insert
from tests.benchmarks.population import PASSWORD

APPS = ("django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "django.contrib.admin")


class Hasher(Argon2PasswordHasher):
    """Argon2id at the cost of the site."""


class Dropped(BaseEmailBackend):
    """Mail that goes nowhere; only to whom is kept.

    Attributes:
        to: addresses.
    """

    to: ClassVar[set[str]] = set()

    def send_messages(self, email_messages: Sequence[Any]) -> int:
        """Drop them."""
        self.to.update(address for message in email_messages for address in message.to)
        return len(email_messages)


def open_contestant(site: Site) -> Contestant:
    """Fill the file if it is new; the user name is the address."""
    set_up(site, "django", APPS)
    return Contestant(peer=Django("db"), signed=Django("signed_cookies"), links=DjangoLinks(site))


def set_up(site: Site, name: str, apps: Sequence[str], **more: object) -> None:
    """Configure Django as its deployment checklist has it, for this file."""
    cost = site.people.argon2
    Hasher.memory_cost, Hasher.time_cost, Hasher.parallelism = cost.memory_cost, cost.time_cost, cost.parallelism
    file = site.file(name)
    is_new = not file.exists()
    options = {"transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"}
    defaults: dict[str, object] = {
        "SECRET_KEY": KEY,
        "ALLOWED_HOSTS": ["*"],
        "ROOT_URLCONF": "django.contrib.auth.urls",
        "INSTALLED_APPS": apps,
        "DATABASES": {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": file, "OPTIONS": options}},
        "PASSWORD_HASHERS": [f"{Hasher.__module__}.Hasher"],
        "EMAIL_BACKEND": f"{Dropped.__module__}.Dropped",
        "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
        "TEMPLATES": [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
        "USE_TZ": True,
    }
    settings.configure(**defaults | more)
    django.setup()
    if is_new:
        import_module("django.core.management").call_command("migrate", verbosity=0)
        _fill(site, name)


def _fill(site: Site, name: str) -> None:
    make_password = import_module("django.contrib.auth.hashers").make_password
    row = {"password": make_password(PASSWORD), "is_superuser": 0, "first_name": "", "last_name": ""}
    row |= {"is_staff": 0, "is_active": 1, "date_joined": datetime.now(UTC).replace(tzinfo=None).isoformat(" ")}
    emails = map(site.people.email, range(site.people.logins))
    insert(site.file(name), "auth_user", (row | {"username": email, "email": email} for email in emails))


def request_with(session: object, data: dict[str, str] | None = None) -> Any:
    """Return a request as a view gets it from the middleware of sessions."""
    factory = import_module("django.test").RequestFactory()
    request = factory.post("/login", data) if data else factory.get("/")
    request.session = session
    return request


class Django(Peer):
    """Forms and functions of `django.contrib.auth`."""

    def __init__(self, engine: str) -> None:
        self._sessions = import_module(f"django.contrib.sessions.backends.{engine}")
        self._auth: ModuleType = import_module("django.contrib.auth")
        self._forms: ModuleType = import_module("django.contrib.auth.forms")

    def log_in(self, email: str, password: str) -> str | None:
        """`LoginView`: its form, `login`, the session saved."""
        request = request_with(self._sessions.SessionStore())
        form = self._forms.AuthenticationForm(request, data={"username": email, "password": password})
        if not form.is_valid():
            return None
        self._auth.login(request, form.get_user())
        request.session.save()
        return str(request.session.session_key)

    def who(self, cookie: str) -> str | None:
        """`request.user`, as its middleware finds it."""
        return str(self._auth.get_user(request_with(self._sessions.SessionStore(cookie))).get_username())

    def request_reset(self, email: str) -> None:
        """`PasswordResetView`: its form."""
        form = self._forms.PasswordResetForm({"email": email})
        assert form.is_valid()
        form.save(domain_override="app.example.fr", use_https=True)

    def has_mail(self, email: str) -> bool:
        """Look at what was dropped."""
        return email in Dropped.to

    def forget_mail(self, email: str) -> None:
        """Forget to whom."""
        Dropped.to.discard(email)


class DjangoLinks(Links):
    """Its generator of tokens, for a user who was read."""

    def __init__(self, site: Site) -> None:
        tokens = import_module("django.contrib.auth.tokens")
        self._tokens = tokens.default_token_generator
        users = import_module("django.contrib.auth").get_user_model()
        self._user = users.objects.get(username=site.email())

    def make(self) -> str:
        """Sign a digest of the user's state."""
        return str(self._tokens.make_token(self._user))

    def check(self, token: str) -> object:
        """Compare it."""
        return self._tokens.check_token(self._user, token)
