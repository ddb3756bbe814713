"""The formats in which facts come and go, by name.

Interface:
    claims          a text's facts; raises `InvalidArgument` naming the line
    written         facts as the pieces of a text
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from itertools import islice
from typing import Literal

from ...syscalls.errors import TooBig
from ...syscalls.knowledge import Fact, Format
from . import comma, graphml, jsonld, ntriples
from .facts import Told

#: Facts that one text may hold, and lines of a piece.
MOST, PIECE = 200_000, 5_000
_READERS = {"jsonld": jsonld.claims, "csv": comma.claims, "ntriples": ntriples.claims}


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


async def written(
    format: Literal["graphml", "ntriples"], pages: AsyncIterator[list[Fact]]
) -> AsyncIterator[str]:
    """Yield facts, which come in pages, as the pieces of a text. Raises `TooBig`."""
    if format == "ntriples":
        async for page in pages:
            yield await asyncio.to_thread(_text, ntriples.lines(page))
        return
    every: list[Fact] = []
    async for page in pages:  # A graph is written once all of it is known.
        every += page
        if len(every) > MOST:
            raise TooBig(f"GraphML of more than {MOST} facts; N-Triples have no bound")
    lines = iter(await asyncio.to_thread(list, graphml.lines(every)))
    while batch := list(islice(lines, PIECE)):
        yield _text(batch)


def _text(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
