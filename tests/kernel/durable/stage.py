"""A durable process in a kernel of its own, over a journal that outlives both."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from llmagentos.kernel.approvals import Ticket
from llmagentos.kernel.budget import Limits
from llmagentos.kernel.bus import Bus
from llmagentos.kernel.capability import CapabilitySet
from llmagentos.kernel.durable.recovery import recover
from llmagentos.kernel.durable.revival import Revival
from llmagentos.kernel.durable.state import Durable
from llmagentos.kernel.durable.story import Story
from llmagentos.kernel.events import EventLog
from llmagentos.kernel.journal.recorder import JournalRecorder, Sync
from llmagentos.kernel.journal.writer import JournalWriter, segments
from llmagentos.kernel.mailbox import PostOffice
from llmagentos.kernel.process import ProcessTable
from llmagentos.kernel.spawn import Order, Spawn
from llmagentos.kernel.trap import Trap
from llmagentos.syscalls import steady
from llmagentos.syscalls.client import Client, connect
from llmagentos.syscalls.errors import InDoubt, LLMAgentOSError
from llmagentos.syscalls.interface import Interface, syscall
from llmagentos.syscalls.server import Server
from llmagentos.syscalls.table import describe

PID = 1


def spawned(
    order: Order, home: Path = Path("/"), capabilities: CapabilitySet | None = None
) -> Spawn:
    """Return what a durable process is started from again."""
    return Spawn(
        order=order,
        name="agent",
        entry="runtime:py",
        argv=None,
        capabilities=capabilities or CapabilitySet(),
        limits=Limits({}),
        nice=0,
        home=home,
        readable=(),
    )


class Shop(Interface, name="shop"):
    """A driver whose answers are never the same twice."""

    def __init__(self) -> None:
        self.looks = 0
        #: What was sold since the last kernel began.
        self.sold: list[int] = []

    @syscall(idempotent=True)
    async def look(self) -> int:
        self.looks += 1
        return self.looks

    @syscall(effect=True)
    async def sell(self, item: int) -> None:
        self.sold.append(item)
        await asyncio.sleep(0)


class Killer:
    """Stands for the agents: notes who is to be killed and why."""

    def __init__(self) -> None:
        self.reasons: list[str] = []

    def kill(self, process: object, code: int, reason: str) -> None:
        self.reasons.append(reason)


Program = Callable[[Client], Awaitable[Any]]
#: Whoever answers a call that waits.
Person = Callable[[Trap, Ticket], None]


@dataclass(kw_only=True)
class Stage:
    """The world that kernels come and go in."""

    folder: Path
    sync: Sync = "none"
    shop: Shop = field(default_factory=Shop)
    killer: Killer = field(default_factory=Killer)
    #: Answers what is in doubt; None where nobody is asked.
    person: Person | None = None

    async def run(self, program: Program) -> Any:
        """Let a kernel run a program to its end, along what its record says."""
        self.shop.sold = []
        found = recover(self.folder)
        journal = JournalWriter(self.folder, census=found.census)
        recorder = JournalRecorder(journal, sync=self.sync)
        trap, table = Trap(recorder=recorder), ProcessTable()
        asks = None if self.person is None else "ask"
        order = Order(program="/agent.py", durable=True, in_doubt=asks)
        trap.approvals.emit = partial(self._tell, trap)
        everything = CapabilitySet.parse(["*"])
        process = table.create(pid=PID, principal="ada", program="agent", capabilities=everything)
        spawn = spawned(order, self.folder, everything)
        process.durable = durable = Durable(spawn, "seed")
        revival = Revival(
            table=table,
            trap=trap,
            agents=self.killer,  # type: ignore[arg-type]
            recorder=recorder,
            post=PostOffice(),
            events=EventLog(),
            journal=self.folder,
            census=found.census,
        )
        story = found.processes[0].story if found.processes else None
        async with asyncio.timeout(60), asyncio.TaskGroup() as tasks, Bus(trap) as bus:
            driver = table.create(pid=2, principal="ada", program="shop")
            served = Client()
            Server(tasks, self.shop).attach(served)
            await served.open(await bus.connect(driver))
            trap.provide(driver, describe(Shop))
            if story is None:
                recorder.started(process, order)
            else:
                process.incarnation = story.incarnation + 1
                revival._begin(process, durable)
                assert durable.replay is not None
                durable.replay.load(story)
            sock = await bus.connect(process)
            try:
                # A loop and a thread of its own, as it has a process of its own.
                return await asyncio.to_thread(steady.run, _whole(sock, program))
            finally:
                served.close()
                await served.lost.wait()
                recorder.close()
                journal.close()

    def _tell(self, trap: Trap, kind: str, text: str, pid: int, **details: Any) -> None:
        if kind == "approval.asked":
            assert self.person is not None, "nobody is to be asked"
            ticket = trap.approvals.find("ada", details["id"])
            asyncio.get_running_loop().call_soon(self.person, trap, ticket)

    def cut(self, size: int) -> None:
        """Let the kernel have been killed when so many bytes of its newest file were written."""
        with segments(self.folder)[-1].open("r+b") as file:
            file.truncate(size)

    def story(self) -> Story | None:
        """Return what the journal tells of the process."""
        found = recover(self.folder).processes
        return found[0].story if found else None


async def _whole(sock: socket.socket, program: Program) -> Any:
    client = await connect(sock)
    try:
        return await program(client)
    finally:
        client.close()
        await client.lost.wait()


async def sell(client: Client, item: int) -> str:
    """Sell something; whoever does not know whether it was sold does not sell it again."""
    try:
        await client.call("shop.sell", {"item": item})
    except InDoubt:
        return "in doubt"
    except LLMAgentOSError as error:
        return error.code
    return "sold"
