"""The work-precision plot as SVG, written by hand: no plotting library is needed to read a result."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

from benchmarks.engine.precision import Point

_WIDTH, _HEIGHT, _LEFT, _TOP, _LEGEND = 560, 420, 70, 40, 230
_COLOURS = ("#0b6e4f", "#111111", "#c1292e", "#f1a208", "#2d7dd2", "#7b2d8b", "#6c757d", "#06aed5", "#a15c38", "#5f0f40")


def work_precision_svg(curves: Mapping[str, Sequence[Point]], *, title: str) -> str:
    """Time of one patient, relative to the fastest run, against the 99th percentile of the error; both logarithmic."""
    kept = {name: [point for point in points if _is_shown(point)] for name, points in curves.items()}
    kept = {name: points for name, points in kept.items() if points}
    errors = [point.p99 for points in kept.values() for point in points]
    fastest = min(point.seconds_per_patient for points in kept.values() for point in points)
    costs = [point.seconds_per_patient / fastest for points in kept.values() for point in points]
    across, up = _Axis(errors, _LEFT, _LEFT + _WIDTH), _Axis(costs, _TOP + _HEIGHT, _TOP)
    width, height = _LEFT + _WIDTH + _LEGEND, _TOP + _HEIGHT + 60
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        f'<text x="{_LEFT}" y="22" font-size="15">{escape(title)}</text>',
        f'<rect x="{_LEFT}" y="{_TOP}" width="{_WIDTH}" height="{_HEIGHT}" fill="none" stroke="#999"/>',
    ]
    for decade in across.decades():
        place, middle = across.at(10.0**decade), _TOP + _HEIGHT
        parts.append(f'<line x1="{place:.1f}" y1="{_TOP}" x2="{place:.1f}" y2="{middle}" stroke="#ddd"/>')
        parts.append(f'<text x="{place:.1f}" y="{middle + 18}" text-anchor="middle">1e{decade}</text>')
    for decade in up.decades():
        place = up.at(10.0**decade)
        parts.append(f'<line x1="{_LEFT}" y1="{place:.1f}" x2="{_LEFT + _WIDTH}" y2="{place:.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{place + 4:.1f}" text-anchor="end">{10**decade:g}</text>')
    parts.append(f'<text x="{_LEFT + _WIDTH / 2}" y="{_TOP + _HEIGHT + 42}" text-anchor="middle">error, 99th percentile</text>')
    centre = _TOP + _HEIGHT / 2
    parts.append(
        f'<text x="18" y="{centre}" transform="rotate(-90 18 {centre})" text-anchor="middle">time (fastest = 1)</text>'
    )
    for number, (name, points) in enumerate(kept.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        places = [(across.at(point.p99), up.at(point.seconds_per_patient / fastest)) for point in points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in places]
        line = _TOP + 14 + 20 * number
        parts.append(f'<rect x="{_LEFT + _WIDTH + 16}" y="{line - 9}" width="12" height="12" fill="{colour}"/>')
        parts.append(f'<text x="{_LEFT + _WIDTH + 34}" y="{line + 1}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>", ""])


class _Axis:
    """A logarithmic axis over whole decades between two places of the picture."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        self._low = math.floor(math.log10(min(values)))
        self._high = max(math.ceil(math.log10(max(values))), self._low + 1)
        self._start, self._end = start, end

    def decades(self) -> range:
        """The whole decades on it."""
        return range(self._low, self._high + 1)

    def at(self, value: float) -> float:
        """Where a value lies."""
        share = (math.log10(value) - self._low) / (self._high - self._low)
        return self._start + share * (self._end - self._start)


def _is_shown(point: Point) -> bool:
    return math.isfinite(point.p99) and point.p99 > 0
