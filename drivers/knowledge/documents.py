"""Documents and their passages, as the file holds them.

Interface:
    Arrived         a document with its pieces and what was found in them, ready to be stored
    Kept            a passage of an earlier version
    find, ls        documents
    kept            a document's passages by their digests
    matched         pieces with the passages that say the same
    store           a document in place of what had its name
    remove          one with all that rests on it
    reader          what the index reads passages with
    passages        those that were found
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ...syscalls.knowledge import Document, Ingested, Passage
from ...syscalls.perception import Perceived, Place
from ..index.shelf import Shelf
from ..index.words import Reader
from . import facts
from .database import Database
from .facts import Origin, Told, place_of, written
from .passages import Piece, digest, worded

_READ = """
SELECT name, media, digest, title, size, added, missing,
       (SELECT count(*) FROM passage WHERE document = document.id),
       (SELECT count(*) FROM fact WHERE document = document.id AND retracted IS NULL)
FROM document WHERE scope = ?
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A passage that stands."""

    id: int
    extracted: bool


@dataclass(slots=True, kw_only=True)
class Part:
    """A piece of a document that arrives, and what is known of it."""

    piece: Piece
    #: The passage of an earlier version that says the same.
    kept: Kept | None
    #: Its vector, and the model that made it.
    vector: list[float] | None = None
    model: str = ""
    #: Whether facts were looked for in it, now or earlier, and those found now, each with the row
    #: of a table that it stands in, from 0.
    extracted: bool = False
    told: list[tuple[Told, int | None]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """A document with all its parts, ready to be stored."""

    perceived: Perceived
    name: str
    #: The media type that the caller asked for.
    asked: str | None
    missing: list[str]
    parts: list[Part]


def find(base: Database, scope: int, name: str) -> Document | None:
    """Return a document."""
    rows = base.rows(f"{_READ} AND name = ?", scope, name)
    return _document(rows[0]) if rows else None


def unchanged(
    base: Database, scope: int, name: str, digest: str, asked: str | None, extract: bool
) -> bool:
    """Whether there is nothing to be done for these bytes, read in this way."""
    found = base.rows(
        "SELECT 1 FROM document WHERE scope = ? AND name = ? AND digest = ? AND asked IS ?"
        " AND NOT (? AND EXISTS (SELECT 1 FROM passage WHERE document = document.id"
        " AND NOT extracted))",
        scope, name, digest, asked, extract,
    )  # fmt: skip
    return bool(found)


def ls(base: Database, scope: int, limit: int) -> list[Document]:
    """Return the documents of a namespace, by name."""
    return [_document(row) for row in base.rows(f"{_READ} ORDER BY name LIMIT ?", scope, limit)]


def kept(base: Database, scope: int, name: str) -> dict[bytes, list[Kept]]:
    """Return a document's passages by their digests, the last one first."""
    found: dict[bytes, list[Kept]] = {}
    for number, known, extracted in base.rows(
        "SELECT passage.id, passage.digest, extracted FROM passage JOIN document"
        " ON document.id = document WHERE scope = ? AND name = ? ORDER BY position DESC",
        scope, name,
    ):  # fmt: skip
        found.setdefault(known, []).append(Kept(id=number, extracted=bool(extracted)))
    return found


def matched(
    title: str | None, pieces: Iterable[Piece], standing: dict[bytes, list[Kept]]
) -> list[Part]:
    """Return pieces with the passages that say the same, each of which is taken once."""
    parts = []
    for piece in pieces:
        same = standing.get(digest(title, piece))
        one = same.pop() if same else None
        parts.append(Part(piece=piece, kept=one, extracted=one is not None and one.extracted))
    return parts


def store(base: Database, shelf: Shelf, scope: int, arrived: Arrived) -> Ingested:
    """Put a document in place of what had its name. Within a transaction."""
    seen = arrived.perceived
    ((document,),) = base.rows(
        "INSERT INTO document (scope, name, media, asked, digest, title, size, added, missing)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (scope, name) DO UPDATE SET"
        " media = excluded.media, asked = excluded.asked, digest = excluded.digest,"
        " title = excluded.title, size = excluded.size, added = excluded.added,"
        " missing = excluded.missing RETURNING id",
        scope, arrived.name, seen.media, arrived.asked, seen.digest, seen.title, seen.size,
        base.now(), json.dumps(arrived.missing),
    )  # fmt: skip
    # What was kept may have been removed since it was compared.
    rows = base.rows("SELECT id FROM passage WHERE document = ?", document)
    standing = {number for (number,) in rows}
    for part in arrived.parts:
        if part.kept and part.kept.id not in standing:
            part.kept, part.extracted = None, bool(part.told)
    staying = {part.kept.id for part in arrived.parts if part.kept}
    _drop(base, shelf, scope, document, staying)
    for position, part in enumerate(arrived.parts):
        _place(base, shelf, scope, document, position, part, seen.title)
    found = find(base, scope, arrived.name)
    assert found is not None
    return Ingested(
        document=found,
        unchanged=False,
        added=len(arrived.parts) - len(staying),
        kept=len(staying),
    )


