"""A client whose kernel dies comes back, and asks again only what may be asked twice."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from llmagentos.syscalls.client import Client, connect
from llmagentos.syscalls.codec import pack
from llmagentos.syscalls.connection import Connection
from llmagentos.syscalls.errors import DeviceError, InDoubt
from llmagentos.syscalls.interface import Interface, syscall
from llmagentos.syscalls.message import VERSION, Kind
from llmagentos.syscalls.steady import SteadyLoop, run


class Shop(Interface, name="shop"):
    @syscall(idempotent=True)
    async def look(self) -> str:
        raise NotImplementedError

    @syscall()
    async def think(self) -> str:
        raise NotImplementedError

    @syscall(effect=True)
    async def sell(self) -> str:
        raise NotImplementedError


class Kernel:
    """One end of each connection; answers nothing by itself."""

    def __init__(self) -> None:
        self.connections: list[Connection] = []
        self.asked: asyncio.Queue[tuple[Connection, list[Any]]] = asyncio.Queue()

    async def connect(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        connection = Connection(
            lambda made, header, body: self.asked.put_nowait((made, header)), lambda lost: None
        )
        self.connections.append(connection)
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: connection, sock=ours)
        return theirs

    async def next(self) -> tuple[Connection, int, str]:
        connection, header = await self.asked.get()
        return connection, header[2], header[3]

    @staticmethod
    def answer(connection: Connection, number: int, value: Any) -> None:
        connection.send((VERSION, Kind.REPLY, number, None), pack(value))


def play(scene: Callable[[Kernel, Client], Awaitable[None]]) -> None:
    async def whole() -> None:
        kernel = Kernel()
        client = await connect(await kernel.connect(), kernel.connect)
        async with asyncio.timeout(60):
            await scene(kernel, client)
        client.close()
        await client.lost.wait()
        for connection in kernel.connections:
            connection.close()
        await asyncio.sleep(0)

    asyncio.run(whole())


def test_only_what_may_be_asked_twice_is_asked_again() -> None:
    async def scene(kernel: Kernel, client: Client) -> None:
        shop = client.proxy(Shop)
        calls = [asyncio.ensure_future(call()) for call in (shop.look, shop.think, shop.sell)]
        calls.append(asyncio.ensure_future(client.call("shop.other")))
        for _ in calls:
            first, _, _ = await kernel.next()
        first.close()
        second, number, name = await kernel.next()
        assert name == "shop.look" and second is not first
        # What is asked while nobody is there is asked once somebody is.
        kernel.answer(second, number, "bread")
        looked, *others = await asyncio.gather(*calls, return_exceptions=True)
        assert looked == "bread"
        assert [type(one) for one in others] == [DeviceError, InDoubt, InDoubt]
        later = asyncio.ensure_future(shop.sell())
        connection, number, name = await kernel.next()
        assert (connection, name) == (second, "shop.sell")
        kernel.answer(connection, number, "sold")
        assert await later == "sold"

    play(scene)


def test_where_nobody_comes_back_every_call_ends() -> None:
    async def scene(kernel: Kernel, client: Client) -> None:
        async def nobody() -> socket.socket:
            raise ConnectionRefusedError

        client.again = nobody
        look = asyncio.ensure_future(client.proxy(Shop).look())
        connection, _, _ = await kernel.next()
        connection.close()
        with pytest.raises(DeviceError):
            await look
        assert client.lost.is_set()

    play(scene)


def test_steady_loop_hands_out_one_thing_at_a_time() -> None:
    async def main() -> list[str]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SteadyLoop)
        seen: list[str] = []
        futures = [loop.create_future() for _ in range(2)]

        async def follow(name: str, future: asyncio.Future[None], turns: int) -> None:
            await future
            for _ in range(turns):
                await asyncio.sleep(0)
            seen.append(name)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(follow("slow", futures[0], 20))
            tasks.create_task(follow("quick", futures[1], 0))
            await asyncio.sleep(0)
            for future in futures:
                loop.deliver(lambda future=future: future.set_result(None))  # type: ignore[misc]
        return seen

    assert run(main()) == ["slow", "quick"]
