"""Episodic to semantic memory.

Interface:
    Consolidation   `run` for a namespace
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from weakref import WeakValueDictionary

from ...syscalls.errors import NotFound, PermissionDenied
from ...syscalls.memory import Consolidated, Recollection
from ...syscalls.os import OS
from ..index.embedder import Embedder
from .draft import Draft
from .intake import Intake
from .lessons import TOGETHER, extract, lessons
from .stores import Stores

#: Kinds of processes whose doings are episodes.
DOERS = frozenset({"agent", "session"})
#: Useless answers with which a model may begin before it is asked no more.
HOPELESS = 3
#: Runs work on the thread of the memory driver's file.
Do = Callable[[Callable[[], Any]], Awaitable[Any]]


class Consolidation:
    """Takes episodes in and learns from them, batch by batch; each is written whole."""

    def __init__(self, stores: Stores, embedder: Embedder, do: Do) -> None:
        self._pieces = stores.pieces
        self._intake = Intake(stores, embedder, do)
        self._embedder = embedder
        self._do = do
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def run(self, os: OS, namespace: str, pid: int | None, extracting: bool) -> Consolidated:
        """Consolidate a namespace: of one process, or of all that the caller may look at.

        `os` is the caller's. What happened counts once: a namespace is consolidated by one call at
        a time.
        """
        async with self._locks.setdefault(namespace, asyncio.Lock()):
            return await self._run(os, namespace, pid, extracting)

    async def _run(self, os: OS, namespace: str, pid: int | None, extracting: bool) -> Consolidated:
        await self._take(os, namespace, pid)
        episodes = added = strengthened = dropped = after = 0
        useful = False
        while batch := await self._fresh(namespace, after):
            drafts = lessons(batch)
            if extracting:
                written, useless = await extract(os, batch)
                drafts, dropped = [*written, *drafts], dropped + useless
                useful = useful or bool(written)
                extracting = useful or dropped < HOPELESS
            fresh = await self._learn(namespace, drafts, batch)
            episodes, added = episodes + len(batch), added + sum(fresh)
            strengthened += len(fresh) - sum(fresh)
            after = batch[-1].id
        return Consolidated(
            episodes=episodes, added=added, strengthened=strengthened, dropped=dropped
        )

    async def _take(self, os: OS, namespace: str, pid: int | None) -> None:
        if pid is not None:
            info = await os.process.inspect(pid)
            await self._intake.take(os, namespace, pid, bool(info.tainted))
            return
        for info in await os.process.ls(all=True):
            if info.kind not in DOERS:
                continue
            try:
                await self._intake.take(os, namespace, info.pid, bool(info.tainted))
            except (NotFound, PermissionDenied):
                continue  # Not for the caller to know.

    async def _fresh(self, namespace: str, after: int) -> list[Recollection]:
        found: list[Recollection] = await self._do(
            partial(self._pieces.fresh, namespace, after, TOGETHER)
        )
        return found

    async def _learn(
        self, namespace: str, drafts: list[Draft], batch: list[Recollection]
    ) -> list[bool]:
        embedded = await self._embedder.embed([one.text for one in drafts])
        seen = [one.id for one in batch]
        fresh: list[bool] = await self._do(
            partial(self._pieces.learn, namespace, drafts, seen, embedded)
        )
        return fresh
