"""The process interface, answered by process 1.

Interface:
    Processes       implements `Process`
"""

from __future__ import annotations

import asyncio
import signal as signals
from collections.abc import AsyncIterator

from ...syscalls.errors import InvalidArgument, NotFound, PermissionDenied, TryAgain
from ...syscalls.process import (
    Exit,
    InDoubtRule,
    LogLine,
    Past,
    Process,
    ProcessInfo,
    SignalName,
    Traced,
)
from ...syscalls.server import caller, taint
from ..agents import LINGER
from ..capability import CapabilitySet
from ..events import Channel
from ..process import ControlBlock, Kind, State
from ..spawn import Order
from ..taint import passed_on
from .house import House
from .logs import read_log
from .watch import watch


class Processes(Process):
    """Processes of the caller's principal."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._traces: dict[int, Channel[Traced]] = {}
        self._traced: set[int] = set()  # whose traces somebody reads
        house.agents.on_end.append(self._on_end)

    async def spawn(
        self,
        program: str,
        task: str | None = None,
        name: str | None = None,
        arguments: list[str] | None = None,
        capabilities: list[str] | None = None,
        drop: list[str] | None = None,
        budget: dict[str, float] | None = None,
        nice: int | None = None,
        environment: dict[str, str] | None = None,
        timeout: float | None = None,
        remove: bool = False,
        traced: bool = False,
        durable: bool | None = None,
        in_doubt: InDoubtRule | None = None,
    ) -> int:
        order = Order(
            program=program,
            task=task,
            name=name,
            arguments=tuple(arguments or ()),
            capabilities=None if capabilities is None else CapabilitySet.asked(capabilities),
            drop=tuple(map(str, CapabilitySet.asked(drop or ()))),
            budget=budget or {},
            nice=nice,
            environment=environment or {},
            timeout=timeout,
            remove=remove,
            durable=durable,
            in_doubt=in_doubt,
            on_born=self._trace if traced else None,
        )
        return (await self._house.agents.spawn(self._house.caller(), order)).pid

    async def fork(self, pid: int, at: int, model: str | None = None) -> int:
        process = self._house.readable(pid)
        if process.kind is not Kind.AGENT:
            raise InvalidArgument(f"{process.name} is a {process.kind}; agents are forked")
        if process.principal != self._house.caller().principal:
            raise PermissionDenied(f"process {pid} is {process.principal}'s: what it knows is too")
        made = await self._house.revival.fork(self._house.caller(), pid, at, model)
        self._house.trap.taint.inherit(made, process)
        return made.pid

    async def ls(self, all: bool = False, everybody: bool = False) -> list[ProcessInfo]:
        me = self._house.caller()
        if everybody and not self._house.in_person(me):
            raise PermissionDenied("only the owner of the daemon in person sees everybody's")
        return [
            self._house.info(process)
            for process in self._house.table
            if (everybody or process.principal == me.principal)
            and (all or (process.kind is Kind.AGENT and process.state is not State.ZOMBIE))
            and (all or not process.worker)
            and not (process.remove and process.state is State.ZOMBIE)
            and process.kind not in (Kind.KERNEL, Kind.SESSION)
        ]

    async def inspect(self, pid: int) -> ProcessInfo:
        return self._house.info(self._house.inspectable(pid))

    async def wait(self, pid: int) -> Exit:
        process = self._house.visible(pid)
        await process.exited.wait()
        return _exit(process)

    async def signal(self, pid: int, signal: SignalName = "TERM") -> None:
        process = self._house.reachable(pid)
        self._house.agents.signal(process, signals.Signals[f"SIG{signal}"])

    async def stop(self, pid: int, grace: float = 10.0) -> Exit:
        process = self._house.reachable(pid)
        await self._house.agents.stop(process, grace)
        return _exit(process)

    async def renice(self, pid: int, nice: int) -> None:
        process = self._house.reachable(pid)
        self._house.agents.renice(self._house.caller(), process, nice)

    async def remove(self, pid: int) -> None:
        self._house.agents.remove(self._house.reachable(pid))
        self._traces.pop(pid, None)

    async def logs(
        self, pid: int, follow: bool = False, tail: int | None = None
    ) -> AsyncIterator[LogLine]:
        process = self._house.readable(pid)
        if process.log is None:
            raise NotFound(f"process {pid} writes no log")
        exited = process.exited if follow else None
        async for text in read_log(process.log, tail, exited):
            _taint_by(process)
            yield LogLine(pid=pid, text=text)

    async def history(
        self, pid: int, after: int = 0, limit: int = 1000, whole: bool = False
    ) -> list[Past]:
        process = self._house.readable(pid)
        found = await self._house.history.read(pid, after, limit, whole)
        _taint_by(process)
        return found

    async def trace(self, pid: int) -> AsyncIterator[Traced]:
        process = self._house.readable(pid)
        if pid in self._traced:
            raise TryAgain(f"somebody reads the trace of process {pid}", retry_after=1)
        late = pid not in self._traces
        if late:
            if process.state is State.ZOMBIE:
                raise NotFound(f"process {pid} has ended and was not started with a trace")
            self._trace(process)
            self._house.trap.remind(process)
        self._traced.add(pid)
        try:
            async for traced in self._traces[pid]:
                _taint_by(process)
                yield traced
        finally:
            self._traced.discard(pid)
            if late:
                self._traces.pop(pid, None)
                process.watcher = None

    def _trace(self, process: ControlBlock) -> None:
        self._traces[process.pid] = watch(process)

    def _on_end(self, process: ControlBlock) -> None:
        channel = self._traces.get(process.pid)
        if channel is not None:
            # Its last calls are answered before its connection is seen to be lost.
            loop = asyncio.get_running_loop()
            loop.call_soon(channel.close)
            # Whoever reads it goes on to its end.
            loop.call_later(LINGER, self._traces.pop, process.pid, None)


def _taint_by(process: ControlBlock) -> None:
    """What a tainted process writes and does may be a stranger's words."""
    if process.taints and process.pid != caller().pid:
        taint(passed_on(process.taints, process.pid))


def _exit(process: ControlBlock) -> Exit:
    return Exit(
        pid=process.pid, code=process.exit_code or 0, reason=process.exit_reason or "finished"
    )
