"""Which new passwords are refused, and why."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coproauth import Account, Contact, InvalidInput, Policy
from coproauth.core.password_policy import draw_password, parse_password, person_context, violations
from coproauth.testing.strategies import acceptable_passwords, hostile_values

_POLICY = Policy()
_DUPONT = Contact(
    id="contact-1",
    name="Éloïse Dupont",
    account=Account(
        id="account-1",
        label="Lot 12",
        condominium_id="condominium-1",
        condominium_name="Résidence du Moulin-Vert",
        portfolio_id="north",
    ),
)
_CONTEXT = person_context("eloise.dupont@laposte.example", [_DUPONT])
_GOOD = "quatre girafes dansent"
_EMOJI = "".join(chr(0x1F600 + number) for number in range(15))


def _words(password: str, *, policy: Policy = _POLICY) -> tuple[str, ...]:
    return violations(password, context=_CONTEXT, policy=policy)


class TestLength:
    """Lengths are counted in code points (NIST SP 800-63B-4 §3.1.1.2)."""

    @pytest.mark.parametrize(
        ("password", "expected"),
        [
            ("kz7 qpw fjh mvd", ()),
            ("kz7 qpw fjh mv", ("too_short",)),
            ("kéz7 qöpw fjh m", ()),
            ("", ("too_short", "repeated")),
            (_EMOJI, ()),
            (_EMOJI[1:], ("too_short",)),
        ],
    )
    def test_fifteen_code_points_are_enough(self, password: str, expected: tuple[str, ...]) -> None:
        """Fifteen of whatever script, accents and emoji, and not fourteen."""
        assert _words(password) == expected

    @pytest.mark.parametrize(("size", "expected"), [(1024, ()), (1025, ("too_long",)), (4096, ("too_long",))])
    def test_at_most_1024_code_points(self, size: int, expected: tuple[str, ...]) -> None:
        """The upper limit is the policy's, and far above the 64 that must be allowed."""
        assert _words((_GOOD * 200)[:size]) == expected

    def test_the_limits_are_the_policys(self) -> None:
        """A policy with eight code points lets eight pass, one with twenty does not let nineteen pass."""
        assert _words("kz7 qpwf", policy=Policy(password_min_length=8)) == ()
        assert _words("kz7 qpw fjh mvdxtyk", policy=Policy(password_min_length=20)) == ("too_short",)

    def test_sixty_four_are_always_allowed(self) -> None:
        """A sentence of 64 code points passes."""
        assert _words("les girafes violettes jouent du tuba sous un parapluie de laine!") == ()


class TestDigits:
    """Digits alone must be longer."""

    @pytest.mark.parametrize(
        ("password", "expected"),
        [
            ("8301659274063815927", ("digits_only",)),
            ("83016592740638159274", ()),
            ("8301659274063815927x", ()),
            ("12/04/1985 07/09/1983", ("digits_only",)),
            ("+33 6 83 01 65 92 74", ("digits_only",)),
        ],
    )
    def test_twenty_digits_are_enough(self, password: str, expected: tuple[str, ...]) -> None:
        """Twenty random digits pass, nineteen do not, signs between them are none, and one letter is enough."""
        assert _words(password) == expected


class TestRepetition:
    """A few symbols over and over are no password."""

    @pytest.mark.parametrize(
        "password", ["a" * 15, "ababababababababab", "kzpkzpkzpkzpkzpkzp", "\U0001f600" * 15, " " * 20]
    )
    def test_fewer_than_four_symbols_are_refused(self, password: str) -> None:
        """One, two or three different symbols, however long."""
        assert "repeated" in _words(password)

    def test_four_symbols_are_enough(self) -> None:
        """The rule looks at how many symbols differ, and four do."""
        assert "repeated" not in _words("kzpwkzpwwpzkkpzw")


class TestCommonWords:
    """What everyone uses is refused, whatever is hung on it."""

    @pytest.mark.parametrize(
        "password",
        [
            "motdepasse123456",
            "MotDePasse2026!!",
            "m\u00f4t-d\u00e9-p\u00e0ss\u00e9-2026",
            "azertyuiop123456",
            "azertyuiopqsdfghjklm",
            "qwertyuiopasdfghjkl",
            "1qaz2wsx3edc4rfv5",
            "123456789012345",
            "abcdefghijklmnop",
            "aaabbbcccdddeeefff",
            "passwordpassword",
            "correct horse battery staple",
            "jetaimejetaimejetaime",
            "soleil soleil soleil",
            "Bienvenue-Paris-75!",
            "m0tD3P@ss3-2026!",
            "M07D3PA553M07D3PA553",
            "j3-t'@im3-m0n-@m0ur",
            "p4ssw0rd!@#$%^&*()",
            "qwertyuiop!@#$%^&*",
            "Il \u00e9tait une fois... 2026",
            "Les sanglots longs des violons",
            "75 tirelipimpon sur le chihuahua!!",
        ],
    )
    def test_common_words_are_refused(self, password: str) -> None:
        """Words, sentences, years, keyboard rows, runs and repeats, in any case, accents, signs, digits for letters."""
        assert "common" in _words(password)

    @pytest.mark.parametrize("password", ["soleil kzpwqvtx mfjd", "aaa kzpwq vt ?!-_", "abcd;K9_z(p=w&q+v"])
    def test_a_common_word_within_a_good_password_is_no_harm(self, password: str) -> None:
        """What counts is what remains without it, every two different signs for a letter."""
        assert _words(password) == ()


