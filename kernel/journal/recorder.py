"""Writes down every call that passes the trap, and tells whoever watches a process.

Interface:
    JournalRecorder     the trap's recorder over a journal
"""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from ...syscalls.codec import pack, unpack
from ...syscalls.errors import InputOutputError, LLMAgentOSError, PermissionDenied
from ...syscalls.process import ASKED
from ..call import Call
from ..process import ControlBlock, State
from ..process import Kind as ProcessKind
from ..rights.notes import WHO, RateLimit, audited
from ..spawn import Order
from .census import DURABLE, REMOVED, SPENT
from .commit import Commit, OnDisk
from .record import Kind, Record, digest
from .writer import JournalWriter

#: Bytes of a result and of arguments that the journal keeps whole; of longer ones the digest.
KEPT, ARGUMENTS = 64 * 1024, 4 * 1024
#: What a model was asked is what is learnt from: its arguments are kept like a result.
_LEARNT = "model."
#: Characters of a trace's id that the journal keeps; W3C's has 55.
TRACE = 64
#: The kernel's own interfaces, whose effects are its own state, which ends with it: they need no
#: intent, but for what starts a process that may outlive it. They go on while the journal cannot be
#: written, so that whoever fills the disk can be stopped.
_OWN = ("system.", "device.", "ipc.", "process.", "approval.", "rights.")
_BUT = frozenset({"process.spawn", "process.fork"})
#: Whose arguments may hold secrets: an environment, of which nothing is kept in the record of the
#: start, and the key of an endpoint.
_SECRET = frozenset({"process.spawn", "model.use", "model.add", "rights.secret_set"})
#: Of the system's own calls, whose arguments and results may be secrets, those that an audit shows,
#: with neither; and all that were refused.
_AUDITED = frozenset({"system.token_create", "system.token_revoke", "system.shutdown"})
#: Its result stands in the journal already.
_KNOWN = "process.history"
#: What a durable process was sent comes back with it.
_LETTER = "ipc.send"


Sync = Literal["effects", "all", "none"]


