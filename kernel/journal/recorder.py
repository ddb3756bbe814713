"""Writes down every call that passes the trap, and tells whoever watches a process.

Interface:
    JournalRecorder     the trap's recorder over a journal
"""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Callable
from typing import Any

from ...syscalls.codec import pack
from ...syscalls.errors import InputOutputError
from ...syscalls.process import ASKED
from ..agents import Order
from ..call import Call
from ..process import ControlBlock
from .record import Kind, Record, digest
from .writer import JournalWriter

#: Bytes of a result and of arguments that the journal keeps whole; of longer ones the digest.
KEPT, ARGUMENTS = 64 * 1024, 4 * 1024
#: What a model was asked is what is learnt from: its arguments are kept like a result.
_LEARNT = "model."
#: Characters of a trace's id that the journal keeps; W3C's has 55.
TRACE = 64
#: The kernel's own interfaces, whose effects are its own state, which ends with it: they need no
#: intent. They go on while the journal cannot be written, so that whoever fills the disk can be
#: stopped.
_OWN = ("system.", "device.", "ipc.", "process.", "approval.")
_BUT = "process.spawn"
#: Whose arguments may hold secrets: an environment, of which nothing is kept in the record of the
#: start, and the key of an endpoint.
_SECRET = frozenset({_BUT, "model.use", "model.add"})
#: Its result stands in the journal already.
_KNOWN = "process.history"


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
        if not call.effect or (name.startswith(_OWN) and name != _BUT):
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
        self._show(call, code, body)

    def asked(self, call: Call) -> None:
        """Show whoever watches a process that its call waits for a person."""
        answers = f"aos approve {call.approval}, or aos deny {call.approval}"
        self._show(call, ASKED, pack([answers, {}]))

    def _show(self, call: Call, code: str, body: bytes) -> None:
        watcher = call.process.watcher
        if watcher is None:
            return
        try:
            watcher(call.syscall.name, call.body, code, body, self._clock() - call.started)
        except Exception:  # A watcher's defect ends the watching, never the call.
            call.process.watcher = None
            traceback.print_exc()

    def started(self, process: ControlBlock, order: Order) -> None:
        """Write down that a process began, and all that it needs to be run again.

        But for its environment, which may hold secrets.
        """
        self._mark(Kind.START, process, "", pack(_ordered(process, order)))

    def exited(self, process: ControlBlock) -> None:
        """Write down that a process has ended."""
        self._mark(Kind.EXIT, process, str(process.exit_code), pack(process.exit_reason))

    def _append(self, call: Call, kind: Kind, outcome: str, body: bytes) -> None:
        name = call.syscall.name
        most = KEPT if name.startswith(_LEARNT) else ARGUMENTS
        shown = len(call.body) <= most and name not in _SECRET
        hashed = len(body) > KEPT or (name == _KNOWN and outcome == "ok")
        self._write(
            Record(
                kind=kind,
                time=self._now(),
                pid=call.process.pid,
                seq=call.seq,
                syscall=name,
                digest=digest(call.body),
                outcome=outcome,
                body=digest(body) if hashed else body,
                synced=kind is Kind.INTENT,
                trace=call.trace[:TRACE] if isinstance(call.trace, str) else "",
                hashed=hashed,
                origin=0 if call.origin is call.process else call.origin.pid,
                number=call.number,
                arguments=call.body if shown else b"",
            )
        )

    def _mark(self, kind: Kind, process: ControlBlock, outcome: str, body: bytes) -> None:
        self._write(
            Record(kind=kind, time=self._now(), pid=process.pid, outcome=outcome, body=body)
        )

    def _write(self, record: Record) -> None:
        if self._journal.append(record):
            asyncio.get_running_loop().call_soon(self._journal.flush)


def _ordered(process: ControlBlock, order: Order) -> dict[str, Any]:
    return {
        "task": process.task,
        "name": process.name,
        "principal": process.principal,
        "parent": process.parent,
        "capabilities": [str(one) for one in process.capabilities],
        "budget": process.budget.limits(),
        "nice": process.nice,
        "program": order.program,
        "arguments": list(order.arguments),
        "timeout": order.timeout,
    }
