"""Group commit: what was written reaches the disk, by one fdatasync for all that wait for it.

Interface:
    Commit          `after` calls back once all that was appended before is on the disk
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .writer import JournalWriter

#: Called with None, or with why the disk refused.
OnDisk = Callable[[str | None], None]


class Commit:
    """Flushes and syncs a journal on a thread; while it does, further ones gather.

    It hands `close` what it has not synced yet.
    """

    def __init__(self, journal: JournalWriter) -> None:
        self._journal = journal
        self._waiting: list[OnDisk] = []
        self._full: list[int] = []  # files that are written to no more, and not on the disk yet
        self._armed = self._running = False
        self._thread = ThreadPoolExecutor(1, "journal")
        self._number = 0  # of the newest file that the disk knows by its name
        #: How often the disk was asked, and for how many.
        self.syncs = self.served = 0
        journal.on_full = self._full.append

    def after(self, done: OnDisk) -> None:
        """Call `done` on the loop once all that was appended until now is on the disk."""
        self._waiting.append(done)
        if not self._armed and not self._running:
            self._armed = True
            asyncio.get_running_loop().call_soon(self._begin)

    def close(self) -> None:
        """Wait for the disk; who still waits is not called any more."""
        self._thread.shutdown()
        self._journal.on_full = os.close
        for file in self._full:
            os.close(file)
        self._full.clear()

    def _begin(self) -> None:
        self._armed = False
        self._journal.flush()
        waiting, self._waiting = self._waiting, []
        if self._journal.failure is not None or self._journal.file is None:
            _tell(waiting, self._journal.failure)
            return
        try:
            # A descriptor of its own: the writer may close its one meanwhile.
            file = os.dup(self._journal.file)
        except OSError as error:  # Out of descriptors.
            _tell(waiting, f"the journal cannot be synced: {error.strerror}")
            return
        self._running = True
        full, loop = list(self._full), asyncio.get_running_loop()
        self._full.clear()
        folder = self._journal.folder if self._journal.number != self._number else None
        self._number = self._journal.number
        work = self._thread.submit(_sync, full, file, folder)
        work.add_done_callback(
            lambda work: loop.call_soon_threadsafe(self._end, waiting, work.result())
        )

    def _end(self, waiting: list[OnDisk], failure: str | None) -> None:
        self._running = False
        if failure is not None:
            self._number = 0  # Perhaps the disk does not know the file by its name.
        self.syncs += 1
        self.served += len(waiting)
        _tell(waiting, failure)
        if self._waiting and not self._armed:
            self._begin()


def _tell(waiting: list[OnDisk], failure: str | None) -> None:
    for done in waiting:
        done(failure)


def _sync(full: list[int], file: int, folder: Path | None) -> str | None:
    failure, files = None, [*full, file]
    if folder is not None:
        try:
            files.append(os.open(folder, os.O_RDONLY | os.O_CLOEXEC))
        except OSError as error:
            failure = f"the journal cannot be synced: {error.strerror}"
    for one in files:
        try:
            os.fdatasync(one)
        except OSError as error:
            failure = f"the journal cannot be synced: {error.strerror}"
        finally:
            os.close(one)
    return failure
