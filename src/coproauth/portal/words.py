"""What the pages say, in each language: the catalogues, and how dates, sums and waits are written."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta, tzinfo
from functools import cache
from pathlib import Path

import attrs

from coproauth.core.browsers import recognize, shorten
from coproauth.policy import Locale

_FOLDER = Path(__file__).parent / "locales"
_BEFORE_PUNCTUATION = re.compile(r" (?=[:;?!»€])|(?<=«) ")
_NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"
_SECONDS_PER_MINUTE = 60
_MINUTES_PER_HOUR = 60


@attrs.frozen(kw_only=True)
class Words:
    """One language of the portal.

    Attributes:
        texts: by dotted key; ``{name}`` in a text is filled in.
        time_zone: in which instants are told.
    """

    locale: Locale
    texts: Mapping[str, str] = attrs.field(repr=False)
    time_zone: tzinfo

    def __call__(self, key: str, **values: object) -> str:
        """Return a text, filled in."""
        return self.texts[key].format(**values)

    def __contains__(self, key: str) -> bool:
        return key in self.texts

    def day(self, value: date) -> str:
        """Return a day in words: 23 novembre 2026."""
        number = "1er" if (self.locale, value.day) == ("fr", 1) else value.day
        return f"{number} {self.texts['date.months'].split()[value.month - 1]} {value.year}"

    def instant(self, value: datetime) -> str:
        """Return an instant in words, to the minute."""
        local = value.astimezone(self.time_zone)
        return self("date.instant", day=self.day(local.date()), time=f"{local:%H:%M}")

    def money(self, cents: int) -> str:
        """Return a sum as it is written: 1 234,56 € or €1,234.56."""
        amount = f"{abs(cents) / 100:,.2f}"
        sign = "\N{MINUS SIGN}" if cents < 0 else ""
        if self.locale == "en":
            return f"{sign}€{amount}"
        return sign + amount.replace(",", "\N{NARROW NO-BREAK SPACE}").replace(".", ",") + f"{_NO_BREAK_SPACE}€"

    def browser(self, user_agent: str | None) -> str:
        """Return what a browser is called: Chrome sur Linux."""
        if not user_agent:
            return self("sessions.unknown")
        known = recognize(user_agent)
        return self("sessions.browser", browser=known[0], system=known[1]) if known else shorten(user_agent)

    def wait(self, duration: timedelta) -> str:
        """Return how long to wait, rounded up: 45 secondes, 12 minutes, une heure, 2 heures."""
        seconds = seconds_of(duration)
        if seconds <= _SECONDS_PER_MINUTE:
            return self._counted(seconds, "second")
        minutes = -(-seconds // _SECONDS_PER_MINUTE)
        if minutes < _MINUTES_PER_HOUR:
            return self._counted(minutes, "minute")
        return self._counted(-(-minutes // _MINUTES_PER_HOUR), "hour")

    def _counted(self, count: int, unit: str) -> str:
        return self(f"wait.{unit}" if count == 1 else f"wait.{unit}s", count=count)


def seconds_of(duration: timedelta) -> int:
    """Return a wait in whole seconds, rounded up, at least one."""
    return max(1, -(-duration // timedelta(seconds=1)))


def initials(name: str) -> str:
    """Return one or two letters that stand for a name in its avatar."""
    words = re.findall(r"\w+", name)
    return "".join(word[0] for word in dict.fromkeys((*words[:1], *words[-1:]))).upper() or "?"


@cache
def load_texts(locale: Locale) -> Mapping[str, str]:
    """Return the catalogue of a language, flat: ``login.title`` and so on."""
    tables = tomllib.loads((_FOLDER / f"{locale}.toml").read_text("utf-8"))
    texts = dict(_flatten("", tables))
    if locale == "fr":
        return {key: _BEFORE_PUNCTUATION.sub(_NO_BREAK_SPACE, text) for key, text in texts.items()}
    return texts


def _flatten(prefix: str, table: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flatten(f"{prefix}{key}.", value)
        else:
            yield f"{prefix}{key}", str(value)
