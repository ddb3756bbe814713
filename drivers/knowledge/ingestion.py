"""Taking a document in: perceive, cut, compare with what stands, embed, read facts, store.

All of it is stored at once, or nothing.

Interface:
    Ingestion       `run` takes one document in
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import Any
from weakref import WeakValueDictionary

from ...syscalls.knowledge import Ingested
from ...syscalls.os import OS
from ...syscalls.perception import Perceived
from ..index.embedder import Embedder
from ..index.shelf import Shelf
from . import documents
from .database import Database
from .documents import Arrived, Part
from .extraction import extract, tabulate
from .passages import cut, worded

#: Characters of a document that are read.
CHARACTERS = 2_000_000
#: Passages that are embedded before the call returns; the rest is embedded beside later calls.
EMBEDDED = 256
#: Facts of one document that are kept.
FACTS = 50_000
#: Runs work on the thread that owns the file.
Do = Callable[[Callable[[], Any]], Awaitable[Any]]


class Ingestion:
    """Takes documents in, one at a time of each name."""

    def __init__(self, base: Database, shelf: Shelf, embedder: Embedder, do: Do) -> None:
        self._base = base
        self._shelf = shelf
        self._embedder = embedder
        self._do = do
        self._taking: WeakValueDictionary[tuple[int, str], asyncio.Lock] = WeakValueDictionary()

    async def run(
        self,
        os: OS,
        scope: int,
        name: str,
        data: bytes | None,
        media: str | None,
        with_facts: bool,
    ) -> Ingested:
        """Take a document in; `os` is the caller's. Raises as `perceive` and `model.chat` do."""
        async with self._taking.setdefault((scope, name), asyncio.Lock()):
            if data is not None:
                digest = (await asyncio.to_thread(hashlib.sha256, data)).hexdigest()
                if same := await self._standing(scope, name, digest, media, with_facts):
                    return same
            seen = await os.perception.perceive(name, data, media, limit=CHARACTERS)
            if same := await self._standing(scope, name, seen.digest, media, with_facts):
                return same
            parts = await self._parts(scope, name, seen)
            missing = list(seen.missing)
            if seen.truncated:
                missing.append(f"what stands after the first {CHARACTERS} characters")
            await asyncio.to_thread(tabulate, name, parts)
            missing += await _facts(os, name, parts, with_facts)
            await self._embed(seen.title, parts)
            arrived = Arrived(perceived=seen, name=name, asked=media, missing=missing, parts=parts)
            return await self._store(scope, arrived)

    async def _standing(
        self, scope: int, name: str, digest: str, media: str | None, with_facts: bool
    ) -> Ingested | None:
        """Return what to answer where nothing is to be done."""

        def look() -> Ingested | None:
            if not documents.unchanged(self._base, scope, name, digest, media, with_facts):
                return None
            found = documents.find(self._base, scope, name)
            assert found is not None
            return Ingested(document=found, unchanged=True, added=0, kept=found.passages)

        found: Ingested | None = await self._do(look)
        return found

    async def _parts(self, scope: int, name: str, seen: Perceived) -> list[Part]:
        pieces = await asyncio.to_thread(cut, seen.observations)
        standing = await self._do(lambda: documents.kept(self._base, scope, name))
        return documents.matched(seen.title, pieces, standing)

    async def _embed(self, title: str | None, parts: list[Part]) -> None:
        fresh = [part for part in parts if part.kept is None][:EMBEDDED]
        texts = [worded(title, part.piece.place, part.piece.text) for part in fresh]
        made = await self._embedder.embed(texts)
        for part, vector in zip(fresh, made.vectors if made else (), strict=False):
            part.vector, part.model = vector, made.model if made else ""

    async def _store(self, scope: int, arrived: Arrived) -> Ingested:
        def write() -> Ingested:
            with self._base.connection:
                done = documents.store(self._base, self._shelf, scope, arrived)
            self._base.settle()
            return done

        done: Ingested = await self._do(write)
        return done


async def _facts(os: OS, name: str, parts: list[Part], with_texts: bool) -> list[str]:
    """Let texts say their facts where that is wanted, and keep so many; return what is missing."""
    unread = await extract(os, name, parts) if with_texts else 0
    missing = []
    if unread:
        missing.append(f"facts of {unread} passages: what the model wrote of them is none")
    left, late = FACTS, False
    for part in parts:
        part.told, cut_off = part.told[:left], len(part.told) > left
        left -= len(part.told)
        late |= cut_off
    return [*missing, f"facts after the first {FACTS}"] if late else missing
