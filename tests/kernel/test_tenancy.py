"""A driver that preempts learns what the processes do that have used its device."""

from __future__ import annotations

from typing import Any

from llmagentos.kernel.process import ControlBlock, State
from llmagentos.syscalls.client import Client

from .house import House, play
from .test_steering import begin, end, resume, suspend


async def tenant(house: House) -> tuple[ControlBlock, Client]:
    """Return a process that has used the device."""
    process, agent = await house.process("*")
    await agent.call("store.glance")
    return process, agent


def heard(house: House) -> list[tuple[Any, ...]]:
    """Return what has been signalled since the last time."""
    queue = house.store.heard
    return [queue.get_nowait() for _ in range(queue.qsize())]


def clocked(scene: Any) -> None:
    """Play a scene with a clock that it moves by calling its second argument."""
    now = 100.0

    def move(seconds: float) -> None:
        nonlocal now
        now += seconds

    play(lambda house: scene(house, move), lambda: now)


def test_process_that_calls_something_else_is_blocked_as_long_as_that_usually_takes() -> None:
    async def scene(house: House, move: Any) -> None:
        await house.device(1, "preempt")
        process, agent = await tenant(house)
        for expected in (None, 2.0):
            call, _ = await begin(house, agent, "errand")
            move(2.0)
            await end(house, call)
            assert heard(house) == [
                (process.pid, "blocked", expected),
                (process.pid, "running", None),
            ]

    clocked(scene)


def test_calls_that_usually_take_no_time_are_not_told() -> None:
    async def scene(house: House, move: Any) -> None:
        await house.device(1, "preempt")
        process, agent = await tenant(house)
        for _ in range(3):
            await agent.call("store.get", {"shelf": "a"})
        await agent.call("store.get", {"shelf": "b"})  # about something else
        blocked, running = (process.pid, "blocked", None), (process.pid, "running", None)
        assert heard(house) == [blocked, running, blocked, running]

    clocked(scene)


def test_process_that_waits_for_the_device_as_well_is_not_blocked() -> None:
    async def scene(house: House, move: Any) -> None:
        await house.device(1, "preempt")
        process, agent = await tenant(house)
        inside, _ = await begin(house, agent)
        outside, _ = await begin(house, agent, "errand")
        assert heard(house) == []
        house.store.costs.put_nowait(None)  # for the one that has waited longest
        await inside
        assert await house.store.heard.get() == (process.pid, "blocked", None)
        again, _ = await begin(house, agent)
        assert heard(house) == [(process.pid, "running", None)]
        await end(house, outside, again)

    clocked(scene)


def test_process_is_blocked_until_the_last_of_its_calls_is_expected_to_end() -> None:
    async def scene(house: House, move: Any) -> None:
        await house.device(1, "preempt")
        process, agent = await tenant(house)
        for name, seconds in (("errand", 1.0), ("nap", 9.0)):
            call, _ = await begin(house, agent, name)
            move(seconds)
            await end(house, call)
        heard(house)
        first, _ = await begin(house, agent, "errand")
        second, _ = await begin(house, agent, "nap")
        move(0.5)
        third, _ = await begin(house, agent, "errand")
        assert heard(house) == [(process.pid, "blocked", 1.0), (process.pid, "blocked", 9.0)]
        await end(house, first, second, third)
        assert heard(house) == [(process.pid, "running", None)]

    clocked(scene)


def test_process_that_has_never_used_the_device_is_not_told() -> None:
    async def scene(house: House, move: Any) -> None:
        await house.device(1, "preempt")
        process, agent = await house.process("*")
        call, _ = await begin(house, agent, "errand")
        suspend(house, process)
        resume(house, process)
        await end(house, call)
        agent.close()
        await tenant(house)
        assert heard(house) == []

    clocked(scene)


def test_suspended_process_that_was_blocked_is_blocked_again_when_it_goes_on() -> None:
    async def scene(house: House, move: Any) -> None:
        await house.device(1, "preempt")
        process, agent = await tenant(house)
        call, _ = await begin(house, agent, "errand")
        suspend(house, process)
        resume(house, process)
        await end(house, call)
        states = [state for _, state, _ in heard(house)]
        assert states == ["blocked", "suspended", "blocked", "running"]

    clocked(scene)


def test_driver_that_comes_again_is_told_of_all_that_do_not_just_run() -> None:
    async def scene(house: House, move: Any) -> None:
        driver = await house.device(1, "preempt")
        process, _ = await tenant(house)
        await tenant(house)
        suspend(house, process)
        assert await house.store.heard.get() == (process.pid, "suspended", None)
        house.trap.devices.withdraw(driver)
        house.trap.devices.register(driver, "shelf", 1, ("preempt",))
        await (await house.agent()).call("store.glance")
        assert heard(house) == [(process.pid, "suspended", None)]
        process.state = State.RUNNING
        house.trap.steering.resume(process)

    clocked(scene)
