"""E-mail addresses: what can be logged in with, and which spellings are one."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coproauth import InvalidInput
from coproauth.core.identities import EmailAddress
from coproauth.testing.strategies import (
    different_email_addresses,
    email_addresses,
    equal_email_addresses,
    hostile_values,
)

_SHARED = Path(__file__).parents[2].parent / "shared" / "data"


def _isemail_addresses() -> list[str]:
    path = _SHARED / "isemail_tests.xml"
    if not path.exists():
        pytest.skip("the published list of addresses is not part of this repository")
    texts = [test.findtext("address") or "" for test in ET.parse(path).iter("test")]  # noqa: S314 - a file of ours
    shown = {0x2400 + control: control for control in range(0x20)}
    return [text.translate(shown) for text in texts]


def _naughty_strings() -> list[str]:
    path = _SHARED / "blns.json"
    if not path.exists():
        pytest.skip("the published lists of hostile text are not part of this repository")
    return [str(line) for line in json.loads(path.read_text(encoding="utf-8"))]


def _is_address_or_refused(value: object) -> bool:
    """Whether the answer is an address that reads as itself, or a refusal that names the field."""
    try:
        address = EmailAddress.parse(value)
    except InvalidInput as refusal:
        return refusal.field == "email" and refusal.reason in InvalidInput.reasons
    return EmailAddress.parse(address.address) == address


class TestBorder:
    """Whatever arrives, the answer is an address or a named refusal."""

    def test_isemail_collection(self) -> None:
        """Each of the addresses of the isemail test set is taken or refused by name."""
        assert all(map(_is_address_or_refused, _isemail_addresses()))

    def test_naughty_strings(self) -> None:
        """None of the big list of naughty strings gets through or breaks anything."""
        for line in _naughty_strings():
            with pytest.raises(InvalidInput):
                EmailAddress.parse(line)

    @given(hostile_values())
    def test_hostile_values(self, value: object) -> None:
        """Controls, surrogates, marks and other types are taken or refused by name."""
        assert _is_address_or_refused(value)

    @given(st.text(max_size=30), st.text(max_size=30))
    def test_anything_around_an_at_sign(self, local: str, domain: str) -> None:
        """Any text around an at sign is taken or refused by name."""
        assert _is_address_or_refused(f"{local}@{domain}")

    @given(st.text(min_size=1, max_size=60))
    def test_a22_hostile_domains(self, label: str) -> None:
        """A-22: any international label is taken or refused by name."""
        assert _is_address_or_refused(f"a@{label}.fr")

    @pytest.mark.parametrize(
        ("value", "reason"),
        [
            (None, "wrong_type"),
            (True, "wrong_type"),
            (7, "wrong_type"),
            (b"a@example.fr", "wrong_type"),
            (["a@example.fr"], "wrong_type"),
            (("a@example.fr", "b@example.fr"), "wrong_type"),
            ({"email": "a@example.fr"}, "wrong_type"),
            ("", "empty"),
            ("  ", "malformed"),
            ("a", "malformed"),
        ],
    )
    def test_a17_refusals_tell_why(self, value: object, reason: str) -> None:
        """A-17: a wrong type, nothing, too much and no address each have a word of their own."""
        with pytest.raises(InvalidInput) as refusal:
            EmailAddress.parse(value)

        assert (refusal.value.field, refusal.value.reason) == ("email", reason)

    @pytest.mark.parametrize("size", [255, 10_000_000])
    def test_length_is_looked_at_before_anything_else(self, size: int) -> None:
        """More than 254 code points are refused as too long, however much it is."""
        with pytest.raises(InvalidInput) as refusal:
            EmailAddress.parse("a@example.fr".rjust(size))

        assert (refusal.value.field, refusal.value.reason) == ("email", "too_long")

    @pytest.mark.parametrize(
        "typed",
        [
            "a@x.fr,b@y.fr",
            "a@x.fr;b@y.fr",
            "a@x.fr b@y.fr",
            "<a@x.fr>",
            "Nom <a@x.fr>",
            "mailto:a@x.fr",
            "a@x.fr (b@y.fr)",
            "a(b)@x.fr",
            "a@[192.0.2.1]",
            "a@x",
            "a@localhost",
            "a@x..fr",
            ".a@x.fr",
            "a.@x.fr",
            "a@-x.fr",
            "a@@x.fr",
            "a@x.fr.",
        ],
    )
    def test_a16_a18_only_one_plain_address_is_taken(self, typed: str) -> None:
        """A-16, A-18: lists, names, comments, brackets and bare hosts are refused."""
        with pytest.raises(InvalidInput) as refusal:
            EmailAddress.parse(typed)

        assert refusal.value.reason == "malformed"

    @pytest.mark.parametrize("typed", ['"e@attacker.com"@victim.com', '"a b"@x.fr', '"a"@x.fr'])
    def test_a15_quoted_local_parts_are_refused(self, typed: str) -> None:
        """A-15: an address inside an address is none."""
        with pytest.raises(InvalidInput):
            EmailAddress.parse(typed)

    @pytest.mark.parametrize(
        "typed", ["m\u0131ke@example.org", "vic\u017fim@example.org", "\u212aelvin@example.org", "é@x.fr"]
    )
    def test_a12_local_parts_outside_ascii_are_refused(self, typed: str) -> None:
        """A-12: look-alikes that fold to ASCII (dotless i, long s, the Kelvin sign) never stand for it."""
        with pytest.raises(InvalidInput):
            EmailAddress.parse(typed)

    @pytest.mark.parametrize("symbol", ["\r", "\n", "\r\n", "\x00", "\x85", "\u2028", "\u2029", "\x1b", "\ud800"])
    @pytest.mark.parametrize("template", ["{}a@example.fr", "a{}@example.fr", "a@exam{}ple.fr", "a@example.fr{}"])
    def test_a19_controls_and_line_breaks_are_refused_anywhere(self, template: str, symbol: str) -> None:
        """A-19: no header can be smuggled into a mail, also not at the very end."""
        with pytest.raises(InvalidInput) as refusal:
            EmailAddress.parse(template.format(symbol))

        assert refusal.value.reason == "malformed"

    def test_the_field_is_named(self) -> None:
        """A refusal names the argument it is about."""
        with pytest.raises(InvalidInput) as refusal:
            EmailAddress.parse("a", field="new_email")

        assert refusal.value.field == "new_email"


class TestComparison:
    """Two spellings are one address exactly when their keys are equal."""

    @given(equal_email_addresses())
    def test_spelling_does_not_matter(self, pair: tuple[str, str]) -> None:
        """Case, the form of an international domain, and spaces around change nothing."""
        one, other = pair

        assert EmailAddress.parse(one).key == EmailAddress.parse(other).key

    @given(different_email_addresses())
    def test_different_addresses_stay_apart(self, pair: tuple[str, str]) -> None:
        """Two addresses are never taken for one."""
        one, other = pair

        assert EmailAddress.parse(one).key != EmailAddress.parse(other).key

    @given(email_addresses())
    def test_the_key_is_lower_case_ascii(self, typed: str) -> None:
        """What is compared has one spelling only, in the alphabet that every database compares alike."""
        key = EmailAddress.parse(typed).key

        assert key.isascii()
        assert key == key.lower()

    @given(email_addresses())
    def test_reading_is_idempotent(self, typed: str) -> None:
        """An address that was read reads as itself."""
        address = EmailAddress.parse(typed)

        assert EmailAddress.parse(address.address) == address

    def test_a23_sharp_s_is_not_double_s(self) -> None:
        """A-23: faß.de and fass.de are two domains."""
        assert EmailAddress.parse("a@faß.de").key != EmailAddress.parse("a@fass.de").key

    def test_dots_and_tags_matter(self) -> None:
        """No provider's own rule is guessed at: only its owner's server knows what these mean."""
        keys = {EmailAddress.parse(typed).key for typed in ("ab@example.fr", "a.b@example.fr", "ab+c@example.fr")}

        assert len(keys) == 3

    def test_the_address_is_kept_as_typed(self) -> None:
        """What mail is sent to keeps the case of the local part; the domain is in lower case."""
        assert EmailAddress.parse(" Jeanne.Martin@Example.FR ") == EmailAddress(
            address="Jeanne.Martin@example.fr", key="jeanne.martin@example.fr"
        )
