"""A kernel with one driver: processes are clients on the socketpairs of a real bus."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import uvloop

from llmagentos.kernel.budget import Limits
from llmagentos.kernel.bus import Bus
from llmagentos.kernel.capability import CapabilitySet
from llmagentos.kernel.process import ControlBlock, ProcessTable
from llmagentos.kernel.trap import Trap
from llmagentos.syscalls.client import Client, connect
from llmagentos.syscalls.errors import NotFound
from llmagentos.syscalls.interface import Interface, syscall
from llmagentos.syscalls.server import Caller, Server, caller, charge, taint
from llmagentos.syscalls.table import describe


class Store(Interface, name="store"):
    """A driver of the tests; `client` is its own end, for nested calls."""

    def __init__(self) -> None:
        self.client: Client | None = None
        self.waiting = asyncio.Event()
        self.cancelled = asyncio.Event()
        #: What the kernel has signalled: a call's number and rank, or a pid, a state and seconds.
        self.heard: asyncio.Queue[tuple[Any, ...]] = asyncio.Queue()
        #: What the calls being worked on are to charge next; None ends one.
        self.costs: asyncio.Queue[dict[str, float] | None] = asyncio.Queue()
        #: Who has begun to be worked for.
        self.begun: asyncio.Queue[Caller] = asyncio.Queue()

    def on_rank(self, call: int, rank: tuple[float, ...]) -> None:
        self.heard.put_nowait((call, rank))

    def on_process(self, pid: int, state: str, seconds: float | None) -> None:
        self.heard.put_nowait((pid, state, seconds))

    @syscall(idempotent=True, subject="shelf")
    async def get(self, shelf: str) -> tuple[int, str, str]:
        who = caller()
        return who.pid, who.principal, shelf

    @syscall(idempotent=True)
    async def sleep(self) -> None:
        await self._park()

    @syscall(effect=True)
    async def sell(self) -> None:
        await self._park()

    @syscall(stream=True)
    async def items(self, count: int) -> AsyncIterator[int]:
        for number in range(count):
            yield number

    @syscall()
    async def nested(self, name: str, behalf: int | None = None) -> Any:
        assert self.client is not None
        call = caller().call if behalf is None else behalf
        return await self.client.call(name, {"shelf": "own"}, behalf=call)

    @syscall(device="shelf", idempotent=True)
    async def use(self) -> None:
        await self._park()

    @syscall(device="shelf", idempotent=True)
    async def glance(self) -> Caller:
        return caller()

    @syscall(device="shelf", idempotent=True)
    async def work(self) -> None:
        await self._work()

    @syscall()
    async def errand(self) -> None:
        await self._work()

    @syscall()
    async def nap(self) -> None:
        await self._work()

    @syscall(untrusted=True, subject="shelf")
    async def browse(self, shelf: str) -> str:
        return "a stranger's words"

    @syscall(effect=True, subject="shelf")
    async def buy(self, shelf: str) -> None:
        return None

    @syscall(stream=True)
    async def leaves(self, sources: list[str]) -> AsyncIterator[str]:
        for source in sources:
            if source:
                taint(source)
            yield source

    @syscall()
    async def letter(self, source: str, thread: bool = False, broken: bool = False) -> str:
        await asyncio.to_thread(taint, source) if thread else taint(source)
        if broken:
            raise NotFound(source)
        return source

    async def _work(self) -> None:
        self.begun.put_nowait(caller())
        while (cost := await self.costs.get()) is not None:
            charge(**cost)

    async def _park(self) -> None:
        self.waiting.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled.set()


@dataclass
class House:
    """A kernel with one driver."""

    bus: Bus
    trap: Trap
    tasks: asyncio.TaskGroup
    table: ProcessTable = field(default_factory=ProcessTable)
    clients: list[Client] = field(default_factory=list)
    store: Store = field(default_factory=Store)

    async def process(
        self, *capabilities: str, limits: Limits | None = None
    ) -> tuple[ControlBlock, Client]:
        held = CapabilitySet.parse(capabilities)
        process = self.table.create(
            principal="ada", program="test", capabilities=held, limits=limits
        )
        client = await connect(await self.bus.connect(process))
        self.clients.append(client)
        return process, client

    async def agent(self, *capabilities: str) -> Client:
        return (await self.process(*(capabilities or ("*",))))[1]

    async def device(self, slots: int, *flags: str) -> ControlBlock:
        """Start the driver with a device of so many slots."""
        process, _ = await self.driver()
        self.trap.devices.register(process, "shelf", slots, flags)
        return process

    async def driver(self) -> tuple[ControlBlock, Client]:
        process, client = await self.process()
        self.store.client = client
        Server(self.tasks, self.store).attach(client)
        self.trap.provide(process, describe(Store))
        return process, client


def play(
    scene: Callable[[House], Awaitable[None]], clock: Callable[[], float] | None = None
) -> None:
    async def run() -> None:
        trap = Trap() if clock is None else Trap(clock)
        async with asyncio.timeout(60), asyncio.TaskGroup() as tasks, Bus(trap) as bus:
            house = House(bus=bus, trap=trap, tasks=tasks)
            await scene(house)
            for client in house.clients:
                client.close()
                await client.lost.wait()
            assert trap.pending == 0

    asyncio.run(run())
    uvloop.run(run())
