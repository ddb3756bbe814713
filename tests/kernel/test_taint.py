"""Whoever reads what a stranger may have written is marked before it sees it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from llmagentos.kernel.process import ControlBlock, Kind, ProcessTable
from llmagentos.kernel.taint import KEPT, LONGEST, Taint, passed_on
from llmagentos.syscalls.errors import NotFound
from llmagentos.syscalls.message import VERSION, Signal
from llmagentos.syscalls.message import Kind as Frame

from .house import House, Store, play


def process(kind: Kind = Kind.AGENT) -> ControlBlock:
    return ProcessTable().create(principal="ada", program="test", kind=kind)


def test_answer_of_an_untrusted_syscall_marks_its_caller() -> None:
    async def scene(house: House) -> None:
        told: list[tuple[int, str]] = []
        house.trap.taint.on_first = lambda one, source: told.append((one.pid, source))
        await house.driver()
        me, agent = await house.process("*")
        await agent.proxy(Store).get("a")
        assert not me.taints
        for _ in range(2):
            await agent.proxy(Store).browse("web")
        assert me.taints == ("store.browse:web",)
        assert told == [(me.pid, "store.browse:web")]

    play(scene)


@pytest.mark.parametrize("thread", [False, True])
@pytest.mark.parametrize("broken", [False, True])
def test_caller_is_marked_before_it_has_what_its_provider_says_is_tainted(
    thread: bool, broken: bool
) -> None:
    async def scene(house: House) -> None:
        await house.driver()
        me, agent = await house.process("*")
        try:
            await agent.call("store.letter", {"source": "x", "thread": thread, "broken": broken})
        except NotFound:
            assert broken
        assert me.taints == ("x",)

    play(scene)


def test_item_of_a_stream_marks_its_reader_before_that_has_it() -> None:
    async def scene(house: House) -> None:
        await house.driver()
        me, agent = await house.process("*")
        seen = []
        async for _ in agent.stream("store.leaves", {"sources": ["", "x", "x", "y"]}):
            seen.append(me.taints)
        # The kernel may be ahead of the reader, never behind it.
        assert all(known[: len(least)] == least for known, least in zip(
            seen, [(), ("x",), ("x",), ("x", "y")], strict=True
        ))  # fmt: skip

    play(scene)


def test_nested_call_marks_the_process_that_it_is_made_for_and_no_driver() -> None:
    async def scene(house: House) -> None:
        driver, _ = await house.driver()
        driver.kind = Kind.DRIVER
        me, agent = await house.process("*")
        await agent.call("store.nested", {"name": "store.browse"})
        assert me.taints == ("store.browse:own",)
        assert driver.taints == ()

    play(scene)


def test_provider_is_told_whether_its_caller_is_tainted() -> None:
    async def scene(house: House) -> None:
        await house.device(1)
        _, agent = await house.process("*")
        assert not (await agent.call("store.glance"))["tainted"]
        await agent.proxy(Store).browse("web")
        assert (await agent.call("store.glance"))["tainted"]

    play(scene)


def test_nobody_is_marked_by_whoever_does_not_serve_it() -> None:
    async def scene(house: House) -> None:
        await house.driver()
        victim, agent = await house.process("*")
        task = asyncio.ensure_future(agent.call("store.sleep"))
        await house.store.waiting.wait()
        _, stranger = await house.process("*")
        for number in (1, 2, 99):
            stranger.connection.send((VERSION, Frame.SIGNAL, number, Signal.TAINT, "x"))
        await stranger.call("store.get", {"shelf": "a"})
        assert victim.taints == ()
        task.cancel()

    play(scene)


@pytest.mark.parametrize("said", [None, 7, [], {}])
def test_taint_that_is_no_text_ends_the_connection(said: Any) -> None:
    async def scene(house: House) -> None:
        _, client = await house.driver()
        client.connection.send((VERSION, Frame.SIGNAL, 1, Signal.TAINT, said))
        await client.lost.wait()

    play(scene)


@pytest.mark.parametrize("kind", [Kind.DRIVER, Kind.SERVICE, Kind.KERNEL])
def test_the_owners_own_programs_are_never_marked(kind: Kind) -> None:
    one = process(kind)
    Taint().mark(one, "x")
    assert one.taints == ()


def test_few_sources_are_kept_and_those_in_one_short_line() -> None:
    taint, one = Taint(), process()
    taint.mark(one, "a\x1b[31m\n" + "x" * 1000)
    for number in range(100):
        taint.mark(one, f"source {number}")
    assert len(one.taints) == KEPT
    assert len(one.taints[0]) == LONGEST + 1 and one.taints[0].isprintable()


def test_child_has_what_its_parent_has_and_where_that_is_from() -> None:
    taint, table = Taint(), ProcessTable()
    first, second, third = (table.create(principal="ada", program="x") for _ in range(3))
    taint.inherit(second, first)
    assert not second.taints
    taint.mark(first, "a page")
    taint.inherit(second, first)
    taint.inherit(third, second)
    assert second.taints == (f"a page via process {first.pid}",)
    assert third.taints == (f"a page via process {second.pid}",)
    assert passed_on(third.taints, third.pid) == f"a page via process {third.pid}"
