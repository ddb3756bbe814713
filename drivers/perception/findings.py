"""What a reader has found, within the bounds of one answer.

Interface:
    Findings        readers add to it; `as_plain` is what the worker sends
    Full            raised by what does not fit any more
    markdown        a table for people and models
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...syscalls.perception import Observation, Place
from .bounds import ANSWER, COLUMNS

#: Pieces of one source, and rows of one piece of a table.
OBSERVATIONS, ROWS = 20_000, 100
#: Seconds that other programs take for one source.
PATIENCE = 60.0
#: Characters of a title, of a fact that a source states of itself, and how many of those.
TITLE, FACT, FACTS = 300, 1000, 50


class Full(Exception):
    """No more fits; what is there stands."""


class Findings:
    """The pieces of one source, in their order."""

    def __init__(self, limit: int, *, caption: bool = False, transcript: bool = False) -> None:
        #: Characters that may still come, and bytes of the answer.
        self._left, self._room = limit, ANSWER
        #: Whether somebody will look at pixels and listen to samples that are handed on.
        self.caption, self.transcript = caption, transcript
        #: Seconds that other programs may still take for the source.
        self.patience = PATIENCE
        self.media = ""
        self.title: str | None = None
        self.about: dict[str, Any] = {}
        self.missing: list[str] = []
        self.truncated = False
        self.observations: list[Observation] = []
        #: What models are to look at, by the number of its observation.
        self.views: dict[int, dict[str, Any]] = {}

    def entitle(self, title: object) -> None:
        """Take the source's title; the first one stands."""
        text = sound(" ".join(str(title or "").split())[:TITLE])
        self.title = self.title or text or None

    def state(self, name: str, value: object) -> None:
        """Take what the source says of itself."""
        text = sound(str(value)).strip()[:FACT]
        if text and len(self.about) < FACTS:
            self.about.setdefault(name, value if isinstance(value, (int, float)) else text)

    def lack(self, what: str) -> None:
        """Name what cannot be seen here, once."""
        if (what := sound(what)) not in self.missing:
            self.missing.append(what)

    def text(self, text: str, place: Place | None = None) -> None:
        """Add a text; an empty one is none. Raises `Full`, with as much kept as fits."""
        if text := text.strip():
            self.add("text", text, place)

    def table(self, rows: Sequence[Sequence[str]], place: Place | None = None) -> None:
        """Add a table, its head first, in pieces that each have the head. Raises `Full`."""
        if max(map(len, rows)) > COLUMNS:
            self.truncated = True
        head, body = list(rows[0][:COLUMNS]), rows[1:]
        start = place or Place()
        for first in range(0, max(len(body), 1), ROWS):
            piece = [head, *(list(row[:COLUMNS]) for row in body[first : first + ROWS])]
            where = Place(
                page=start.page, line=start.line, section=start.section,
                row=None if start.row is None else start.row + first,
            )  # fmt: skip
            text = markdown(piece)
            fits = len(text) <= self._left
            while len(text) > self._left and len(piece) > 1:
                piece = piece[: len(piece) // 2]
                text = markdown(piece)
            self.add("table", text, where, rows=piece)
            if not fits:
                self.truncated = True
                raise Full

    def add(
        self,
        kind: Any,
        text: str,
        place: Place | None = None,
        *,
        rows: list[list[str]] | None = None,
        data: dict[str, Any] | None = None,
        view: dict[str, Any] | None = None,
    ) -> None:
        """Add a piece. Raises `Full` where it does not fit whole."""
        text = sound(text)
        cut = text[: self._left]
        rows = None if rows is None else [[sound(cell) for cell in row] for row in rows]
        # Cells are sent beside the text that shows them; msgpack adds a few bytes to each.
        size = len(cut.encode()) + 200
        size += sum(len(cell.encode()) + 5 for row in rows or () for cell in row)
        size += sum(len(part) for part in (view or {}).values() if isinstance(part, bytes))
        if len(self.observations) >= OBSERVATIONS or size > self._room or not self._left:
            self.truncated = True
            raise Full
        self._left -= len(cut)
        self._room -= size
        if view is not None:
            self.views[len(self.observations)] = view
        self.observations.append(
            Observation(kind=kind, text=cut, place=place or Place(), rows=rows, data=data or {})
        )
        if len(cut) < len(text):
            self.truncated = True
            raise Full

    def as_plain(self) -> dict[str, Any]:
        """Return what is sent to the driver."""
        return {
            "media": self.media,
            "title": self.title,
            "observations": self.observations,
            "about": self.about,
            "missing": self.missing,
            "truncated": self.truncated,
            "views": self.views,
        }


def sound(text: str) -> str:
    """Return a text without what is no character, such as half of a surrogate pair."""
    return text if text.isascii() else text.encode(errors="replace").decode()


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown; the first row is its head."""
    head, *body = ([_cell(one) for one in row] for row in rows)
    lines = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
