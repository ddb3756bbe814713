"""A process's past, read from the journal.

Interface:
    History         `read`
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from ...syscalls.process import RESULT, Past
from ..shown import bounded, decoded
from .places import Places
from .record import Damaged, Record, decode
from .writer import name_of

#: Bytes of records that one answer is made from; then it ends before its limit.
MOST = 4 * 1024 * 1024


class History:
    """Reads what was written since the daemon's start, off the event loop."""

    def __init__(self, folder: Path, places: Places, flush: Callable[[], None]) -> None:
        self._folder = folder
        self._places = places
        self._flush = flush

    async def read(self, pid: int, after: int, limit: int, whole: bool = False) -> list[Past]:
        """Return a process's calls after its `after`-th, in the order in which they ended; `whole`
        ones have all that was kept of them."""
        self._flush()
        places = self._places.after(pid, after, limit)
        most = MOST if whole else RESULT
        return await asyncio.to_thread(_read, self._folder, places, most)


def _read(folder: Path, places: Iterable[tuple[int, int, int]], most: int) -> list[Past]:
    found: list[Past] = []
    files: dict[int, int] = {}
    size = 0
    try:
        for seq, number, offset in places:
            # Of a file that somebody has taken away, nothing is told.
            with suppress(OSError, Damaged):
                if number not in files:
                    files[number] = os.open(folder / name_of(number), os.O_RDONLY | os.O_CLOEXEC)
                record, read = _record(files[number], offset)
                found.append(_past(seq, record, most))
                size += read
            if size > MOST:
                break
    finally:
        for file in files.values():
            os.close(file)
    return found


def _record(file: int, offset: int) -> tuple[Record, int]:
    head = os.pread(file, 8, offset)
    size = 8 + int.from_bytes(head[:4])
    record, _ = decode(os.pread(file, size, offset), 0)
    if record is None:
        raise Damaged("a record of a later release")
    return record, size


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