def remove(base: Database, shelf: Shelf, scope: int, name: str) -> bool:
    """Forget a document with its passages and facts. Within a transaction."""
    rows = base.rows("SELECT id FROM document WHERE scope = ? AND name = ?", scope, name)
    for (document,) in rows:
        _drop(base, shelf, scope, document, set())
        base.rows("DELETE FROM document WHERE id = ?", document)
    return bool(rows)


def reader(base: Database) -> Reader:
    """Return what the index reads passages with, by scope and number."""

    def read(scope: str, numbers: list[int] | None) -> Iterator[tuple[int, str]]:
        chosen = "" if numbers is None else "AND passage.id IN (SELECT value FROM json_each(?))"
        for number, title, place, text in base.connection.execute(
            "SELECT passage.id, title, place, text FROM passage JOIN document"
            f" ON document.id = document WHERE scope = ? {chosen}",
            (int(scope),) if numbers is None else (int(scope), json.dumps(numbers)),
        ):
            yield number, worded(title, place_of(place) or Place(), text)

    return read


def passages(base: Database, ranking: Iterable[tuple[int, float]]) -> list[Passage]:
    """Return ranked passages as they are shown; one that has gone meanwhile is left out."""
    found = []
    for number, score in ranking:
        for text, place, name in base.rows(
            "SELECT text, place, name FROM passage JOIN document ON document.id = document"
            " WHERE passage.id = ?",
            number,
        ):
            where = place_of(place) or Place()
            found.append(Passage(text=text, document=name, place=where, score=score))
    return found


def _place(
    base: Database,
    shelf: Shelf,
    scope: int,
    document: int,
    position: int,
    part: Part,
    title: str | None,
) -> None:
    """Store one part: a new passage, or where an earlier one stands now."""
    piece = part.piece
    place = written(piece.place)
    if part.kept is None:
        ((passage,),) = base.rows(
            "INSERT INTO passage (document, position, digest, text, place, extracted)"
            " VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
            document, position, digest(title, piece), piece.text, place, part.extracted,
        )  # fmt: skip
        text = worded(title, piece.place, piece.text)
        shelf.add(str(scope), passage, text, part.vector, part.model)
    else:
        passage = part.kept.id
        base.rows(
            "UPDATE passage SET position = ?, place = ?, extracted = ? WHERE id = ?",
            position, place, part.extracted, passage,
        )  # fmt: skip
    for told, row in part.told:
        origin = Origin(document=document, passage=passage, row=row)
        facts.tell(base, scope, [told], untrusted=True, origin=origin)


def _drop(base: Database, shelf: Shelf, scope: int, document: int, staying: set[int]) -> None:
    """Forget a document's passages but for some, and the facts that stand in no other."""
    wanted = json.dumps(sorted(staying))
    gone = base.rows(
        "SELECT id FROM passage WHERE document = ?"
        " AND id NOT IN (SELECT value FROM json_each(?))",
        document, wanted,
    )  # fmt: skip
    for (passage,) in gone:
        shelf.remove(str(scope), passage)
        base.rows("DELETE FROM passage WHERE id = ?", passage)
    orphans = base.rows(
        "DELETE FROM fact WHERE document = ?"
        " AND NOT EXISTS (SELECT 1 FROM stated WHERE stated.fact = fact.id)"
        " RETURNING subject, relation, object",
        document,
    )  # fmt: skip
    terms = sorted({term for row in orphans for term in row})
    base.rows(
        "DELETE FROM term WHERE id IN (SELECT value FROM json_each(?))"
        " AND NOT EXISTS (SELECT 1 FROM fact WHERE subject = term.id)"
        " AND NOT EXISTS (SELECT 1 FROM fact WHERE relation = term.id)"
        " AND NOT EXISTS (SELECT 1 FROM fact WHERE object = term.id)",
        json.dumps(terms),
    )  # fmt: skip


def _document(row: tuple[Any, ...]) -> Document:
    name, media, digest, title, size, added, missing, passages, facts = row
    return Document(
        name=name, media=media, digest=digest, title=title, size=size, added=added,
        missing=json.loads(missing), passages=passages, facts=facts,
    )  # fmt: skip
