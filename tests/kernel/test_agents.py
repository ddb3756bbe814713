"""Agents are steered by those who may, end once, and are remembered for a while."""

from __future__ import annotations

import asyncio
import signal as signals
from pathlib import Path
from typing import Any

import pytest

from llmagentos.kernel import agents as module
from llmagentos.kernel.agents import GRACE, LINGER
from llmagentos.kernel.capability import CapabilitySet
from llmagentos.kernel.launcher.contract import Launch
from llmagentos.kernel.policy.contract import Waiting
from llmagentos.kernel.process import Kind, State
from llmagentos.syscalls.client import connect
from llmagentos.syscalls.errors import (
    InvalidArgument,
    NotFound,
    PermissionDenied,
)

from .conftest import OFFSET
from .world import Play, World, stage

TERM, KILL, STOP, CONT = signals.SIGTERM, signals.SIGKILL, signals.SIGSTOP, signals.SIGCONT


@pytest.fixture
def scene(tmp_path: Path) -> Play:
    return stage(tmp_path)


def test_person_renices_as_he_likes_and_an_agent_only_downwards(scene: Play) -> None:
    async def work(w: World) -> None:
        parent = await w.run(nice=5)
        child = await w.run(parent, nice=5)
        w.agents.renice(parent, child, 7)
        w.agents.renice(parent, parent, 5)
        with pytest.raises(PermissionDenied):
            w.agents.renice(parent, child, 6)
        assert child.nice == 7
        w.agents.renice(w.person, child, -20)
        for nice in (-21, 20):
            with pytest.raises(InvalidArgument):
                w.agents.renice(w.person, child, nice)
        assert child.nice == -20

    scene(work)


def test_suspended_process_is_stopped_and_its_calls_wait_aside(scene: Play) -> None:
    async def work(w: World) -> None:
        driver = w.table.create(principal="ada", program="driver", kind=Kind.DRIVER)
        w.devices.register(driver, "inference", 1)
        queue = w.devices.of("inference").queue
        one, two = await w.run(), await w.run()
        for key, process in ((1, one), (2, two), (3, one)):
            queue.submit(
                Waiting(key=key, pid=process.pid, principal="ada", nice=0, arrived=float(key))
            )
        w.agents.signal(one, STOP)
        assert one.state is State.SUSPENDED and queue.admit(5.0) == [2]
        w.agents.signal(one, STOP)
        w.agents.signal(one, CONT)
        queue.finish(2, {}, 6.0)
        assert one.state is State.RUNNING and queue.admit(7.0) == [1]
        assert w.sent(one) == [STOP, STOP, CONT] and w.sent(two) == []

    scene(work)


@pytest.mark.parametrize("kind", [Kind.DRIVER, Kind.SERVICE])
def test_workers_end_with_their_driver_or_service_and_an_agents_children_do_not(
    scene: Play, kind: Kind
) -> None:
    async def work(w: World) -> None:
        owner = w.table.create(
            principal="ada", program="x", name="eyes", kind=kind,
            capabilities=CapabilitySet.parse(["*"]),
        )  # fmt: skip
        worker, agent = await w.run(owner), await w.run()
        child = await w.run(agent)
        w.agents.on_exit(owner.pid, 1, 0)
        w.launcher.end(agent.pid)
        assert w.sent(worker) == [KILL] and w.sent(child) == []
        w.launcher.end(worker.pid, 0, KILL)
        assert worker.exit_code == 137 and "eyes has ended" in str(worker.exit_reason)

    scene(work)


@pytest.mark.parametrize("number", [TERM, KILL, signals.SIGINT])
def test_suspended_process_goes_on_to_take_another_signal(
    scene: Play, number: signals.Signals
) -> None:
    async def work(w: World) -> None:
        process = await w.run()
        w.agents.signal(process, STOP)
        w.agents.signal(process, number)
        assert w.sent(process) == [STOP, CONT, number] and process.state is State.RUNNING

    scene(work)


