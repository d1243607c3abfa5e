"""What the portal says: the same in both languages, and something for every refusal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from string import Formatter

import pytest

from coproauth import errors
from coproauth.errors import InvalidInput, PasswordRejected, Refused
from coproauth.policy import LOCALES, Locale, Policy
from coproauth.portal import visits
from coproauth.portal.refusals import ToldFault, faults_of, read_faults, tell, write_faults
from coproauth.portal.words import Words, initials, load_texts

_PACKAGE = Path(errors.__file__).parent
_VIOLATIONS = (
    "too_short",
    "too_long",
    "digits_only",
    "repeated",
    "common",
    "context_word",
    "breached",
    "malformed",
    "unchanged",
)


def _words(locale: Locale) -> Words:
    return Words(locale=locale, texts=load_texts(locale), time_zone=UTC)


def _told(refusal: Refused, locale: Locale) -> list[ToldFault]:
    return [tell(fault, _words(locale), Policy()) for fault in faults_of(refusal)]


def _refusals() -> Iterator[tuple[type[Refused], str]]:
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, Refused):
            yield from ((kind, reason) for reason in kind.reasons)


def _refuse(kind: type[Refused], reason: str) -> Refused:
    if kind is PasswordRejected:
        return PasswordRejected(violations=_VIOLATIONS)
    if kind is InvalidInput:
        return InvalidInput(field="email", reason=reason)
    refusal = kind.__new__(kind)
    Refused.__init__(refusal, reason=reason)
    vars(refusal).update(retry_after=timedelta(seconds=30), token="token")
    return refusal


def _placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


class TestCatalogues:
    """The two catalogues say the same things."""

    def test_both_have_the_same_keys(self) -> None:
        """Nothing is said in one language only."""
        assert load_texts("fr").keys() == load_texts("en").keys()

    def test_both_fill_in_the_same_values(self) -> None:
        """A text asks for the same names in both languages, and none is empty."""
        for key, text in load_texts("fr").items():
            assert _placeholders(text) == _placeholders(load_texts("en")[key]), key
            assert text
            assert load_texts("en")[key]

    def test_every_text_a_template_names_exists(self) -> None:
        """No page fails on a missing text."""
        folder = Path(visits.__file__).parent / "templates"
        pages = "".join(page.read_text("utf-8") for page in folder.rglob("*.html"))

        named = set(re.findall(r"\bt\('([^']+[^.])'[,)]", pages))

        assert named <= load_texts("fr").keys()

    def test_no_page_decides_by_the_key_of_a_text(self) -> None:
        """What a refusal is told by may be worded anew; its reason is stable, and listed."""
        folder = Path(visits.__file__).parent / "templates"
        pages = "".join(page.read_text("utf-8") for page in folder.rglob("*.html"))

        compared = re.findall(r"'([^']+)' (?:==|in) (?:faults|fault)", pages)

        assert compared
        assert set(compared) <= {reason for _, reason in _refusals()}

    def test_french_punctuation_never_starts_a_line(self) -> None:
        """The space before a colon or a question mark does not break."""
        assert not any(re.search(r" [:;?!»€]", text) for text in load_texts("fr").values())

    def test_no_french_word_is_elided_before_a_name(self) -> None:
        """A name may begin with a vowel: none stands behind a word that would then lose its own."""
        texts = load_texts("fr").items()

        assert [key for key, text in texts if re.search(r"\b(de|du|le|que)\s\{(name|condominium|label)\}", text)] == []

    @pytest.mark.parametrize("locale", LOCALES)
    def test_a_count_agrees_with_its_noun(self, locale: Locale) -> None:
        """One contact of one is no plural: the count stands behind the noun."""
        assert _words(locale)("desk.progress", done=1, total=1).endswith(("1 sur 1", "1 of 1"))


@pytest.mark.parametrize("locale", LOCALES)
class TestRefusals:
    """Every refusal is worded."""

    @pytest.mark.parametrize(("kind", "reason"), list(_refusals()))
    def test_every_reason_has_a_sentence(self, locale: Locale, kind: type[Refused], reason: str) -> None:
        """A person is told something for each reason of each kind, and a page may show more for that reason."""
        faults = _told(_refuse(kind, reason), locale)

        assert {fault.reason for fault in faults} == {reason}
        assert all(fault.text.endswith(".") for fault in faults)

    def test_every_field_has_a_sentence(self, locale: Locale) -> None:
        """Each argument that a service can refuse is told beside its input, or in general."""
        sources = "".join(path.read_text("utf-8") for path in _PACKAGE.glob("[cs]*/*.py"))
        named = set(re.findall(r'field="(\w+)"', sources))
        worded = {key.removeprefix("invalid.") for key in load_texts(locale) if key.startswith("invalid.")}
        fields = named | worded

        told = {field: _told(InvalidInput(field=field), locale) for field in fields}

        assert {"email", "new_email", "new_password", "code", "email_code"} <= fields
        assert all(len(faults) == 1 for faults in told.values())

    def test_what_is_wrong_with_a_field_is_told_before_what_belongs_there(self, locale: Locale) -> None:
        """The present address is a complete one."""
        (unchanged,) = _told(InvalidInput(field="new_email", reason="unchanged"), locale)
        (malformed,) = _told(InvalidInput(field="new_email"), locale)

        assert (unchanged.field, malformed.field) == ("new_email", "new_email")
        assert unchanged.text == load_texts(locale)["refused.unchanged"]
        assert malformed.text == load_texts(locale)["invalid.new_email"]

    def test_the_list_above_a_form_says_what_is_wrong_in_short(self, locale: Locale) -> None:
        """How it is mended stands once, beside the field."""
        faults = _told(errors.PasswordRejected(violations=("breached",)), locale)

        assert [fault.headline for fault in faults] == [
            {
                "fr": "Ce mot de passe figure dans une fuite de données publiée",
                "en": "This password is in a published data leak",
            }[locale]
        ]

    @pytest.mark.parametrize("reason", errors.Throttled.reasons)
    def test_what_a_form_carries_is_told_like_the_refusal(self, locale: Locale, reason: str) -> None:
        """Nothing of it is lost on the way, to the microsecond of a wait."""
        refusal = errors.Throttled(retry_after=timedelta(minutes=4, microseconds=1), reason=reason)
        faults = faults_of(refusal)

        carried = read_faults(write_faults(faults))

        assert carried == faults
        assert [fault.wait for fault in carried] == [refusal.retry_after]
        assert [tell(fault, _words(locale), Policy()) for fault in carried] == _told(refusal, locale)

    def test_a_wait_is_told(self, locale: Locale) -> None:
        """Whoever is slowed down reads for how long."""
        (fault,) = _told(errors.Throttled(retry_after=timedelta(minutes=4, seconds=1)), locale)

        assert "5 minutes" in fault.text


class TestNotation:
    """Days, sums and waits are written as each language writes them."""

    def test_days(self) -> None:
        """The first of a month is an ordinal in French."""
        assert _words("fr").day(date(2026, 5, 1)) == "1er mai 2026"
        assert _words("en").day(date(2026, 12, 23)) == "23 December 2026"

    def test_instants(self) -> None:
        """An instant is told to the minute."""
        assert _words("fr").instant(datetime(2026, 1, 2, 8, 5, tzinfo=UTC)) == "2 janvier 2026 à 08:05"

    def test_sums(self) -> None:
        """Thousands, decimals and the euro stand where they belong."""
        assert _words("fr").money(123_456) == "1\N{NARROW NO-BREAK SPACE}234,56\N{NO-BREAK SPACE}€"
        assert _words("en").money(-123_456) == "\N{MINUS SIGN}€1,234.56"

    @pytest.mark.parametrize(
        ("wait", "text"),
        [
            (timedelta(0), "1 second"),
            (timedelta(seconds=59.5), "60 seconds"),
            (timedelta(seconds=61), "2 minutes"),
            (timedelta(minutes=60), "one hour"),
            (timedelta(minutes=61), "2 hours"),
        ],
    )
    def test_waits(self, wait: timedelta, text: str) -> None:
        """A wait is rounded up, so that the next attempt is never too early."""
        assert _words("en").wait(wait) == text

    @pytest.mark.parametrize(
        ("user_agent", "name"),
        [
            ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36", "Chrome sur Linux"),
            ("Mozilla/5.0 (Windows NT 10.0) Chrome/126.0 Safari/537.36 Edg/126.0", "Edge sur Windows"),
            ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Version/17.5 Safari/604.1", "Safari sur iPhone"),
            ("Mozilla/5.0 (Android 14; Mobile; rv:127.0) Gecko/127.0 Firefox/127.0", "Firefox sur Android"),
            ("curl/8.0 " + "x" * 60, "curl/8.0 " + "x" * 31),
            ("", "Navigateur inconnu"),
            (None, "Navigateur inconnu"),
        ],
    )
    def test_browsers(self, user_agent: str | None, name: str) -> None:
        """A browser is named with its system; one that nobody knows keeps the beginning of its own words."""
        assert _words("fr").browser(user_agent) == name

    @pytest.mark.parametrize(
        ("name", "letters"), [("Résidence Les Tilleuls", "RT"), ("Marine", "M"), ("12 rue des Lilas", "1L"), ("", "?")]
    )
    def test_initials(self, name: str, letters: str) -> None:
        """An avatar has one or two letters, whatever the name."""
        assert initials(name) == letters
