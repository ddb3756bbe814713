"""Processes: start them, look at them, steer them, wait for their end.

Interface:
    Process         the syscalls
    ProcessInfo     one line of `aos ps`
    Exit            how a process ended
    LogLine         one line that a process wrote
    Traced, Past    a syscall of a process, as it ends and from the journal
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le

from .interface import Interface, syscall

#: Bytes that a past's arguments and result may have each, unless they are wanted whole; of longer
#: ones the beginning is shown.
RESULT = 4096

#: The outcome of a call that has none yet.
ASKED = "ASKED"

#: What becomes of a durable process's effect of which nobody knows whether it has happened.
InDoubtRule = Literal["error", "ask"]
SignalName = Literal["TERM", "KILL", "INT", "STOP", "CONT", "USR1", "USR2", "HUP"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessInfo:
    """A process as others see it."""

    pid: int
    #: None for one that the kernel itself started.
    parent: int | None
    principal: str
    #: A short name for people.
    name: str
    #: What it runs: a path, `module:function`, or a command line.
    program: str
    #: `agent`, `driver`, `service`, `worker` (a child of one of those two), or `session` (a token's
    #: stand-in).
    kind: str
    state: str
    nice: int
    #: Seconds since 1970 when it was started and when it ended.
    started: float
    ended: float | None
    exit_code: int | None
    exit_reason: str | None
    #: Calls that have passed the trap.
    syscalls: int
    #: What it and its children have spent: tokens, money, device_seconds, wall_seconds, processes.
    usage: dict[str, float]
    #: What limits it; a resource that is not named has no limit of its own.
    budget: dict[str, float]
    #: The number the machine knows it by; None where no program stands behind it.
    os_pid: int | None = None
    capabilities: list[str] = field(default_factory=list)
    #: Sandbox layer to `enforced`, `unavailable`, `failed` or `off`.
    sandbox: dict[str, str] = field(default_factory=dict)
    #: Calls in flight, by syscall name.
    waiting_for: list[str] = field(default_factory=list)
    home: str | None = None
    log: str | None = None
    task: str | None = None
    #: Whether it is started again when it or the kernel dies, how often it has been started, and
    #: whether it is still being told what it knew before.
    durable: bool = False
    incarnation: int = 1
    replaying: bool = False
    #: Where what a stranger may have written has reached it from; empty while it is untainted.
    tainted: list[str] = field(default_factory=list)
    #: The folders and files that it may `write` and `read`, and `system`, what all may read.
    files: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """How a process ended."""

    pid: int
    #: The program's own code, or 128 + the signal that ended it.
    code: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """One line of a process's log."""

    pid: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """One syscall of a process, as `aos run` shows it."""

    pid: int
    syscall: str
    #: The call's arguments, shortened where they are long.
    arguments: Any
    #: `ok`, the error's code, or `ASKED` for a call that waits for a person and will come again.
    outcome: str
    #: The result, or the error's message, shortened; for a call that waits, how to answer it.
    result: Any
    #: Seconds from the call to its answer.
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A syscall that a process has made, or that was made on its behalf, from the journal."""

    #: Its place among the process's, from 1, in the order in which they ended.
    seq: int
    #: Seconds since 1970 when it ended.
    time: float
    syscall: str
    #: None where they were too long to be kept, or may be secret.
    arguments: Any
    #: `ok` or the error's code.
    outcome: str
    #: The result, or the error's message; a text where it is longer than `RESULT` bytes.
    result: Any
    #: Pid of whoever made the call on the process's behalf; None for one of its own.
    by: int | None = None


class Process(Interface, name="process"):
    """Agents and everything else that the kernel runs."""

    @syscall(effect=True, deadline=60.0)
    async def spawn(
        self,
        program: str,
        task: str | None = None,
        name: str | None = None,
        arguments: list[str] | None = None,
        capabilities: list[str] | None = None,
        drop: list[str] | None = None,
        budget: dict[str, float] | None = None,
        nice: int = 0,
        environment: dict[str, str] | None = None,
        timeout: float | None = None,
        remove: bool = False,
        traced: bool = False,
        durable: bool | None = None,
        in_doubt: InDoubtRule | None = None,
    ) -> int:
        """Start an agent as a child of the caller and return its pid.

        `program` is a path to a `.py` file or an agent's `.toml`, or `module:function`; `-` stands
        for the command line in `arguments`. The child holds `capabilities` (all of the caller's by
        default) but those in `drop`, and spends from the caller's budget within its own.
        `timeout` seconds after its start it is stopped, with exit code 124. `remove` forgets it at
        its end without a wait. A child of a driver or service is its worker: none of the user's
        agents, and killed when its parent ends. A `durable` one (by default as its file says) is
        started again when it or the kernel dies, under the same pid, and its calls are answered
        from the journal until it has caught up; one that takes another way than before ends with
        EDIVERGED. A call of it whose effect may or may not have happened ends in EINDOUBT, or with
        `in_doubt="ask"` (by default as its file says) waits for a person's word. Raises
        `PermissionDenied` for rights that the caller lacks and for a program that an agent may not
        read itself, `NotFound` for a missing program and `QuotaExceeded`.
        """
        raise NotImplementedError

    @syscall(effect=True, deadline=60.0)
    async def fork(self, pid: int, at: Annotated[int, Ge(0)], model: str | None = None) -> int:
        """Start a durable process like another one that lives or has lived, and return its pid.

        Its calls up to the `at`-th are answered as they were for that one; from then on it goes its
        own way, its calls of a model with `model` where one is named. It runs with the rights that
        the other one was started with and that nobody took from it, and with its budget, within the
        caller's. Raises `NotFound`,
        `PermissionDenied` for more than the caller holds, and `InvalidArgument` where fewer calls
        were made, or a result was not kept.
        """
        raise NotImplementedError

    @syscall(idempotent=True)
    async def ls(self, all: bool = False, everybody: bool = False) -> list[ProcessInfo]:
        """Return the caller's processes: the live ones, or with `all` the ended ones too;
        `everybody`'s for the owner of the daemon in person.

        Raises `PermissionDenied` for anybody else who asks for those.
        """
        raise NotImplementedError

    @syscall(idempotent=True)
    async def inspect(self, pid: int) -> ProcessInfo:
        """Return all that is known of one process. Raises `NotFound`."""
        raise NotImplementedError

    @syscall(idempotent=True, deadline=86_400.0)
    async def wait(self, pid: int) -> Exit:
        """Return how a process ended, as soon as it has. Raises `NotFound`."""
        raise NotImplementedError

    @syscall(effect=True)
    async def signal(self, pid: int, signal: SignalName = "TERM") -> None:
        """Send a signal. STOP suspends, with its queued model calls; CONT resumes."""
        raise NotImplementedError

    @syscall(effect=True, deadline=120.0)
    async def stop(self, pid: int, grace: float = 10.0) -> Exit:
        """Ask a process to end, kill it after `grace` seconds, and return how it ended."""
        raise NotImplementedError

    @syscall(effect=True, idempotent=True)
    async def renice(self, pid: int, nice: int) -> None:
        """Change the rank of a process's calls, from -20 (first) to 19 (last)."""
        raise NotImplementedError

    @syscall(effect=True)
    async def remove(self, pid: int) -> None:
        """Forget a process that has ended, and its log. Raises `InvalidArgument` while it lives."""
        raise NotImplementedError

    @syscall(stream=True, idempotent=True, deadline=86_400.0)
    async def logs(
        self, pid: int, follow: bool = False, tail: Annotated[int, Ge(0)] | None = None
    ) -> AsyncIterator[LogLine]:
        """Yield what a process wrote, from the last `tail` lines on; `follow` until it ends."""
        raise NotImplementedError
        yield

    @syscall(idempotent=True)
    async def history(
        self,
        pid: int,
        after: Annotated[int, Ge(0)] = 0,
        limit: Annotated[int, Ge(1), Le(1000)] = 1000,
        whole: bool = False,
    ) -> list[Past]:
        """Return what a process has done, also under an earlier daemon, after its `after`-th call.

        Long arguments and results are shortened, unless they are wanted `whole`.

        There may be more even where fewer than `limit` come back: an empty list is the end. Calls
        of the system's own interface are not recorded. Raises `NotFound`, and `PermissionDenied`
        for an agent that asks for a process that is neither itself nor below it.
        """
        raise NotImplementedError

    @syscall(stream=True, idempotent=True, deadline=86_400.0)
    async def trace(self, pid: int) -> AsyncIterator[Traced]:
        """Yield the syscalls of a process until it ends: all of one that was spawned `traced`, else
        those to come.

        Raises `NotFound` for one that has ended, and `TryAgain` while somebody else reads them.
        """
        raise NotImplementedError
        yield
