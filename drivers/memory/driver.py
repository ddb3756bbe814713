"""The memory driver.

Interface:
    MemoryDriver    implements `Memory`
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

import apsw

from ...syscalls.errors import InputOutputError, InvalidArgument, NotFound, PermissionDenied
from ...syscalls.host import Host
from ...syscalls.memory import (
    Audit,
    Consolidated,
    Hit,
    Item,
    Memory,
    Mind,
    Namespace,
    Recollection,
    Tier,
)
from ...syscalls.server import caller, taint
from ..index.embedder import Embedder
from ..index.file import open_file
from ..index.fusion import fuse
from ..index.renewal import Renewal
from .audit import findings
from .consolidation import Consolidation
from .draft import Draft
from .echoes import Echoes
from .family import Family
from .pieces import TIERS
from .stores import Stores
from .strength import HALF_LIFE
from .thinking import Thinking
from .window import Window

T = TypeVar("T")
#: Items that a call may ask for.
MOST = 10_000
#: Seconds that a query waits for its vector; then words serve alone.
PATIENCE = 5.0
#: Pieces that an audit looks at, and that it compares in one go.
AUDITED, SLICE = 2000, 20
#: How many nearest ones of a piece are looked at.
NEIGHBOURS = 8
#: Tokens of a working memory, at most, where the configuration says nothing.
CAPACITY = 4096


class MemoryDriver(Memory):
    """Items and pieces in one SQLite file, which one thread alone touches."""

    SETTINGS = ("working_tokens",)

    async def setup(self, host: Host) -> None:
        self._path = host.state / "memory.db"
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="memory")
        self._stores = await self._do(lambda: open_file(self._path, Stores))
        self._os = host.os
        self._embedder = Embedder(host.os)
        self._family = Family(host.os)
        self._echoes = Echoes()
        self._renewal = Renewal(self._stores.pieces.shelf, self._embedder, self._do)
        self._consolidation = Consolidation(self._stores, self._embedder, self._do)
        self._thinking = Thinking(
            host.os,
            self._stores,
            self._family,
            Window(host.os, _capacity(host.config.get("working_tokens", CAPACITY))),
            self._do,
            on_away=partial(self._renewal.wake, written=True),
        )
        self._beside = [
            host.tasks.create_task(work) for work in (self._renewal.run(), self._thinking.sweep())
        ]

    async def teardown(self) -> None:
        for task in self._beside:
            task.cancel()
        await asyncio.gather(*self._beside, return_exceptions=True)
        await self._do(self._stores.close)
        self._thread.shutdown()

    # Values by key.

    async def put(
        self,
        key: str,
        value: Any,
        namespace: Namespace = "user",
        vector: list[float] | None = None,
    ) -> None:
        place, marked = await self._written(namespace), caller().tainted
        await self._do(lambda: self._stores.items.put(place, key, value, vector, marked))

    async def get(self, key: str, namespace: Namespace = "user") -> Item:
        for place in await self._read(namespace):
            item = await self._do(partial(self._stores.items.get, place, key))
            if item is not None:
                _tell(item.untrusted)
                return item
        raise NotFound(f"nothing is remembered under {key!r}")

    async def delete(self, key: str, namespace: Namespace = "user") -> bool:
        place = await self._written(namespace)
        return await self._do(lambda: self._stores.items.delete(place, key))

    async def ls(
        self, prefix: str = "", namespace: Namespace = "user", limit: int = 1000
    ) -> list[Item]:
        places, most = await self._read(namespace), _limit(limit)
        items = await self._do(lambda: self._stores.items.ls(places, prefix, most))
        _tell(any(one.untrusted for one in items))
        return items

    async def keys(
        self, prefix: str = "", namespace: Namespace = "user", limit: int = 1000
    ) -> list[str]:
        places, most = await self._read(namespace), _limit(limit)
        keys, marked = await self._do(lambda: self._stores.items.keys(places, prefix, most))
        _tell(marked)
        return keys

    async def search(
        self,
        query: str = "",
        namespace: Namespace = "user",
        limit: int = 10,
        vector: list[float] | None = None,
    ) -> list[Hit]:
        places, most = await self._read(namespace), _limit(limit)

        def work() -> list[Hit]:
            items = self._stores.items
            rankings = [items.rank(place, query, vector, most) for place in places]
            return items.hits(rankings[0] if len(rankings) == 1 else fuse(rankings, most))

        hits = await self._do(work)
        _tell(any(one.untrusted for one in hits))
        return hits

    async def share(self, name: str, principal: str, write: bool = False) -> None:
        owner, to = caller().principal, _text(principal)
        await self._do(lambda: self._stores.grants.share(name, owner, to, write))

    async def unshare(self, name: str, principal: str) -> bool:
        owner, to = caller().principal, _text(principal)
        return await self._do(lambda: self._stores.grants.unshare(name, owner, to))

    # Episodic and semantic memory.

    async def write(
        self,
        text: str,
        tier: Tier = "semantic",
        importance: float = 0.5,
        source: str | None = None,
        namespace: Namespace = "user",
    ) -> Recollection:
        who, text = caller(), _text(text)
        place = await self._written(namespace)
        pieces = self._stores.pieces
        known, echo = await self._do(
            lambda: (pieces.known(place, tier, text), self._echoes.of(who.pid, text))
        )
        draft = Draft(
            text=text,
            tier=tier,
            importance=importance,
            source=_text(source) if source else f"process {who.pid}",
            untrusted=who.tainted,
            echo=echo,
        )
        embedded = None if known else await self._embedder.embed([text], PATIENCE)
        ((piece, fresh),) = await self._do(lambda: pieces.write(place, [draft], embedded))
        if fresh and embedded is None:
            self._renewal.wake(written=True)
        return piece

    async def recall(
        self,
        query: str,
        tiers: list[Tier] | None = None,
        limit: int = 10,
        namespace: Namespace = "user",
    ) -> list[Recollection]:
        names = await self._read(namespace)
        mine = names[:1] if await self._may_write(namespace) else []
        of = [tier for tier in TIERS if tier in (tiers or TIERS)]
        embedded = await self._embedder.embed([query], PATIENCE) if query.strip() else None
        pieces, pid = self._stores.pieces, caller().pid

        def work() -> list[Recollection]:
            if query.strip():
                found = pieces.recall(names, of, query, limit, embedded)
                pieces.strengthen(mine, [one.id for one in found])
            else:
                found = pieces.newest(names, of, limit)
            self._echoes.heard(pid, found)
            return found

        found = await self._do(work)
        self._renewal.wake()
        _tell(any(one.untrusted for one in found))
        return found

    async def consolidate(
        self, namespace: Namespace = "user", pid: int | None = None, extract: bool = False
    ) -> Consolidated:
        place, who = await self._written(namespace), caller()
        if pid is None and namespace == "own":
            pid = who.pid
        done = await self._consolidation.run(self._os.on_behalf(who.call), place, pid, extract)
        self._renewal.wake(written=True)
        return done

    async def decay(
        self, half_life: float = HALF_LIFE, below: float = 0.05, namespace: Namespace = "user"
    ) -> int:
        place = await self._written(namespace)
        return await self._do(lambda: self._stores.pieces.decay(place, half_life, below))

    async def forget(self, ids: list[int], namespace: Namespace = "user") -> int:
        place = await self._written(namespace)
        return await self._do(lambda: self._stores.pieces.forget(place, ids))

    async def audit(self, namespace: Namespace = "user") -> Audit:
        place, pieces = (await self._read(namespace))[0], self._stores.pieces
        found, echoes = await self._do(lambda: pieces.all(place, AUDITED))
        semantic = [one.id for one in found if one.tier == "semantic"]
        near: list[tuple[int, int]] = []
        for start in range(0, len(semantic), SLICE):  # So that other calls come in between.
            work = partial(_near, pieces.nearest, place, semantic[start : start + SLICE])
            near += await self._do(work)
        known = set(semantic)
        near = [pair for pair in near if pair[1] in known]
        _tell(any(one.untrusted for one in found))
        return Audit(
            pieces=len(found), findings=await asyncio.to_thread(findings, found, echoes, near)
        )

    # Working memory.

    async def think(self, text: str, pinned: bool = False) -> Mind:
        return await self._thinking.think(_text(text), pinned)

    async def mind(self, pid: int | None = None) -> Mind:
        mind, marked = await self._thinking.mind(pid)
        _tell(marked)
        return mind

    async def compact(self, tokens: int, summarise: bool = False) -> Mind:
        return await self._thinking.compact(tokens, summarise)

    # Namespaces.

    async def _read(self, namespace: Namespace) -> list[str]:
        """Return the places that the caller reads, its own first. Raises `PermissionDenied`."""
        who = caller()
        if namespace == "user":
            return [f"user/{who.principal}"]
        if namespace == "own":
            pids = [who.pid, *await self._family.above(who)]
            return [f"own/{who.principal}/{pid}" for pid in pids]
        name = namespace.removeprefix("shared/")
        if not await self._do(lambda: self._stores.grants.reads(name, who.principal)):
            raise PermissionDenied(f"{namespace} is not open to {who.principal}")
        return [namespace]

    async def _written(self, namespace: Namespace) -> str:
        """Return the place that the caller writes to. Raises `PermissionDenied`."""
        who = caller()
        if namespace == "user":
            return f"user/{who.principal}"
        if namespace == "own":
            return f"own/{who.principal}/{who.pid}"
        name = namespace.removeprefix("shared/")
        await self._do(lambda: self._stores.grants.claim(name, who.principal))
        return namespace

    async def _may_write(self, namespace: Namespace) -> bool:
        if not namespace.startswith("shared/"):
            return True
        name, principal = namespace.removeprefix("shared/"), caller().principal
        return await self._do(lambda: self._stores.grants.writes(name, principal))

    async def _do(self, work: Callable[[], T]) -> T:
        """Run on the store's thread. Raises `InputOutputError` where the file fails."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except (apsw.Error, OSError) as error:
            raise InputOutputError(f"{self._path}: {error}") from error


def _tell(marked: bool) -> None:
    """Taint the caller where it gets to read what a stranger may have written."""
    if marked:
        taint("memory")


def _near(
    nearest: Callable[[str, int, int], list[int]], place: str, numbers: list[int]
) -> list[tuple[int, int]]:
    return [(number, other) for number in numbers for other in nearest(place, number, NEIGHBOURS)]


def _text(text: str) -> str:
    if not text.strip():
        raise InvalidArgument("a text without a word in it")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidArgument("half of a surrogate pair is no character of a text") from None
    return text


def _capacity(tokens: object) -> int:
    if not isinstance(tokens, int) or tokens < 1:
        raise InvalidArgument(f"working_tokens is a number of tokens, not {tokens!r}")
    return tokens


def _limit(limit: int) -> int:
    if not 0 < limit <= MOST:
        raise InvalidArgument(f"a limit is 1 to {MOST}, not {limit}")
    return limit
