"""The formats in which facts come and go, by name.

Interface:
    claims          a text's facts; raises `InvalidArgument` naming the line
    written         facts as a text
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from ...syscalls.errors import TooBig
from ...syscalls.knowledge import Fact, Format
from . import comma, graphml, jsonld, ntriples
from .facts import Told

#: Facts that one text may hold.
MOST = 200_000
#: Characters of a text that is written: a message takes no more.
WRITTEN = 12_000_000
_READERS = {"jsonld": jsonld.claims, "csv": comma.claims, "ntriples": ntriples.claims}
_WRITERS = {"graphml": graphml.lines, "ntriples": ntriples.lines}


def claims(format: Format, text: str, source: str) -> list[Told]:
    """Return what a text states; `source` is who says what it names nobody for.

    Raises `InvalidArgument` naming the line, and `TooBig`.
    """
    found = []
    for told in _READERS[format](text, source):
        found.append(told)
        if len(found) > MOST:
            raise TooBig(f"a text of more than {MOST} facts; load it in parts")
    return found


def written(format: Literal["graphml", "ntriples"], facts: Iterable[Fact]) -> str:
    """Return facts as a text. Raises `TooBig` for one that no message takes."""
    lines, size = [], 0
    for line in _WRITERS[format](facts):
        lines.append(line)
        size += len(line.encode()) + 1
        if size > WRITTEN:
            raise TooBig(f"the facts take more than {WRITTEN} bytes")
    return "".join(f"{line}\n" for line in lines)
