"""Tables in text: comma-separated values and their like.

Interface:
    read            CSV or TSV in any encoding
"""

from __future__ import annotations

import csv
import io

from ....syscalls.errors import InvalidArgument
from ....syscalls.perception import Place
from ..bounds import COLUMNS
from ..findings import ROWS, Findings
from .text import decoded

_MARKS = ",;\t|"
#: Characters of one cell.
_CELL = 1_000_000


def read(data: bytes, media: str, findings: Findings) -> None:
    """Find the rows of a table, its first row the head. Rows are numbered from 1 below it."""
    text = decoded(data)
    mark = "\t" if media.endswith("tab-separated-values") else _mark(text)
    csv.field_size_limit(_CELL)
    head: list[str] | None = None
    rows: list[list[str]] = []
    number = 0
    try:
        for cells in csv.reader(io.StringIO(text, newline=""), delimiter=mark):
            if not any(cells):
                continue
            # One more than a table may have shows that there are more.
            row = [one.strip() for one in cells[: COLUMNS + 1]]
            if head is None:
                head = row
                findings.state("columns", len(cells))
                continue
            rows.append(row)
            number += 1
            if len(rows) == ROWS:
                findings.table([head, *rows], Place(row=number - ROWS + 1))
                rows = []
    except csv.Error as error:
        raise InvalidArgument(f"no table after row {number}: {error}") from None
    if head is not None and (rows or not number):
        findings.table([head, *rows], Place(row=number - len(rows) + 1 if rows else None))


def _mark(text: str) -> str:
    """Return what parts the columns: what most of the first lines have equally often."""
    lines = [line for line in text[:50_000].split("\n") if line.strip()][:50]

    def merit(mark: str) -> tuple[int, int]:
        counts = [_outside_quotes(line).count(mark) for line in lines]
        usual = max(set(counts), key=counts.count, default=0)
        return (counts.count(usual) if usual else 0, usual)

    return max(_MARKS, key=merit)


def _outside_quotes(line: str) -> str:
    return "".join(line.split('"')[::2])
