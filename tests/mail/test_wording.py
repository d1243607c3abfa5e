"""The template files themselves."""

from __future__ import annotations

import re
import tomllib
from importlib.resources import files
from string import Template

import pytest

from coproauth.core.messages import MailKind, Message
from coproauth.mail.rendering import render
from coproauth.mail.wording import load_wording
from coproauth.policy import LOCALES, Locale

TEMPLATES = files("coproauth.mail").joinpath("templates")
NAMES = {*MailKind, "signature"}


def words_of(name: str, locale: Locale) -> str:
    return TEMPLATES.joinpath(locale, f"{name}.txt").read_text("utf-8")


@pytest.mark.parametrize("locale", LOCALES)
def test_every_language_has_one_template_for_each_kind_of_mail(locale: Locale) -> None:
    """The sets of names are the same in all languages: the kinds of mail, and the signature."""
    found = {entry.name for entry in TEMPLATES.joinpath(locale).iterdir()}

    assert found == {f"{name}.txt" for name in NAMES}


@pytest.mark.parametrize("name", sorted(NAMES))
def test_all_languages_fill_the_same_placeholders(name: str) -> None:
    """A translation tells as much as the original."""
    placeholders = {locale: sorted(Template(words_of(name, locale)).get_identifiers()) for locale in LOCALES}

    assert placeholders["fr"] == placeholders["en"]


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_subject_has_no_placeholder(name: str, locale: Locale) -> None:
    """Nothing from outside can reach the subject."""
    subject = load_wording(name, locale).subject

    assert subject.strip()
    assert "$" not in subject


@pytest.mark.parametrize("name", sorted(NAMES))
def test_french_is_set_as_french(name: str) -> None:
    """Apostrophes are typographic, and no line can break before high punctuation or inside guillemets."""
    words = words_of(name, "fr")

    assert re.findall(r"""['"]|[^\u00a0:][:;!?»]|«[^\u00a0]""", words) == []


@pytest.mark.parametrize("name", sorted(NAMES))
def test_english_is_set_as_english(name: str) -> None:
    """Quotation marks and apostrophes are typographic, and no space comes before punctuation."""
    words = words_of(name, "en")

    assert re.findall(r"""['"]|\s[:;!?,.]""", words) == []


@pytest.mark.parametrize(("locale", "mine", "yours"), [("fr", "Mon", "Votre"), ("en", "My", "Your")])
def test_mail_signs_with_the_name_of_the_portal(locale: Locale, mine: str, yours: str) -> None:
    """Whoever follows a link arrives where the mail said."""
    words = files("coproauth.portal").joinpath("locales", f"{locale}.toml").read_text("utf-8")
    site = tomllib.loads(words)["site"]["name"]

    assert load_wording("signature", locale).subject == site.replace(mine, yours, 1)


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("name", sorted(NAMES))
def test_mail_uses_the_words_of_the_pages(name: str, locale: Locale) -> None:
    """An email is spelled as on the pages, and in French the post brings a courrier."""
    words = words_of(name, locale)

    assert re.findall(r"\be-mail|\bcourriels?\b|\blettres?\b|espace copropriétaire|co-owner portal", words) == []


def test_what_asks_for_a_link_shows_it_as_one(message: Message) -> None:
    """A message that carries an address has exactly one button to it, and no other message has any."""
    url = getattr(message, "url", None)

    html = render(message).html

    assert html.count("<a ") == (1 if url else 0)