def test_signal_is_refused_where_it_makes_no_sense(scene: Play) -> None:
    async def work(w: World) -> None:
        process = await w.run()
        w.launcher.end(process.pid)
        with pytest.raises(InvalidArgument, match="has ended"):
            w.agents.signal(process, TERM)
        with pytest.raises(InvalidArgument, match="no program"):
            w.agents.signal(w.person, TERM)
        driver = w.table.create(principal="ada", program="memory", kind=Kind.DRIVER)
        driver.os_pid = OFFSET + driver.pid
        with pytest.raises(PermissionDenied, match="driver"):
            w.agents.signal(driver, STOP)
        w.agents.signal(driver, TERM)
        assert w.launcher.signals == [(driver.pid, TERM)]

    scene(work)


@pytest.mark.parametrize("durable", [False, True])
def test_process_that_is_killed_while_it_is_launched_ends(scene: Play, durable: bool) -> None:
    async def work(w: World) -> None:
        async def on_launch(launch: Launch) -> None:
            w.agents.signal(w.table[launch.pid], TERM)

        w.launcher.on_launch = on_launch
        w.launcher.on_signal = lambda pid, number: w.launcher.end(pid, number=number)
        process = await w.run(durable=durable)
        assert w.sent(process) == [KILL]
        assert (process.exit_code, process.exit_reason) == (143, "ended by SIGTERM")

    scene(work)


def test_worker_whose_service_ends_while_it_is_launched_ends_with_it(scene: Play) -> None:
    async def work(w: World) -> None:
        service = w.table.create(principal="ada", program="s", parent=w.person, kind=Kind.SERVICE)

        async def on_launch(launch: Launch) -> None:
            w.agents.on_exit(service.pid, 0, 0)

        w.launcher.on_launch = on_launch
        worker = await w.run(service)
        assert w.sent(worker) == [KILL]

    scene(work)


@pytest.mark.parametrize(
    ("code", "number", "told", "reason"),
    [
        (0, 0, 0, "finished"),
        (3, 0, 3, "ended with code 3"),
        (0, 9, 137, "ended by SIGKILL"),
        (0, 11, 139, "ended by SIGSEGV"),
        (0, 40, 168, "ended by signal 40"),
    ],
)
def test_end_is_told_once_with_code_and_reason(
    scene: Play, code: int, number: int, told: int, reason: str
) -> None:
    async def work(w: World) -> None:
        process = await w.run()
        w.agents.on_exit(process.pid, code, number)
        w.agents.on_exit(process.pid, 99, 0)
        w.agents.on_exit(12345, 0, 0)
        assert (process.state, process.exit_code) == (State.ZOMBIE, told)
        assert process.exit_reason == reason and process.exited.is_set()
        assert w.ended == [process.pid]
        (event,) = [one for one in w.events.last(9) if one.kind == "process.exited"]
        assert event.details == {"code": told}

    scene(work)


def test_connection_of_an_ended_process_is_cut(scene: Play) -> None:
    async def work(w: World) -> None:
        process = await w.run()
        # As a program's own child would, which has inherited it.
        client = await connect(w.launcher.ends[process.pid].dup())
        w.launcher.end(process.pid)
        try:
            async with asyncio.timeout(1):
                await client.lost.wait()
        except TimeoutError:
            pytest.fail("it still speaks for the dead")
        finally:
            client.close()
            await client.lost.wait()

    scene(work)


def test_stopped_process_is_asked_and_not_killed_when_it_obeys(scene: Play) -> None:
    async def work(w: World) -> None:
        process, loop = await w.run(), asyncio.get_running_loop()
        w.launcher.on_signal = lambda pid, number: (
            loop.call_later(3, w.launcher.end, pid, 7) if number is TERM else None
        )
        await w.agents.stop(process, 10)
        assert (loop.time(), process.exit_code, w.sent(process)) == (3, 7, [TERM])
        await w.agents.stop(process, 10)
        assert w.sent(process) == [TERM]

    scene(work)


def test_stopped_process_that_does_not_end_is_killed_even_a_suspended_one(scene: Play) -> None:
    async def work(w: World) -> None:
        process, loop = await w.run(), asyncio.get_running_loop()
        w.agents.signal(process, STOP)
        w.launcher.on_signal = lambda pid, number: (
            loop.call_soon(w.launcher.end, pid, 0, 9) if number is KILL else None
        )
        await w.agents.stop(process, 10)
        assert loop.time() == pytest.approx(10)
        assert process.exit_code == 137 and w.sent(process) == [STOP, CONT, TERM, KILL]

    scene(work)


