"""Perception: what agents see of files, pages, pictures and sounds.

Interface:
    Perception      the syscalls
    Perceived       what was found in one source
    Observation     one piece of it, with its place
    Place           where a piece stands
    Sense           a kind of source, and what it needs
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le

from .data import Data
from .interface import Interface, syscall


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a piece stands in its source; only what is known of it is given."""

    #: From 1.
    page: int | None = None
    line: int | None = None
    row: int | None = None
    #: The titles above it, from the outermost: `Report > Results`.
    section: str | None = None
    #: Seconds from the start.
    start: float | None = None
    end: float | None = None

    def __str__(self) -> str:
        parts = [
            f"page {self.page}" if self.page is not None else "",
            f"section {self.section}" if self.section else "",
            f"line {self.line}" if self.line is not None else "",
            f"row {self.row}" if self.row is not None else "",
            f"{self.start:g} to {self.end:g} s" if self.start is not None and self.end else "",
        ]
        return ", ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One piece of a source."""

    kind: Literal["text", "table", "image", "audio"]
    #: To be read: a paragraph, a table as Markdown, an image's caption and the text in it, speech.
    text: str
    place: Place = field(default_factory=Place)
    #: A table's cells, row by row, its head first.
    rows: list[list[str]] | None = None
    #: What else is known: an image's size and format, a sound's duration and level.
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Perceived:
    """What was found in one source. All of it is a stranger's word."""

    #: A file's name or a URL.
    source: str
    #: Media type, as its bytes show it: `application/pdf`.
    media: str
    #: SHA-256 of its bytes, in hexadecimal.
    digest: str
    #: Bytes.
    size: int
    title: str | None
    observations: list[Observation]
    #: What the source says of itself: author, dates, language.
    about: dict[str, Any] = field(default_factory=dict)
    #: What could not be seen, and what it needs: `text in images: install tesseract`.
    missing: list[str] = field(default_factory=list)
    #: Whether the source goes on after what is here.
    truncated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sense:
    """A kind of source, and what it needs."""

    #: `pdf`, `html`, `image`, `speech` …
    name: str
    media: list[str]
    #: Whether it works here; else what it needs.
    available: bool
    needs: str | None = None


class Perception(Interface, name="perception"):
    """Sources to typed observations, each read in a sandbox with bounds on time and memory."""

    @syscall(idempotent=True, subject="source", untrusted=True, deadline=120.0)
    async def perceive(
        self,
        source: str,
        data: Data | None = None,
        media: str | None = None,
        limit: Annotated[int, Ge(1), Le(4_000_000)] = 400_000,
    ) -> Perceived:
        """Return what is in a source.

        `source` is a `http(s)` URL, which is fetched; else, with `data`, the name that these bytes
        go by; else a file in the caller's own folder. `media` overrules what the bytes look like.
        `limit` is the most characters that all texts have together. Raises `InvalidArgument` for
        bytes of no known kind or that are damaged, `TooBig` for a source past the bounds,
        `NotFound`, and `DeadlineExceeded` for one that cannot be read in time.
        """
        raise NotImplementedError

    @syscall(idempotent=True)
    async def senses(self) -> list[Sense]:
        """Return what can be perceived here, and what the rest needs."""
        raise NotImplementedError
