"""However a call ends, its slot is free, its budget settled, and its caller answered."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from llmagentos.kernel.process import State
from llmagentos.syscalls.codec import unpack
from llmagentos.syscalls.errors import (
    Cancelled,
    InvalidArgument,
    PermissionDenied,
    ProtocolError,
    TryAgain,
)
from llmagentos.syscalls.interface import Interface, syscall
from llmagentos.syscalls.message import VERSION, Kind
from llmagentos.syscalls.server import Server
from llmagentos.syscalls.table import describe

from .house import House, play


class Post(Interface, name="ipc"):
    """Hands a letter out just when its call is given up."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()

    @syscall(effect=True)
    async def recv(self) -> str:
        self.begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "a letter"
        return ""


def test_letter_that_was_taken_for_a_call_which_has_ended_is_given_back() -> None:
    async def scene(house: House) -> None:
        back: asyncio.Queue[tuple[int, Any]] = asyncio.Queue()
        house.trap.give_back(lambda call, body: back.put_nowait((call.process.pid, unpack(body))))
        provider, client = await house.process()
        post = Post()
        Server(house.tasks, post).attach(client)
        house.trap.provide(provider, describe(Post))
        process, agent = await house.process("*")
        for _ in range(2):
            post.begun.clear()
            work = asyncio.ensure_future(agent.call("ipc.recv"))
            await post.begun.wait()
            work.cancel()
            assert await back.get() == (process.pid, "a letter")
        assert not house.trap._ending.given_up

    play(scene)


def test_call_that_is_taken_back_at_once_gives_its_slot_back() -> None:
    async def scene(house: House) -> None:
        await house.device(slots=1)
        agent, other = await house.agent(), await house.agent()
        connection = agent.connection
        for number in (9001, 9002, 9003):
            # In one write, so that the driver reads the cancellation with the request.
            connection.send((VERSION, Kind.REQUEST, number, "store.use", None, None, None), b"\x80")
            connection.send((VERSION, Kind.CANCEL, number))
        assert await other.call("store.glance")

    play(scene)


def test_bytes_in_flight_are_bounded_and_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmagentos.kernel.arrival.MAX_BYTES", 1000)

    async def scene(house: House) -> None:
        await house.device(slots=0)
        process, agent = await house.process("*")
        calls = [
            asyncio.ensure_future(agent.call("store.use", {"text": "x" * 600})) for _ in range(2)
        ]
        (refused,), (waiting,) = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        assert isinstance(refused.exception(), TryAgain)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        with pytest.raises(InvalidArgument):
            await agent.call("store.get", {"shelf": 7, "text": "x" * 600})
        assert process.in_flight_bytes == 0

    play(scene)


def test_dead_process_asks_for_nothing_any_more() -> None:
    async def scene(house: House) -> None:
        await house.driver()
        process, agent = await house.process("*")
        process.state = State.ZOMBIE
        with pytest.raises(PermissionDenied, match="has ended"):
            await agent.call("store.get", {"shelf": "a"})

    play(scene)


def test_session_that_ends_takes_its_calls_with_it() -> None:
    async def scene(house: House) -> None:
        await house.driver()
        gateway, client = await house.process("*")
        session = house.table.create(principal="ada", program="token", capabilities=None)
        session.capabilities = gateway.capabilities
        house.trap.sessions[session.pid] = (gateway, session)
        call = asyncio.ensure_future(client.call("store.sleep", behalf=-session.pid))
        await house.store.waiting.wait()
        house.trap.end_session(session, PermissionDenied("the token was revoked"))
        with pytest.raises(PermissionDenied, match="revoked"):
            await call
        with pytest.raises(PermissionDenied):
            await client.call("store.get", {"shelf": "a"}, behalf=-session.pid)
        await house.store.cancelled.wait()

    play(scene)


def test_own_calls_are_numbered_and_nested_ones_are_not() -> None:
    async def scene(house: House) -> None:
        await house.driver()
        process, agent = await house.process("*")
        await agent.call("store.nested", {"name": "store.get"})
        await agent.call("store.get", {"shelf": "a"})
        assert (process.seq, process.syscalls) == (2, 3)

    play(scene)


@pytest.mark.parametrize("body", [b"\x81\x91\x01\x02", b"\xc1", b"\x93\x01", b"\xff"])
def test_malformed_arguments_end_their_own_call_alone(body: bytes) -> None:
    async def scene(house: House) -> None:
        await house.driver()
        rogue, other = await house.agent(), await house.agent()
        answered: asyncio.Queue[list[Any]] = asyncio.Queue()
        rogue.connection._on_frame = lambda _, header, body: answered.put_nowait(header)
        header = (VERSION, Kind.REQUEST, 5, "store.get", None, None, None)
        rogue.connection.send(header, body)
        assert (await answered.get())[3] in (InvalidArgument.code, ProtocolError.code)
        assert await other.call("store.get", {"shelf": "a"})

    play(scene)


@pytest.mark.parametrize("deadline", [0, -1, float("inf"), float("nan"), 10**9])
def test_interface_with_an_impossible_deadline_is_refused(deadline: float) -> None:
    class Odd(Interface, name="odd"):
        @syscall(deadline=deadline)
        async def act(self) -> None:
            """Do nothing."""

    async def scene(house: House) -> None:
        process, _ = await house.process()
        with pytest.raises(InvalidArgument, match="deadline"):
            house.trap.provide(process, describe(Odd))

    play(scene)


def test_cancelled_call_says_so() -> None:
    async def scene(house: House) -> None:
        await house.driver()
        rogue = await house.agent()
        answered: asyncio.Queue[list[Any]] = asyncio.Queue()
        rogue.connection._on_frame = lambda _, header, body: answered.put_nowait(header)
        rogue.connection.send((VERSION, Kind.REQUEST, 5, "store.sleep", None, None, None), b"\x80")
        await house.store.waiting.wait()
        rogue.connection.send((VERSION, Kind.CANCEL, 5))
        assert (await answered.get())[3] == Cancelled.code
        await house.store.cancelled.wait()

    play(scene)
