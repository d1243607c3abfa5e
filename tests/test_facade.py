"""``Coproauth``: wired safely, or not at all."""

from __future__ import annotations

from datetime import datetime

import pytest
from tests.town import SECRET_KEY, Town

from coproauth import ConfigurationError, Coproauth, Policy
from coproauth.adapters.memory import MemoryDirectory, MemoryMailer, MemoryStore
from coproauth.testing.fakes import FakeClock
from coproauth.testing.sandbox import cheap_policy


def _wire(
    *,
    secret_keys: object = (SECRET_KEY,),
    portal_url: object = "https://app.example.fr",
    policy: Policy | None = None,
    clock: FakeClock | None = None,
) -> Coproauth:
    return Coproauth(
        store=MemoryStore(),
        directory=MemoryDirectory(),
        mailer=MemoryMailer(),
        secret_keys=secret_keys,  # type: ignore[arg-type]
        portal_url=portal_url,  # type: ignore[arg-type]
        policy=policy or cheap_policy(),
        clock=clock,
    )


class TestKeys:
    """A key must be a list's, long, and random."""

    @pytest.mark.parametrize("secret_keys", [[], None, SECRET_KEY, ["x1y2z3" * 5 + "x"], [SECRET_KEY, ""], [None]])
    def test_unsafe_keys_are_refused(self, secret_keys: object) -> None:
        """None, text instead of a list, 31 bytes, an empty one beside a good one."""
        with pytest.raises(ConfigurationError):
            _wire(secret_keys=secret_keys)

    def test_bytes_are_keys_too(self) -> None:
        """As an operator's secret store may hand them out."""
        assert _wire(secret_keys=[bytes(range(32))]).portal_url == "https://app.example.fr"


class TestPortalUrl:
    """The base of every link: https, or http on loopback, and nothing but a base."""

    @pytest.mark.parametrize(
        ("portal_url", "base"),
        [
            ("https://app.example.fr", "https://app.example.fr"),
            ("https://app.example.fr/", "https://app.example.fr"),
            ("https://example.fr/portail/", "https://example.fr/portail"),
            ("https://app.example.fr:8443", "https://app.example.fr:8443"),
            ("http://localhost:8000", "http://localhost:8000"),
            ("http://127.0.0.1:8000/", "http://127.0.0.1:8000"),
            ("http://[::1]:8000", "http://[::1]:8000"),
        ],
    )
    def test_safe_addresses(self, portal_url: str, base: str) -> None:
        """Without the slash at the end, so that paths can follow."""
        assert _wire(portal_url=portal_url).portal_url == base

    @pytest.mark.parametrize(
        "portal_url",
        [
            "",
            "app.example.fr",
            "//app.example.fr",
            "http://app.example.fr",
            "http://localhost.example.fr",
            "http://127.0.0.1.example.fr",
            "http://localhost@example.fr",
            "https://",
            "https:///path",
            "javascript:alert(1)",
            "javascript://localhost/%0aalert(1)",
            "ftp://localhost",
            "https://user@app.example.fr",
            "https://user:pass@app.example.fr",
            "https://app.example.fr?next=/",
            "https://app.example.fr/?a=b",
            "https://app.example.fr#top",
            "https://app.example.fr/ path",
            "https://app.example.fr\r\nX: y",
            "https://app.example.fr\n",
            "https://app.exämple.fr",
            "https://app.example.fr\u202e",
            "https://app.example.fr?",
            "https://app.example.fr#",
            "https://app.example.fr:port",
            "https://app.example.fr:99999",
            "https://[app.example.fr",
            None,
            b"https://app.example.fr",
            7,
        ],
    )
    def test_a19_a33_unsafe_addresses_are_refused(self, portal_url: object) -> None:
        """A-19, A-33: another scheme, user information, a query, a fragment, line breaks, no host, no text."""
        with pytest.raises(ConfigurationError):
            _wire(portal_url=portal_url)


class TestClock:
    """Instants are aware."""

    def test_a_naive_clock_is_refused(self) -> None:
        """A clock without time zone is told at construction, not at the first comparison."""
        with pytest.raises(ConfigurationError):
            _wire(clock=FakeClock(datetime(2026, 1, 1)))  # noqa: DTZ001 - the very mistake


class TestWiring:
    """The defaults work, and what is given is used."""

    def test_the_machines_own_clock_and_randomness_are_the_default(self) -> None:
        """Two codes of one contact differ, and expire in the future."""
        auth = _wire()
        town = Town.found()
        contact = town.contact()
        machine = Coproauth(
            store=MemoryStore(),
            directory=town.directory,
            mailer=MemoryMailer(),
            secret_keys=[SECRET_KEY],
            portal_url=auth.portal_url,
            policy=cheap_policy(),
        )

        first, second = (machine.activation.issue(contact.id, by=town.manager) for _ in range(2))

        assert first.code != second.code
        assert first.expires_at <= second.expires_at

    def test_the_policy_can_be_read_back(self) -> None:
        """Integrations ask for lifetimes and lengths."""
        policy = cheap_policy()

        assert _wire(policy=policy).policy is policy

    def test_no_mail_waits_at_first(self) -> None:
        """Delivering nothing is no error."""
        assert _wire().deliver_mail() == 0
