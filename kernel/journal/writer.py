"""The writing end of the journal.

Records are gathered and written by one `write` per loop turn: they survive the death of any
process, the kernel's included. When the disk refuses, the writer says so, cuts the file back to its
last whole record, keeps a bounded number of records, and tries again at most once a second. What it
had to drop meanwhile it counts, and notes in a record of its own where the gap is.

Every file begins with the census of that moment, and so does every stretch of it that is too long
to be read when a daemon starts; a small file beside says where the last one stands.

Interface:
    JournalWriter   `append`, `flush`, `healthy`, `close`
    segments        a journal's files
    name_of         the name of one by its number
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgpack

from ..paths import rewrite
from .census import CENSUS, Census, place
from .places import Places
from .record import SCHEMA, Kind, Record, encode

#: Bytes of one file of the journal; then the next one is begun.
SEGMENT = 64 * 1024 * 1024
#: Bytes that are kept while the disk refuses; further records are lost, and counted.
BACKLOG = 4 * 1024 * 1024
#: Seconds between two attempts while the disk refuses.
RETRY = 1.0
#: The outcome of the mark that stands for records that were lost; its body is their number.
GAP = "lost"
#: Bytes after which the census is written down again; or some times its own, where that is more.
STRETCH, TIMES = 8 * 1024 * 1024, 8
#: Beside the journal's files: where the last census stands.
POINTER = "census"


class JournalWriter:
    """Appends to the newest file of a folder. One event loop owns it.

    A new writer begins a new file: it never appends to what a killed one may have left torn.
    """

    def __init__(
        self,
        folder: Path,
        *,
        segment: int = SEGMENT,
        backlog: int = BACKLOG,
        clock: Callable[[], float] = time.monotonic,
        census: Census | None = None,
        stretch: int = STRETCH,
    ) -> None:
        """`census`: what is known of the processes in older files; without one none is written."""
        self.folder = folder
        self._segment = segment
        self._backlog = backlog
        self._clock = clock
        self._stretch = self._next = stretch  # between two censuses, and left until the next one
        #: Which processes there are, and where what they need stands.
        self.census = census
        #: Where each process's calls stand.
        self.places = Places()
        #: Told of a file that is written to no more, in place of its being closed.
        self.on_full: Callable[[int], None] = os.close
        self._pending: deque[tuple[bytes, Record]] = deque()
        self._gathered = 0  # bytes of them
        self._file: int | None = None
        self._size = 0  # bytes of whole records in the file
        self._number = max((int(one.stem) for one in segments(folder)), default=0)
        self._tried = float("-inf")
        self._gap = 0  # records lost since the last one that was kept
        self._gap_time = 0.0
        #: Why the disk refuses; None while it does not.
        self.failure: str | None = None
        #: Records lost since the start.
        self.lost = 0

    @property
    def healthy(self) -> bool:
        """Whether what is appended gets written."""
        return self.failure is None

    def append(self, record: Record) -> bool:
        """Gather a record; returns whether the caller should see to a `flush` after this turn.

        It should for the first record since the last one, and when a retry is due. Raises `TooBig`.
        """
        wanted = not self._pending or self._retry_due()
        encoded = encode(record)
        if not self.healthy and self._gathered + len(encoded) > self._backlog:
            if not self._gap:
                self._gap_time = record.time
            self._gap += 1
            self.lost += 1
        else:
            self._mark_gap()
            self._gather(encoded, record)
        return wanted

    @property
    def file(self) -> int | None:
        """The descriptor of the file that was written last; it stays the writer's."""
        return self._file

    @property
    def number(self) -> int:
        """The number of the newest file."""
        return self._number

    def flush(self) -> None:
        """Write what was gathered; on failure it is kept for the next attempt."""
        if not self._pending or not (self.healthy or self._retry_due()):
            return
        self._tried = self._clock()
        try:
            self._write()
            if self._gap:
                self._mark_gap()
                self._write()
            if self.census is not None and self._next <= 0:
                self._write_census()
            self.failure = None
        except OSError as error:
            self.failure = f"{self.folder}: {error.strerror}"

    def close(self) -> None:
        """Write the rest, or count it as lost, and let go of the file."""
        self._tried = float("-inf")
        self.flush()
        self.lost += len(self._pending)
        self._pending.clear()
        self._gathered = 0
        self._leave()

    def _retry_due(self) -> bool:
        return not self.healthy and self._clock() - self._tried >= RETRY

    def _gather(self, encoded: bytes, record: Record) -> None:
        self._pending.append((encoded, record))
        self._gathered += len(encoded)

    def _mark_gap(self) -> None:
        if self._gap:
            body: bytes = msgpack.packb(self._gap)
            mark = Record(kind=Kind.MARK, time=self._gap_time, pid=0, outcome=GAP, body=body)
            self._gap = 0
            self._gather(encode(mark), mark)

    def _write(self) -> None:
        """Write all that is pending to one file. Raises `OSError`; whole records then stand."""
        file = self._open()
        if self.census is not None and self._size == 0:
            self._write_census()
        data = memoryview(b"".join(encoded for encoded, _ in self._pending))
        written = 0
        try:
            while written < len(data):
                written += os.write(file, data[written:])
        except OSError:
            self._cut(file, written)
            raise
        self._taken(written)

    def _taken(self, written: int) -> int:
        """Forget the records that are whole within the bytes written; return their bytes."""
        whole = 0
        while self._pending and whole + len(self._pending[0][0]) <= written:
            encoded, record = self._pending.popleft()
            at = place(self._number, self._size + whole)
            if record.kind is Kind.CALL:
                self.places.note(record.pid, at)
            if self.census is not None:
                self.census.note(record, at)
            whole += len(encoded)
        self._gathered -= whole
        self._size += whole
        self._next -= whole
        return whole

    def _write_census(self) -> None:
        """Write down what is known of processes. Raises `OSError`; then it is no record's place."""
        assert self._file is not None and self.census is not None
        body: bytes = msgpack.packb({"schema": SCHEMA, **self.census.dump()})
        encoded = encode(Record(kind=Kind.MARK, time=time.time(), pid=0, outcome=CENSUS, body=body))
        file, written = self._file, 0
        try:
            while written < len(encoded):
                written += os.write(file, memoryview(encoded)[written:])
        except OSError:
            if written:
                self._leave()  # What follows half a record could not be read.
            raise
        offset, self._size = self._size, self._size + len(encoded)
        self._next = max(self._stretch, TIMES * len(encoded))
        # Without it, a daemon that starts reads more.
        with suppress(OSError):
            rewrite(self.folder / POINTER, f"{self._number} {offset}")

    def _cut(self, file: int, written: int) -> None:
        if self._taken(written) == written:
            return
        try:
            os.ftruncate(file, self._size)
        except OSError:
            # The half record stays, but as the file's end: the next attempt begins another file.
            self._leave()

    def _open(self) -> int:
        if self._file is not None and self._size >= self._segment:
            file, self._file = self._file, None
            self.on_full(file)
        if self._file is None:
            path = self.folder / name_of(self._number + 1)
            self._file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o600)
            self._number += 1
            self._size = os.fstat(self._file).st_size
        return self._file

    def _leave(self) -> None:
        if self._file is not None:
            file, self._file = self._file, None
            # Somebody may wait for what is whole in it to be on the disk.
            (self.on_full if self._size else os.close)(file)


def name_of(number: int) -> str:
    """Return the name of a journal's file."""
    return f"{number:08}.log"


def segments(folder: Path) -> list[Path]:
    """Return a journal's files, the oldest first."""
    return sorted(one for one in folder.glob("*.log") if one.stem.isdigit())
