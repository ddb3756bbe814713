"""The writing end of the journal.

Records are gathered and written by one `write` per loop turn: they survive the death of any
process, the kernel's included. When the disk refuses, the writer says so, keeps a bounded number
of records, tries again from time to time, and never leaves half a record in the middle of a file.

Interface:
    JournalWriter   `append`, `flush`, `healthy`, `close`
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from .record import Record, encode

#: Bytes of one file of the journal; then the next one is begun.
SEGMENT = 64 * 1024 * 1024
#: Bytes that are kept while the disk refuses; further records are lost, and counted.
BACKLOG = 4 * 1024 * 1024
#: Seconds between two attempts while the disk refuses.
RETRY = 1.0


class JournalWriter:
    """Appends to the newest file of a folder. One event loop owns it."""

    def __init__(
        self,
        folder: Path,
        *,
        segment: int = SEGMENT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._segment = segment
        self._clock = clock
        self._pending = bytearray()
        self._file: int | None = None
        self._size = 0
        self._whole = True  # the file ends with a whole record
        self._number = max((int(one.stem) for one in segments(folder)), default=0)
        self._tried = 0.0
        #: Why the disk refuses; None while it does not.
        self.failure: str | None = None
        #: Records lost since the start.
        self.lost = 0

    @property
    def healthy(self) -> bool:
        """Whether what is appended gets written."""
        return self.failure is None

    def append(self, record: Record) -> bool:
        """Gather a record; returns whether it is the first since the last flush."""
        first = not self._pending
        if len(self._pending) > BACKLOG and not self.healthy:
            self.lost += 1
        else:
            self._pending += encode(record)
        return first

    def flush(self) -> None:
        """Write what was gathered; on failure it is kept for the next attempt."""
        if not self._pending:
            return
        now = self._clock()
        if not self.healthy and now - self._tried < RETRY:
            return
        self._tried = now
        try:
            self._write()
            self.failure = None
        except OSError as error:
            self.failure = f"{self._folder}: {error.strerror}"

    def close(self) -> None:
        """Write the rest and let go of the file."""
        self._tried = 0.0
        self.flush()
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _write(self) -> None:
        # After a short write the rest stays pending and follows in the same file, so that a
        # record is never cut by another; a segment is changed only between whole flushes.
        file = self._open()
        while self._pending:
            written = os.write(file, self._pending)
            self._size += written
            del self._pending[:written]
            self._whole = not self._pending

    def _open(self) -> int:
        if self._file is not None and self._size >= self._segment and self._whole:
            os.close(self._file)
            self._file = None
        if self._file is None:
            self._number += 1
            path = self._folder / f"{self._number:08}.log"
            self._file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o600)
            self._size = os.fstat(self._file).st_size
        return self._file


def segments(folder: Path) -> list[Path]:
    """Return a journal's files, the oldest first."""
    return sorted(one for one in folder.glob("*.log") if one.stem.isdigit())
