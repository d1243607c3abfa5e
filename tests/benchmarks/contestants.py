"""Who is compared: the columns of the table of the page on performance."""

from __future__ import annotations

import attrs
from tests.benchmarks.paired import Entry

_DJANGO = (
    "from django.conf import settings;"
    " settings.configure(INSTALLED_APPS={apps}, MIDDLEWARE=['allauth.account.middleware.AccountMiddleware']);"
    " import django; django.setup(); import {views}"
)
_DJANGO_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"]

OURS = Entry(name="coproauth", module="ours", needs="coproauth", imports="from coproauth import Coproauth")
SQLITE = Entry(
    name="bare",
    module="bare_sqlite3",
    needs="argon2",
    imports="import argon2, attrs, email_validator, itsdangerous",
)
PSYCOPG = attrs.evolve(SQLITE, module="bare_psycopg", needs="psycopg")
ENTRIES = (
    SQLITE,
    Entry(name="Core", module="bare_core", needs="sqlalchemy", imports="import argon2, sqlalchemy"),
    OURS,
    Entry(
        name="Django",
        module="with_django",
        needs="django",
        imports=_DJANGO.format(apps=_DJANGO_APPS, views="django.contrib.auth.views"),
    ),
    Entry(
        name="django-allauth",
        module="with_allauth",
        needs="allauth",
        imports=_DJANGO.format(apps=[*_DJANGO_APPS, "allauth", "allauth.account"], views="allauth.account.views"),
    ),
    Entry(
        name="FastAPI-Users",
        module="with_fastapi_users",
        needs="fastapi_users_db_sqlalchemy",
        imports="import fastapi_users.authentication, fastapi_users_db_sqlalchemy.access_token",
    ),
    Entry(
        name="Flask-Security",
        module="with_flask_security",
        needs="flask_security",
        imports="import flask_security, flask_sqlalchemy",
    ),
)
"""The columns, in their order."""
