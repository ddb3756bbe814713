"""Writes down every call that passes the trap, and tells whoever watches a process.

Interface:
    JournalRecorder     the trap's recorder over a journal
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from ...syscalls.codec import pack
from ...syscalls.errors import InputOutputError
from ..call import Call
from ..process import ControlBlock
from .record import Kind, Record, digest
from .writer import JournalWriter

#: Bytes of a result that the journal keeps whole; of a longer one it keeps the digest.
KEPT = 64 * 1024
#: The kernel's own interfaces, whose effects are its own state and need no intent.
_OWN = ("system.", "device.", "ipc.")


class JournalRecorder:
    """One record for each call, one write for each turn of the loop."""

    def __init__(
        self,
        journal: JournalWriter,
        *,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._journal = journal
        self._now = now
        self._clock = clock

    def health(self) -> str:
        """Return `healthy`, or why the journal takes no records."""
        return self._journal.failure or "healthy"

    def flush(self) -> None:
        """Write what this turn has gathered."""
        self._journal.flush()

    def intend(self, call: Call) -> None:
        """Write down a call that must not be repeated, before it goes out.

        The intent is written at once, not at the end of the turn: the frame of the call may leave
        before that. Raises `InputOutputError` while the journal cannot be written: an effect that
        nobody could account for is refused, everything else goes on.
        """
        traits, name = call.syscall.traits, call.syscall.name
        if not traits.effect or name.startswith(_OWN):
            return
        if not traits.idempotent:
            self._append(call, Kind.INTENT, "", b"")
        if not traits.idempotent or not self._journal.healthy:
            self._journal.flush()
        if not self._journal.healthy:
            raise InputOutputError(f"the journal cannot be written: {self._journal.failure}")

    def ended(self, call: Call, code: str, body: bytes) -> None:
        """Write down how a call ended, and show it to whoever watches its process."""
        if not call.syscall.name.startswith("system."):
            self._append(call, Kind.CALL, code, body)
        watcher = call.process.watcher
        if watcher is not None:
            seconds = self._clock() - call.started
            watcher(call.syscall.name, call.body, code, body, seconds)

    def started(self, process: ControlBlock) -> None:
        """Write down that a process began."""
        self._mark(Kind.START, process, "", pack([process.program, process.task]))

    def exited(self, process: ControlBlock) -> None:
        """Write down that a process has ended."""
        self._mark(Kind.EXIT, process, str(process.exit_code), pack(process.exit_reason))

    def _append(self, call: Call, kind: Kind, outcome: str, body: bytes) -> None:
        self._write(
            Record(
                kind=kind,
                time=self._now(),
                pid=call.process.pid,
                seq=call.number,
                syscall=call.syscall.name,
                digest=digest(call.body),
                outcome=outcome,
                body=body if len(body) <= KEPT else digest(body),
                hashed=len(body) > KEPT,
            )
        )

    def _mark(self, kind: Kind, process: ControlBlock, outcome: str, body: bytes) -> None:
        self._write(
            Record(kind=kind, time=self._now(), pid=process.pid, outcome=outcome, body=body)
        )

    def _write(self, record: Record) -> None:
        if self._journal.append(record):
            asyncio.get_running_loop().call_soon(self._journal.flush)
