"""Wherever its kernel is killed, a process comes to the same end and sells nothing twice."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmagentos.kernel.journal.reader import segment
from llmagentos.kernel.journal.record import Kind
from llmagentos.kernel.journal.recorder import Sync
from llmagentos.kernel.journal.writer import segments
from llmagentos.syscalls.client import Client
from llmagentos.syscalls.codec import unpack

from .stage import Stage, sell

#: A step: look, sell something of one's own, give way, or some of these beside each other.
Step = Any
STEPS = st.recursive(
    st.sampled_from(["look", "sell", "yield"]),
    lambda inner: st.lists(inner, min_size=1, max_size=4),
    max_leaves=12,
)
PROGRAMS = st.lists(STEPS, min_size=1, max_size=6)


def numbered(steps: list[Step]) -> list[Step]:
    """Give each sale an item of its own."""
    count = iter(range(1000))

    def one(step: Step) -> Step:
        if isinstance(step, list):
            return [one(part) for part in step]
        return ("sell", next(count)) if step == "sell" else step

    return [one(step) for step in steps]


async def play(client: Client, steps: list[Step]) -> list[Any]:
    """Be the program: return what each step has brought."""

    async def one(step: Step) -> Any:
        if step == "yield":
            await asyncio.sleep(0)
            return None
        if step == "look":
            return await client.call("shop.look")
        if isinstance(step, tuple):
            return await sell(client, step[1])

        async def branch(parts: list[Step]) -> list[Any]:
            return [await one(part) for part in parts]

        # Which of these goes on first depends on what is answered first.
        return await asyncio.gather(*(branch([part, "look", "yield", "look"]) for part in step))

    return [await one(step) for step in steps]


def boundaries(folder: Path) -> list[int]:
    """Return where the records of the newest file end."""
    path = segments(folder)[-1]
    return [offset for offset, _ in segment(path)] + [path.stat().st_size]


def intended(folder: Path) -> list[int]:
    """Return what went out, as the journal has it: it may have happened."""
    found = []
    for path in segments(folder):
        for _, record in segment(path, 0, lambda damage: None):
            if record.kind is Kind.INTENT:
                found.append(unpack(record.arguments)["item"])
    return found


def known(stage: Stage) -> dict[int, Any]:
    story = stage.story()
    return {} if story is None else {one.ask: one.body for one in story.told}


@pytest.mark.parametrize("sync", ["none", "effects"])
@given(
    steps=PROGRAMS,
    kills=st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=3),
)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_answer_is_the_same_and_nothing_is_sold_twice(
    sync: Sync, steps: list[Step], kills: list[tuple[float, bool]]
) -> None:
    program = numbered(steps)
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(folder=Path(folder), sync=sync)
        asyncio.run(stage.run(lambda client: play(client, program)))
        for share, whole in kills:
            ends = boundaries(stage.folder)
            size = round(ends[-1] * share)
            stage.cut(max((end for end in ends if end <= size), default=0) if whole else size)
            out, told = intended(stage.folder), known(stage)
            answer = asyncio.run(stage.run(lambda client: play(client, program)))
            assert not stage.killer.reasons
            assert not set(out) & set(stage.shop.sold)
            assert len(set(stage.shop.sold)) == len(stage.shop.sold)
            # What it was told before the kill it was told again.
            again = known(stage)
            assert {ask: again[ask] for ask in told} == told
        # One that is not killed any more makes nothing new of it.
        assert asyncio.run(stage.run(lambda client: play(client, program))) == answer
        assert not stage.shop.sold
