"""Days and instants as a letter writes them, without the locale of the machine."""

from __future__ import annotations

from datetime import UTC, date, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from coproauth.policy import Locale

_MONTHS: dict[Locale, str] = {
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "en": "January February March April May June July August September October November December",
}


def write_date(day: date, locale: Locale) -> str:
    """Return a day with its month in letters, ``1er mars 2027`` or ``1 March 2027``; no line ends after its number."""
    number = "1er" if locale == "fr" and day.day == 1 else str(day.day)
    return f"{number}\u00a0{_MONTHS[locale].split()[day.month - 1]} {day.year}"


def write_instant(instant: datetime, locale: Locale) -> str:
    """Return an instant to the minute, and by which clock: that of Paris, where the machine knows it."""
    zone, name = _clock(locale)
    local = instant.astimezone(zone)
    at = "à" if locale == "fr" else "at"
    return f"{write_date(local.date(), locale)} {at} {local:%H:%M} ({name})"


def _clock(locale: Locale) -> tuple[tzinfo, str]:
    try:
        return ZoneInfo("Europe/Paris"), "heure de Paris" if locale == "fr" else "Paris time"
    except ZoneInfoNotFoundError:  # a machine without the zones' data
        return UTC, "UTC"
