"""The memory driver.

Interface:
    MemoryDriver    implements `Memory`
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import apsw

from ...syscalls.errors import InputOutputError, InvalidArgument, NotFound
from ...syscalls.host import Host
from ...syscalls.memory import Hit, Item, Memory, Namespace
from ...syscalls.server import caller
from .fusion import fuse
from .store import Ranking, Store

T = TypeVar("T")
#: Items that a call may ask for.
MOST = 10_000
#: How deep the rankings are that are fused: an item may come first that is first in neither.
DEPTH = 100


class MemoryDriver(Memory):
    """Items in one SQLite file, which one thread alone touches."""

    async def setup(self, host: Host) -> None:
        self._path = host.state / "memory.db"
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="memory")
        self._store = await self._do(lambda: _open(self._path))

    async def teardown(self) -> None:
        await self._do(self._store.close)
        self._thread.shutdown()

    async def put(
        self,
        key: str,
        value: Any,
        namespace: Namespace = "user",
        vector: list[float] | None = None,
    ) -> None:
        place = _place(namespace)
        await self._do(lambda: self._store.put(place, key, value, vector))

    async def get(self, key: str, namespace: Namespace = "user") -> Item:
        place = _place(namespace)
        item = await self._do(lambda: self._store.get(place, key))
        if item is None:
            raise NotFound(f"nothing is remembered under {key!r}")
        return item

    async def delete(self, key: str, namespace: Namespace = "user") -> bool:
        place = _place(namespace)
        return await self._do(lambda: self._store.delete(place, key))

    async def ls(
        self, prefix: str = "", namespace: Namespace = "user", limit: int = 1000
    ) -> list[Item]:
        place, most = _place(namespace), _limit(limit)
        return await self._do(lambda: self._store.ls(place, prefix, most))

    async def keys(
        self, prefix: str = "", namespace: Namespace = "user", limit: int = 1000
    ) -> list[str]:
        place, most = _place(namespace), _limit(limit)
        return await self._do(lambda: self._store.keys(place, prefix, most))

    async def search(
        self,
        query: str = "",
        namespace: Namespace = "user",
        limit: int = 10,
        vector: list[float] | None = None,
    ) -> list[Hit]:
        place, most = _place(namespace), _limit(limit)

        def ranking() -> Ranking:
            if vector is None:
                return self._store.by_words(place, query, most)
            if not query:
                return self._store.by_vector(place, vector, most)
            depth = max(most, DEPTH)
            words = self._store.by_words(place, query, depth)
            return fuse((words, self._store.by_vector(place, vector, depth)), most)

        return await self._do(lambda: self._store.hits(place, ranking()))

    async def _do(self, work: Callable[[], T]) -> T:
        """Run on the store's thread. Raises `InputOutputError` where the file fails."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except (apsw.Error, OSError) as error:
            raise InputOutputError(f"{self._path}: {error}") from error


def _open(path: Path) -> Store:
    """Open the file; one that is no database is put aside with its log, never deleted."""
    try:
        return Store(path)
    except (apsw.NotADBError, apsw.CorruptError) as error:
        names = (path.with_name(f"{path.name}.corrupt-{n}") for n in itertools.count(1))
        aside = next(name for name in names if not name.exists())
        path.rename(aside)
        for ending in ("-wal", "-shm"):
            rest = path.with_name(path.name + ending)
            if rest.exists():
                rest.rename(aside.with_name(aside.name + ending))
        print(f"{path}: {error}; kept as {aside.name}, a new one begun", file=sys.stderr)
        return Store(path)


def _place(namespace: Namespace) -> str:
    """Return the caller's namespace: its principal's, or its own."""
    who = caller()
    return f"user/{who.principal}" if namespace == "user" else f"own/{who.principal}/{who.pid}"


def _limit(limit: int) -> int:
    if not 0 < limit <= MOST:
        raise InvalidArgument(f"a limit is 1 to {MOST}, not {limit}")
    return limit
