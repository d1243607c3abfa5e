"""What a mailer over SMTP is built with."""

from __future__ import annotations

import ssl
from datetime import timedelta
from typing import Any

import pytest

from coproauth.adapters.smtp import SmtpMailer
from coproauth.errors import ConfigurationError

SENDER = "ne-pas-repondre@example.fr"
USERNAME = "mailer"
PASSWORD = "orage-de-grele-sur-le-toit"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.9.1", "::1"])
def test_loopback_needs_no_tls(host: str) -> None:
    """Mail to a server on the same machine crosses no network."""
    assert SmtpMailer(host, sender=SENDER, security="none").security == "none"


@pytest.mark.parametrize(
    "wrong",
    [
        {"security": "none"},
        {"security": "none", "host": "localhost.example.fr"},
        {"security": "none", "host": "10.0.0.1"},
        {"security": "ssl"},
        {"host": ""},
        {"host": "smtp.example.fr\n"},
        {"host": "smtp.example.fr\x00"},
        {"port": 0},
        {"port": 65536},
        {"timeout": timedelta(0)},
        {"sender": "Cabinet <cabinet@example.fr>"},
        {"sender": "cabinet@example.fr\n"},
        {"sender": ""},
        {"sender_name": "Cabinet\r\nBcc: eve@example.com"},
        {"username": USERNAME},
        {"password": PASSWORD},
        {"username": USERNAME, "password": "clé"},
        {"username": USERNAME, "password": "a\x00b"},
        {"username": "", "password": PASSWORD},
    ],
    ids=repr,
)
def test_what_cannot_be_safe_is_refused_at_construction(wrong: dict[str, Any]) -> None:
    """An embedder learns of it when the program starts, not when the first mail is lost."""
    arguments: dict[str, Any] = {"host": "smtp.example.fr", "sender": SENDER, **wrong}

    with pytest.raises(ConfigurationError) as refused:
        SmtpMailer(**arguments)

    assert str(arguments.get("password")) not in str(refused.value)


def test_the_password_is_not_shown() -> None:
    """A mailer may stand in a log."""
    mailer = SmtpMailer("smtp.example.fr", sender=SENDER, username=USERNAME, password=PASSWORD)

    assert PASSWORD not in repr(mailer)


def test_certificates_are_verified_unless_told_otherwise() -> None:
    """The context made at construction asks for a certificate of the right name."""
    context = SmtpMailer("smtp.example.fr", sender=SENDER).ssl_context

    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
