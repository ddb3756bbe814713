"""Documents cut into passages: along their sections and paragraphs, each of a few hundred tokens.

Small paragraphs of one section are put together. Where a long one is cut, each piece begins with
the end of the one before it, so that no sentence loses what it speaks of. A table is cut between
rows, and each piece carries its head.

Interface:
    Piece           a passage that is not stored yet
    cut             observations to pieces
    worded, digest  what it is found by, and what says whether it stands already
    tokens          about how many tokens a text has
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from ...syscalls.perception import Observation, Place

#: Tokens of a passage, at most, and of what a piece repeats of the one before.
MOST, OVERLAP = 260, 40
#: The end of a sentence, or of a line where there are no sentences.
_SENTENCE = re.compile(r"(?<=[.!?…。！？])[\"'”’)]*\s+|\n+|(?<=[。！？])")  # noqa: RUF001
_WIDE = re.compile(r"[\u2e80-\uffff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A passage that is not stored yet."""

    text: str
    place: Place
    #: A table's rows that stand in it, the head first.
    rows: list[list[str]] = field(default_factory=list)


def worded(title: str | None, place: Place, text: str) -> str:
    """Return what a passage is found by: its text under the titles above it."""
    return "\n".join([*dict.fromkeys(one for one in (title, place.section) if one), text])


def digest(title: str | None, piece: Piece) -> bytes:
    """Return what says whether a passage stands already: it would be found by the same words."""
    text = worded(title, piece.place, piece.text)
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()[:16]


def tokens(text: str) -> int:
    """Return about how many tokens a text has: four letters make one, as does an ideograph."""
    wide = 0 if text.isascii() else len(_WIDE.findall(text))
    return wide + (len(text) - wide) // 4 + 1


def cut(observations: Iterable[Observation]) -> list[Piece]:
    """Return a document's pieces, in their order."""
    pieces: list[Piece] = []
    waiting: list[Observation] = []
    for one in observations:
        if not (text := one.text.strip()):
            continue
        one = replace(one, text=text)
        if waiting and not _together(waiting, one):
            pieces.append(_joined(waiting))
            waiting = []
        if one.kind == "text" and tokens(text) <= MOST:
            waiting.append(one)
        elif one.kind == "table" and one.rows:
            pieces += _of_table(one, one.rows)
        else:
            pieces += _of_paragraph(one.place, text)
    if waiting:
        pieces.append(_joined(waiting))
    return pieces


def _together(waiting: Sequence[Observation], one: Observation) -> bool:
    """Whether a paragraph goes into the passage that is being put together."""
    first = waiting[0].place
    return (
        one.kind == "text"
        and (one.place.section, one.place.page) == (first.section, first.page)
        and sum(tokens(other.text) for other in waiting) + tokens(one.text) <= MOST
    )


def _joined(waiting: Sequence[Observation]) -> Piece:
    first, last = waiting[0].place, waiting[-1].place
    return Piece(text="\n\n".join(one.text for one in waiting), place=replace(first, end=last.end))


def _of_paragraph(place: Place, text: str) -> Iterator[Piece]:
    """Yield the pieces of a long paragraph, each with the line on which it begins."""
    at = 0
    for part in _of_text(text):
        # The blanks between words may have become others.
        words = r"\s+".join(map(re.escape, part.split()[:8]))
        found = re.compile(words).search(text, at)
        at = found.start() if found else at
        line = None if place.line is None else place.line + text.count("\n", 0, at)
        yield Piece(text=part, place=replace(place, line=line))


def _of_text(text: str) -> Iterator[str]:
    """Yield the pieces of a long paragraph."""
    held: list[str] = []
    size = fresh = 0
    for sentence in _sentences(text):
        weight = tokens(sentence)
        if fresh and size + weight > MOST:
            yield " ".join(held)
            held, size = _end_of(held)
            if size + weight > MOST:
                held, size = [], 0
            fresh = 0
        held.append(sentence)
        size += weight
        fresh += 1
    if fresh:
        yield " ".join(held)


def _end_of(held: list[str]) -> tuple[list[str], int]:
    """Return the last sentences of a piece that are repeated in the next, and their tokens."""
    kept: list[str] = []
    size = 0
    for sentence in reversed(held):
        if size + tokens(sentence) > OVERLAP:
            break
        kept.insert(0, sentence)
        size += tokens(sentence)
    return kept, size


def _sentences(text: str) -> Iterator[str]:
    """Yield a paragraph's sentences; one that is too long is cut between words, or anywhere."""
    for sentence in _SENTENCE.split(text):
        rest = sentence.strip()
        while tokens(rest) > MOST:
            # As many letters as fit for certain, whatever they are.
            room = MOST if _WIDE.search(rest[: MOST * 4]) else MOST * 4 - 4
            end = rest.rfind(" ", room // 2, room) + 1 or room
            yield rest[:end].strip()
            rest = rest[end:].strip()
        if rest:
            yield rest


def _of_table(one: Observation, rows: list[list[str]]) -> Iterator[Piece]:
    """Yield a table's pieces; `row` of each place counts from 1, below the head."""
    head, body = rows[0], rows[1:]
    if max(tokens(markdown([head, row])) for row in body or [head]) > 2 * MOST:
        # Rows as long as chapters are read as what they are; the first piece has the cells.
        for text in _of_text(one.text):
            yield Piece(text=text, place=one.place, rows=rows)
            rows = []
        return
    start, held = 0, [head]
    for number, row in enumerate(body):
        if len(held) > 1 and tokens(markdown([*held, row])) > MOST:
            yield _piece(one, held, start)
            start, held = number, [head]
        held.append(row)
    yield _piece(one, held, start)


def _piece(one: Observation, rows: list[list[str]], start: int) -> Piece:
    first = (one.place.row or 1) + start
    return Piece(text=markdown(rows), place=replace(one.place, row=first), rows=rows)


def markdown(rows: list[list[str]]) -> str:
    """Return a table as Markdown."""
    lines = [" | ".join(cell.replace("\n", " ") for cell in row) for row in rows]
    return "\n".join([lines[0], "-" * min(len(lines[0]), 60), *lines[1:]])
