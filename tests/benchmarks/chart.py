"""Two plain drawings as SVG, without a library."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape

import attrs

_LEFT, _WIDTH, _LINE, _TOP, _MARGIN = 240, 900, 28, 84, 40  # pixels
_COLOURS = ("#8a8a8a", "#bdbdbd", "#c2410c", "#0f766e", "#65a30d", "#1d4ed8", "#9333ea")


@attrs.frozen(kw_only=True)
class Dot:
    """A figure, by the row it is in and whose it is."""

    row: str
    series: str
    value: float


def dots(found: Iterable[Dot], *, title: str) -> str:
    """Draw a dot for each figure, on a scale on which ten times as much is always as far."""
    drawn = list(found)
    rows, series = list(dict.fromkeys(dot.row for dot in drawn)), list(dict.fromkeys(dot.series for dot in drawn))
    powers = [math.log10(dot.value) for dot in drawn]
    low, high = math.floor(min(powers)), math.ceil(max(powers))

    def across(power: float) -> float:
        return _LEFT + (power - low) / max(1, high - low) * (_WIDTH - _LEFT - _MARGIN)

    lines = [*_key(series), *_labels(rows)]
    for exponent in range(low, high + 1):
        lines += _grid_line(across(exponent), f"{10.0**exponent:g}", len(rows))
    for dot, power in zip(drawn, powers, strict=True):
        colour, y = _COLOURS[series.index(dot.series)], _down(rows.index(dot.row))
        about = f"<title>{escape(dot.series)}: {dot.value:.2f}</title>"
        lines.append(f'<circle cx="{across(power):.1f}" cy="{y}" r="6" fill="{colour}">{about}</circle>')
    return _document(title, lines, rows=len(rows))


def bars(shares: Mapping[str, float], *, title: str) -> str:
    """Draw a bar for each share of a whole."""
    largest = max(shares.values())
    lines = list(_labels(list(shares)))
    for place, share in enumerate(shares.values()):
        y, length = _down(place), share / largest * (_WIDTH - _LEFT - 2 * _MARGIN)
        lines.append(f'<rect x="{_LEFT}" y="{y - 8}" width="{length:.1f}" height="16" fill="{_COLOURS[2]}"/>')
        lines.append(_text(_LEFT + length + 8, y + 4, f"{100 * share:.0f} %"))
    return _document(title, lines, rows=len(shares))


def _document(title: str, lines: Sequence[str], *, rows: int) -> str:
    height = _down(rows)
    start = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif"'
    ground = f'<rect width="{_WIDTH}" height="{height}" fill="white"/>'
    return "\n".join([f'{start} font-size="13">', ground, _text(16, 26, title), *lines, "</svg>", ""])


def _key(series: Sequence[str]) -> Iterator[str]:
    for place, name in enumerate(series):
        x = 16 + place * (_WIDTH - 32) // len(series)
        yield f'<circle cx="{x + 6}" cy="48" r="6" fill="{_COLOURS[place]}"/>'
        yield _text(x + 18, 52, name)


def _labels(rows: Sequence[str]) -> Iterator[str]:
    for place, row in enumerate(rows):
        yield _text(_LEFT - 12, _down(place) + 4, row, anchor="end")


def _grid_line(x: float, label: str, rows: int) -> list[str]:
    line = f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 6}" y2="{_down(rows) - _LINE // 2}" stroke="#ddd"/>'
    return [line, _text(x, _TOP - 10, label, anchor="middle")]


def _text(x: float, y: float, text: str, *, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="#222">{escape(text)}</text>'


def _down(place: int) -> int:
    return _TOP + _LINE // 2 + place * _LINE
