"""Calls pass the trap of a real bus."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from llmagentos.kernel import arrival
from llmagentos.kernel.arrival import MAX_IN_FLIGHT
from llmagentos.syscalls.clock import Clock
from llmagentos.syscalls.codec import pack
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
from llmagentos.syscalls.message import VERSION, Kind
from llmagentos.syscalls.table import describe

from .house import House, Store, play


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


@pytest.mark.parametrize(("padding", "bound"), [(0, "MAX_IN_FLIGHT"), (999, "MAX_BYTES")])
def test_one_of_many_that_a_gateway_calls_for_leaves_room_for_the_others(
    monkeypatch: pytest.MonkeyPatch, padding: int, bound: str
) -> None:
    arguments = {"padding": "x" * padding} if padding else {}
    size = len(pack(arguments)) if padding else 1
    monkeypatch.setattr(arrival, bound, 8 * size)

    async def scene(house: House) -> None:
        me, gateway = await house.process("*")
        sessions = [(await house.process("*"))[0].pid for _ in range(3)]
        for pid in sessions:
            house.trap.sessions[pid] = (me, house.table[pid])
        house.trap.registry.expect(Store)  # Whoever answers is not there yet: they all wait.
        calls: list[asyncio.Task[Any]] = []
        for pid, share in zip(sessions, (4, 2, 1), strict=True):
            for _ in range(share):
                calls.append(
                    asyncio.ensure_future(gateway.call("store.sell", arguments, behalf=-pid))
                )
            await asyncio.sleep(0)  # They are sent first.
            with pytest.raises(TryAgain, match=f"{share} calls of process {pid}"):
                await gateway.call("store.sell", arguments, behalf=-pid)
        assert len(me.in_flight) == 7
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
