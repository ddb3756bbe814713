"""What happened becomes what is known."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from llmagentos.drivers.memory.driver import MemoryDriver
from llmagentos.drivers.memory.lessons import TOGETHER
from llmagentos.syscalls.errors import DeviceError, InvalidArgument, PermissionDenied
from llmagentos.syscalls.memory import Recollection

from .conftest import facts, play

Opened = Callable[[], AbstractAsyncContextManager[MemoryDriver]]
World = Any  # of conftest.py


async def known(memory: MemoryDriver) -> list[Recollection]:
    return sorted(await memory.recall("", tiers=["semantic"], limit=100), key=lambda one: one.id)


def use(world: World, pid: int, result: Any, outcome: str = "ok") -> None:
    arguments = {"name": "weather", "arguments": {"city": "Oslo"}}
    world.did(pid, "tool.call", result, arguments=arguments, outcome=outcome)


def test_what_repeats_is_learned_and_names_its_episodes(opened: Opened, world: World) -> None:
    use(world, 1, {"text": "rain", "data": None})
    world.did(1, "clock.now", 5.0)
    world.did(1, "memory.put", None)
    use(world, 2, {"text": "rain", "data": None})
    world.did(2, "model.chat", {"content": "It rains a lot."})
    world.did(2, "tool.call", "made by a driver", by=7)

    async def scene(memory: MemoryDriver) -> None:
        done = await memory.consolidate()
        assert (done.episodes, done.added, done.strengthened) == (2, 1, 0)
        episodes = await memory.recall("", tiers=["episodic"])
        assert {one.text for one in episodes} == {
            'tool.call weather {"city": "Oslo"} gave: rain',
            "model.chat gave: It rains a lot.",
        }
        (lesson,) = await known(memory)
        assert lesson.episodes == [one.id for one in episodes if one.times == 2]
        assert lesson.text == 'tool.call weather {"city": "Oslo"} gave: rain'
        # What was read is not read again; what goes on strengthens.
        assert (await memory.consolidate()).episodes == 0
        use(world, 1, {"text": "rain", "data": None})
        again = await memory.consolidate()
        assert (again.episodes, again.added, again.strengthened) == (1, 0, 1)
        assert (await known(memory))[0].strength > lesson.strength

    play(opened, scene)


def test_what_matters_is_learned_at_once_and_a_failure_matters_more(
    opened: Opened, world: World
) -> None:
    use(world, 1, "no such city", outcome="ENOENT")

    async def scene(memory: MemoryDriver) -> None:
        await memory.write("the client pays on Fridays", tier="episodic", importance=0.9)
        done = await memory.consolidate(pid=1)
        assert (done.episodes, done.added) == (2, 1)
        assert [one.text for one in await known(memory)] == ["the client pays on Fridays"]
        (failure,) = await memory.recall("failed", tiers=["episodic"])
        assert failure.text.endswith("failed with ENOENT: no such city")
        assert failure.importance == 0.6 and failure.source == "process 1"

    play(opened, scene)


def test_what_happened_counts_once_however_many_ask_at_once(opened: Opened, world: World) -> None:
    use(world, 1, "x")

    async def scene(memory: MemoryDriver) -> None:
        done = await asyncio.gather(*(memory.consolidate() for _ in range(4)))
        assert sorted(one.episodes for one in done) == [0, 0, 0, 1]
        assert [one.times for one in await memory.recall("", tiers=["episodic"])] == [1]

    play(opened, scene)


def test_a_process_that_counts_from_one_again_is_read_again(opened: Opened, world: World) -> None:
    for day in range(5):
        use(world, 1, f"day {day}")

    async def scene(memory: MemoryDriver) -> None:
        assert (await memory.consolidate(pid=1)).episodes == 5
        world.past[1] = []
        for day in range(6, 8):
            world.did(1, "tool.call", f"day {day}")
        assert (await memory.consolidate(pid=1)).episodes == 2
        assert (await memory.consolidate(pid=1)).episodes == 0

    play(opened, scene)


def test_whom_the_caller_may_not_look_at_is_left_out_or_refused(
    opened: Opened, world: World
) -> None:
    use(world, 1, "x")
    del world.past[2]

    async def scene(memory: MemoryDriver) -> None:
        assert (await memory.consolidate()).episodes == 1
        with pytest.raises(PermissionDenied):
            await memory.consolidate(pid=2)
        use(world, 3, "y")
        assert (await memory.consolidate("own")).episodes == 1  # The caller's alone.

    play(opened, scene)


def test_what_a_tainted_process_did_is_marked(opened: Opened, world: World) -> None:
    use(world, 2, "a stranger's word")
    use(world, 2, "a stranger's word")
    world.processes[2].tainted.append("http://example.org")

    async def scene(memory: MemoryDriver) -> None:
        await memory.consolidate()
        assert [one.untrusted for one in await known(memory)] == [True]

    play(opened, scene)


def test_the_model_writes_what_was_learned(opened: Opened, world: World) -> None:
    async def scene(memory: MemoryDriver) -> None:
        first = await memory.write("called Ann, no answer", tier="episodic", importance=0.3)
        second = await memory.write("mailed Ann, quick answer", tier="episodic", importance=0.5)
        world.replies.append(facts(("Ann is reached by mail.", [1, 2]), ("Ann is busy.", [1])))
        done = await memory.consolidate(extract=True)
        assert (done.episodes, done.added, done.dropped) == (2, 2, 0)
        mail, busy = await known(memory)
        assert mail.text == "Ann is reached by mail." and mail.episodes == [first.id, second.id]
        assert mail.importance == 0.5 and busy.episodes == [first.id]
        assert "1. called Ann, no answer\n2. mailed Ann" in world.asked[0][1]["content"]
        # The same said again strengthens, and rests on the new episode too.
        third = await memory.write("mailed Ann again", tier="episodic")
        world.replies.append(facts(("Ann is reached by mail", [1])))
        again = await memory.consolidate(extract=True)
        assert (again.added, again.strengthened) == (0, 1)
        assert (await known(memory))[0].episodes == [first.id, second.id, third.id]

    play(opened, scene)


@pytest.mark.parametrize(
    "answer",
    ["", "no JSON", "[]", '{"facts": [{"text": "x"}]}', facts(("x", [9])), facts(("", [1]))],
)
def test_a_useless_answer_is_dropped_and_counted(opened: Opened, world: World, answer: str) -> None:
    async def scene(memory: MemoryDriver) -> None:
        await memory.write("something", tier="episodic", importance=0.9)
        world.replies.append(answer)
        done = await memory.consolidate(extract=True)
        assert (done.added, done.dropped) == (1, 1)
        assert [one.text for one in await known(memory)] == ["something"]

    play(opened, scene)


def test_a_model_that_begins_with_useless_answers_is_not_asked_on(
    opened: Opened, world: World
) -> None:
    async def scene(memory: MemoryDriver) -> None:
        for number in range(5 * TOGETHER):
            await memory.write(f"event {number}", tier="episodic")
        world.replies += ["no JSON"] * 3
        done = await memory.consolidate(extract=True)
        assert (done.episodes, done.added, done.dropped) == (5 * TOGETHER, 0, 3)

    play(opened, scene)


def test_what_is_too_long_for_the_model_is_read_in_halves(opened: Opened, world: World) -> None:
    def long() -> InvalidArgument:
        return InvalidArgument("the conversation has 900 tokens", context=400)

    async def scene(memory: MemoryDriver) -> None:
        first, _, third = [
            await memory.write(f"event {number}", tier="episodic") for number in range(3)
        ]
        said = [facts(("One.", [1])), long(), long(), facts(("Three.", [1]))]
        world.replies += [long(), *said]
        done = await memory.consolidate(extract=True)
        assert (done.episodes, done.added, done.dropped) == (3, 2, 1)
        one, three = await known(memory)
        assert (one.text, one.episodes) == ("One.", [first.id])
        assert (three.text, three.episodes) == ("Three.", [third.id])

    play(opened, scene)


def test_what_the_model_refuses_otherwise_is_told(opened: Opened, world: World) -> None:
    async def scene(memory: MemoryDriver) -> None:
        await memory.write("something", tier="episodic")
        world.replies.append(InvalidArgument("this model keeps to no grammar"))
        with pytest.raises(InvalidArgument, match="no grammar"):
            await memory.consolidate(extract=True)

    play(opened, scene)


def test_a_model_that_fails_leaves_what_was_done_and_the_rest_for_later(
    opened: Opened, world: World
) -> None:
    async def scene(memory: MemoryDriver) -> None:
        for number in range(20):
            await memory.write(f"event {number}", tier="episodic")
        world.replies += [facts(("They count up.", [1, 2])), DeviceError("gone")]
        with pytest.raises(DeviceError):
            await memory.consolidate(extract=True)
        assert [one.text for one in await known(memory)] == ["They count up."]
        world.replies += [facts(("They have ended.", [1]))]
        assert (await memory.consolidate(extract=True)).episodes == 4

    play(opened, scene)


def test_what_means_the_same_is_learned_once(opened: Opened, world: World) -> None:
    world.meanings = {"a fast car": [1.0, 0.0, 0.0], "quick auto": [0.99, 0.1, 0.0]}

    async def scene(memory: MemoryDriver) -> None:
        await memory.write("a fast car")
        await memory.write("quick auto", tier="episodic", importance=0.9)
        done = await memory.consolidate()
        assert (done.added, done.strengthened) == (0, 1)
        (piece,) = await known(memory)
        assert piece.text == "a fast car" and len(piece.episodes) == 1

    play(opened, scene)
