"""Facts from CSV: claims under `subject,relation,object`, or any table with a head.

Interface:
    claims          a text's facts
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from ...syscalls.errors import InvalidArgument
from ...syscalls.knowledge import Claim
from . import tables
from .facts import Told, checked

_TRIPLE = ["subject", "relation", "object"]
_REST = {"since", "until", "source"}


def claims(text: str, source: str) -> Iterator[Told]:
    """Yield what each line states. Raises `InvalidArgument` naming the line.

    Under `subject,relation,object` and any of `since,until,source`, a line is one fact. Else the
    first column holds subjects, and the heads of the others are relations.
    """
    text = text.removeprefix("\ufeff")
    head_line = text.lstrip("\r\n").split("\n", 1)[0]
    mark = max(",;\t", key=head_line.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True)
    head: list[str] = []
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if not any(cells):
                continue
            if not head:
                head = cells
                continue
            if len(cells) > len(head):
                raise InvalidArgument(f"{len(cells)} cells under {len(head)} heads")
            for claim in _of(head, cells):
                yield checked(claim, source)
    except (InvalidArgument, csv.Error) as error:
        why = error.message if isinstance(error, InvalidArgument) else str(error)
        raise InvalidArgument(f"line {reader.line_num}: {why}") from None
    if not head:
        raise InvalidArgument("line 1: there is no head")


def _of(head: list[str], cells: list[str]) -> Iterator[Claim]:
    names = [name.lower() for name in head]
    if names[:3] == _TRIPLE and set(names[3:]) <= _REST:
        rest = dict(zip(names[3:], cells[3:], strict=False))
        if len(cells) < 3:
            raise InvalidArgument("a fact has a subject, a relation and an object")
        yield _claim(cells[0], cells[1], cells[2], rest)
        return
    for relation, cell in zip(head[1:], cells[1:], strict=False):
        if cell:
            yield _claim(cells[0], relation, cell, {})


def _claim(subject: str, relation: str, cell: str, rest: dict[str, str]) -> Claim:
    value = tables.value(cell)
    claim = Claim(
        subject=subject, relation=relation, object=value, source=rest.get("source", ""),
        since=rest.get("since") or None, until=rest.get("until") or None,
    )  # fmt: skip
    if tables.is_date(value):
        claim["thing"] = False
    return claim
