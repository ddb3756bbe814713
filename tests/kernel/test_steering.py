"""Running calls are ranked anew and charged, and stand still with their process, on a real bus."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from llmagentos.kernel.budget import Limits
from llmagentos.kernel.policy.contract import Policy
from llmagentos.kernel.policy.priority import Priority
from llmagentos.kernel.policy.program import Program
from llmagentos.kernel.process import ControlBlock, State
from llmagentos.syscalls.client import Client
from llmagentos.syscalls.errors import Cancelled, DeadlineExceeded, DeviceError, QuotaExceeded
from llmagentos.syscalls.message import VERSION, Kind, Signal
from llmagentos.syscalls.server import Caller

from .house import House, play

Call = asyncio.Future[Any]


async def begin(house: House, agent: Client, name: str = "work") -> tuple[Call, Caller]:
    """Start a call and wait until its driver works on it."""
    call = asyncio.ensure_future(agent.call(f"store.{name}"))
    return call, await house.store.begun.get()


async def end(house: House, *calls: Call) -> None:
    for _ in calls:
        house.store.costs.put_nowait(None)
    await asyncio.gather(*calls)


def suspend(house: House, process: ControlBlock) -> None:
    process.state = State.SUSPENDED
    house.trap.steering.suspend(process)


def resume(house: House, process: ControlBlock) -> None:
    process.state = State.RUNNING
    house.trap.steering.resume(process)


def test_call_tells_its_driver_where_it_stands() -> None:
    async def scene(house: House) -> None:
        await house.device(2)
        house.trap.devices.of("shelf").schedule("priority", Priority, 0.0)
        process, agent = await house.process("*")
        process.nice = -5
        seen = await agent.call("store.glance")
        assert seen["rank"] == [pytest.approx(95.0), seen["call"]]
        assert (await agent.call("store.get", {"shelf": "a"}))[0] == process.pid

    play(scene, lambda: 100.0)


async def ranked(house: House, name: str, policy: type[Policy]) -> Any:
    """Let a policy rank the calls of a device that preempts, and a process's call begin; returns
    the process, the call and its caller."""
    await house.device(2, "preempt")
    house.trap.devices.of("shelf").schedule(name, policy, 0.0)
    process, agent = await house.process("*")
    return process, *await begin(house, agent)


def test_reniced_process_moves_its_running_calls_at_once() -> None:
    async def scene(house: House) -> None:
        process, call, who = await ranked(house, "priority", Priority)
        process.nice = 7
        house.trap.steering.renice(process)
        number, rank = await house.store.heard.get()
        assert number == who.call and rank == who.rank == (pytest.approx(107.0), number)
        await end(house, call)

    play(scene, lambda: 100.0)


def test_call_sinks_while_it_runs_and_its_process_is_charged() -> None:
    async def scene(house: House) -> None:
        process, call, who = await ranked(house, "program", Program)
        before = who.rank
        house.store.costs.put_nowait({"device_seconds": 1.5, "tokens": 30})
        number, rank = await house.store.heard.get()
        assert (number, rank > before) == (who.call, True)
        assert process.budget.usage() == {"device_seconds": 1.5, "tokens": 30.0}
        house.store.costs.put_nowait({"device_seconds": 0.25})
        await end(house, call)
        assert process.budget.usage() == {"device_seconds": 1.75, "tokens": 30.0}
        assert house.store.heard.empty()

    play(scene)


def test_driver_that_does_not_preempt_is_told_nothing() -> None:
    async def scene(house: House) -> None:
        await house.device(2)
        process, agent = await house.process("*")
        call, _ = await begin(house, agent)
        process.nice = 7
        house.trap.steering.renice(process)
        suspend(house, process)
        resume(house, process)
        await end(house, call)
        await agent.call("store.get", {"shelf": "a"})
        assert house.store.heard.empty()

    play(scene)


def test_running_call_is_ended_when_its_budget_is_spent() -> None:
    async def scene(house: House) -> None:
        await house.device(2)
        process, agent = await house.process("*", limits=Limits({"device_seconds": 2.0}))
        call, _ = await begin(house, agent)
        house.store.costs.put_nowait({"device_seconds": 2.5, "money": 0.1})
        with pytest.raises(QuotaExceeded, match="device_seconds"):
            await call
        assert process.budget.usage() == {"device_seconds": 2.5, "money": 0.1}
        assert process.budget.snapshot()["remaining"] == {"device_seconds": -0.5}

    play(scene)


def test_call_for_no_device_is_charged_and_ended_as_well() -> None:
    async def scene(house: House) -> None:
        await house.driver()
        process, agent = await house.process("*", limits=Limits({"money": 2.0}))
        call, _ = await begin(house, agent, "errand")
        house.store.costs.put_nowait({"money": 3.0})
        with pytest.raises(QuotaExceeded):
            await call
        assert process.budget.usage() == {"money": 3.0}

    play(scene)


def test_suspended_processs_running_call_makes_room_and_comes_back() -> None:
    async def scene(house: House) -> None:
        await house.device(1, "preempt")
        process, agent = await house.process("*")
        other = await house.agent()
        first, _ = await begin(house, agent)
        second = asyncio.ensure_future(other.call("store.work"))
        suspend(house, process)
        assert await house.store.heard.get() == (process.pid, "suspended", None)
        assert (await house.store.begun.get()).pid != process.pid
        third = asyncio.ensure_future(other.call("store.glance"))
        resume(house, process)
        assert await house.store.heard.get() == (process.pid, "running", None)
        await end(house, first, second)
        await third

    play(scene)


def test_deadline_stands_still_while_its_process_is_suspended() -> None:
    now = 100.0

    async def scene(house: House) -> None:
        nonlocal now
        await house.device(1, "preempt")
        process, agent = await house.process("*")
        call = asyncio.ensure_future(agent.call("store.work", deadline=5))
        await house.store.begun.get()
        now += 3
        suspend(house, process)
        now += 100
        house.trap.expire()
        resume(house, process)
        now += 1.9
        house.trap.expire()
        assert house.trap.pending == 1 and not call.done()
        now += 1
        with pytest.raises(DeadlineExceeded):
            await call

    play(scene, lambda: now)


def test_process_that_ends_while_suspended_leaves_no_call() -> None:
    async def scene(house: House) -> None:
        await house.device(1, "preempt")
        process, agent = await house.process("*")
        other = await house.agent()
        call, _ = await begin(house, agent)
        suspend(house, process)
        agent.close()
        with pytest.raises(DeviceError):
            await call
        assert await house.store.heard.get() == (process.pid, "suspended", None)
        assert await house.store.heard.get() == (process.pid, "gone", None)
        assert await other.call("store.glance")

    play(scene)


def test_what_others_ask_of_a_device_for_a_dead_process_ends_with_it() -> None:
    async def scene(house: House) -> None:
        await house.device(1, "preempt")
        gateway, client = await house.process("*")
        session = house.table.create(
            principal="ada", program="token", capabilities=gateway.capabilities
        )
        house.trap.sessions[session.pid] = (gateway, session)
        call = asyncio.ensure_future(client.call("store.work", behalf=-session.pid))
        await house.store.begun.get()
        house.trap.end_session(session, Cancelled("the token was revoked"))
        with pytest.raises(Cancelled, match="revoked"):
            await call
        assert await house.store.heard.get() == (session.pid, "gone", None)
        assert await client.call("store.glance")

    play(scene)


def test_repeatable_call_of_a_dead_driver_waits_for_the_next_one_in_the_queue() -> None:
    async def scene(house: House) -> None:
        first, end_of_first = await house.driver()
        house.trap.registry._expected.add("store.work")
        house.trap.devices.register(first, "shelf", 1)
        agent = await house.agent()
        call, _ = await begin(house, agent)
        house.store.costs.put_nowait({"tokens": 500})
        end_of_first.close()
        await end_of_first.lost.wait()
        second, _ = await house.driver()
        assert house.trap.devices.of("shelf").queue.counts()["waiting"] == 1
        house.trap.devices.register(second, "shelf", 1)
        await house.store.begun.get()
        await end(house, call)

    play(scene)


@pytest.mark.parametrize(
    "header",
    [
        (VERSION, Kind.SIGNAL, 1, Signal.USAGE),
        (VERSION, Kind.SIGNAL, 1, Signal.USAGE, 7),
        (VERSION, Kind.SIGNAL, 1, Signal.RANK, [1.0]),
        (VERSION, Kind.SIGNAL, 1),
    ],
)
def test_signal_that_nobody_may_send_ends_the_connection(header: tuple[Any, ...]) -> None:
    async def scene(house: House) -> None:
        rogue = await house.agent()
        rogue.connection.send(header)
        await rogue.lost.wait()

    play(scene)


def test_usage_of_somebody_elses_call_is_ignored() -> None:
    async def scene(house: House) -> None:
        await house.device(1)
        process, agent = await house.process("*")
        rogue = await house.agent()
        call, who = await begin(house, agent)
        usage = {"tokens": 1e6, "money": "much", "device_seconds": -1}
        rogue.connection.send((VERSION, Kind.SIGNAL, who.call, Signal.USAGE, usage))
        await rogue.call("store.get", {"shelf": "a"})
        assert process.budget.usage() == {}
        await end(house, call)

    play(scene)
