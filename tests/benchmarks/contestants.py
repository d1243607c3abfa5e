"""Who is compared: the columns of the table of the page on performance."""

from __future__ import annotations

import attrs
from tests.benchmarks.paired import Entry

_DJANGO = """
from django.conf import settings
settings.configure(
    INSTALLED_APPS={apps},
    DATABASES={{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}}},
    MIDDLEWARE=["allauth.account.middleware.AccountMiddleware"],
)
import django
django.setup()
import argon2, django.contrib.auth.backends, django.contrib.auth.forms, django.contrib.sessions.backends.db
import django.contrib.sessions.serializers, django.core.handlers.wsgi, django.db.models.sql.compiler, sqlite3
"""
_DJANGO_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"]
_ALLAUTH_APPS = [*_DJANGO_APPS, "django.contrib.sites", "allauth", "allauth.account"]

OURS = Entry(
    name="coproauth",
    module="ours",
    needs="coproauth",
    imports="""
from coproauth import Coproauth
import coproauth.adapters.memory, coproauth.adapters.sqlalchemy, email_validator, importlib.readers, importlib.resources
import sqlalchemy.dialects.sqlite, sqlite3
""",
    imports_alone="""
from coproauth import Coproauth
import coproauth.adapters.memory, email_validator, importlib.readers, importlib.resources
""",
)
SQLITE = Entry(
    name="bare",
    module="bare_sqlite3",
    needs="argon2",
    imports="import argon2, hashlib, secrets, sqlite3",
    imports_alone="import argon2, attrs, email_validator, itsdangerous",
)
PSYCOPG = attrs.evolve(SQLITE, module="bare_psycopg", needs="psycopg")
ENTRIES = (
    SQLITE,
    Entry(
        name="Core",
        module="bare_core",
        needs="sqlalchemy",
        imports="import argon2, hashlib, secrets, sqlalchemy.dialects.sqlite, sqlite3",
    ),
    OURS,
    Entry(name="Django", module="with_django", needs="django", imports=_DJANGO.format(apps=_DJANGO_APPS)),
    Entry(
        name="django-allauth",
        module="with_allauth",
        needs="allauth",
        imports=_DJANGO.format(apps=_ALLAUTH_APPS)
        + "import allauth.account.auth_backends, allauth.account.forms, allauth.account.urls",
    ),
    Entry(
        name="FastAPI-Users",
        module="with_fastapi_users",
        needs="fastapi_users_db_sqlalchemy",
        imports="""
import aiosqlite, fastapi.security, fastapi_users.authentication.strategy.db, pwdlib.hashers.argon2
import fastapi_users_db_sqlalchemy.access_token, sqlalchemy.dialects.sqlite, sqlite3
""",
    ),
    Entry(
        name="Flask-Security",
        module="with_flask_security",
        needs="flask_security",
        imports="""
import argon2, flask_security.models.fsqla_v3, flask_sqlalchemy, sqlalchemy.dialects.sqlite, sqlite3
from passlib.handlers import argon2, bcrypt, des_crypt, digests, misc, pbkdf2, sha2_crypt
""",
    ),
)
"""The columns, in their order."""
