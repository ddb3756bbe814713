"""Starting durable processes again: those that die by accident, and those of a kernel before.

A process dies by accident when a signal ends it that nobody of ours has sent it. The first restart
comes at once, later ones after a delay that doubles up to a cap; one that dies too often in too
short a time is given up.

Interface:
    Revival         an asynchronous context; `take` an end, `restore` what a kernel before had
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from ...syscalls.errors import (
    DeviceError,
    InDoubt,
    InputOutputError,
    LLMAgentOSError,
)
from ..agents import Agents
from ..budget import Budget
from ..capability import CapabilitySet
from ..events import EventLog
from ..journal.census import Census, where
from ..journal.recorder import JournalRecorder
from ..mailbox import PostOffice
from ..process import ControlBlock, Kind, ProcessTable, State
from ..restarts import INTENSITY
from ..spawn import Order
from ..taint import passed_on
from ..trap import Trap
from .branch import branch
from .recovery import Former, read_story
from .register import Register
from .replay import PATIENCE, Live, Replay
from .state import Durable
from .story import DAMAGED, Story

#: Seconds until all have ended when the kernel stops, and between two looks.
GRACE, MOMENT = 5.0, 0.01
#: The exit code of a process that has left its record.
LEFT = 1


class Revival:
    """Keeps durable processes running. While it is entered, they are."""

    def __init__(
        self,
        *,
        table: ProcessTable,
        trap: Trap,
        agents: Agents,
        recorder: JournalRecorder,
        post: PostOffice,
        events: EventLog,
        journal: Path,
        census: Census,
        purse: Callable[[str], Budget | None] = lambda principal: None,
    ) -> None:
        """`purse`: what a principal's processes spend from that have no parent any more."""
        self._table = table
        self._trap = trap
        self._agents = agents
        self._recorder = recorder
        self._post = post
        self._events = events
        self._journal = journal
        self._census = census
        self._register = Register(
            table=table, agents=agents, recorder=recorder, events=events, purse=purse
        )
        recorder.above = self._register.above
        self._group = asyncio.TaskGroup()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False
        self._ended = asyncio.Event()  # one that is to come back has ended

    async def __aenter__(self) -> Revival:
        await self._group.__aenter__()
        self._agents.revive = self.take
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let durable processes come back with the next kernel.

        They end before drivers do, whose end they would be told of otherwise.
        """
        self._closing = True
        for task in self._tasks:
            task.cancel()
        try:
            await self._group.__aexit__(None, None, None)
        finally:
            with suppress(TimeoutError):
                async with asyncio.timeout(GRACE):
                    await self._halt()
            await self._settle()

    async def _halt(self) -> None:
        alive = [one for one in self._table if one.durable is not None]
        for process in alive:
            self._agents.halt(process)
        while any(one.os_pid is not None and one.state is not State.ZOMBIE for one in alive):
            self._ended.clear()
            await self._ended.wait()

    async def _settle(self) -> None:
        """Let effects that are on their way come to their end."""
        for _ in range(round(GRACE / MOMENT)):
            durable = [one for one in self._table if one.durable is not None]
            if not any([not self._trap.aside.empty(one) for one in durable]):
                return
            await asyncio.sleep(MOMENT)

    def take(self, process: ControlBlock, code: int, number: int) -> bool:
        """Start a process again whose program has ended; returns False where it is not to be."""
        durable = process.durable
        assert durable is not None
        if process.verdict is not None:
            return False
        if not number:
            rest = None if durable.replay is None else durable.replay.rest()
            if rest is not None:
                process.verdict = (LEFT, f"EDIVERGED: {rest}")
            return False
        if number in process.signalled:
            return False
        if self._closing:
            self._detach(process)
            self._ended.set()
            return True
        return self._again(process, durable, f"ended by signal {number}", 128 + number)

    def _again(self, process: ControlBlock, durable: Durable, reason: str, code: int) -> bool:
        now = asyncio.get_running_loop().time()
        if (delay := durable.restarts.died(now)) is None:
            process.verdict = (code, f"given up: {reason} {INTENSITY} times in a row")
            return False
        self._detach(process)
        process.incarnation += 1
        self._begin(process, durable)
        self._events.emit(
            "process.restarted",
            f"{process.name} {reason} and starts again in {delay:g} s",
            process.pid,
            incarnation=process.incarnation,
        )
        self._go(self._start(process, durable, delay))
        return True

    def _go(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._group.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def restore(self, former: Former) -> None:
        """Enter a process of a kernel before: a durable one goes on, of another one people can ask
        how it ended."""
        if former.story is None or former.end is not None:
            self._register.bury(former, former.lost or "the kernel died")
            return
        try:
            process, durable = self._register.enter(former, former.story)
        except (LLMAgentOSError, KeyError, OSError, TypeError, ValueError) as error:
            self._register.bury(former, f"cannot be started again: {error}")
            return
        if former.story.damaged:
            # Its record is read again without the files that tell of the damage.
            reached = max(former.story.reached, *former.story.calls, 0)
            self._recorder.mark(process, DAMAGED, reached)
        self._begin(process, durable)
        self._post.restore(process.pid, former.story.letters)
        self._go(self._start(process, durable, 0.0, former.story))

    async def fork(
        self, parent: ControlBlock, pid: int, at: int, model: str | None = None
    ) -> ControlBlock:
        """Start a process that is told what another one was told up to its `at`-th call, and then
        goes on by itself, with another model if there is one.

        Raises as `branch` and `Agents.spawn` do.
        """
        self._recorder.flush()
        life, giver = self._census.find(pid), self._table.find(pid)
        first = 0 if life is None else where(life.start)[0]
        found = await asyncio.to_thread(branch, self._journal, pid, at, first)
        order = found.order

        def born(process: ControlBlock) -> None:
            assert process.durable is not None
            process.durable.model, process.durable.since = model, at
            # It may do something before its launch is answered.
            if giver is not None:
                self._trap.taint.inherit(process, giver)
            if found.taints:
                self._trap.taint.mark(process, passed_on(found.taints, pid))

        def written(process: ControlBlock) -> None:
            durable = process.durable
            assert durable is not None
            story = Story(process.pid)
            for record in found.records:
                record = replace(record, pid=process.pid, incarnation=1, also=0, notes={})
                self._recorder.copy(record)
                story.add(record)
            if found.damaged:
                story.damaged, story.reached = True, at
                self._recorder.mark(process, DAMAGED, at)
            durable.replay = replay = Replay(self._live(process, durable))
            replay.load(story)
            self._watch(process, replay)

        return await self._agents.spawn(
            parent,
            Order(
                program=order["program"],
                task=order["task"],
                name=order["name"],
                arguments=tuple(order["arguments"]),
                # What was taken from one does not come back with the other.
                capabilities=giver.capabilities
                if giver is not None and giver.state is not State.ZOMBIE
                else CapabilitySet.parse(
                    order["capabilities"] if found.rights is None else found.rights
                ),
                budget=order["budget"],
                nice=max(order["nice"], parent.nice)
                if parent.kind is Kind.AGENT
                else order["nice"],
                environment=order.get("environment", {}),
                timeout=order["timeout"],
                durable=True,
                in_doubt=order.get("in_doubt"),
                seed=order.get("seed"),
                on_born=born,
                on_written=written,
            ),
        )

    def _begin(self, process: ControlBlock, durable: Durable) -> None:
        """Let a new incarnation follow its record."""
        durable.reached = max(durable.reached, durable.asked)
        durable.asked = 0
        process.state = State.NEW
        durable.replay = Replay(self._live(process, durable), durable.reached, time.time())

    def _detach(self, process: ControlBlock) -> None:
        connection = process.connection
        process.os_pid = None
        if connection is not None:
            # What it had in flight is set aside before its next life begins.
            self._trap.on_lost(connection)
            connection.close()

    async def _start(
        self, process: ControlBlock, durable: Durable, delay: float, story: Story | None = None
    ) -> None:
        await asyncio.sleep(delay)
        replay, life = durable.replay, process.incarnation
        assert replay is not None and process.log is not None
        try:
            if story is None:
                story = await self._read(process)
            process.syscalls = max(process.syscalls, len(story.calls))
            replay.load(story)
            if process.verdict is None:
                # What it has written it writes again.
                with suppress(FileNotFoundError):
                    os.truncate(process.log, 0)
                await self._agents.start(process, durable.spawn)
                if process.incarnation != life:
                    return
        except Exception as error:  # Whatever kept it from starting, it is tried again.
            if process.verdict is None and self._again(process, durable, str(error), 126):
                return
        if process.verdict is not None:
            # It was ended, or given up, while it was not there.
            if process.os_pid is None:
                self._agents.on_exit(process.pid, 0, 0)
            else:
                self._agents.kill(process, *process.verdict)
            return
        if durable.suspended:
            self._agents.signal(process, signal.SIGSTOP)
        self._watch(process, replay)

    async def _read(self, process: ControlBlock) -> Story:
        self._recorder.flush()
        if self._recorder.health() != "healthy":
            raise InputOutputError(f"its record is not written: {self._recorder.health()}")
        life = self._census.find(process.pid)
        if life is None or life.story is None:
            raise InputOutputError("its record is gone")
        places = life.story[:]
        return await asyncio.to_thread(read_story, self._journal, process.pid, places)

    def _live(self, process: ControlBlock, durable: Durable) -> Live:
        def send(header: tuple[Any, ...], body: bytes) -> None:
            if process.connection is not None:
                process.connection.send(header, body)

        def done() -> None:
            durable.replay = None
            self._events.emit("process.caught_up", f"{process.name} goes on", process.pid)

        def doubt(header: list[Any], body: bytes, since: float) -> None:
            text = f"{header[3]}: the kernel died over it; the effect may or may not have happened"
            if durable.asks:
                stage = partial(self._trap.doubt, since=since)
                self._trap.enter(process, header, body, stage, InDoubt(text))
            else:
                self._trap.refuse(process, header, body, InDoubt(text))

        def suspect(header: list[Any], body: bytes, since: float) -> None:
            traits = self._trap.registry.traits(header[3])
            if traits is None or (traits.effect and not traits.idempotent):
                doubt(header, body, since)
            else:
                live.make(header, body)

        def cut(header: list[Any], body: bytes) -> None:
            text = f"{header[3]}: the stream was cut when its process died"
            self._trap.refuse(process, header, body, DeviceError(text))

        live = Live(
            send=send,
            make=partial(self._trap.enter, process),
            doubt=doubt,
            adopt=partial(self._trap.aside.adopt, process),
            cut=cut,
            diverged=lambda why: self._agents.kill(process, LEFT, f"EDIVERGED: {why}"),
            done=done,
            suspect=suspect,
        )
        return live

    def _watch(self, process: ControlBlock, replay: Replay) -> None:
        """End a process that makes none of the calls that its record has next."""
        loop = asyncio.get_running_loop()

        def look() -> None:
            done = process.durable is None or process.durable.replay is not replay
            if done or self._closing or process.state is State.ZOMBIE:
                return
            suspended = process.state is State.SUSPENDED
            if not suspended and (missing := replay.stalled(PATIENCE)) is not None:
                self._agents.kill(process, LEFT, f"EDIVERGED: {missing}")
                return
            loop.call_later(PATIENCE, look)

        loop.call_later(PATIENCE, look)