@pytest.mark.parametrize(
    "order", [{"timeout": 60}, {"budget": {"wall_seconds": 60}, "timeout": 900}]
)
def test_process_past_its_time_is_asked_and_then_killed_and_ends_with_124(
    scene: Play, order: dict[str, Any]
) -> None:
    async def work(w: World) -> None:
        process, loop = await w.run(**order), asyncio.get_running_loop()
        w.agents.signal(process, STOP)
        w.launcher.on_signal = lambda pid, number: (
            loop.call_soon(w.launcher.end, pid, 0, 9) if number is KILL else None
        )
        await process.exited.wait()
        assert loop.time() == pytest.approx(60 + GRACE)
        assert w.sent(process) == [STOP, CONT, TERM, KILL]
        assert (process.exit_code, process.exit_reason) == (124, "stopped after 60 s")

    scene(work)


def test_process_that_ends_in_time_is_not_ended_again(scene: Play) -> None:
    async def work(w: World) -> None:
        process = await w.run(timeout=60)
        await asyncio.sleep(59)
        w.launcher.end(process.pid, 5)
        await asyncio.sleep(600)
        assert process.exit_code == 5 and w.launcher.signals == []

    scene(work)


def test_child_has_no_more_time_than_what_is_left_of_its_parents(scene: Play) -> None:
    async def work(w: World) -> None:
        parent = await w.run(budget={"wall_seconds": 60})
        await asyncio.sleep(50)
        child = await w.run(parent)
        await asyncio.sleep(11)
        assert TERM in w.sent(parent) and TERM in w.sent(child)

    scene(work)


def test_removed_process_is_forgotten_with_its_log_but_not_while_it_lives(scene: Play) -> None:
    async def work(w: World) -> None:
        process = await w.run()
        assert process.log is not None
        with pytest.raises(InvalidArgument, match="still runs"):
            w.agents.remove(process)
        assert process.log.exists()
        w.launcher.end(process.pid)
        w.agents.remove(process)
        assert not process.log.exists() and w.table.find(process.pid) is None
        with pytest.raises(NotFound):
            w.agents.remove(process)

    scene(work)


def test_process_that_nobody_keeps_can_be_asked_for_a_while_how_it_ended(scene: Play) -> None:
    async def work(w: World) -> None:
        process = await w.run(remove=True)
        other = await w.run(remove=True)
        w.launcher.end(process.pid, 4)
        w.launcher.end(other.pid)
        w.agents.remove(other)
        await asyncio.sleep(LINGER - 0.1)
        assert w.table[process.pid].exit_code == 4
        await asyncio.sleep(0.2)
        assert w.table.find(process.pid) is None
        assert process.log is not None and not process.log.exists()

    scene(work)


def test_only_so_many_ended_processes_are_kept(
    scene: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEPT", 3)

    async def work(w: World) -> None:
        ended = [await w.run() for _ in range(5)]
        living = await w.run()
        for process in ended:
            w.launcher.end(process.pid)
        kept = [process.pid for process in w.table if process.kind is Kind.AGENT]
        assert kept == [process.pid for process in [*ended[2:], living]]
        assert ended[0].log is not None and not ended[0].log.exists()

    scene(work)


def test_process_that_has_run_longest_is_kept_when_it_ends_last(
    scene: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEPT", 3)

    async def work(w: World) -> None:
        first = await w.run()
        for _ in range(3):
            other = await w.run()
            await asyncio.sleep(1)
            w.launcher.end(other.pid)
        await asyncio.sleep(1)
        w.launcher.end(first.pid)
        assert w.table.find(first.pid) is first

    scene(work)


def test_orphan_lives_on_and_belongs_to_its_parents_parent(scene: Play) -> None:
    async def work(w: World) -> None:
        parent = await w.run(budget={"tokens": 10})
        child = await w.run(parent)
        w.launcher.end(parent.pid)
        assert child.parent == w.person.pid and child.state is State.RUNNING
        assert child.budget.remaining("tokens") == 10
        with pytest.raises(InvalidArgument, match="has ended"):
            await w.run(parent)

    scene(work)
