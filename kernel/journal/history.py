"""A process's past, read from the journal.

Interface:
    History         `read`
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ...syscalls.errors import InputOutputError
from ...syscalls.process import RESULT, Past
from ..shown import bounded, decoded
from .census import place, where
from .places import Places
from .reader import Reader, segment
from .record import Damaged, Kind, Record
from .writer import segments

#: Bytes of arguments and results that one answer is made from; then it ends before its limit.
MOST = 4 * 1024 * 1024


class History:
    """Reads what processes have done, also under an earlier daemon, off the event loop."""

    def __init__(
        self,
        folder: Path,
        places: Places,
        flush: Callable[[], None],
        former: Mapping[int, int] | None = None,
        newest: int = 0,
    ) -> None:
        """`former`: where processes of earlier daemons begin; `newest` is their last file."""
        self._folder = folder
        self._places = places
        self._flush = flush
        self._former = dict(former or {})
        self._newest = newest
        self._searching = asyncio.Lock()

    def flush(self) -> None:
        """Let all that has happened until now stand in the files."""
        self._flush()

    async def read(self, pid: int, after: int, limit: int, whole: bool = False) -> list[Past]:
        """Return a process's calls after its `after`-th, in the order in which they ended; `whole`
        ones have all that was kept of them."""
        self._flush()
        async with self._searching:
            if (begin := self._former.get(pid)) is not None:
                older = await asyncio.to_thread(_search, self._folder, pid, begin, self._newest)
                self._places.before(pid, older)
                del self._former[pid]
        places = self._places.after(pid, after, limit)
        most = MOST if whole else RESULT
        return await asyncio.to_thread(_read, self._folder, places, most)


def _search(folder: Path, pid: int, begin: int, newest: int) -> list[int]:
    """Return where a process's calls stand in files of before."""
    number, offset = where(begin)
    found = []
    for path in segments(folder):
        if not number <= int(path.stem) <= newest:
            continue
        start = offset if int(path.stem) == number else 0
        with suppress(InputOutputError):  # Of a file that cannot be read, nothing is told.
            for at, record in segment(path, start, lambda damage: None):
                if record.pid == pid and record.kind is Kind.CALL:
                    found.append(place(int(path.stem), at))
    return found


def _read(folder: Path, places: Iterable[tuple[int, int]], most: int) -> list[Past]:
    found: list[Past] = []
    size = 0
    with Reader(folder) as reader:
        for seq, at in places:
            # Of a file that somebody has taken away, nothing is told.
            with suppress(OSError, Damaged):
                record = reader.read(at)
                found.append(_past(seq, record, most))
                size += len(record.arguments) + len(record.body)
            if size > MOST:
                break
    return found


def _past(seq: int, record: Record, most: int) -> Past:
    result: Any
    if record.hashed:
        result = f"(too long to be kept; BLAKE2b {record.body.hex()})"
    else:
        result = decoded(record.body)
        if record.outcome != "ok":
            result = result[0] if isinstance(result, list) and result else None
    return Past(
        seq=seq,
        time=record.time,
        syscall=record.syscall,
        arguments=bounded(decoded(record.arguments), most),
        outcome=record.outcome,
        result=bounded(result, most),
        by=record.origin or None,
    )
