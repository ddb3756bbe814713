"""Processes: who exists, whose child each is, and how it ended.

Interface:
    Kind            what a process is for
    State           where a process stands
    ControlBlock    all that the kernel knows of one process
    ProcessTable    control blocks by pid; `create`, `exit`, `reap`
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from ..syscalls.connection import Connection
from ..syscalls.errors import InvalidArgument, NotFound
from .budget import Budget, Limits
from .capability import Capability, CapabilitySet

if TYPE_CHECKING:
    from .durable.state import Durable
    from .tenancy import Tenancy


class Kind(StrEnum):
    """What a process is for."""

    AGENT = "agent"
    DRIVER = "driver"
    SERVICE = "service"
    #: A person or a token; no program stands behind it.
    SESSION = "session"
    #: The kernel's own end, process 1.
    KERNEL = "kernel"


class State(StrEnum):
    """Where a process stands."""

    NEW = "new"
    READY = "ready"
    RUNNING = "running"
    BLOCKED = "blocked"
    SUSPENDED = "suspended"
    ZOMBIE = "zombie"


@dataclass(slots=True, kw_only=True)
class ControlBlock:
    """One process. The process table alone writes the first block of fields."""

    #: Unique for the life of the table.
    pid: int
    #: The process that started it; None for one that the kernel itself started.
    parent: int | None
    #: The user it belongs to.
    principal: str
    #: What it runs, for people.
    program: str
    #: What it may ask for.
    capabilities: CapabilitySet
    #: What it may spend, within its parent's.
    budget: Budget
    kind: Kind = Kind.AGENT
    #: A short name for people.
    name: str = ""
    #: Seconds since 1970.
    started: float = 0.0
    ended: float | None = None
    state: State = State.NEW
    #: The agent's own code, or 128 + the signal that ended it; None while it lives.
    exit_code: int | None = None
    #: Why it ended, for people.
    exit_reason: str | None = None

    #: The machine's number of its program, and what its sandbox reports; the launcher's word.
    os_pid: int | None = None
    sandbox: dict[str, str] = field(default_factory=dict)
    #: What it was started for, where it may write, and where its output goes.
    task: str | None = None
    home: Path | None = None
    log: Path | None = None
    #: Set once it has ended.
    exited: asyncio.Event = field(default_factory=asyncio.Event)
    #: What it takes to start it again; None for one whose death is its end.
    durable: Durable | None = None
    #: Whether it was one under a kernel before, and has ended there.
    was_durable: bool = False
    #: How often it has been started.
    incarnation: int = 1
    #: The signals that somebody has sent it: if it dies of one of these, that was wanted.
    signalled: set[int] = field(default_factory=set)
    #: What it may read besides its home, and how many processes and threads it may have.
    readable: tuple[Path, ...] = ()
    crowd: int | None = None
    #: Whether a driver or service has started it for its own ends; it ends with that.
    worker: bool = False
    #: Forget it at its end without a wait.
    remove: bool = False
    #: Why the kernel is ending it, and with which code; set before the signal is sent.
    verdict: tuple[int, str] | None = None
    #: Told how each of its calls ends, while somebody watches: syscall, arguments, code, result,
    #: seconds.
    watcher: Callable[[str, bytes, str, bytes, float], None] | None = None

    #: Its end of the bus, set by whoever attaches it.
    connection: Connection | None = None
    #: From -20 (first) to 19 (last).
    nice: int = 0
    #: Calls that have passed the trap.
    syscalls: int = 0
    #: Calls in flight by the number that the process gave them; the trap alone writes it.
    in_flight: dict[int, int] = field(default_factory=dict)
    #: Bytes of their arguments; the table of calls alone writes it.
    in_flight_bytes: int = 0
    #: Its own calls so far: their count numbers them in the journal.
    seq: int = 0
    #: Whether somebody limits what its calls may cost; None until the ledger has looked.
    metered: bool | None = None
    #: Where what a stranger may have written has reached it from, the first first; `Taint` alone
    #: writes it.
    taints: tuple[str, ...] = ()
    #: What people have answered for good to what it asks; `Approvals` alone writes it.
    answers: dict[tuple[str, str, bool], bool] = field(default_factory=dict)
    #: The devices that it has used; `Tenants` alone writes it.
    tenancies: tuple[Tenancy, ...] = ()


class ProcessTable:
    """Every live process, and every dead one that its parent has not yet waited for."""

    def __init__(
        self, next_pid: Callable[[], int] | None = None, now: Callable[[], float] = time.time
    ) -> None:
        self._processes: dict[int, ControlBlock] = {}
        self._next_pid = next_pid or itertools.count(1).__next__
        #: Seconds since 1970.
        self.now = now
        #: Told of a process that something was taken from.
        self.on_revoked: Callable[[ControlBlock], None] = lambda process: None

    def create(
        self,
        *,
        principal: str,
        program: str,
        parent: ControlBlock | None = None,
        capabilities: CapabilitySet | None = None,
        limits: Limits | None = None,
        kind: Kind = Kind.AGENT,
        name: str | None = None,
        purse: Budget | None = None,
        pid: int | None = None,
    ) -> ControlBlock:
        """Enter a new process; one without a parent may spend from a `purse`, and one of before
        this table has its `pid` already.

        A child holds what it is given of its parent's capabilities, all of them by default, and
        spends from its parent's budget.
        Raises `PermissionDenied` for more than the parent holds and `InvalidArgument` for a child
        of a dead process; a refused process leaves no trace.
        """
        if parent is None:
            held = capabilities or CapabilitySet()
        elif parent.state is State.ZOMBIE:
            raise InvalidArgument(f"process {parent.pid} has ended and can have no children")
        elif capabilities is None:
            held = parent.capabilities
        else:
            held = parent.capabilities.attenuate(capabilities)
        limits = limits or Limits({})
        process = ControlBlock(
            pid=self._next_pid() if pid is None else pid,
            kind=kind,
            name=name or program.rpartition("/")[2],
            started=self.now(),
            budget=Budget(limits, purse) if parent is None else parent.budget.child(limits),
            parent=None if parent is None else parent.pid,
            principal=principal,
            program=program,
            capabilities=held,
        )
        self._processes[process.pid] = process
        return process

    def __getitem__(self, pid: int) -> ControlBlock:
        try:
            return self._processes[pid]
        except KeyError:
            raise NotFound(f"there is no process {pid}") from None

    def find(self, pid: int) -> ControlBlock | None:
        """Return a process, or None where there is none."""
        return self._processes.get(pid)

    def __iter__(self) -> Iterator[ControlBlock]:
        return iter(list(self._processes.values()))

    def __len__(self) -> int:
        return len(self._processes)

    def children(self, pid: int) -> list[ControlBlock]:
        """Return a process's children, the oldest first."""
        return [one for one in self._processes.values() if one.parent == pid]

    def exit(self, process: ControlBlock, code: int, reason: str) -> None:
        """Record a process's end, once; its orphans belong to its own parent from then on.

        So an agent goes on to reach whatever spends from its budget.
        """
        if process.state is State.ZOMBIE:
            return
        process.state = State.ZOMBIE
        process.exit_code, process.exit_reason = code, reason
        process.ended = self.now()
        process.exited.set()
        process.budget.close()
        for child in self.children(process.pid):
            child.parent = process.parent

    def revoke(self, process: ControlBlock, gone: Iterable[Capability]) -> list[int]:
        """Take rights from a process and all below it, from their next call on; return their pids.

        What people have answered for good is asked again.
        """
        gone = tuple(gone)
        below = [one for one in self if self.descends(one.pid, process.pid)]
        for one in below:
            for capability in gone:
                one.capabilities = one.capabilities.revoked(capability)
            one.answers.clear()
            self.on_revoked(one)
        return [one.pid for one in below]

    def descends(self, pid: int, ancestor: int) -> bool:
        """Whether a process is another one or a descendant of it."""
        while pid != ancestor:
            process = self._processes.get(pid)
            if process is None or process.parent is None:
                return False
            pid = process.parent
        return True

    def reap(self, pid: int) -> ControlBlock:
        """Forget a dead process and return it. Raises `InvalidArgument` while it lives."""
        process = self[pid]
        if process.state is not State.ZOMBIE:
            raise InvalidArgument(f"process {pid} still runs; stop it first")
        return self._processes.pop(pid)