class TestContextWords:
    """What anyone would try for this person is refused (ASVS V6.1.2)."""

    @pytest.mark.parametrize(
        "password",
        [
            "Syndic-Dupont-2026",
            "Copropriete2026!",
            "eloise.dupont@laposte",
            "EloiseDupontEloise",
            "\u00c9lo\u00efse Dupont 75",
            "R\u00e9sidence Moulin Vert",
            "gestionnaire-gestionnaire",
            "El0\u00efse.Dup0nt.Mou1in",
            "3l01s3 DUP0N7 m0u|1n",
            "copr0pr1et@ire $yndic",
            "e-l-o-i-s-e_d-u-p-o-n-t",
            "laposte.example.laposte",
            "Lot 12 du Moulin-Vert",
        ],
    )
    def test_names_and_addresses_are_refused(self, password: str) -> None:
        """Address, name, account, condominium and the words of the trade, in any spelling (ASVS V6.2.11)."""
        assert "context_word" in _words(password)

    def test_the_same_words_are_anothers_good_password(self) -> None:
        """Only what is known of this person counts."""
        assert violations("mathurin poussielgue", context=(), policy=_POLICY) == ()
        assert violations("mathurin poussielgue", context=["Mathurin Poussielgue"], policy=_POLICY) == ("context_word",)

    @pytest.mark.parametrize("password", ["copropriete-motdepasse", "Dupont-Azertyuiop-2026", "gestionnaire bienvenue"])
    def test_common_and_known_words_together_are_refused(self, password: str) -> None:
        """A common word beside a known one is as guessable as two of a kind."""
        assert _words(password) != ()

    def test_all_that_is_known_is_looked_at(self) -> None:
        """The context is the address, and name, account and condominium of every contact."""
        assert _CONTEXT == ("eloise.dupont@laposte.example", "Éloïse Dupont", "Lot 12", "Résidence du Moulin-Vert")


class TestNoComposition:
    """No kind of symbol is asked for (NIST SP 800-63B-4 §3.1.1.2, ASVS V6.2.5)."""

    def test_the_policy_cannot_ask_for_any(self) -> None:
        """What it says of a new password is its length, digits alone, known words, and who is asked for leaks."""
        names = {field.name for field in attrs.fields(Policy)}

        assert {name for name in names if name.startswith(("password", "digits", "context", "breach"))} == {
            "password_min_length",
            "password_max_length",
            "digits_only_min_length",
            "context_words",
            "breach_outage",
        }
        assert not [name for name in names if re.search("upper|lower|symbol|special|class|require_[^e]", name)]

    @pytest.mark.parametrize(
        "password",
        [
            "kzpwqvtxmfjdbgh",
            "KZPWQVTXMFJDBGH",
            "\u0436\u0438\u0440\u0430\u0444\u044b \u0442\u0430\u043d\u0446\u0443\u044e\u0442 \u0434\u0430",
            "\u03ba\u03b1\u03bc\u03b7\u03bb\u03bf\u03c0\u03b1\u03c1\u03b4\u03b1\u03bb\u03b7 \u03bd\u03b1\u03b9",
            "\u9577\u9838\u9e7f\u304c\u6708\u306e\u4e0b\u3067\u9759\u304b\u306b\u8e0a\u3063\u3066\u3044\u308b",
            "!?;:,.#$%&*()[]",
        ],
    )
    def test_one_script_is_enough(self, password: str) -> None:
        """Small letters, capitals, another alphabet, no alphabet at all."""
        assert _words(password) == ()

    @given(
        st.lists(st.permutations("bdgkpvz").map("".join), min_size=3, max_size=5, unique=True),
        st.sampled_from(["", " ", "-"]),
    )
    def test_several_unusual_words_of_one_case_pass(self, words: list[str], separator: str) -> None:
        """Three or more words that nobody uses pass without digit, capital or sign."""
        assert violations(separator.join(words), context=(), policy=_POLICY) == ()

    @given(acceptable_passwords())
    def test_what_the_kit_offers_as_acceptable_passes(self, password: str) -> None:
        """The strategy for embedders and the policy agree."""
        read = parse_password(password, field="password", policy=_POLICY)

        assert violations(read, context=(), policy=_POLICY) == ()