class JournalRecorder:
    """One record for each call, one write for each turn of the loop.

    With `sync`, an effect goes out once its intent is on the disk, and is answered once its outcome
    is; of `all`, every answer waits for that.
    """

    def __init__(
        self,
        journal: JournalWriter,
        *,
        sync: Sync = "none",
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._journal = journal
        self._sync = sync
        self._commit = Commit(journal)
        self._now = now
        self._clock = clock
        self._limit = RateLimit(clock)
        self._tainted: dict[int, tuple[str, ...]] = {}  # agents' taints that the journal knows of
        #: Return a durable process, None where there is none of that number.
        self.durable: Callable[[int], ControlBlock | None] = lambda pid: None
        #: Return the durable processes above one that live, the nearest first.
        self.above: Callable[[ControlBlock], Iterable[ControlBlock]] = lambda process: ()

    def health(self) -> str:
        """Return `healthy`, or why the journal takes no records."""
        return self._journal.failure or "healthy"

    def flush(self) -> None:
        """Write what this turn has gathered."""
        self._journal.flush()

    def close(self) -> None:
        """Write the rest, and wait for the disk."""
        self._journal.flush()
        self._commit.close()

    def after(self, done: OnDisk) -> None:
        """Call back once all that was noted until now is on the disk."""
        self._commit.after(done)

    def intend(self, call: Call) -> bool:
        """Write down a call that must not be repeated, before it goes out; returns whether it has
        to wait until that is on the disk.

        Without a sync the intent is written at once, not at the end of the turn: the frame of the
        call may leave before that. Raises `InputOutputError` while the journal cannot be written:
        an effect that nobody could account for is refused, everything else goes on.
        """
        traits, name = call.syscall.traits, call.syscall.name
        if not call.effect or (name.startswith(_OWN) and name not in _BUT):
            return False
        waits = False
        if not traits.idempotent:
            self._append(call, Kind.INTENT, "", b"")
            call.intended = True
            waits = self._sync != "none"
        if not self._journal.healthy or not (traits.idempotent or waits):
            self._journal.flush()
        if not self._journal.healthy:
            raise InputOutputError(f"the journal cannot be written: {self._journal.failure}")
        return waits

    def ended(self, call: Call, code: str, body: bytes) -> bool:
        """Write down how a call ended, and show it to whoever watches its process; returns whether
        its answer has to wait until that is on the disk."""
        name = call.syscall.name
        own = name.startswith("system.")
        kept = not own or call.origin.durable is not None
        if call.unheard:
            self.settled(call)
        elif kept or name in _AUDITED or code == PermissionDenied.code:
            self._append(call, Kind.CALL, code, body if kept or code != "ok" else b"", not kept)
        self._show(call, code, body)
        return self._sync == "all" or (call.intended and self._sync != "none")

    def item(self, call: Call, body: bytes) -> None:
        """Write down an item that a durable process is sent."""
        self._append(call, Kind.ITEM, "", body)

    def settled(self, call: Call) -> None:
        """Write down what a call has used of whose end nobody is told."""
        if call.used:
            self._mark(Kind.MARK, call.process, SPENT, b"", call.used)

    def refused(
        self, process: ControlBlock, header: list[Any], body: bytes, error: LLMAgentOSError
    ) -> None:
        """Write down that a request was refused before it became a call: for the audit, and for a
        durable process that is to be told so again."""
        if process.durable is None and not self._limit.take(process.pid):
            return
        self._write(
            Record(
                kind=Kind.CALL,
                time=self._now(),
                pid=process.pid,
                incarnation=process.incarnation,
                syscall=header[3],
                digest=digest(body),
                outcome=error.code,
                body=pack([error.message, error.details]),
                ask=0 if process.durable is None else header[2],
                asked=0 if process.durable is None else process.durable.asked,
                notes={WHO: [process.principal, process.name]},
            )
        )

    def asked(self, call: Call) -> None:
        """Show whoever watches a process that its call waits for a person."""
        id = call.approval
        answers = f"aos approve {id}, or aos deny {id}"
        if call.doubt is not None:
            answers = f"it may have happened: aos approve {id} (again), --done, or aos deny {id}"
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

        But for its environment, which may hold secrets, unless it is durable and needs that.
        """
        durable = process.durable
        more = {} if durable is None else durable.started(process)
        if durable is not None:
            more["above"] = [one.pid for one in self.above(process)]
        kind = "" if durable is None else DURABLE
        body = pack({**_ordered(process, order), **more})
        self._mark(Kind.START, process, kind, body, notes=self._taints(process))

    def exited(self, process: ControlBlock, used: Mapping[str, float] | None = None) -> None:
        """Write down that a process has ended; what a durable one and those below it have `used` is
        for the one above it to remember from now on."""
        if used is None and process.durable is not None:
            used = process.durable.used
        reason = pack(process.exit_reason)
        self._mark(Kind.EXIT, process, str(process.exit_code), reason, used, _left(process))
        self._tainted.pop(process.pid, None)

    def removed(self, process: ControlBlock) -> None:
        """Write down that a process is forgotten."""
        self._mark(Kind.MARK, process, REMOVED, b"")

    def copy(self, record: Record) -> None:
        """Write down what another process was told as what this one was told."""
        self._write(record)

    def mark(self, process: ControlBlock, what: str, value: Any) -> None:
        """Write down what a durable process is to have again."""
        self._mark(Kind.MARK, process, what, pack(value))

    def _append(
        self, call: Call, kind: Kind, outcome: str, body: bytes, private: bool = False
    ) -> None:
        name, process = call.syscall.name, call.process
        most = KEPT if name.startswith(_LEARNT) else ARGUMENTS
        private = private or name in _SECRET
        shown = len(call.body) <= most and not private and kind is not Kind.ITEM
        hashed = len(body) > KEPT or (name == _KNOWN and outcome == "ok")
        ask = asked = also = 0
        notes = audited(call)
        if call.origin is process:
            notes |= self._taints(process)
        if (durable := call.origin.durable) is not None and call.origin is process:
            hashed, ask = False, call.origin_number
            fresh = call.incarnation == process.incarnation
            asked = durable.asked if fresh else durable.reached
        if name == _LETTER and outcome == "ok" and (to := self._addressee(call)):
            shown, also = True, to
            notes["untrusted"] = bool(process.taints)
        # Of one that its device has not let go yet, it is not known.
        used = {} if call.answered or kind is not Kind.CALL else call.used
        if used and (payer := self._charge(process, used)):
            notes["used"] = used
            also = also or (0 if ask and payer == process.pid else payer)
        record = Record(
            kind=kind,
            time=self._now(),
            pid=process.pid,
            incarnation=process.incarnation,
            seq=call.seq,
            syscall=name,
            # What is short could be guessed by its digest.
            digest=digest(b"" if private and ask == 0 else call.body),
            outcome=outcome,
            body=digest(body) if hashed else body,
            synced=kind is Kind.INTENT,
            trace=call.trace[:TRACE] if isinstance(call.trace, str) else "",
            hashed=hashed,
            origin=0 if call.origin is process else call.origin.pid,
            number=call.number,
            arguments=call.body if shown else b"",
            ask=ask,
            asked=asked,
            also=also,
            notes=notes,
        )
        self._write(record)
        if ask and durable is not None and call.incarnation != process.incarnation:
            # Its process has been started again since, and is to hear of it when it asks.
            durable.learn(record)

    def _taints(self, process: ControlBlock) -> dict[str, Any]:
        """Return the note of an agent's taints, for it or a fork of it to have again; nothing
        where the journal knows of them."""
        known = self._tainted.get(process.pid, ())
        if process.kind is not ProcessKind.AGENT or process.taints == known:
            return {}
        self._tainted[process.pid] = process.taints
        return {"taints": list(process.taints)}

    def _addressee(self, call: Call) -> int:
        """Return the durable process that a letter went to, 0 where it went to another."""
        try:
            to = unpack(call.body)["to"]
        except (LLMAgentOSError, KeyError, TypeError):  # unreachable: it was delivered
            return 0
        return 0 if self.durable(to) is None else int(to)

    def _charge(self, process: ControlBlock, used: Mapping[str, float]) -> int:
        """Let the durable process remember what one has used, which is itself or the nearest above
        it; return its pid, 0 where there is none."""
        alive = process.durable is not None and process.state is not State.ZOMBIE
        payer = process if alive else next(iter(self.above(process)), None)
        if payer is None or payer.durable is None:
            return 0
        payer.durable.use(used)
        return payer.pid

    def _mark(
        self,
        kind: Kind,
        process: ControlBlock,
        outcome: str,
        body: bytes,
        used: Mapping[str, float] | None = None,
        notes: Mapping[str, Any] | None = None,
    ) -> None:
        also = self._charge(process, used) if used else 0
        self._write(
            Record(
                kind=kind,
                time=self._now(),
                pid=process.pid,
                incarnation=process.incarnation,
                outcome=outcome,
                body=body,
                also=also,
                notes={**(notes or {}), **({"used": dict(used)} if used and also else {})},
            )
        )

    def _write(self, record: Record) -> None:
        if self._journal.append(record):
            asyncio.get_running_loop().call_soon(self._journal.flush)


def _left(process: ControlBlock) -> dict[str, Any]:
    """Return what people may still want to know of an ended process under the next kernel."""
    return {
        "left": {
            "started": process.started,
            "syscalls": process.syscalls,
            "usage": process.budget.usage(),
            "nice": process.nice,
            "taints": list(process.taints),
            "home": None if process.home is None else str(process.home),
            "readable": [str(one) for one in process.readable],
            "sandbox": process.sandbox,
        }
    }


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
