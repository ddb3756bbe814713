"""A client and a server, with a relay between them in the kernel's place."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from llmagentos.syscalls import client as client_module
from llmagentos.syscalls.client import Client, connect
from llmagentos.syscalls.codec import pack_frame
from llmagentos.syscalls.connection import Connection
from llmagentos.syscalls.errors import (
    DeadlineExceeded,
    DeviceError,
    Internal,
    InvalidArgument,
    LLMAgentOSError,
    NoSyscall,
    TryAgain,
)
from llmagentos.syscalls.interface import Interface, syscall
from llmagentos.syscalls.message import INITIAL_CREDIT, VERSION, Kind
from llmagentos.syscalls.server import Server, caller


class Workshop(Interface, name="workshop"):
    def __init__(self) -> None:
        self.made = 0
        self.began = asyncio.Event()
        self.cancelled = asyncio.Event()

    @syscall()
    async def double(self, number: int) -> int:
        return number * 2

    @syscall()
    async def whoami(self) -> tuple[int, str]:
        return caller().pid, caller().principal

    @syscall()
    async def busy(self) -> None:
        raise TryAgain(retry_after=0.25)

    @syscall()
    async def broken(self) -> None:
        raise KeyError("workshop.broken")

    @syscall()
    async def endless(self) -> None:
        self.began.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled.set()

    @syscall(stream=True)
    async def count(self, to: int) -> AsyncIterator[int]:
        for number in range(to):
            self.made += 1
            yield number


Scene = Callable[[Client, Workshop], Awaitable[None]]


def play(scene: Scene) -> None:
    """Run a scene with a client whose requests reach a workshop as process 7 of ada."""

    async def run() -> None:
        (a, b), (c, d) = socket.socketpair(), socket.socketpair()
        loop = asyncio.get_running_loop()
        ends: list[Connection] = []

        def pass_on(target: int) -> Callable[[Connection, list[Any], bytes], None]:
            def on_frame(_: Connection, header: list[Any], body: bytes) -> None:
                extra = [7, "ada"] if header[1] == Kind.REQUEST else []
                ends[target].send([*header, *extra], body)

            return on_frame

        def hang_up(_: Connection) -> None:
            for end in ends:
                end.close()

        for sock, target in ((b, 1), (c, 0)):
            _, end = await loop.create_connection(
                lambda target=target: Connection(pass_on(target), hang_up),  # type: ignore[misc]
                sock=sock,
            )
            ends.append(end)
        client, provider = await connect(a), await connect(d)
        async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
            workshop = Workshop()
            Server(tasks, workshop).attach(provider)
            await scene(client, workshop)
            client.close()
            await provider.lost.wait()

    asyncio.run(run())


def test_proxy_calls_with_positional_and_named_arguments() -> None:
    async def scene(client: Client, _: Workshop) -> None:
        proxy = client.proxy(Workshop)
        assert await proxy.double(21) == 42
        assert await proxy.double(number=4) == 8
        assert await proxy.whoami() == (7, "ada")

    play(scene)


def test_many_calls_in_flight_get_their_own_answers() -> None:
    async def scene(client: Client, _: Workshop) -> None:
        proxy = client.proxy(Workshop)
        answers = await asyncio.gather(*(proxy.double(n) for n in range(200)))
        assert answers == [2 * n for n in range(200)]

    play(scene)


@pytest.mark.parametrize(
    ("name", "arguments", "kind"),
    [
        ("workshop.double", {"number": "many"}, InvalidArgument),
        ("workshop.double", {}, InvalidArgument),
        ("workshop.triple", {}, NoSyscall),
        ("workshop.broken", {}, Internal),
    ],
)
def test_failure_arrives_as_its_own_class(
    name: str, arguments: dict[str, Any], kind: type[LLMAgentOSError]
) -> None:
    async def scene(client: Client, _: Workshop) -> None:
        with pytest.raises(kind):
            await client.call(name, arguments)
        assert await client.call("workshop.double", {"number": 1}) == 2

    play(scene)


def test_retry_hint_arrives_with_the_refusal() -> None:
    async def scene(client: Client, _: Workshop) -> None:
        with pytest.raises(TryAgain) as refusal:
            await client.call("workshop.busy")
        assert refusal.value.details == {"retry_after": 0.25}

    play(scene)


def test_cancelled_caller_takes_its_call_back() -> None:
    async def scene(client: Client, workshop: Workshop) -> None:
        task = asyncio.ensure_future(client.call("workshop.endless"))
        await workshop.began.wait()
        task.cancel()
        await workshop.cancelled.wait()
        assert await client.call("workshop.double", {"number": 1}) == 2

    play(scene)


def test_stream_arrives_whole_and_in_order() -> None:
    async def scene(client: Client, _: Workshop) -> None:
        many = INITIAL_CREDIT * 5 + 3
        assert [n async for n in client.proxy(Workshop).count(many)] == list(range(many))

    play(scene)


def test_provider_of_a_stream_does_not_run_ahead_of_its_credit() -> None:
    async def scene(client: Client, workshop: Workshop) -> None:
        items = client.stream("workshop.count", {"to": 10_000})
        assert await anext(items) == 0
        assert await client.call("workshop.double", {"number": 1}) == 2
        assert workshop.made <= INITIAL_CREDIT + 1
        await items.aclose()  # type: ignore[attr-defined]
        assert await client.call("workshop.double", {"number": 2}) == 4

    play(scene)


def test_calls_in_flight_end_when_the_connection_is_lost() -> None:
    async def scene(client: Client, workshop: Workshop) -> None:
        task = asyncio.ensure_future(client.call("workshop.endless"))
        await workshop.began.wait()
        client.close()
        with pytest.raises(DeviceError):
            await task
        with pytest.raises(DeviceError):
            await client.call("workshop.double", {"number": 1})

    play(scene)


def test_call_that_no_kernel_answers_ends_after_its_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client_module, "GRACE", 0.0)

    async def never() -> socket.socket:
        return await asyncio.Event().wait()  # type: ignore[return-value]

    async def run() -> None:
        ours, theirs = socket.socketpair()
        client = await connect(ours, never)
        with pytest.raises(DeadlineExceeded, match=r"workshop\.double"):
            await client.call("workshop.double", {"number": 1}, deadline=0.0)
        theirs.close()
        client.close()

    asyncio.run(run())


def test_request_to_a_process_that_serves_nothing_ends_the_connection_with_a_reason() -> None:
    async def run() -> None:
        here, there = socket.socketpair()
        client = await connect(here)
        there.setblocking(False)
        request = pack_frame((VERSION, Kind.REQUEST, 1, "a.b", None, None, None, 1, "ada"))
        await asyncio.get_running_loop().sock_sendall(there, request)
        await asyncio.wait_for(client.lost.wait(), 60)
        assert b"EPROTO" in await asyncio.get_running_loop().sock_recv(there, 4096)
        there.close()

    asyncio.run(run())
