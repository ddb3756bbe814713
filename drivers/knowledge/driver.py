"""The knowledge driver.

Interface:
    KnowledgeDriver     implements `Knowledge`
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Literal, TypeVar

import apsw

from ...syscalls.errors import InputOutputError, NotFound
from ...syscalls.host import Host
from ...syscalls.knowledge import (
    Answer,
    Claim,
    Contradiction,
    Document,
    Fact,
    Format,
    Graph,
    Ingested,
    Knowledge,
    Namespace,
    Passage,
)
from ...syscalls.server import caller, taint
from ..index.embedder import Embedder
from ..index.file import open_file
from ..index.renewal import Renewal
from ..index.shelf import Shelf
from ..index.words import Ranking
from . import documents, facts, formats, walk
from .contradictions import contradictions
from .database import Database
from .fused import fused
from .ingestion import Ingestion
from .matching import ask
from .pattern import parse
from .sources import Sources
from .terms import checked_name, checked_source

T = TypeVar("T")
#: Facts of a picture: more cannot be told apart.
DRAWN = 60


class KnowledgeDriver(Knowledge):
    """Documents and facts in one SQLite file, which one thread alone touches."""

    SETTINGS = ()

    async def setup(self, host: Host) -> None:
        self._host = host
        self._path = host.state / "knowledge.db"
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="knowledge")
        self._base, self._shelf = await self._do(self._open)
        self._embedder = Embedder(host.os)
        self._ingestion = Ingestion(self._base, self._shelf, self._embedder, self._do)
        self._renewal = Renewal(self._shelf, self._embedder, self._do)
        self._renewing = host.tasks.create_task(self._renewal.run())
        self._sources = Sources()

    async def teardown(self) -> None:
        self._renewing.cancel()
        await self._do(self._base.close)
        self._thread.shutdown()

    async def ingest(
        self,
        source: str,
        data: bytes | None = None,
        media: str | None = None,
        namespace: Namespace = "user",
        extract: bool = False,
    ) -> Ingested:
        name, place = checked_source(source), _place(namespace)
        scope = await self._do(lambda: self._base.scope(place))
        system = self._host.os.on_behalf(caller().call)
        done = await self._ingestion.run(system, scope, name, data, media, extract)
        self._renewal.wake(written=done.added > 0)
        _warn_of_titles([done.document])
        return done

    async def documents(self, namespace: Namespace = "user", limit: int = 1000) -> list[Document]:
        found = await self._in(namespace, lambda base, scope: documents.ls(base, scope, limit))
        _warn_of_titles(found)
        return found

    async def remove(self, name: str, namespace: Namespace = "user") -> bool:
        known = checked_source(name)
        return await self._write(
            namespace, lambda base, scope: documents.remove(base, self._shelf, scope, known)
        )

    async def search(
        self,
        query: str,
        namespace: Namespace = "user",
        limit: int = 10,
        method: Literal["fused", "words", "vectors"] = "fused",
    ) -> list[Passage]:
        made = None if method == "words" else await self._embedder.embed([query])
        if made is None and method == "vectors":
            raise NotFound("no model for sentences runs; load one with: aos model add")
        vector, model = (made.vectors[0], made.model) if made else (None, "")
        self._renewal.wake()

        def look(base: Database, scope: int) -> list[Passage]:
            place, ranking = str(scope), Ranking()
            if method == "vectors" and vector is not None:
                ranking = self._shelf.by_vector(place, vector, limit, model)
            else:
                ranking = self._shelf.search(place, query, limit, vector, model)
            return documents.passages(base, ranking)

        own = await self._in(namespace, look)
        others = await self._sources.search(query, limit) if method == "fused" else {}
        found = fused(own, others, limit)
        for one in found:
            taint(one.document)
        return found

    async def tell(self, claims: list[Claim], namespace: Namespace = "user") -> list[Fact]:
        told = facts.checked_all(claims, caller().principal)
        marked = caller().tainted

        def write(base: Database, scope: int) -> list[Fact]:
            numbers, _ = facts.tell(base, scope, told, untrusted=marked)
            return facts.read(base, numbers)

        return await self._write(namespace, write)

    async def retract(self, ids: list[int], namespace: Namespace = "user") -> int:
        return await self._write(namespace, lambda base, scope: facts.retract(base, scope, ids))

    async def ask(
        self,
        pattern: str,
        as_of: str | None = None,
        namespace: Namespace = "user",
        limit: int = 100,
    ) -> list[Answer]:
        parsed = parse(pattern)
        found = await self._in(
            namespace, lambda base, scope: ask(base, scope, parsed, as_of, limit)
        )
        _warn(fact for one in found for fact in one.facts)
        return found

    async def paths(
        self,
        start: str,
        end: str,
        most: int = 4,
        as_of: str | None = None,
        namespace: Namespace = "user",
        limit: int = 10,
    ) -> list[list[Fact]]:
        found = await self._in(
            namespace,
            lambda base, scope: walk.paths(base, scope, start, end, most, as_of, limit),
        )
        _warn(fact for chain in found for fact in chain)
        return found

    async def neighbourhood(
        self,
        thing: str,
        depth: int = 1,
        as_of: str | None = None,
        namespace: Namespace = "user",
        limit: int = 200,
    ) -> Graph:
        found = await self._in(
            namespace,
            lambda base, scope: walk.neighbourhood(base, scope, thing, depth, as_of, limit),
        )
        _warn(found.facts)
        return found

    async def contradictions(
        self, namespace: Namespace = "user", limit: int = 100
    ) -> list[Contradiction]:
        found = await self._in(namespace, lambda base, scope: contradictions(base, scope, limit))
        _warn(fact for one in found for fact in one.facts)
        return found

    async def load(
        self, format: Format, text: str, source: str, namespace: Namespace = "user"
    ) -> int:
        name = checked_name(source, "a source")
        told = await asyncio.to_thread(formats.claims, format, text, name)
        marked = caller().tainted
        return await self._write(
            namespace, lambda base, scope: facts.tell(base, scope, told, untrusted=marked)[1]
        )

    async def dump(
        self, format: Literal["graphml", "ntriples"], namespace: Namespace = "user"
    ) -> AsyncIterator[str]:
        async for piece in formats.written(format, self._pages(namespace)):
            yield piece

    async def _pages(self, namespace: Namespace) -> AsyncIterator[list[Fact]]:
        """Yield all facts; none is sent before it was said that it taints."""
        last = 0
        while page := await self._in(namespace, partial(facts.every, after=last)):
            _warn(page)
            yield page
            last = page[-1].id

    async def picture(
        self,
        thing: str,
        depth: int = 1,
        as_of: str | None = None,
        namespace: Namespace = "user",
    ) -> str:
        from .picture import draw

        graph = await self.neighbourhood(thing, depth, as_of, namespace, DRAWN)
        return await asyncio.to_thread(draw, graph)

    async def _in(self, namespace: Namespace, work: Callable[[Database, int], T]) -> T:
        """Do something in one of the caller's namespaces."""
        place = _place(namespace)
        return await self._do(lambda: work(self._base, self._base.scope(place)))

    async def _write(self, namespace: Namespace, work: Callable[[Database, int], T]) -> T:
        """Do something in one transaction."""

        def whole(base: Database, scope: int) -> T:
            with base.connection:
                done = work(base, scope)
            base.settle()
            return done

        return await self._in(namespace, whole)

    async def _do(self, work: Callable[[], T]) -> T:
        """Run on the file's thread. Raises `InputOutputError` where the file fails."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except (apsw.Error, OSError) as error:
            raise InputOutputError(f"{self._path}: {error}") from error

    def _open(self) -> tuple[Database, Shelf]:
        base = open_file(self._path, Database)
        return base, Shelf(base.connection, "passage", documents.reader(base))


def _place(namespace: Namespace) -> str:
    """Return the caller's namespace: its principal's, or its own."""
    who = caller()
    return f"user/{who.principal}" if namespace == "user" else f"own/{who.principal}/{who.pid}"


def _warn(found: Iterable[Fact]) -> None:
    """Taint the caller where it is given what a stranger may have said."""
    for fact in found:
        if fact.untrusted:
            taint(fact.source)


def _warn_of_titles(found: Iterable[Document]) -> None:
    """Taint the caller where it is given words of a document."""
    for one in found:
        if one.title is not None:
            taint(one.name)
