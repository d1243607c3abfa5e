"""What a reader sees."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from html import escape, unescape
from html.parser import HTMLParser
from zoneinfo import ZoneInfoNotFoundError

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coproauth.core.composing import compose
from coproauth.core.messages import (
    AccountAddedMessage,
    ActivationNoticeMessage,
    Intention,
    MailKind,
    Message,
    ResetLinkMessage,
    UnknownAddressMessage,
)
from coproauth.core.portal_urls import PortalUrls
from coproauth.core.tokens import Keyring
from coproauth.errors import InvalidInput
from coproauth.mail import render
from coproauth.mail.dates import write_date, write_instant
from coproauth.policy import LOCALES, Locale, Policy

TO = "marie.lefevre@example.fr"
URLS = PortalUrls(base="https://app.example.fr")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
NOTICES = (
    MailKind.PASSWORD_CHANGED,
    MailKind.TEMPORARY_PASSWORD_SET,
    MailKind.ACTIVATION_NOTICE,
    MailKind.ACCOUNT_ADDED,
    MailKind.ACCOUNT_REMOVED,
    MailKind.EMAIL_CHANGE_REQUESTED,
    MailKind.EMAIL_CHANGED,
)
LINE_BREAKERS = ["\r", "\n", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "\x00", "\x1b", "\ud800"]


class _Page(HTMLParser):
    """The tags and the words of a page, apart."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.words = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(f"{tag} {' '.join(name for name, _ in attrs)}")

    def handle_data(self, data: str) -> None:
        self.words += data


def values_of(message: Message) -> list[str]:
    fields = {name: value for name, value in attrs.asdict(message).items() if name not in {"id", "to", "locale"}}
    return [write_date(value, message.locale) if isinstance(value, date) else value for value in fields.values()]


def activation_notice(*, contact_name: str, condominium_name: str = "Les Lilas", locale: Locale = "fr") -> Message:
    return ActivationNoticeMessage(to=TO, locale=locale, contact_name=contact_name, condominium_name=condominium_name)


def test_every_message_tells_all_it_carries_in_both_parts(message: Message) -> None:
    """Each value of a message is read in the text and in the HTML, and no placeholder is left."""
    rendered = render(message)

    page = _Page(rendered.html)
    assert all(value in rendered.text and value in page.words for value in values_of(message))
    assert "$" not in rendered.subject + rendered.text + rendered.html


def test_text_and_html_say_the_same(message: Message) -> None:
    """Every line of the text part stands in the HTML part, under the subject as its heading."""
    rendered = render(message)

    words = _Page(rendered.html).words
    assert all(line in words for line in [rendered.subject, *rendered.text.splitlines()])


def test_the_page_names_its_language(message: Message) -> None:
    """A screen reader is told which language to speak."""
    html = render(message).html

    assert f'<html lang="{message.locale}">' in html


def test_the_page_loads_nothing(message: Message) -> None:
    """Opening a mail is noticed by nobody: the only address inside is the link that is to be followed."""
    html = render(message).html

    addresses = set(re.findall(r"\w+://[^\s\"<]+", unescape(html)))
    assert addresses <= {getattr(message, "url", "")}
    assert not re.search(r"<(img|link|script|iframe|table)\b|\bsrc=|url\(|@import", html)


def test_nothing_that_was_mailed_is_shown_in_a_repr() -> None:
    """A log of a rendered mail opens nothing."""
    rendered = render(ResetLinkMessage(to=TO, locale="fr", url=f"{URLS.base}/reset/eyJh"))

    assert "eyJh" not in repr(rendered)


@pytest.mark.parametrize("locale", LOCALES)
def test_a_link_is_intact_in_both_parts(locale: Locale) -> None:
    """What is special in HTML does not change the address that is opened."""
    url = f"{URLS.base}/reset/eyJh.b-_~c?a=1&amp=2&b='%22$x"

    rendered = render(ResetLinkMessage(to=TO, locale=locale, url=url))

    assert f"\n{url}\n" in rendered.text
    assert f'href="{escape(url)}"' in rendered.html
    assert url in _Page(rendered.html).words


def test_markup_in_a_name_is_shown_and_not_obeyed() -> None:
    """A name is text, in whatever it is written."""
    name = '<script>alert("1")</script> & Fils $url ${code} $$'

    rendered = render(activation_notice(contact_name=name))

    assert "<script" not in rendered.html
    assert name in rendered.text
    assert name in _Page(rendered.html).words


@pytest.mark.parametrize("breaker", LINE_BREAKERS, ids=ascii)
def test_a_line_break_in_a_name_becomes_a_space(breaker: str) -> None:
    """The notice is read all the same, with nothing in it that ends a line or cannot be encoded."""
    rendered = render(activation_notice(contact_name=f"Marie{breaker}Lefèvre{breaker}"))

    assert rendered == render(activation_notice(contact_name="Marie Lefèvre"))


