"""Where a request comes from, and what counts as one source."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coproauth import Source
from coproauth.testing.strategies import hostile_text


class TestNetwork:
    """An IPv4 address or an IPv6 /64 is one source."""

    @pytest.mark.parametrize(
        ("address", "network"),
        [
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("::ffff:c000:201", "192.0.2.1"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:DB8:1:2::", "2001:db8:1:2::/64"),
            ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
            ("::1", "::/64"),
            ("fe80::1%eth0", "fe80::/64"),
            ("unix:", "unix:"),
            ("192.0.2.1:8080", "192.0.2.1:8080"),
            ("192.0.2.256", "192.0.2.256"),
            ("", ""),
        ],
    )
    def test_examples(self, address: str, network: str) -> None:
        """Mapped addresses count as what they map; text that is no address counts as itself."""
        assert Source(address).network == network

    @given(st.ip_addresses(v=6), st.integers(0, 2**64 - 1))
    def test_a_subscriber_is_one_source(self, address: ipaddress.IPv6Address, host: int) -> None:
        """Whoever has a /64 cannot escape the throttle by walking through it."""
        neighbour = ipaddress.IPv6Address((int(address) >> 64 << 64) | host)

        if address.ipv4_mapped is None and neighbour.ipv4_mapped is None:
            assert Source(str(address)).network == Source(str(neighbour)).network

    @given(st.ip_addresses(v=4), st.ip_addresses(v=4))
    def test_two_ipv4_addresses_are_two_sources(self, one: ipaddress.IPv4Address, other: ipaddress.IPv4Address) -> None:
        """Neighbours do not pay for each other."""
        assert (Source(str(one)).network == Source(str(other)).network) == (one == other)

    @given(hostile_text())
    def test_any_text_has_a_network(self, address: str) -> None:
        """Whatever the host passes on is counted, and never breaks anything."""
        assert isinstance(Source(address).network, str)


class TestWhatABrowserSays:
    """What a browser says of itself is kept short and on one line."""

    def test_a84_controls_are_replaced(self) -> None:
        """A-84: line breaks, escapes and direction marks reach no log and no page."""
        source = Source("192.0.2.1\r\n", user_agent="Fire\x1bfox\n\u202e")

        assert source.address == "192.0.2.1\ufffd\ufffd"
        assert source.user_agent == "Fire\ufffdfox\ufffd\ufffd"

    @given(hostile_text())
    def test_what_is_kept_is_printable_and_short(self, user_agent: str) -> None:
        """At most 400 code points, every one printable."""
        kept = Source("192.0.2.1", user_agent=user_agent * 200).user_agent

        assert kept is not None
        assert kept.isprintable()
        assert len(kept) <= 400

    def test_a_device_token_of_a_wrong_type_is_refused_and_not_shown(self) -> None:
        """A framework that gives cookies in octets must not have them in its log."""
        with pytest.raises(TypeError) as refused:
            Source("192.0.2.1", device_token=b"a-token-of-a-browser")  # type: ignore[arg-type]

        assert "a-token-of-a-browser" not in repr(refused.value)

    def test_an_unknown_language_is_refused(self) -> None:
        """Only languages that mail is written in can be asked for."""
        with pytest.raises(ValueError, match="locale"):
            Source("192.0.2.1", locale="de")  # type: ignore[arg-type]
