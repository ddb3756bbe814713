"""What the journal lets go of: whole old files that no durable process needs to run again.

Interface:
    Compaction      an asynchronous context; while it is entered, old files go
    compact         one look
    Report, check   what a whole journal holds, and what of it is damaged
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..background import Background
from .reader import Damage, segment
from .record import Kind
from .writer import JournalWriter, segments

#: Seconds between two looks, and of a day.
INTERVAL, DAY = 3600.0, 86_400.0


class Compaction(Background):
    """Looks now and then, in a thread."""

    def __init__(
        self,
        journal: JournalWriter,
        *,
        days: float,
        most: int,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`days` and `most` bytes are what is kept beyond need."""
        self._journal = journal
        self._days = days
        self._most = most
        self._now = now

    async def _work(self) -> None:
        while True:
            census, newest = self._journal.census, self._journal.number
            needed = newest if census is None else min(newest, census.oldest())
            since = self._now() - self._days * DAY
            # A disk that lets nothing go is looked at again later, as by a machine without threads.
            with suppress(OSError, RuntimeError):
                first = await asyncio.to_thread(
                    compact, self._journal.folder, needed, since, self._most
                )
                if census is not None:
                    census.forget(first)
            await asyncio.sleep(INTERVAL)


def compact(folder: Path, needed: int, since: float, most: int) -> int:
    """Remove files older than `since`, and the oldest while all take more than `most` bytes, but
    none from the number `needed` on. Return the number of the first that is left."""
    files = [(int(one.stem), one, one.stat()) for one in segments(folder)]
    size = sum(about.st_size for _, _, about in files)
    for number, path, about in files:
        if number >= needed or not (about.st_mtime < since or size > most):
            return number
        path.unlink(missing_ok=True)
        size -= about.st_size
    return needed


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a journal holds."""

    files: int
    #: Of all files.
    size: int
    records: int
    #: Files whose writer did not finish them; what was left out at their ends.
    torn: int
    #: Records that cannot be read, and the first of them for people.
    damaged: int
    first: str | None
    #: Effects that went out and whose end nobody has written down.
    doubtful: int


def check(folder: Path) -> Report:
    """Read a whole journal. Raises `InputOutputError` for a file that cannot be read."""
    records, size, damage, doubtful = 0, 0, list[Damage](), set[tuple[int, int]]()
    files = segments(folder)
    for path in files:
        size += path.stat().st_size
        for _, record in segment(path, 0, damage.append):
            records += 1
            # A durable process's call has its own number, also under another kernel.
            call = (record.pid, -record.ask or record.number)
            if record.kind is Kind.INTENT:
                doubtful.add(call)
            elif record.kind is Kind.CALL:
                doubtful.discard(call)
    damaged = [one for one in damage if not one.torn]
    first = damaged[0] if damaged else None
    return Report(
        files=len(files),
        size=size,
        records=records,
        torn=len(damage) - len(damaged),
        damaged=len(damaged),
        first=None if first is None else f"{first.path.name}, byte {first.offset}: {first.reason}",
        doubtful=len(doubtful),
    )
