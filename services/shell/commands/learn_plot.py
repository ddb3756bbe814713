"""Curves drawn with characters.

Interface:
    spark           a curve in one line
    chart           a curve over several lines, eight dots to a character
    number          a value as people read it
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

_LEVELS = "▁▂▃▄▅▆▇█"
#: The bits of a braille character's dots, by row and column.
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))


def spark(values: Sequence[float], width: int) -> str:
    """Return values as a line of at most `width` bars; of many, the mean of each stretch."""
    if not values:
        return ""
    count = min(width, len(values))
    bounds = [place * len(values) // count for place in range(count + 1)]
    means = [sum(values[first:last]) / (last - first) for first, last in pairwise(bounds)]
    return "".join(_LEVELS[round(7 * share)] for share in _shares(means))


def chart(points: Sequence[tuple[float, float]], width: int, height: int) -> list[str]:
    """Return (x, y) points as lines of text, the highest first, each `width` characters long."""
    across, down = 2 * width - 1, 4 * height - 1
    cells = [[0] * width for _ in range(height)]
    columns = [round(across * share) for share in _shares([x for x, _ in points])]
    rows = [round(down * (1 - share)) for share in _shares([y for _, y in points])]
    before: tuple[int, int] | None = None
    for column, row in zip(columns, rows, strict=True):
        for x, y in _line(before or (column, row), (column, row)):
            cells[y // 4][x // 2] |= _DOTS[y % 4][x % 2]
        before = (column, row)
    return ["".join(chr(0x2800 + cell) for cell in line) for line in cells]


def number(value: float) -> str:
    """Return a value with four digits that count."""
    size = abs(value)
    if size and not 1e-3 <= size < 1e6:
        return f"{value:.2e}"
    return f"{value:,.0f}" if size >= 1000 or value == int(value) else f"{value:.4g}"


def _shares(values: Sequence[float]) -> list[float]:
    """Return where each value lies between the least and the highest; in the middle if all do."""
    low, high = min(values, default=0.0), max(values, default=0.0)
    return [0.5 if high == low else (value - low) / (high - low) for value in values]


def _line(start: tuple[int, int], end: tuple[int, int]) -> list[tuple[int, int]]:
    """Return the dots between two dots."""
    (x, y), (right, bottom) = start, end
    steps = max(abs(right - x), abs(bottom - y), 1)
    return [
        (round(x + (right - x) * step / steps), round(y + (bottom - y) * step / steps))
        for step in range(steps + 1)
    ]
