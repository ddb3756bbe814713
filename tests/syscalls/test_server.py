"""What a server tells the kernel of running calls, and what it is told of them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvloop

from llmagentos.syscalls import server
from llmagentos.syscalls.client import Client
from llmagentos.syscalls.connection import Connection
from llmagentos.syscalls.interface import Interface, syscall
from llmagentos.syscalls.message import VERSION, Kind, Signal
from llmagentos.syscalls.server import Caller, Server, caller, charge, serving, taint


class Bench(Interface, name="bench"):
    """Does what the test says."""

    def __init__(self) -> None:
        self.orders: asyncio.Queue[dict[str, float] | None] = asyncio.Queue()
        self.heard: list[tuple[Any, ...]] = []
        #: Whether a call was tainted before and after it has read.
        self.tainted: list[bool] = []
        #: With which rank each call has ended.
        self.ranks: dict[int, tuple[float, ...]] = {}

    def on_rank(self, call: int, rank: tuple[float, ...]) -> None:
        self.heard.append((call, rank))

    def on_process(self, pid: int, state: str, seconds: float | None) -> None:
        self.heard.append((pid, state, seconds))

    @syscall()
    async def work(self) -> None:
        while (cost := await self.orders.get()) is not None:
            charge(**cost)
        self.ranks[caller().call] = caller().rank

    @syscall()
    async def thread(self) -> None:
        await asyncio.to_thread(charge, tokens=7)
        await self.orders.get()

    @syscall()
    async def read(self) -> None:
        self.tainted.append(caller().tainted)
        await asyncio.to_thread(taint, "a page")
        for number in range(2 * server.SOURCES):
            taint(f"source {number}")
            taint("a page")
        self.tainted.append(caller().tainted)


@dataclass
class Kernel:
    """The other end of a server's connection."""

    connection: Connection
    bench: Bench
    frames: asyncio.Queue[list[Any]] = field(default_factory=asyncio.Queue)

    def request(self, call: int, *more: Any, name: str = "bench.work") -> None:
        who = (None, None, None, 3, "ada")
        self.connection.send((VERSION, Kind.REQUEST, call, name, *who, *more), b"\x80")


def play(scene: Callable[[Kernel], Awaitable[None]]) -> None:
    async def run() -> None:
        ours, theirs = socket.socketpair()
        async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
            bench, client = Bench(), Client()
            Server(tasks, bench).attach(client)
            await client.open(theirs)
            frames: asyncio.Queue[list[Any]] = asyncio.Queue()
            connection = Connection(
                lambda _, header, body: frames.put_nowait(header), lambda _: None
            )
            loop = asyncio.get_running_loop()
            await loop.create_connection(lambda: connection, sock=ours)
            await scene(Kernel(connection, bench, frames))
            connection.close()
            await client.lost.wait()

    asyncio.run(run())
    uvloop.run(run())


def test_what_a_running_call_uses_is_told_now_and_then_and_in_whole_at_its_end() -> None:
    async def scene(kernel: Kernel) -> None:
        kernel.request(1)
        for tokens in range(1, 11):
            kernel.bench.orders.put_nowait({"tokens": tokens})
        usage = (await kernel.frames.get())[1:]
        assert usage == [Kind.SIGNAL, 1, Signal.USAGE, {"tokens": 55}]
        kernel.bench.orders.put_nowait({"tokens": 0, "money": 0.0})  # nothing is told of it
        kernel.bench.orders.put_nowait({"tokens": 5, "money": 0.5})
        usage = (await kernel.frames.get())[1:]
        assert usage == [Kind.SIGNAL, 1, Signal.USAGE, {"tokens": 5, "money": 0.5}]
        kernel.bench.orders.put_nowait({"tokens": 1})
        kernel.bench.orders.put_nowait(None)
        assert (await kernel.frames.get())[1:] == [Kind.REPLY, 1, {"tokens": 61, "money": 0.5}]

    play(scene)


