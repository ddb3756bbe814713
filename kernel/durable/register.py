"""Entering the processes of a kernel before into the table of this one.

Interface:
    Register        `enter` one that runs again, `bury` one that does not
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ...syscalls.errors import QuotaExceeded
from ..agents import Agents
from ..budget import Budget, Limits
from ..capability import CapabilitySet
from ..events import EventLog
from ..journal.recorder import JournalRecorder
from ..process import ControlBlock, ProcessTable, State
from ..spawn import Order, Spawn
from .recovery import Former
from .state import Durable
from .story import Story

#: The exit code of a process that ended with its kernel.
WITH_KERNEL = 137


class Register:
    """Knows processes by their records."""

    def __init__(
        self,
        *,
        table: ProcessTable,
        agents: Agents,
        recorder: JournalRecorder,
        events: EventLog,
        purse: Callable[[str], Budget | None],
    ) -> None:
        """`purse`: what a principal's processes spend from that have no parent any more."""
        self._table = table
        self._agents = agents
        self._recorder = recorder
        self._events = events
        self._purse = purse

    def above(self, process: ControlBlock) -> Iterator[ControlBlock]:
        """Yield the durable processes above one that live, the nearest first."""
        while process.parent is not None:
            parent = self._table.find(process.parent)
            if parent is None:
                return
            process = parent
            if process.durable is not None and process.state is not State.ZOMBIE:
                yield process

    def _heir(self, order: dict[str, Any]) -> ControlBlock | None:
        """Return whom a durable process of before spends from: the nearest above it that lives."""
        for pid in (order["parent"], *order.get("above", ())):
            found = None if pid is None else self._table.find(pid)
            if found is not None and found.state is not State.ZOMBIE:
                return found
        return None

    def bury(self, former: Former, reason: str) -> None:
        """Enter a process that does not run again, so that people can ask how it ended; `reason` is
        why, where nobody has written that down."""
        order, left = former.order, former.left
        story = former.story if former.end is None else None
        process = self._table.create(
            pid=former.pid,
            principal=order["principal"],
            program=_program(order),
            name=order["name"],
            parent=None if story is None else self._heir(order),
            capabilities=CapabilitySet(),
        )
        used = left.get("usage", {}) if story is None else story.used
        process.budget.spend(used)
        process.started, process.task = left.get("started", former.begun), order.get("task")
        process.syscalls, process.nice = left.get("syscalls", 0), left.get("nice", 0)
        process.taints, process.sandbox = tuple(left.get("taints", ())), left.get("sandbox", {})
        process.readable = tuple(map(Path, left.get("readable", ())))
        process.home = None if left.get("home") is None else Path(left["home"])
        process.incarnation = former.incarnation
        process.was_durable = "seed" in order
        process.log = self._agents.log(former.pid)
        ended, code, why = former.end or (None, WITH_KERNEL, reason)
        process.remove = bool(order.get("remove"))
        self._table.exit(process, code, why)
        if ended is None:
            self._recorder.exited(process, {} if story is None else used)
            self._events.emit("process.exited", f"{process.name} {why}", process.pid, code=code)
        else:
            process.ended = ended
        if process.remove:
            self._agents.forget_later(process)

    def enter(self, former: Former, story: Story) -> tuple[ControlBlock, Durable]:
        """Enter a durable process as it was. Raises what keeps it from being started again."""
        order, loop = former.order, asyncio.get_running_loop()
        parent, limits = self._heir(order), dict(order["budget"])
        if parent is None or parent.pid != order["parent"]:
            for name, bound in order["bounds"].items():
                limits[name] = min(bound, limits.get(name, bound))
        capabilities = CapabilitySet.parse(
            order["capabilities"] if story.rights is None else story.rights
        )
        process = self._table.create(
            pid=former.pid,
            principal=order["principal"],
            program=order["program"],
            parent=parent,
            capabilities=capabilities,
            limits=Limits.parse(limits),
            name=order["name"],
            purse=self._purse(order["principal"]) if parent is None else None,
        )
        spawn = Spawn(
            order=Order(
                program=order["program"],
                task=order["task"],
                name=order["name"],
                arguments=tuple(order["arguments"]),
                environment=order["environment"],
                timeout=order["timeout"],
                remove=order["remove"],
                durable=True,
                in_doubt=order.get("in_doubt"),
            ),
            name=order["name"],
            entry=order["entry"],
            argv=None,
            capabilities=capabilities,
            limits=Limits.parse(order["budget"]),
            nice=order["nice"],
            home=Path(order["home"]),
            readable=tuple(map(Path, order["readable"])),
        )
        durable = Durable(spawn, order["seed"], order.get("model"), order.get("since", 0))
        process.durable = durable
        process.started, process.incarnation = order["started"], story.incarnation + 1
        process.taints = story.taints
        process.answers = {
            (str(grant), str(label), bool(tainted)): bool(allowed)
            for grant, label, tainted, allowed in story.answers
        }
        process.budget.spend(story.used)
        durable.used = dict(story.used)
        elapsed = max(self._table.now() - process.started, 0.0)
        try:
            process.budget.start_process()
            process.budget.begin(loop.time() - elapsed)
        except QuotaExceeded as error:
            process.verdict = (124, f"stopped: {error.message}")
        self._agents.settle(process, spawn)
        durable.suspended = story.suspended
        if story.nice is not None:
            process.nice = story.nice
        timeout = spawn.order.timeout
        left = None if timeout is None else max(timeout - elapsed, 0.0)
        self._agents.set_timer(process, left)
        return process, durable


def _program(order: dict[str, Any]) -> str:
    arguments: list[str] = order["arguments"]
    return " ".join(arguments) if order["program"] == "-" else str(order["program"])