class TestReading:
    """A password is taken as typed, in NFC (ASVS V6.2.8)."""

    @given(st.text(st.characters(exclude_categories=["Cs"]), max_size=100))
    def test_equivalent_spellings_are_one_password(self, text: str) -> None:
        """The same text typed on two machines, composed or decomposed, is one password."""
        composed = parse_password(unicodedata.normalize("NFC", text), field="password", policy=_POLICY)
        decomposed = parse_password(unicodedata.normalize("NFD", text), field="password", policy=_POLICY)

        assert composed == decomposed

    @pytest.mark.parametrize("password", [" a b ", "a b", "a  b", "A B", "a b\u00a0", "a\x00b", "\tab", "ab\n"])
    def test_nothing_else_is_touched(self, password: str) -> None:
        """Spaces, also at the end, case and control characters are part of it."""
        assert parse_password(password, field="password", policy=_POLICY) == password

    def test_compatible_is_not_equal(self) -> None:
        """A ligature and its letters are two passwords: NFC, not NFKC."""
        assert parse_password("\ufb01", field="password", policy=_POLICY) != "fi"

    @pytest.mark.parametrize("size", [4097, 10_000_000])
    def test_length_is_looked_at_before_anything_else(self, size: int) -> None:
        """What can be no password is refused before it is normalised or hashed."""
        with pytest.raises(InvalidInput) as refusal:
            parse_password("\u0301" * size, field="new_password", policy=_POLICY)

        assert (refusal.value.field, refusal.value.reason) == ("new_password", "too_long")

    @pytest.mark.parametrize(
        ("value", "reason"),
        [(None, "wrong_type"), (7, "wrong_type"), (b"x", "wrong_type"), (["x"], "wrong_type"), ("\ud800", "malformed")],
    )
    def test_what_is_no_text_is_refused(self, value: object, reason: str) -> None:
        """Another type, and text that has no encoding, are refused by name."""
        with pytest.raises(InvalidInput) as refusal:
            parse_password(value, field="password", policy=_POLICY)

        assert (refusal.value.field, refusal.value.reason) == ("password", reason)

    @given(hostile_values())
    def test_hostile_values(self, value: object) -> None:
        """Whatever arrives, the answer is text that can be judged, or a named refusal."""
        try:
            password = parse_password(value, field="password", policy=_POLICY)
        except InvalidInput:
            return
        assert set(_words(password)) <= {"too_short", "too_long", "digits_only", "repeated", "common", "context_word"}


class TestDrawing:
    """A password to hand over is random and can be read aloud."""

    @given(st.binary(min_size=20, max_size=20))
    def test_groups_of_four_symbols(self, drawn: bytes) -> None:
        """Small letters in groups of four, none of them a vowel or one to be taken for another."""
        password = draw_password(lambda size: drawn[:size], policy=_POLICY)

        assert re.fullmatch("[a-z]{4}(-[a-z]{4}){4}", password)
        assert not set(password) & set("aeiouylqwz")

    def test_it_has_eighty_bits(self) -> None:
        """Each byte gives one of sixteen letters, and no letter is favoured."""
        drawn = draw_password(lambda size: bytes(range(size)), policy=Policy(password_min_length=256))

        assert set(Counter(drawn.replace("-", "")).values()) == {16}

    @given(st.permutations(range(16)))
    def test_it_is_made_of_no_word(self, drawn: list[int]) -> None:
        """In whatever order the letters come, the list of what anyone would try has nothing against them."""
        password = draw_password(lambda size: bytes(drawn + drawn)[:size], policy=_POLICY)

        assert _words(password) == ()

    def test_a_longer_policy_draws_more(self) -> None:
        """What is drawn is at least as long as the policy asks for."""
        password = draw_password(lambda size: bytes(range(size)), policy=Policy(password_min_length=40))

        assert len(password) >= 40

    @pytest.mark.parametrize(("shortest", "longest"), [(15, 64), (60, 64), (64, 64), (64, 70)])
    def test_it_is_within_the_policy(self, shortest: int, longest: int) -> None:
        """Where there is no room for hyphens it has none."""
        policy = Policy(password_min_length=shortest, password_max_length=longest)

        password = draw_password(lambda size: bytes(range(size)), policy=policy)

        assert shortest <= len(password) <= longest


class TestRepeats:
    """What is short, again and again, is short."""

    @pytest.mark.parametrize(
        "password", ["xkqzxkqzxkqzxkqz", "xkqz7!bxkqz7!bxk", "aaaaaaaaaaaaaaaa", "abcabcabcabcabca"]
    )
    def test_a_short_unit_again_and_again_is_refused(self, password: str) -> None:
        """Up to seven symbols, also when the last round is cut short."""
        assert "repeated" in _words(password)

    @pytest.mark.parametrize("password", ["xkqz7!bw" * 2, "Xkqz7!bwxkqz7!bw", "xkqz7!bwvmnthd" * 2])
    def test_what_is_too_short_is_so_twice(self, password: str) -> None:
        """A unit that would be no password by itself is none when it is typed again, in any case."""
        assert "repeated" in _words(password)

    @pytest.mark.parametrize("password", ["xkqz7!bw" + "xkqz7!b", "xkqz7!bwvmnthdy" * 2])
    def test_what_is_long_enough_may_come_twice(self, password: str) -> None:
        """Fifteen symbols are enough the first time; of a longer unit, a second round that breaks off is none."""
        assert "repeated" not in _words(password)

    def test_a_good_end_after_many_common_words_counts(self) -> None:
        """The whole password is judged, however long its beginning is."""
        assert _words("motdepasse " * 40 + "girafe sous la pluie mauve") == ()
