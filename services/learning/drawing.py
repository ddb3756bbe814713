"""Pictures for a job's page: drawn as SVG and tables, without a library that plots.

Interface:
    curve           a curve over steps
    confusion       what was taken for what
    ticks           round values along an axis
    number          a value as people read it
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Any

#: A picture's size, and the room for its labels: left, right, top, bottom.
WIDTH, HEIGHT = 420, 190
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 10, 22
#: Points from which on a smoothed curve is drawn over the curve, and its part of them.
SMOOTHED, STRETCH = 60, 30
#: A difference that is none.
TINY = 1e-100
#: Classes of the largest table of confusion.
CLASSES = 40


def curve(
    name: str, points: Sequence[tuple[float, float]], total: int | None = None, since: int = 0
) -> str:
    """Return a curve as SVG; a dashed line marks where the job has gone on."""
    steps, heights = [x for x, _ in points], [y for _, y in points]
    right = max(steps[-1], total or 0, steps[0] + 1)
    across = _Axis(min(steps[0], right - 1), right, LEFT, WIDTH - RIGHT)
    low, high = min(heights), max(heights)
    size = max(abs(low), abs(high))
    if high - low <= max(1e-9 * size, TINY):
        around = (size if size > TINY else 1.0) / 2
        low, high = low - around, high + around
    marks = ticks(low, high, 4)
    down = _Axis(marks[0], marks[-1], HEIGHT - BOTTOM, TOP)
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(name)}">',
        *(
            f'<path class="grid" d="M{LEFT} {down(mark):.1f}H{WIDTH - RIGHT}"/>'
            f'<text x="{LEFT - 6}" y="{down(mark) + 3.5:.1f}" text-anchor="end">'
            f"{escape(number(mark))}</text>"
            for mark in marks
        ),
        *(
            f'<text x="{across(mark):.1f}" y="{HEIGHT - 6}" text-anchor="middle">'
            f"{escape(number(mark))}</text>"
            for mark in ticks(across.low, across.high, 5, least=1.0)
            if across.low <= mark <= across.high
        ),
    ]
    if since and across.low < since < across.high:
        x = across(since)
        parts.append(
            f'<path class="since" d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}">'
            f"<title>gone on from step {since}</title></path>"
        )
    placed = [(across(x), down(y)) for x, y in points]
    if len(placed) > SMOOTHED:
        smooth = [(across(x), down(y)) for x, y in _smoothed(points)]
        parts += [_path("raw", placed), _path("line", smooth)]
    else:
        parts.append(_path("line", placed))
    x, y = placed[-1]
    parts.append(
        f'<circle class="last" cx="{x:.1f}" cy="{y:.1f}" r="3.5">'
        f"<title>step {steps[-1]}: {number(heights[-1])}</title></circle></svg>"
    )
    return "".join(parts)


def confusion(said: Any) -> str:
    """Return a table of confusion; empty for what is none.

    `said` is {"labels": […], "matrix": [[…]]}: a row for what is true, a column for what it was
    taken for. A cell is the darker the larger its part of the row is.
    """
    match said:
        case {"labels": list(labels), "matrix": list(matrix)} if 0 < len(labels) <= CLASSES:
            pass
        case _:
            return ""
    if len(matrix) != len(labels) or not all(_row(row, len(labels)) for row in matrix):
        return ""
    names = [escape(str(one)) for one in labels]
    head = "".join(f"<th><span>{one}</span></th>" for one in names)
    rows = []
    for place, (name, row) in enumerate(zip(names, matrix, strict=True)):
        whole = sum(row) or 1
        cells = "".join(
            f'<td class="{"right" if place == column else "wrong"}{" strong" * (part > 0.55)}"'
            f' style="--part:{part:.3f}"'
            f' title="{name} taken for {names[column]}: {part:.1%}">{number(count)}</td>'
            for column, count in enumerate(row)
            for part in [count / whole]
        )
        rows.append(f"<tr><th>{name}</th>{cells}</tr>")
    return (
        '<div class="wide"><table class="confusion"><caption>A row for what is true, a column for '
        f"what it was taken for</caption><tr><td></td>{head}</tr>{''.join(rows)}</table></div>"
    )


def ticks(low: float, high: float, most: int, least: float = 0.0) -> list[float]:
    """Return about so many round values, 1, 2 or 5 times a power of ten apart and at least
    `least`: the first is no more than `low`, the last no less than `high`."""
    rough = max((high - low) / max(most, 1), least)
    size = 10.0 ** math.floor(math.log10(rough)) if rough > 0 else 1.0
    step = next(size * one for one in (1, 2, 5, 10) if size * one >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [place * step for place in range(first, max(last, first + 1) + 1)]


def number(value: float) -> str:
    """Return a value with four digits that count."""
    size = abs(value)
    if size and not 1e-3 <= size < 1e7:
        return f"{value:.2e}"
    return f"{value:,.0f}" if size >= 1000 or value == int(value) else f"{value:.4g}"


class _Axis:
    """From values to places in the picture."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        self.low, self.high = low, high
        self._start, self._scale = start, (end - start) / (high - low)

    def __call__(self, value: float) -> float:
        return self._start + (value - self.low) * self._scale


def _path(kind: str, placed: Sequence[tuple[float, float]]) -> str:
    line = "L".join(f"{x:.1f} {y:.1f}" for x, y in placed)
    return f'<path class="{kind}" d="M{line}"/>'


def _smoothed(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return a curve's mean over a stretch around each point."""
    reach = max(len(points) // (2 * STRETCH), 1)
    values = [y for _, y in points]
    found = []
    for place, (x, _) in enumerate(points):
        # The same reach to both sides, so that the ends do not lean.
        side = min(reach, place, len(points) - 1 - place)
        near = values[place - side : place + side + 1]
        found.append((x, sum(near) / len(near)))
    return found


def _row(row: Any, length: int) -> bool:
    return (
        isinstance(row, list)
        and len(row) == length
        and all(isinstance(one, (int, float)) and 0 <= one < math.inf for one in row)
    )
