"""Calls pass the trap of a real bus: processes here are clients on its socketpairs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvloop

from llmagentos.kernel.bus import Bus
from llmagentos.kernel.capability import CapabilitySet
from llmagentos.kernel.process import ControlBlock, ProcessTable
from llmagentos.kernel.trap import MAX_IN_FLIGHT, Trap
from llmagentos.syscalls.client import Client, connect
from llmagentos.syscalls.clock import Clock
from llmagentos.syscalls.errors import (
    AlreadyExists,
    DeadlineExceeded,
    DeviceError,
    InDoubt,
    Internal,
    InvalidArgument,
    LLMAgentOSError,
    NoSyscall,
    PermissionDenied,
    TryAgain,
)
from llmagentos.syscalls.interface import Interface, syscall
from llmagentos.syscalls.message import VERSION, Kind
from llmagentos.syscalls.server import Server, caller
from llmagentos.syscalls.table import describe


class Store(Interface, name="store"):
    """A driver of the tests; `client` is its own end, for nested calls."""

    def __init__(self) -> None:
        self.client: Client | None = None
        self.waiting = asyncio.Event()
        self.cancelled = asyncio.Event()

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

    async def process(self, *capabilities: str) -> tuple[ControlBlock, Client]:
        held = CapabilitySet.parse(capabilities)
        process = self.table.create(principal="ada", program="test", capabilities=held)
        client = await connect(await self.bus.connect(process))
        self.clients.append(client)
        return process, client

    async def agent(self, *capabilities: str) -> Client:
        return (await self.process(*(capabilities or ("*",))))[1]

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
        async with asyncio.timeout(30), asyncio.TaskGroup() as tasks, Bus(trap) as bus:
            house = House(bus=bus, trap=trap, tasks=tasks)
            await scene(house)
            for client in house.clients:
                client.close()
                await client.lost.wait()
            assert trap.pending == 0

    asyncio.run(run())
    uvloop.run(run())


def test_call_reaches_its_driver_with_the_callers_identity() -> None:
    async def scene(house: House) -> None:
        driver, _ = await house.driver()
        agent = await house.agent()
        assert await agent.proxy(Store).get("a") == (driver.pid + 1, "ada", "a")

    play(scene)


def test_kernel_answers_its_own_syscalls() -> None:
    async def scene(house: House) -> None:
        house.trap.answer(Clock, now=lambda process: 5.0, monotonic=lambda process: 1 / 0)
        agent = await house.agent()
        assert await agent.proxy(Clock).now() == 5.0
        with pytest.raises(Internal, match="ZeroDivisionError"):
            await agent.proxy(Clock).monotonic()
        with pytest.raises(InvalidArgument, match="extra"):
            await agent.call("clock.now", {"extra": 1})

    play(scene)


@pytest.mark.parametrize(
    ("held", "shelf", "allowed"),
    [
        ("store.get", "any", True),
        ("store.get:own", "own", True),
        ("store.get:own", "other", False),
        ("store.get:own", 7, False),
        ("clock.*", "own", False),
    ],
)
def test_call_without_its_capability_is_refused(held: str, shelf: Any, allowed: bool) -> None:
    async def scene(house: House) -> None:
        await house.driver()
        agent = await house.agent(held)
        if allowed:
            await agent.call("store.get", {"shelf": shelf})
        else:
            with pytest.raises(PermissionDenied, match=r"store\.get"):
                await agent.call("store.get", {"shelf": shelf})

    play(scene)


def test_nested_call_runs_with_the_rights_of_whoever_is_served() -> None:
    async def scene(house: House) -> None:
        await house.driver()
        process, agent = await house.process("store.nested", "store.get:own")
        assert await agent.call("store.nested", {"name": "store.get"}) == [
            process.pid,
            "ada",
            "own",
        ]
        with pytest.raises(PermissionDenied, match=str(process.pid)):
            await agent.call("store.nested", {"name": "store.sleep"})

    play(scene)


def test_nobody_acts_on_behalf_of_a_call_that_it_is_not_serving() -> None:
    async def scene(house: House) -> None:
        await house.driver()
        agent = await house.agent()
        with pytest.raises(PermissionDenied, match="999"):
            await agent.call("store.nested", {"name": "store.get", "behalf": 999})
        with pytest.raises(PermissionDenied):
            await agent.call("store.get", {"shelf": "own"}, behalf=1)

    play(scene)


@pytest.mark.parametrize(
    ("name", "deadline", "kind"),
    [
        ("store.steal", None, NoSyscall),
        ("store.get", -1, InvalidArgument),
        ("store.get", float("nan"), InvalidArgument),
        ("store.get", "soon", InvalidArgument),
    ],
)
def test_malformed_request_is_refused_and_the_process_goes_on(
    name: str, deadline: Any, kind: type[LLMAgentOSError]
) -> None:
    async def scene(house: House) -> None:
        await house.driver()
        agent = await house.agent()
        with pytest.raises(kind):
            await agent.call(name, {"shelf": "a"}, deadline=deadline)
        assert await agent.call("store.get", {"shelf": "a"})

    play(scene)


def test_call_ends_at_its_deadline_and_the_driver_is_told() -> None:
    now = 100.0

    async def scene(house: House) -> None:
        nonlocal now
        await house.driver()
        agent = await house.agent()
        task = asyncio.ensure_future(agent.call("store.sleep", deadline=5))
        await house.store.waiting.wait()
        now = 106.0
        with pytest.raises(DeadlineExceeded, match=r"store\.sleep"):
            await task
        await house.store.cancelled.wait()
        now = 100.0

    play(scene, lambda: now)


@pytest.mark.parametrize(("name", "kind"), [("sleep", DeviceError), ("sell", InDoubt)])
def test_death_of_a_driver_is_told_truly_and_another_may_take_its_place(
    name: str, kind: type[LLMAgentOSError]
) -> None:
    async def scene(house: House) -> None:
        _, end = await house.driver()
        agent = await house.agent()
        task = asyncio.ensure_future(agent.call(f"store.{name}"))
        await house.store.waiting.wait()
        end.close()
        with pytest.raises(kind):
            await task
        with pytest.raises(DeviceError, match="nobody"):
            await agent.call("store.get", {"shelf": "a"})
        await house.driver()
        assert await agent.call("store.get", {"shelf": "a"})

    play(scene)


def test_death_of_a_caller_takes_its_calls_back() -> None:
    async def scene(house: House) -> None:
        await house.driver()
        agent = await house.agent()
        task = asyncio.ensure_future(agent.call("store.sleep"))
        await house.store.waiting.wait()
        agent.close()
        with pytest.raises(DeviceError):
            await task
        await house.store.cancelled.wait()

    play(scene)


def test_stream_passes_the_trap_with_its_credit() -> None:
    async def scene(house: House) -> None:
        await house.driver()
        agent = await house.agent()
        assert [n async for n in agent.proxy(Store).items(500)] == list(range(500))

    play(scene)


def test_process_with_too_many_calls_in_flight_is_asked_to_wait() -> None:
    async def scene(house: House) -> None:
        await house.driver()
        greedy, other = await house.agent(), await house.agent()
        calls = [asyncio.ensure_future(greedy.call("store.sleep")) for _ in range(MAX_IN_FLIGHT)]
        await house.store.waiting.wait()
        with pytest.raises(TryAgain) as refusal:
            await greedy.call("store.get", {"shelf": "a"})
        assert refusal.value.details["retry_after"] > 0
        assert await other.call("store.get", {"shelf": "a"})
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)

    play(scene)


def test_frame_that_nobody_may_send_ends_only_its_senders_connection() -> None:
    async def scene(house: House) -> None:
        await house.driver()
        rogue, other = await house.agent(), await house.agent()
        rogue.connection.send((VERSION, Kind.SIGNAL, 0, "SIGKILL"))
        await rogue.lost.wait()
        assert await other.call("store.get", {"shelf": "a"})

    play(scene)


def test_answer_to_somebody_elses_call_is_ignored() -> None:
    async def scene(house: House) -> None:
        await house.driver()
        agent, rogue = await house.agent(), await house.agent()
        task = asyncio.ensure_future(agent.call("store.sleep"))
        await house.store.waiting.wait()
        rogue.connection.send((VERSION, Kind.REPLY, 1, None), b"\xc0")
        assert await rogue.call("store.get", {"shelf": "a"})
        assert not task.done()
        task.cancel()
        await house.store.cancelled.wait()

    play(scene)


def test_interface_has_one_provider_at_a_time() -> None:
    async def scene(house: House) -> None:
        await house.driver()
        rival, _ = await house.process()
        with pytest.raises(AlreadyExists):
            house.trap.provide(rival, describe(Store))

    play(scene)
