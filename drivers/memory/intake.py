"""What happened, out of the journal: each process's records are read once for a namespace.

Interface:
    Intake          `take` what is new of a process
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any

from ...syscalls.os import OS
from ...syscalls.process import Past
from ..index.embedder import Embedder
from .draft import Draft
from .episode import episode
from .statement import digest
from .stores import Stores

#: Records that are read at once.
BATCH = 1000
#: Runs work on the thread of the memory driver's file.
Do = Callable[[Callable[[], Any]], Awaitable[Any]]


class Intake:
    """Episodes from the journal."""

    def __init__(self, stores: Stores, embedder: Embedder, do: Do) -> None:
        self._stores = stores
        self._embedder = embedder
        self._do = do

    async def take(self, os: OS, namespace: str, pid: int, untrusted: bool) -> None:
        """Write what a process has done since the last time as episodes.

        `os` is the caller's. Raises as `process.history` does; what was read before stays.
        """
        begun = time.time()
        seq, at = await self._do(lambda: self._stores.bookmarks.of(namespace, pid))
        records = await os.process.history(pid, max(seq - 1, 0), BATCH)
        since = 0.0
        if seq and (not records or (records[0].seq, records[0].time) != (seq, at)):
            # The daemon has been started anew, and counts from 1 again.
            seq, since, records = 0, at, await os.process.history(pid, 0, BATCH)
        while records:
            new = [one for one in records if one.seq > seq and one.time > since]
            drafts = _drafts(pid, new, untrusted)
            embedded = await self._embedder.embed([one.text for one in drafts])
            seq, last = records[-1].seq, records[-1].time
            await self._do(partial(self._keep, namespace, pid, drafts, embedded, seq, last))
            # Each look is a record of its own: whoever reads on to the end never gets there.
            records = [] if last > begun else await os.process.history(pid, seq, BATCH)

    def _keep(
        self, namespace: str, pid: int, drafts: list[Draft], embedded: Any, seq: int, at: float
    ) -> None:
        with self._stores.base:
            self._stores.pieces.write(namespace, drafts, embedded)
            self._stores.bookmarks.set(namespace, pid, seq, at)


def _drafts(pid: int, records: list[Past], untrusted: bool) -> list[Draft]:
    """Return episodes, each once, with how often it happened."""
    found: dict[bytes, Draft] = {}
    times: Counter[bytes] = Counter()
    for past in records:
        if (draft := episode(pid, past, untrusted)) is not None:
            found[digest(draft.text)] = draft
            times[digest(draft.text)] += 1
    return [replace(draft, times=times[key]) for key, draft in found.items()]
