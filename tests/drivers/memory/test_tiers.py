"""Episodic and semantic memory: written, recalled, learned, forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from llmagentos.drivers.index.file import rows
from llmagentos.drivers.memory.driver import MemoryDriver
from llmagentos.syscalls.errors import InvalidArgument, PermissionDenied, TooBig
from llmagentos.syscalls.server import Caller, serving

from .conftest import play

Opened = Callable[[], AbstractAsyncContextManager[MemoryDriver]]
World = Any  # of conftest.py
ALICE = Caller(pid=1, principal="alice", call=1)
ALICE_TOO = Caller(pid=2, principal="alice", call=2)
BOB = Caller(pid=3, principal="bob", call=3)


def at(memory: MemoryDriver, clock: list[float]) -> None:
    """Let a memory live by a clock."""
    memory._stores.pieces._now = lambda: clock[0]


async def texts(memory: MemoryDriver, query: str, **more: Any) -> list[str]:
    return [one.text for one in await memory.recall(query, **more)]


def test_what_was_written_is_recalled_by_its_words(opened: Opened) -> None:
    async def scene(memory: MemoryDriver) -> None:
        await memory.write("The office is in Oslo", source="Ann")
        await memory.write("Apples were bought", tier="episodic")
        (piece,) = await memory.recall("where are the offices?")
        assert (piece.text, piece.tier, piece.source) == (
            "The office is in Oslo",
            "semantic",
            "Ann",
        )
        assert 0 < piece.score
        assert await texts(memory, "bought apples", tiers=["semantic"]) == []
        assert await texts(memory, "bought apples", tiers=["episodic"]) == ["Apples were bought"]
        assert await texts(memory, "") == ["Apples were bought", "The office is in Oslo"]
        with serving(BOB):
            assert await memory.recall("offices") == [] == await memory.recall("")

    play(opened, scene)


def test_a_text_that_stands_there_is_strengthened_and_not_doubled(opened: Opened) -> None:
    async def scene(memory: MemoryDriver) -> None:
        first = await memory.write("The office is in Oslo", importance=0.4)
        again = await memory.write("the office is in OSLO!", importance=0.6)
        assert again.id == first.id and again.times == 2 and again.importance == 0.6
        assert again.strength > first.strength and again.text == first.text
        other = await memory.write("The office is in Oslo", tier="episodic")
        assert other.id != first.id and len(await memory.recall("")) == 2

    play(opened, scene)


def test_what_is_recalled_fades_later(opened: Opened) -> None:
    async def scene(memory: MemoryDriver) -> None:
        clock = [1000.0]
        at(memory, clock)
        await memory.write("red apples", importance=0.5)
        await memory.write("green pears", importance=0.5)
        clock[0] += 100
        await memory.recall("apples")
        assert await memory.decay(half_life=100.0, below=0.2) == 0
        clock[0] += 100
        assert await memory.decay(half_life=100.0, below=0.2) == 1
        (left,) = await memory.recall("")
        assert left.text == "red apples" and left.recalled == 1100.0
        assert await texts(memory, "pears") == []

    play(opened, scene)


def test_of_two_that_match_alike_the_later_comes_first(opened: Opened) -> None:
    async def scene(memory: MemoryDriver) -> None:
        clock = [1000.0]
        at(memory, clock)
        await memory.write("the meeting with Ann about pumps")
        clock[0] += 1000
        await memory.write("the meeting with Bob about pumps")
        found = await texts(memory, "meeting about pumps")
        assert found[0] == "the meeting with Bob about pumps"

    play(opened, scene)


def test_what_is_forgotten_is_nowhere_any_more(opened: Opened) -> None:
    async def scene(memory: MemoryDriver) -> None:
        piece = await memory.write("red apples")
        with serving(BOB):
            assert await memory.forget([piece.id]) == 0
        assert await memory.forget([piece.id, 99]) == 1
        assert await memory.recall("apples") == [] and await memory.forget([piece.id]) == 0
        assert (await memory.write("red apples")).id != piece.id

    play(opened, scene)


def test_what_means_the_same_is_recalled_where_a_model_for_sentences_runs(
    opened: Opened, world: World
) -> None:
    world.meanings = {"a fast car": [1.0, 0.0, 0.0], "quick auto": [0.9, 0.1, 0.0]}

    async def scene(memory: MemoryDriver) -> None:
        await memory.write("a fast car")
        await memory.write("boiled eggs")
        assert (await texts(memory, "quick auto"))[0] == "a fast car"
        with serving(who := Caller(pid=1, principal="alice", call=5)):
            await memory.recall("quick auto")
        assert who.usage == {"tokens": 1}

    play(opened, scene)


def test_what_was_written_without_a_vector_gets_one(opened: Opened, world: World) -> None:
    async def scene(memory: MemoryDriver) -> None:
        await memory.write("a fast car")
        world.meanings = {"a fast car": [1.0, 0.0, 0.0], "quick auto": [0.9, 0.1, 0.0]}
        memory._embedder._asked = None
        shelf = memory._stores.pieces.shelf
        async with asyncio.timeout(60):
            await memory.recall("anything")
            while await memory._do(lambda: shelf.lacking("s", 1)):  # noqa: ASYNC110
                await asyncio.sleep(0)
        assert await texts(memory, "quick auto") == ["a fast car"]

    play(opened, scene)


def test_bad_texts_are_refused(opened: Opened) -> None:
    async def scene(memory: MemoryDriver) -> None:
        for text in (" ", "\n", "\ud800"):
            with pytest.raises(InvalidArgument):
                await memory.write(text)
            with pytest.raises(InvalidArgument):
                await memory.think(text)
        assert await memory.recall("") == []

    play(opened, scene)


def test_an_answer_has_a_bound(opened: Opened) -> None:
    async def scene(memory: MemoryDriver) -> None:
        for number in range(90):
            await memory.write(f"{number} " + "x" * 99_990)
        assert len(await memory.recall("", limit=50)) == 50
        with pytest.raises(TooBig, match="fewer"):
            await memory.recall("", limit=90)

    play(opened, scene)


def test_a_write_that_fails_leaves_nothing_half_written(opened: Opened) -> None:
    async def scene(memory: MemoryDriver) -> None:
        await memory.write("red apples")
        await memory.recall("apples")
        base = memory._stores.base
        await memory._do(lambda: rows(base, "ALTER TABLE piece_sign RENAME TO away"))
        with pytest.raises(Exception, match="piece_sign"):
            await memory.write("green apples")
        await memory._do(lambda: rows(base, "ALTER TABLE away RENAME TO piece_sign"))
        assert await texts(memory, "apples") == ["red apples"] == await texts(memory, "")

    play(opened, scene)


# Namespaces.


def test_own_is_read_through_to_the_parents(opened: Opened, world: World) -> None:
    world.born(5, parent=2)
    world.born(2, parent=1)
    world.born(6, parent=3)  # of another principal's process

    async def scene(memory: MemoryDriver) -> None:
        await memory.put("k", "grandparent's", "own")
        await memory.put("only", 1, "own")
        await memory.write("grandparent's plan", namespace="own")
        with serving(ALICE_TOO):
            await memory.put("k", "parent's", "own")
        with serving(Caller(pid=5, principal="alice", call=9)):
            assert (await memory.get("k", "own")).value == "parent's"
            assert (await memory.get("only", "own")).value == 1
            await memory.put("k", "mine", "own")
            assert (await memory.get("k", "own")).value == "mine"
            assert await memory.keys("", "own") == ["k", "only"]
            assert [one.value for one in await memory.ls("", "own")] == ["mine", 1]
            assert {one.value for one in await memory.search("k mine", "own")} >= {"mine"}
            (found,) = await memory.recall("plan", namespace="own")
            assert await memory.forget([found.id], "own") == 0
            assert await memory.delete("only", "own") is False
        with serving(Caller(pid=6, principal="alice", call=10)):
            assert await memory.keys("", "own") == []
        found = (await memory.recall("", namespace="own"))[0]
        assert found.recalled is None  # A child's recall changes nothing above it.

    play(opened, scene)


def test_shared_is_open_to_those_it_was_shared_with(opened: Opened) -> None:
    async def scene(memory: MemoryDriver) -> None:
        space = "shared/team"
        await memory.write("the plan", namespace=space)
        await memory.put("k", 1, space)
        with serving(BOB):
            for call in (
                memory.recall("plan", namespace=space),
                memory.write("x", namespace=space),
                memory.get("k", space),
                memory.audit(space),
                memory.share("team", "carol"),
            ):
                with pytest.raises(PermissionDenied):
                    await call
        await memory.share("team", "bob")
        with serving(BOB):
            assert await texts(memory, "plan", namespace=space) == ["the plan"]
            with pytest.raises(PermissionDenied, match="writing"):
                await memory.write("x", namespace=space)
        assert (await memory.recall("", namespace=space))[0].recalled is None
        await memory.share("team", "bob", write=True)
        with serving(BOB):
            await memory.write("bob's", namespace=space)
        assert sorted(await texts(memory, "", namespace=space)) == ["bob's", "the plan"]
        assert await memory.unshare("team", "bob") and not await memory.unshare("team", "bob")
        with serving(BOB), pytest.raises(PermissionDenied):
            await memory.recall("plan", namespace=space)

    play(opened, scene)


# Taint.


def test_what_a_tainted_process_writes_taints_whoever_reads_it(opened: Opened) -> None:
    async def scene(memory: MemoryDriver) -> None:
        await memory.put("clean", 1)
        await memory.write("a clean text")
        with serving(Caller(pid=2, principal="alice", call=2, tainted=True)):
            await memory.put("stranger", 2)
            piece = await memory.write("a stranger's text")
            assert piece.untrusted
            await memory.think("a stranger's thought")
        for marked, call in (
            (False, lambda: memory.get("clean")),
            (False, lambda: memory.recall("clean")),
            (False, lambda: memory.ls("c")),
            (False, lambda: memory.search("clean")),
            (True, lambda: memory.get("stranger")),
            (True, lambda: memory.recall("stranger")),
            (True, lambda: memory.ls()),
            (True, lambda: memory.keys()),
            (True, lambda: memory.search("stranger")),
            (True, lambda: memory.audit()),
            (True, lambda: memory.mind(2)),
        ):
            with serving(who := Caller(pid=1, principal="alice", call=7)):
                await call()
            assert who.tainted is marked and bool(who.sources) is marked

    play(opened, scene)


# What is wrong with it.


def test_what_was_recalled_and_is_written_again_is_an_echo(opened: Opened) -> None:
    async def scene(memory: MemoryDriver) -> None:
        first = await memory.write("The office is in Oslo")
        await memory.recall("office")
        before = (await memory.recall("office"))[0]
        again = await memory.write("The office is in Oslo!")
        assert again.id == first.id and again.times == 1
        assert again.strength <= before.strength + 0.2
        echo = await memory.write("the office is in oslo", tier="episodic")
        with serving(ALICE_TOO):
            assert (await memory.write("The office is in Oslo")).times == 2  # Its own finding.
        audit = await memory.audit()
        assert [(one.kind, one.ids) for one in audit.findings] == [("echo", [first.id, echo.id])]
        assert audit.pieces == 2

    play(opened, scene)


def test_an_audit_finds_what_means_the_same(opened: Opened, world: World) -> None:
    world.meanings = {
        "a fast car": [1.0, 0.0, 0.0],
        "quick auto": [0.99, 0.1, 0.0],
        "the door is open": [0.0, 1.0, 0.0],
        "the door is shut": [0.0, 0.9, 0.5],
    }

    async def scene(memory: MemoryDriver) -> None:
        numbers = [(await memory.write(text)).id for text in world.meanings]
        found = [(one.kind, one.ids) for one in (await memory.audit()).findings]
        assert found == [("contradiction", numbers[2:]), ("duplicate", numbers[:2])]

    play(opened, scene)
