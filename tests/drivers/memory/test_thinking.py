"""Working memory: what a process has in mind, and what becomes of the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from llmagentos.drivers.memory.driver import MemoryDriver
from llmagentos.syscalls.errors import DeviceError, NotFound, QuotaExceeded
from llmagentos.syscalls.server import Caller, serving

from .conftest import play

Opened = Callable[[], AbstractAsyncContextManager[MemoryDriver]]
World = Any  # of conftest.py


def test_thoughts_are_held_in_order_and_counted(opened: Opened) -> None:
    async def scene(memory: MemoryDriver) -> None:
        await memory.think("abcd" * 10)
        mind = await memory.think("abcde", pinned=True)
        assert [(one.tokens, one.pinned) for one in mind.thoughts] == [(10, False), (2, True)]
        # Half of the running model's context of 400 tokens.
        assert (mind.tokens, mind.capacity) == (12, 200)
        assert await memory.mind() == mind
        with serving(Caller(pid=2, principal="alice", call=2)):
            assert (await memory.mind()).thoughts == []
            assert await memory.mind(1) == mind
            with pytest.raises(NotFound):
                await memory.mind(99)

    play(opened, scene)


def test_a_full_mind_puts_its_oldest_thoughts_into_episodes(opened: Opened) -> None:
    async def scene(memory: MemoryDriver) -> None:
        await memory.think("the goal: " + "g" * 100, pinned=True)
        for number in range(40):
            mind = await memory.think(f"step {number} " + "s" * 60)
            assert mind.tokens <= mind.capacity
        assert mind.thoughts[0].pinned and mind.thoughts[-1].text.startswith("step 39")
        standing = [one for one in mind.thoughts if one.summary_of]
        assert len(standing) == 1
        gone = 41 - (len(mind.thoughts) - 1)
        assert standing[0].summary_of == gone
        assert standing[0].text.startswith(f"[{gone} earlier thoughts lie in episodic memory")
        episodes = await memory.recall("", namespace="own", limit=100)
        assert len(episodes) == gone and {one.tier for one in episodes} == {"episodic"}
        assert (await memory.recall("step 0", namespace="own"))[0].text.startswith("step 0")

    play(opened, scene)


def test_what_leaves_no_room_is_refused_and_nothing_changes(opened: Opened) -> None:
    async def scene(memory: MemoryDriver) -> None:
        await memory.think("p" * 600, pinned=True)
        before = await memory.think("loose" * 8)
        for text, pinned in (("x" * 300, False), ("x" * 300, True), ("x" * 900, False)):
            with pytest.raises(QuotaExceeded):
                await memory.think(text, pinned)
        with pytest.raises(QuotaExceeded, match="150 tokens are pinned"):
            await memory.compact(100)
        assert await memory.mind() == before
        assert await memory.recall("", namespace="own") == []

    play(opened, scene)


def test_compaction_keeps_to_the_number_of_tokens(opened: Opened) -> None:
    async def scene(memory: MemoryDriver) -> None:
        for number in range(6):
            await memory.think(f"{number} " + "x" * 78)
        assert (await memory.compact(500)).tokens == 120
        mind = await memory.compact(90)
        assert mind.tokens <= 90 and mind.thoughts[0].summary_of == 4
        mind = await memory.compact(0)
        assert mind.thoughts == [] and len(await memory.recall("", namespace="own")) == 6

    play(opened, scene)


def test_the_model_sums_up_what_is_put_away(opened: Opened, world: World) -> None:
    async def scene(memory: MemoryDriver) -> None:
        for number in range(8):
            await memory.think(f"{number} " + "word " * 16)
        world.replies.append("Eight numbers\nwere seen.")
        mind = await memory.compact(120, summarise=True)
        standing = mind.thoughts[0]
        assert (
            standing.text == f"[{standing.summary_of} earlier thoughts: Eight numbers were seen.]"
        )
        assert mind.tokens <= 120 and "0 word" in world.asked[0][1]["content"]
        # The model's usage has told that its tokens are two bytes long.
        assert memory._thinking._window.count("abcdefgh") in (3, 4)

    play(opened, scene)


def test_a_summary_that_is_too_long_is_cut(opened: Opened, world: World) -> None:
    async def scene(memory: MemoryDriver) -> None:
        for number in range(8):
            await memory.think(f"{number} " + "word " * 14)
        world.replies.append("long " * 1000)
        mind = await memory.compact(60, summarise=True)
        assert mind.tokens <= 60 and len(await memory.recall("", namespace="own")) == 8

    play(opened, scene)


def test_a_model_that_fails_changes_nothing(opened: Opened, world: World) -> None:
    async def scene(memory: MemoryDriver) -> None:
        await memory.think("x" * 400)
        before = await memory.think("y" * 200)
        world.replies.append(DeviceError("gone"))
        with pytest.raises(DeviceError):
            await memory.compact(60, summarise=True)
        assert await memory.mind() == before
        assert await memory.recall("", namespace="own") == []

    play(opened, scene)


def test_thoughts_at_once_are_all_held(opened: Opened) -> None:
    async def scene(memory: MemoryDriver) -> None:
        await asyncio.gather(*(memory.think(f"thought {number}") for number in range(20)))
        assert len((await memory.mind()).thoughts) == 20

    play(opened, scene)


def test_a_mind_outlives_the_driver_but_not_its_process(opened: Opened, world: World) -> None:
    bob = Caller(pid=3, principal="bob", call=3)

    async def write(memory: MemoryDriver) -> None:
        await memory.think("mine")
        with serving(Caller(pid=2, principal="alice", call=2)):
            await memory.think("soon gone")
        with serving(bob):
            await memory.think("of somebody that cannot be looked at")

    async def later(memory: MemoryDriver) -> None:
        world.ended(2)
        del world.processes[3]  # For another principal's, as if it had never been.
        await memory._thinking.forget_gone()
        assert [one.text for one in (await memory.mind()).thoughts] == ["mine"]
        with serving(Caller(pid=2, principal="alice", call=4)):
            assert (await memory.mind()).thoughts == []
        with serving(bob):
            assert len((await memory.mind()).thoughts) == 1
        del world.processes[2]
        memory._stores.minds._now = lambda: 1e12
        await memory._thinking.forget_gone()
        assert memory._stores.minds.processes() == []

    play(opened, write)
    play(opened, later)
