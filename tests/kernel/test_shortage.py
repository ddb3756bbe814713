"""Calls whose cost nobody knows run one after another under a limit, and nobody waits for ever."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from llmagentos.kernel.budget import Limits
from llmagentos.kernel.process import State
from llmagentos.kernel.shortage import PATIENCE
from llmagentos.syscalls.client import Client
from llmagentos.syscalls.errors import LLMAgentOSError, QuotaExceeded, TryAgain

from .house import House, play

Call = asyncio.Future[Any]


def start(agent: Client) -> Call:
    return asyncio.ensure_future(agent.call("store.work", deadline=600.0))


async def end(house: House, **cost: float) -> None:
    house.store.costs.put_nowait(dict(cost))
    house.store.costs.put_nowait(None)


async def waiting(house: House, count: int) -> None:
    """Wait until so many calls stand in line."""
    while len(house.trap._shortage) != count:  # noqa: ASYNC110
        await asyncio.sleep(0)


@pytest.mark.parametrize("resource", ["money", "device_seconds"])
def test_first_calls_of_a_kind_at_once_never_spend_more_than_the_limit(resource: str) -> None:
    async def scene(house: House) -> None:
        await house.device(20)
        process, agent = await house.process("*", limits=Limits({resource: 1.0}))
        calls = [start(agent) for _ in range(10)]
        await house.store.begun.get()
        await waiting(house, 9)
        assert house.store.begun.empty()
        await end(house, tokens=500.0, **{resource: 0.3})
        # By now it is known what such a call costs: two more of them fit.
        for _ in range(2):
            await house.store.begun.get()
        for _ in range(2):
            await end(house, tokens=500.0, **{resource: 0.3})
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert [one for one in outcomes if one is None] == [None] * 3
        assert sum(isinstance(one, QuotaExceeded) for one in outcomes) == 7
        assert process.budget.usage()[resource] == pytest.approx(0.9)

    play(scene)


def test_calls_of_a_free_kind_wait_for_the_first_one_alone() -> None:
    async def scene(house: House) -> None:
        await house.device(20)
        _, agent = await house.process("*", limits=Limits({"money": 1.0}))
        calls = [start(agent) for _ in range(10)]
        await house.store.begun.get()
        await end(house)
        for _ in range(9):
            await house.store.begun.get()
        for _ in range(9):
            await end(house)
        assert await asyncio.gather(*calls) == [None] * 10

    play(scene)


def test_one_that_waits_may_be_taken_back_suspended_or_die_and_the_others_go_on() -> None:
    async def scene(house: House) -> None:
        await house.device(20)
        parent, agent = await house.process("*", limits=Limits({"money": 1.0}))
        first = start(agent)
        await house.store.begun.get()
        back, slow, last = start(agent), start(agent), start(agent)
        await waiting(house, 3)
        back.cancel()
        await waiting(house, 2)
        parent.state = State.SUSPENDED
        house.trap.steering.suspend(parent)
        parent.state = State.RUNNING
        house.trap.steering.resume(parent)
        await end(house, money=0.1)
        for _ in range(2):
            await house.store.begun.get()
            await end(house, money=0.1)
        await asyncio.gather(first, slow, last)
        assert parent.budget.usage() == {"money": pytest.approx(0.3)}

    play(scene)


def test_right_that_is_revoked_while_a_call_waits_is_none() -> None:
    async def scene(house: House) -> None:
        await house.device(20)
        process, agent = await house.process("store.*", limits=Limits({"money": 1.0}))
        first = start(agent)
        await house.store.begun.get()
        second = start(agent)
        await waiting(house, 1)
        process.capabilities = type(process.capabilities)()
        await end(house, money=0.1)
        await first
        with pytest.raises(LLMAgentOSError, match="no capability"):
            await second

    play(scene)


def test_whoever_waits_too_long_is_refused_with_when_to_try_again() -> None:
    async def scene(house: House) -> None:
        await house.device(20)
        _, agent = await house.process("*", limits=Limits({"money": 1.0}))
        first = start(agent)
        await house.store.begun.get()
        second = start(agent)
        await waiting(house, 1)
        clock, house.trap.clock = house.trap.clock, lambda: clock() + PATIENCE + 1
        house.trap.tick()
        house.trap.clock = clock
        with pytest.raises(TryAgain) as refusal:
            await second
        assert refusal.value.details["retry_after"] > 0
        await end(house)
        await first

    play(scene)
