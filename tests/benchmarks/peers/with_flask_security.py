"""Flask-Security with Flask-SQLAlchemy, as its quick start has it; sessions by its cookie, or authentication tokens."""
# pyright: reportMissingImports=false

from __future__ import annotations

import uuid
from http.cookies import SimpleCookie
from typing import Any

from flask import Flask, session
from flask.ctx import RequestContext
from flask_mail import Mail, Message, email_dispatched
from flask_security import Security, SQLAlchemyUserDatastore, current_user, hash_password, login_user
from flask_security.models import fsqla_v3
from flask_security.recoverable import generate_reset_password_token, send_reset_password_instructions
from flask_security.utils import check_and_get_token_status
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event
from tests.benchmarks.peers.protocol import KEY, PRAGMAS, Contestant, Links, Peer, Site, insert
from tests.benchmarks.population import PASSWORD


def open_contestant(site: Site) -> Contestant:
    """Fill the file if it is new."""
    app = _application(site)
    return Contestant(peer=FlaskSecurity(app), signed=Tokens(app), links=FlaskLinks(app, site.email()))


def _application(site: Site) -> Flask:
    file, cost = site.file("flask_security"), site.people.argon2
    is_new = not file.exists()
    app = Flask(__name__)
    options = {"time_cost": cost.time_cost, "memory_cost": cost.memory_cost, "parallelism": cost.parallelism}
    app.config |= {
        "SECRET_KEY": KEY,
        "SECURITY_PASSWORD_SALT": "146585145368132386173505678016728509634",
        "SECURITY_PASSWORD_HASH_PASSLIB_OPTIONS": {f"argon2__{name}": value for name, value in options.items()},
        "SECURITY_RECOVERABLE": True,
        "SQLALCHEMY_DATABASE_URI": f"sqlite:///{file}",
        "SECURITY_EMAIL_VALIDATOR_ARGS": {"check_deliverability": False},  # names are looked up nowhere
        "MAIL_SUPPRESS_SEND": True,
        "WTF_CSRF_ENABLED": False,  # there is no page before the form
    }
    Mail(app)
    db = SQLAlchemy(app)
    fsqla_v3.FsModels.set_db_info(db)
    role = type("Role", (db.Model, fsqla_v3.FsRoleMixin), {})
    user = type("User", (db.Model, fsqla_v3.FsUserMixin), {})
    Security(app, SQLAlchemyUserDatastore(db, user, role))
    with app.app_context():
        event.listen(db.engine, "connect", _prepare)
        if is_new:
            db.create_all()
            _fill(site, hash_password(PASSWORD))
    return app


def _fill(site: Site, password_hash: str) -> None:
    row = {"password": password_hash, "active": 1, "create_datetime": "2026-01-01", "update_datetime": "2026-01-01"}
    people = ({"email": site.people.email(n), "fs_uniquifier": uuid.uuid4().hex} for n in range(site.people.logins))
    insert(site.file("flask_security"), '"user"', (row | somebody for somebody in people))


def _prepare(raw: Any, _: object) -> None:
    for pragma in PRAGMAS:
        raw.execute(pragma)


class FlaskSecurity(Peer):
    """What its views do, each time in a context of a request."""

    def __init__(self, app: Flask) -> None:
        self._app, self._security = app, app.extensions["security"]
        self._mailed = set[str]()
        email_dispatched.connect(self._drop)
        with app.test_request_context("/") as context:
            self._environment = dict(context.request.environ)

    def log_in(self, email: str, password: str) -> str | None:
        """`login`: its form, `login_user`, the commit, the cookie."""
        with self._posted({"email": email, "password": password}):
            form = self._security.forms["login_form"].cls()
            if not form.validate_on_submit():
                return None
            login_user(form.user, authn_via=["password"])
            self._security.datastore.commit()
            return self._cookie_of(form.user)

    def who(self, cookie: str) -> str | None:
        """`current_user`."""
        with self._with(HTTP_COOKIE=f"session={cookie}"):
            return current_user.email if current_user.is_authenticated else None

    def request_reset(self, email: str) -> None:
        """`forgot_password`: its form."""
        with self._posted({"email": email}):
            form = self._security.forms["forgot_password_form"].cls()
            if form.validate_on_submit():
                send_reset_password_instructions(form.user)

    def has_mail(self, email: str) -> bool:
        """Look at what was dropped."""
        return email in self._mailed

    def forget_mail(self, email: str) -> None:
        """Forget to whom."""
        self._mailed.discard(email)

    def _drop(self, _: Flask, message: Message) -> None:
        self._mailed.update(message.recipients)

    def _posted(self, data: dict[str, str]) -> RequestContext:
        return self._app.test_request_context("/login", method="POST", data=data)

    def _with(self, **environment: str) -> RequestContext:
        return self._app.request_context(self._environment | environment)

    def _cookie_of(self, user: Any) -> str:  # noqa: ARG002 - the session knows him
        """Return the cookie of the session."""
        response = self._app.response_class()
        self._app.session_interface.save_session(self._app, session, response)
        return SimpleCookie(response.headers["Set-Cookie"])["session"].value


class Tokens(FlaskSecurity):
    """Authentication tokens in place of the session."""

    def who(self, cookie: str) -> str | None:
        """`current_user`, by a header."""
        with self._with(HTTP_AUTHENTICATION_TOKEN=cookie):
            return current_user.email if current_user.is_authenticated else None

    def _cookie_of(self, user: Any) -> str:
        return str(user.get_auth_token())


class FlaskLinks(Links):
    """Its tokens, for a user who was read."""

    def __init__(self, app: Flask, email: str) -> None:
        self._app = app
        with app.app_context():
            self._user = app.extensions["security"].datastore.find_user(email=email)

    def make(self) -> str:
        """Hash the hash, and sign."""
        with self._app.app_context():
            return str(generate_reset_password_token(self._user))

    def check(self, token: str) -> object:
        """Read the token; the user is looked for by what is in it."""
        with self._app.app_context():
            lifetime = self._app.config["SECURITY_RESET_PASSWORD_WITHIN"]
            _, is_invalid, data = check_and_get_token_status(token, "reset", lifetime)
        return not is_invalid and data[0] == self._user.fs_uniquifier
