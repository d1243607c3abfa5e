"""What a browser calls itself, in two words: for people who look at what their login was used for, and no decision."""

from __future__ import annotations

import re

_NAME_MAX_LENGTH = 40  # characters of what is not recognised
_BROWSERS = (  # each claims to be those after it
    ("Edg(e|A|iOS)?/", "Edge"),
    ("OPR/|Opera", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/|FxiOS/", "Firefox"),
    ("Chrome/|Chromium/|CriOS/", "Chrome"),
    ("Version/.*Safari/", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X|Macintosh", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def recognize(user_agent: str) -> tuple[str, str] | None:
    """Return browser and system, or None if either is unknown."""
    browser, system = _first(_BROWSERS, user_agent), _first(_SYSTEMS, user_agent)
    return (browser, system) if browser and system else None


def describe(user_agent: str | None) -> str:
    """Return browser and system in a line that needs no translation, empty if either is unknown."""
    return ", ".join(recognize(user_agent or "") or ())


def shorten(user_agent: str) -> str:
    """Return the beginning of a name that is not recognised."""
    return user_agent[:_NAME_MAX_LENGTH]


def _first(patterns: tuple[tuple[str, str], ...], text: str) -> str | None:
    return next((name for pattern, name in patterns if re.search(pattern, text)), None)
