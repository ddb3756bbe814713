"""Sources of knowledge from other packages, asked beside the store.

Each question runs in a thread of its own: what hangs is left behind, and its source is not asked
again until it has come back. What a source raises is named in the driver's log and harms nobody.

Interface:
    Sources         `search` asks all of them at once
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from itertools import islice
from typing import Any

from ...syscalls.knowledge import Passage
from ...syscalls.perception import Place
from .contract import Found, Source

GROUP = "llmagentos.knowledge"
#: Seconds that a source may take, and characters of a passage and of a source's name.
SECONDS, TEXT, NAME = 5.0, 8000, 300


class Sources:
    """All that are installed."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._points = {point.name: point for point in entry_points(group=GROUP)}
        self._loaded: dict[str, Source] = {}
        self._busy: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._points)

    async def search(self, query: str, limit: int) -> dict[str, list[Passage]]:
        """Return what each source has found, by its name, without those that failed."""
        asked = await asyncio.gather(
            *(self._ask(point, query, limit) for point in self._points.values())
        )
        return {name: found for name, found in zip(self._points, asked, strict=True) if found}

    async def _ask(self, point: EntryPoint, query: str, limit: int) -> list[Passage]:
        if point.name in self._busy:
            return _failed(point, "it has not come back from an earlier question")
        self._busy.add(point.name)
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[Passage]] = loop.create_future()

        def work() -> None:
            try:
                say(answer.set_result, self._passages(point, query, limit))
            except BaseException as error:  # a stranger's code may raise anything
                say(answer.set_exception, _Broken(f"{type(error).__name__}: {error}"))

        def say(how: Callable[[Any], None], what: Any) -> None:
            def on_loop() -> None:
                self._busy.discard(point.name)
                if not answer.done():
                    how(what)

            if not loop.is_closed():
                loop.call_soon_threadsafe(on_loop)

        threading.Thread(target=work, name=f"knowledge-{point.name}", daemon=True).start()
        try:
            async with asyncio.timeout(self._seconds):
                return await answer
        except TimeoutError:
            return _failed(point, f"it has no answer within {self._seconds:g} s")
        except _Broken as error:
            return _failed(point, str(error))

    def _passages(self, point: EntryPoint, query: str, limit: int) -> list[Passage]:
        source = self._loaded.get(point.name)
        if source is None:
            made = point.load()
            made = made() if isinstance(made, type) else made
            source = self._loaded[point.name] = getattr(made, "search", made)
        found = list(islice(source(query, limit), limit))
        return [_passage(point.name, one, rank) for rank, one in enumerate(found, start=1)]


class _Broken(Exception):
    """A source raised something."""


def _passage(name: str, one: Found, rank: int) -> Passage:
    if not (isinstance(one, Found) and isinstance(one.text, str) and isinstance(one.source, str)):
        raise TypeError(f"a source returns Found, not {type(one).__name__}")
    # Half a surrogate pair is nothing that a message can carry.
    text, source = (part.encode(errors="replace").decode() for part in (one.text, one.source))
    return Passage(
        text=text[:TEXT], document=f"{name}: {source[:NAME]}", place=Place(), score=1 / rank
    )


def _failed(point: EntryPoint, why: str) -> list[Passage]:
    print(f"the source {point.name} ({point.value}) is left out: {why}", file=sys.stderr)
    return []