def test_calls_that_end_at_once_are_told_in_their_answers_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server, "INTERVAL", 0.0)

    async def scene(kernel: Kernel) -> None:
        for call in (1, 2, 3):
            kernel.bench.orders.put_nowait({"tokens": call})
            kernel.bench.orders.put_nowait(None)
            kernel.request(call)
            assert (await kernel.frames.get())[1:] == [Kind.REPLY, call, {"tokens": call}]

    play(scene)


def test_charge_on_another_thread_is_told_as_well() -> None:
    async def scene(kernel: Kernel) -> None:
        kernel.request(1, name="bench.thread")
        usage = (await kernel.frames.get())[1:]
        assert usage == [Kind.SIGNAL, 1, Signal.USAGE, {"tokens": 7}]
        kernel.connection.send((VERSION, Kind.CANCEL, 1))
        assert (await kernel.frames.get())[1:] == [Kind.ERROR, 1, "ECANCELED", {"tokens": 7}]

    play(scene)


def test_call_knows_its_rank_also_after_it_has_changed() -> None:
    async def scene(kernel: Kernel) -> None:
        kernel.request(1, [3.0, 1])
        kernel.request(2, None)
        kernel.request(3)  # from an older kernel
        for call in (1, 2, 9):
            kernel.connection.send((VERSION, Kind.SIGNAL, call, Signal.RANK, [call + 0.5, call]))
        kernel.connection.send((VERSION, Kind.SIGNAL, 0, Signal.PING))
        assert (await kernel.frames.get())[3] == Signal.PONG
        for _ in range(3):
            kernel.bench.orders.put_nowait(None)
            await kernel.frames.get()
        assert kernel.bench.heard == [(1, (1.5, 1)), (2, (2.5, 2))]
        assert kernel.bench.ranks == {1: (1.5, 1), 2: (2.5, 2), 3: ()}

    play(scene)


def test_states_of_processes_reach_the_interface_and_unknown_signals_do_not() -> None:
    async def scene(kernel: Kernel) -> None:
        blocked = (Signal.PROCESS, 7, "blocked", 2.5)
        gone = (Signal.PROCESS, 7, "gone", None, "what a newer kernel adds")
        for fields in (blocked, gone, ("FUTURE", 1, 2)):
            kernel.connection.send((VERSION, Kind.SIGNAL, 0, *fields))
        kernel.connection.send((VERSION, Kind.SIGNAL, 0, Signal.PING))
        assert (await kernel.frames.get())[3] == Signal.PONG
        assert kernel.bench.heard == [(7, "blocked", 2.5), (7, "gone", None)]

    play(scene)


def test_interface_that_hears_nothing_is_told_without_harm() -> None:
    class Deaf(Interface, name="deaf"):
        """Has no device."""

    deaf = Deaf()
    deaf.on_rank(1, (1.0,))
    deaf.on_process(1, "gone", None)


@pytest.mark.parametrize(
    ("more", "before"), [((None, True), True), ((None, False), False), ((), False)]
)
def test_what_taints_a_call_is_told_once_and_before_its_answer(
    more: tuple[Any, ...], before: bool
) -> None:
    async def scene(kernel: Kernel) -> None:
        kernel.request(1, *more, name="bench.read")
        told = [(await kernel.frames.get())[1:] for _ in range(server.SOURCES)]
        sources = ["a page", *(f"source {number}" for number in range(server.SOURCES - 1))]
        assert told == [[Kind.SIGNAL, 1, Signal.TAINT, source] for source in sources]
        assert (await kernel.frames.get())[1:3] == [Kind.REPLY, 1]
        assert kernel.bench.tainted == [before, True]

    play(scene)


def test_taint_is_known_to_code_that_is_tried_without_a_bus() -> None:
    who = Caller(pid=1, principal="ada", call=1)
    with serving(who):
        taint("a page")
    assert who.tainted and who.sources == ["a page"]