@pytest.mark.parametrize("mark", ["\u202e", "\u2066", "\u200b", "\u200f", "\ufeff", "\U000e0041"], ids=ascii)
def test_marks_that_turn_or_hide_text_are_dropped(mark: str) -> None:
    """What is read in a mail is what is written in it."""
    rendered = render(activation_notice(contact_name=f"Marie {mark}Lefèvre"))

    assert rendered == render(activation_notice(contact_name="Marie Lefèvre"))


@given(name=st.text(st.characters()))
def test_no_name_changes_the_layout(name: str) -> None:
    """Whatever the host's file holds, subject, lines and tags are those of any other name."""
    plain = render(activation_notice(contact_name="Marie", condominium_name="Lilas"))

    rendered = render(activation_notice(contact_name=name, condominium_name=name))

    assert rendered.subject == plain.subject
    assert len(rendered.text.splitlines()) == len(plain.text.splitlines())
    assert _Page(rendered.html).tags == _Page(plain.html).tags
    rendered.text.encode()


@pytest.mark.parametrize("name", ["", " ", "\r\n", "\u200b"], ids=ascii)
def test_a_name_without_anything_to_read_is_a_dash(name: str) -> None:
    """A sentence never has a hole."""
    rendered = render(AccountAddedMessage(to=TO, locale="en", condominium_name=name))

    assert "“—”" in rendered.text


def test_a_name_is_cut_at_200_symbols() -> None:
    """A mail stays a mail."""
    longest = render(activation_notice(contact_name="é" * 200)).text
    longer = render(activation_notice(contact_name="é" * 201)).text

    assert "é" * 200 in longest
    assert "é" * 199 + "…" in longer
    assert "é" * 200 not in longer


@pytest.mark.parametrize(
    "url",
    [
        *(f"https://app.example.fr/{breaker}reset" for breaker in LINE_BREAKERS),
        "https://app.example.fr/reset\n",
        "https://app.example.fr/re set",
        "https://app.exämple.fr/reset",
        "javascript:alert(1)",
        "//app.example.fr/reset",
        "",
        "https://app.example.fr/" + "a" * 2000,
    ],
    ids=ascii,
)
def test_a_link_that_is_not_plain_is_refused(url: str) -> None:
    """A changed link would not work, and a strange one must not be sent."""
    message = UnknownAddressMessage(to=TO, locale="fr", url=url)

    with pytest.raises(InvalidInput) as refused:
        render(message)

    assert refused.value.field == "url"


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("kind", NOTICES)
def test_a_notice_carries_no_secret(kind: MailKind, locale: Locale) -> None:
    """The only address in a notice is that of a page open to all, and no six digits are in it."""
    intention = Intention(
        id="mail-1",
        kind=kind,
        to=TO,
        locale=locale,
        nonce="nonce",
        condominium_name="Les Lilas",
        contact_name="Marie Lefèvre",
        queued_at=NOON,
        due_at=NOON,
    )
    keyring = Keyring(secret_keys=["0123456789abcdefghijklmnopqrstuv"], audience=URLS.base)
    message = compose(intention, None, keyring=keyring, urls=URLS, at=NOON, policy=Policy())
    assert message is not None

    text = render(message).text

    assert set(re.findall(r"https?://\S+", text)) <= {URLS.forgotten}
    assert not re.search(r"\d", text)


@pytest.mark.parametrize(
    ("day", "french", "english"),
    [
        (date(2027, 3, 1), "1er\u00a0mars 2027", "1\u00a0March 2027"),
        (date(2028, 2, 29), "29\u00a0février 2028", "29\u00a0February 2028"),
        (date(2026, 12, 31), "31\u00a0décembre 2026", "31\u00a0December 2026"),
    ],
)
def test_a_day_is_written_as_in_a_letter(day: date, french: str, english: str) -> None:
    """The month is a word, the first of a month is an ordinal in French, and the number keeps to its month."""
    assert (write_date(day, "fr"), write_date(day, "en")) == (french, english)


@pytest.mark.parametrize(
    ("instant", "french", "english"),
    [
        (
            datetime(2026, 7, 1, 22, 5, tzinfo=UTC),
            "2\u00a0juillet 2026 à 00:05 (heure de Paris)",
            "2\u00a0July 2026 at 00:05 (Paris time)",
        ),
        (
            datetime(2026, 12, 1, 13, 5, tzinfo=UTC),
            "1er\u00a0décembre 2026 à 14:05 (heure de Paris)",
            "1\u00a0December 2026 at 14:05 (Paris time)",
        ),
    ],
)
def test_instants_are_told_by_the_clock_on_the_wall(instant: datetime, french: str, english: str) -> None:
    """In summer and in winter, with the day that follows from it, and by which clock it is."""
    assert (write_instant(instant, "fr"), write_instant(instant, "en")) == (french, english)


def test_a_machine_without_time_zones_tells_the_world_s_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """And says so."""

    def unknown(key: str) -> object:
        raise ZoneInfoNotFoundError(key)

    monkeypatch.setattr("coproauth.mail.dates.ZoneInfo", unknown)

    assert write_instant(datetime(2026, 7, 1, 22, 5, tzinfo=UTC), "fr") == "1er\u00a0juillet 2026 à 22:05 (UTC)"
