"""Processes: who exists, whose child each is, and how it ended.

Interface:
    State           where a process stands
    ControlBlock    all that the kernel knows of one process
    ProcessTable    control blocks by pid; `create`, `exit`, `reap`
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from ..syscalls.connection import Connection
from ..syscalls.errors import InvalidArgument, NotFound
from .capability import CapabilitySet


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
    state: State = State.NEW
    #: The agent's own code, or 128 + the signal that ended it; None while it lives.
    exit_code: int | None = None
    #: Why it ended, for people.
    exit_reason: str | None = None

    #: Its end of the bus, set by whoever attaches it.
    connection: Connection | None = None
    #: From -20 (first) to 19 (last).
    nice: int = 0
    #: Calls that have passed the trap.
    syscalls: int = 0
    #: Calls in flight by the number that the process gave them; the trap alone writes it.
    in_flight: dict[int, int] = field(default_factory=dict)


class ProcessTable:
    """Every live process, and every dead one that its parent has not yet waited for."""

    def __init__(self, first_pid: int = 1) -> None:
        self._processes: dict[int, ControlBlock] = {}
        self._next = first_pid

    def create(
        self,
        *,
        principal: str,
        program: str,
        parent: ControlBlock | None = None,
        capabilities: CapabilitySet | None = None,
    ) -> ControlBlock:
        """Enter a new process.

        A child holds what it is given of its parent's capabilities, all of them by default.
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
        process = ControlBlock(
            pid=self._next,
            parent=None if parent is None else parent.pid,
            principal=principal,
            program=program,
            capabilities=held,
        )
        self._next += 1
        self._processes[process.pid] = process
        return process

    def __getitem__(self, pid: int) -> ControlBlock:
        try:
            return self._processes[pid]
        except KeyError:
            raise NotFound(f"there is no process {pid}") from None

    def __iter__(self) -> Iterator[ControlBlock]:
        return iter(list(self._processes.values()))

    def __len__(self) -> int:
        return len(self._processes)

    def children(self, pid: int) -> list[ControlBlock]:
        """Return a process's children, the oldest first."""
        return [one for one in self._processes.values() if one.parent == pid]

    def exit(self, process: ControlBlock, code: int, reason: str) -> None:
        """Record a process's end, once; its orphans belong to the kernel from then on."""
        if process.state is State.ZOMBIE:
            return
        process.state = State.ZOMBIE
        process.exit_code, process.exit_reason = code, reason
        for child in self.children(process.pid):
            child.parent = None

    def reap(self, pid: int) -> ControlBlock:
        """Forget a dead process and return it. Raises `InvalidArgument` while it lives."""
        process = self[pid]
        if process.state is not State.ZOMBIE:
            raise InvalidArgument(f"process {pid} still runs; stop it first")
        return self._processes.pop(pid)
