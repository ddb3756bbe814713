"""Who dies by accident is started again, ever later, and given up only then."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from llmagentos.kernel.capability import Capability, CapabilitySet
from llmagentos.kernel.durable.branch import branch
from llmagentos.kernel.durable.recovery import recover
from llmagentos.kernel.durable.replay import PATIENCE
from llmagentos.kernel.durable.revival import Revival
from llmagentos.kernel.durable.story import RIGHTS
from llmagentos.kernel.journal.reader import segment
from llmagentos.kernel.journal.record import Kind, Record
from llmagentos.kernel.journal.recorder import JournalRecorder
from llmagentos.kernel.journal.writer import JournalWriter, segments
from llmagentos.kernel.launcher.contract import Launch
from llmagentos.kernel.mailbox import PostOffice
from llmagentos.kernel.process import ControlBlock, State
from llmagentos.kernel.restarts import FIRST_DELAY, INTENSITY
from llmagentos.syscalls.errors import DeviceError

from ..conftest import play
from ..world import World, world


@asynccontextmanager
async def kept(folder: Path) -> AsyncIterator[tuple[World, Revival]]:
    """A world whose durable agents are started again."""
    async with world(folder) as made:
        census = recover(made.paths.journal).census
        journal = JournalWriter(made.paths.journal, census=census)
        recorder = JournalRecorder(journal)
        made.agents.on_birth.append(recorder.started)
        made.agents.on_end.append(recorder.exited)
        made.agents.on_removal.append(recorder.removed)
        revival = Revival(
            table=made.table,
            trap=made.agents._trap,
            agents=made.agents,
            recorder=recorder,
            post=PostOffice(),
            events=made.events,
            journal=made.paths.journal,
            census=census,
        )
        try:
            async with revival:
                yield made, revival
        finally:
            recorder.close()
            journal.close()


async def until(done: Callable[[], bool]) -> None:
    """Wait in small steps: time would jump past all limits while a thread reads a story."""
    for _ in range(100_000):
        if done():
            return
        await asyncio.sleep(0.001)


async def started(made: World, count: int) -> None:
    """Wait until so many programs were started."""
    await until(lambda: len(made.launcher.launches) >= count)


async def die(made: World, process: ControlBlock, number: int = signal.SIGSEGV) -> None:
    made.launcher.end(process.pid, number=number)


def test_next_life_has_the_same_pid_and_begins_at_once(tmp_path: Path) -> None:
    async def scene() -> None:
        async with kept(tmp_path) as (made, _):
            process = await made.run(durable=True)
            first = made.launcher.launches[0]
            await die(made, process)
            await started(made, 2)
            second = made.launcher.launches[1]
            assert (second.pid, second.arguments) == (first.pid, first.arguments)
            assert process.incarnation == 2 and process.state is not State.ZOMBIE
            assert made.ended == []

    play(scene)


def test_own_end_and_a_wanted_one_are_final(tmp_path: Path) -> None:
    async def scene() -> None:
        async with kept(tmp_path) as (made, _):
            one, two, three = [await made.run(durable=True) for _ in range(3)]
            made.launcher.end(one.pid, code=3)
            made.agents.signal(two, signal.SIGKILL)
            made.launcher.end(two.pid, number=signal.SIGKILL)
            made.agents.signal(three, signal.SIGSTOP)
            made.launcher.end(three.pid, number=signal.SIGKILL)  # Somebody else's signal.
            assert made.ended == [one.pid, two.pid]
            assert (one.exit_code, two.exit_reason) == (3, "ended by SIGKILL")
            assert three.state is not State.ZOMBIE

    play(scene)


def test_who_dies_too_often_is_given_up_with_the_reason(tmp_path: Path) -> None:
    async def scene() -> None:
        async with kept(tmp_path) as (made, _):
            process = await made.run(durable=True)
            for life in range(1, INTENSITY + 1):
                await started(made, life)
                await die(made, process)
            assert process.exit_code == 128 + signal.SIGSEGV
            assert process.exit_reason == "given up: ended by signal 11 10 times in a row"
            waits = [
                later - earlier
                for earlier, later in zip(
                    made.launcher.times[1:], made.launcher.times[2:], strict=False
                )
            ]
            assert waits[0] >= FIRST_DELAY and sum(waits) > 60

    play(scene)


def test_one_that_waits_for_its_next_life_can_be_killed(tmp_path: Path) -> None:
    async def scene() -> None:
        async with kept(tmp_path) as (made, _):
            process = await made.run(durable=True)
            for life in (1, 2):
                await started(made, life)
                await die(made, process)
            made.agents.signal(process, signal.SIGTERM)
            await until(process.exited.is_set)
            assert process.exit_reason == "ended by SIGTERM"
            assert len(made.launcher.launches) == 2

    play(scene)


def test_launch_that_fails_is_tried_again(tmp_path: Path) -> None:
    async def scene() -> None:
        async with kept(tmp_path) as (made, _):
            process = await made.run(durable=True)
            made.launcher.failures = [DeviceError("the zygote has died")]
            await die(made, process)
            await started(made, 3)
            assert process.incarnation == 3 and process.state is not State.ZOMBIE

    play(scene)


def test_what_a_stopping_kernel_ends_is_alive_in_the_journal(tmp_path: Path) -> None:
    async def scene() -> Path:
        async with kept(tmp_path) as (made, _):
            process = await made.run(durable=True)
            made.launcher.on_signal = lambda pid, number: made.launcher.end(pid, number=number)
            await made.run()
        assert process.exit_code is None
        return made.paths.journal

    folder = play(scene)
    durable, plain = recover(folder).processes
    assert durable.story is not None and durable.end is None
    assert plain.story is None


def test_what_a_dead_one_needs_to_begin_again_is_made_anew(tmp_path: Path) -> None:
    async def scene() -> None:
        async with kept(tmp_path) as (made, _):
            process = await made.run(durable=True)
            assert process.home is not None and process.log is not None
            process.home.rmdir()
            process.log.unlink()
            await die(made, process)
            await started(made, 2)
            assert process.home.is_dir() and process.log.is_file()
            assert process.incarnation == 2

    play(scene)


@pytest.mark.parametrize("durable", [True, False])
def test_next_kernel_knows_what_an_ended_one_has_left(tmp_path: Path, durable: bool) -> None:
    def shown(process: ControlBlock) -> list[object]:
        found = [process.started, process.ended, process.syscalls, process.nice, process.taints]
        return [*found, process.budget.usage(), process.home, process.readable, process.sandbox]

    async def first() -> tuple[Path, list[object]]:
        async with kept(tmp_path) as (made, _):
            process = await made.run(nice=3, durable=durable)
            process.syscalls, process.taints = 7, ("a page",)
            process.budget.spend({"tokens": 5.0})
            await asyncio.sleep(40)
            made.launcher.end(process.pid)
        return made.paths.journal, shown(process)

    folder, before = play(first)

    async def second() -> None:
        async with kept(tmp_path) as (made, revival):
            for former in recover(folder).processes:
                revival.restore(former)
            after = shown(made.table[2])
            # When it ended stands in the record, whose clock is another one here.
            assert after[:1] + after[2:] == before[:1] + before[2:]
            assert {"tokens": 5.0} in after and made.person.budget.usage() == {}
            assert made.table[2].was_durable == durable

    play(second)


def test_refused_spawn_is_forgotten_by_the_next_kernel_too(tmp_path: Path) -> None:
    async def scene() -> Path:
        async with kept(tmp_path) as (made, _):
            made.launcher.failures = [DeviceError("no sandbox here")]
            with pytest.raises(DeviceError):
                await made.run(durable=True)
            assert made.ended == [2] and not list(made.paths.logs.iterdir())
        return made.paths.journal

    assert recover(play(scene)).processes == []


def test_one_whose_folder_cannot_be_made_ends_alone_and_says_why(tmp_path: Path) -> None:
    async def first() -> tuple[Path, Path]:
        async with kept(tmp_path) as (made, _):
            made.launcher.on_signal = lambda pid, number: made.launcher.end(pid, number=number)
            process, _ = await made.run(durable=True), await made.run(durable=True, name="two")
            assert process.home is not None
        return made.paths.journal, process.home

    folder, home = play(first)
    home.rmdir()
    home.touch()

    async def second() -> None:
        async with kept(tmp_path) as (made, revival):
            for former in recover(folder).processes:
                revival.restore(former)
            await started(made, 1)
            one, two = made.table[2], made.table[3]
            await until(one.exited.is_set)
            assert one.exit_reason is not None and "File exists" in one.exit_reason
            assert two.state is not State.ZOMBIE and two.os_pid is not None

    play(second)


def test_fork_of_a_tainted_process_is_tainted_before_it_begins(tmp_path: Path) -> None:
    taints: list[tuple[str, ...]] = []

    async def scene() -> Path:
        async with kept(tmp_path) as (made, revival):
            process = await made.run()
            made.agents._trap.taint.mark(process, "a page")

            async def on_launch(launch: Launch) -> None:
                taints.append(made.table[launch.pid].taints)

            made.launcher.on_launch = on_launch
            made.launcher.on_signal = lambda pid, number: made.launcher.end(pid, number=number)
            forking = asyncio.ensure_future(revival.fork(made.person, process.pid, 0))
            await until(forking.done)
            forking.result()
        return made.paths.journal

    folder = play(scene)
    assert taints == [("a page via process 2",)]
    # And it is when it has ended, with its kernel, before it has made a call.
    _, fork = recover(folder).processes
    assert fork.story is not None and fork.story.taints == taints[0]
    assert branch(folder, fork.pid).taints == taints[0]


async def rights_of_a_fork(made: World, revival: Revival, pid: int) -> list[str]:
    forking = asyncio.ensure_future(revival.fork(made.person, pid, 0))
    await until(forking.done)
    return [str(one) for one in forking.result().capabilities]


def test_what_was_taken_from_a_process_does_not_come_back_with_its_fork(tmp_path: Path) -> None:
    async def scene() -> None:
        async with kept(tmp_path) as (made, revival):
            held = CapabilitySet.parse(["memory.*", "clock.*"])
            process = await made.run(durable=True, capabilities=held)
            process.capabilities = held.revoked(Capability.parse("memory.put"))
            left = ["memory.*", "clock.*", "!memory.put"]
            assert await rights_of_a_fork(made, revival, process.pid) == left
            # Of one that has ended the journal tells.
            revival._recorder.mark(process, RIGHTS, left)
            made.table.exit(process, 0, "finished")
            assert await rights_of_a_fork(made, revival, process.pid) == left
            made.launcher.on_signal = lambda pid, number: made.launcher.end(pid, number=number)

    play(scene)


def test_fork_of_a_damaged_record_repeats_nothing_that_may_have_happened(tmp_path: Path) -> None:
    def damage(path: Path) -> None:
        """Break the record of the second of three calls."""
        at = [offset for offset, record in segment(path) if record.ask][1]
        data = bytearray(path.read_bytes())
        data[at + 20] ^= 1
        path.write_bytes(data)

    async def scene() -> Path:
        async with kept(tmp_path) as (made, revival):
            process = await made.run(durable=True)
            for ask in (1, 2, 3):
                revival._recorder.copy(
                    Record(
                        kind=Kind.CALL,
                        time=1.0,
                        pid=process.pid,
                        syscall="shop.sell",
                        outcome="ok",
                        body=b"\xc0",
                        ask=ask,
                        asked=ask,
                    )
                )
            revival._recorder.flush()
            damage(segments(made.paths.journal)[-1])
            forking = asyncio.ensure_future(revival.fork(made.person, process.pid, 3))
            await until(forking.done)
            replay = forking.result().durable
            assert replay is not None and replay.replay is not None
            story = replay.replay._story
            assert story is not None and story.damaged and list(story.calls) == [1, 3]
            made.launcher.on_signal = lambda pid, number: made.launcher.end(pid, number=number)
        return made.paths.journal

    folder = play(scene)
    _, fork = recover(folder).processes
    assert fork.story is not None and fork.story.damaged and fork.story.reached == 3
    assert branch(folder, fork.pid).damaged


def test_fork_keeps_its_model_under_the_next_kernel(tmp_path: Path) -> None:
    async def scene() -> Path:
        async with kept(tmp_path) as (made, revival):
            process = await made.run(durable=True)
            forking = asyncio.ensure_future(revival.fork(made.person, process.pid, 0, "small"))
            await until(forking.done)
            fork = forking.result()
            await asyncio.sleep(2 * PATIENCE)  # Whoever looks after its replay is through.
            assert fork.durable is not None and fork.durable.model == "small"
            made.launcher.on_signal = lambda pid, number: made.launcher.end(pid, number=number)
        return made.paths.journal

    _, fork = recover(play(scene)).processes
    assert (fork.order["model"], fork.order["since"]) == ("small", 0)
