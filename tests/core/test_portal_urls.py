"""The portal's address: what may stand in it, and the pages under it."""

from __future__ import annotations

import pytest

from coproauth import ConfigurationError
from coproauth.core.portal_urls import PortalUrls, is_plain_url


@pytest.mark.parametrize(
    "url",
    [
        "https://app.example.fr",
        "https://app.example.fr:8443/portal",
        "http://localhost:8000",
        "http://127.0.0.1:8000",
        "http://[::1]:8000",
    ],
)
def test_an_address_that_nobody_can_listen_to_is_plain(url: str) -> None:
    """Over TLS anywhere, and without it on this machine alone."""
    assert is_plain_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://app.example.fr",
        "http://192.0.2.1",
        "http://localhost.example.fr",
        "https://",
        "https://:443",
        "https://app.example.fr:port",
        "https://app.example.fr/?next=1",
        "https://app.example.fr/#a",
        "https://a@app.example.fr",
        "https://app.example.fr\\@evil.example",
        "https://copropriété.example.fr",
        "https://app.example.fr\x7f",
        "https://app.example.fr\n",
        "ftp://app.example.fr",
        "",
    ],
)
def test_what_could_point_elsewhere_is_not(url: str) -> None:
    """Without TLS, without a host, with a query, a name, or a character that programs read differently."""
    assert not is_plain_url(url)


@pytest.mark.parametrize("url", ["http://app.example.fr", None, b"https://app.example.fr"])
def test_no_mail_is_written_under_another_address(url: str) -> None:
    """Whatever is no plain address is told when the program starts."""
    with pytest.raises(ConfigurationError):
        PortalUrls(base=url)


def test_a_final_slash_is_not_doubled() -> None:
    """The pages stand under the address, whether or not it ends with a slash."""
    urls = PortalUrls(base="https://app.example.fr/x/")

    assert urls.reset("t") == "https://app.example.fr/x/reset/t"
    assert urls.confirm_email("t") == "https://app.example.fr/x/email/t"
    assert urls.login == "https://app.example.fr/x/login"


def test_the_letters_of_an_address_are_kept() -> None:
    """Only slashes go, and only at the end."""
    assert PortalUrls(base="https://example.fr/XX").base == "https://example.fr/XX"
