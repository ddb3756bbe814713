"""Tables read as facts: the first column holds the subjects, the heads are the relations.

Interface:
    claims          a table's rows to claims
    value           a cell to what it says
    is_date         whether that is a date
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ...syscalls.errors import InvalidArgument
from ...syscalls.knowledge import Claim
from .dates import moment
from .terms import NAME, Value

_NUMBER = re.compile(r"[+-]?(\d{1,18}|\d{1,3}(,\d{3})+)(\.\d+)?([eE][+-]?\d{1,2})?")
_DATE = re.compile(r"\d{4}-\d{2}(-\d{2}([T ]\d{2}:\d{2}(:\d{2})?)?)?")


def claims(rows: list[list[str]]) -> Iterator[tuple[int, Claim]]:
    """Yield each cell that says something, with the number of its row below the head, from 0."""
    if not rows:
        return
    head = [_name(cell) for cell in rows[0]]
    for number, row in enumerate(rows[1:]):
        subject = _name(row[0]) if row else ""
        if not 0 < len(subject) <= NAME:
            continue
        for relation, cell in zip(head[1:], row[1:], strict=False):
            if 0 < len(relation) <= NAME and 0 < len(cell.strip()) <= NAME:
                said = value(cell)
                claim = Claim(subject=subject, relation=relation, object=said)
                if is_date(said):
                    claim["thing"] = False
                yield number, claim


def value(cell: str) -> Value:
    """Return a cell as a number or a truth where it is written as one, else as its text."""
    text = cell.strip()
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if _NUMBER.fullmatch(text) and not re.match(r"[+-]?0\d", text):
        digits = text.replace(",", "")
        return float(digits) if re.search(r"[.eE]", digits) else int(digits)
    return text if is_date(text) else _name(text)


def is_date(said: Value) -> bool:
    """Whether a text is a date of at least a month, which is a value and no thing."""
    if not (isinstance(said, str) and _DATE.fullmatch(said)):
        return False
    try:
        moment(said)
    except InvalidArgument:
        return False
    return True


def _name(cell: str) -> str:
    """Return a cell without what Markdown or a page has put around it, and without controls."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\s]+", " ", cell).strip(" *_`")
