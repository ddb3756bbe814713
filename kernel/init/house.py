"""What process 1 looks after, and who may reach whom in it.

Interface:
    House           the parts of a running kernel, for the interfaces of this folder
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from ...syscalls.errors import NotFound, PermissionDenied
from ...syscalls.process import ProcessInfo
from ...syscalls.server import caller
from ..agents import Agents
from ..config import Config
from ..control import user_name
from ..durable.revival import Revival
from ..events import EventLog
from ..journal.history import History
from ..launcher.child import READABLE
from ..mailbox import PostOffice
from ..paths import Paths
from ..process import ControlBlock, Kind, ProcessTable, State
from ..rights.principals import Principals
from ..sandbox.view import view
from ..supervisor import Supervisor
from ..tokens import TokenStore
from ..trap import Trap


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """The parts of a running kernel."""

    table: ProcessTable
    trap: Trap
    agents: Agents
    supervisor: Supervisor
    events: EventLog
    post: PostOffice
    tokens: TokenStore
    paths: Paths
    config: Config
    history: History
    revival: Revival
    principals: Principals = field(default_factory=lambda: Principals(user_name(os.getuid())))

    def caller(self) -> ControlBlock:
        """Return the process whose call is being served."""
        return self.table[caller().pid]

    def in_person(self, process: ControlBlock) -> bool:
        """Whether a process is a session of the owner's own, over the control socket; none of a
        token's, and no agent."""
        owner = process.principal == self.principals.owner
        return owner and process.kind is Kind.SESSION and process.pid not in self.trap.sessions

    def visible(self, pid: int) -> ControlBlock:
        """Return a process that the caller may look at: any of its own principal's, and for the
        owner in person everybody's.

        Raises `NotFound` for another one's too: that it exists is nobody else's business.
        """
        process, me = self.table[pid], self.caller()
        if process.principal != me.principal and not self.in_person(me):
            raise NotFound(f"there is no process {pid}")  # As of one that is not there.
        return process

    def inspectable(self, pid: int) -> ControlBlock:
        """Return a process that the caller may be told of: a driver or service any, since it serves
        every principal's."""
        serves = self.caller().kind in (Kind.DRIVER, Kind.SERVICE)
        return self.table[pid] if serves else self.visible(pid)

    def reachable(self, pid: int) -> ControlBlock:
        """Return a process that the caller may steer.

        An agent reaches itself and its descendants, anybody else all of its principal's agents,
        and the owner in person everybody's.
        Raises `NotFound` or `PermissionDenied`.
        """
        process, me = self.visible(pid), self.caller()
        if me.kind is Kind.AGENT and not self.table.descends(pid, me.pid):
            raise PermissionDenied(f"process {pid} is no child of process {me.pid}")
        if process.kind is Kind.KERNEL:
            raise PermissionDenied("process 1 is the kernel itself; see `aos stop`")
        return process

    def readable(self, pid: int) -> ControlBlock:
        """Return a process whose output and calls the caller may read: they hold what it knows.

        For an agent those that it reaches, for anybody else all that it may look at.
        """
        return self.reachable(pid) if self.caller().kind is Kind.AGENT else self.visible(pid)

    def info(self, process: ControlBlock) -> ProcessInfo:
        """Return what others may see of a process."""
        state, waiting_for = process.state, self.trap.waiting_for(process)
        if state is State.RUNNING and waiting_for:
            state = State.BLOCKED
        return ProcessInfo(
            pid=process.pid,
            parent=process.parent,
            principal=process.principal,
            name=process.name,
            program=process.program,
            kind="worker" if process.worker else process.kind.value,
            state=state.value,
            nice=process.nice,
            started=process.started,
            ended=process.ended,
            exit_code=process.exit_code,
            exit_reason=process.exit_reason,
            syscalls=process.syscalls,
            usage=process.budget.usage(),
            budget=process.budget.limits(),
            os_pid=process.os_pid,
            capabilities=[str(one) for one in process.capabilities],
            sandbox=process.sandbox,
            waiting_for=waiting_for,
            home=None if process.home is None else str(process.home),
            log=None if process.log is None else str(process.log),
            task=process.task,
            durable=process.durable is not None or process.was_durable,
            incarnation=process.incarnation,
            replaying=process.durable is not None and process.durable.replay is not None,
            tainted=list(process.taints),
            files={}
            if process.kind is not Kind.AGENT
            else view(process.sandbox, process.home, map(str, process.readable), READABLE),
        )
