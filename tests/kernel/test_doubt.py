"""A call that may have had its effect waits for a person, and what refuses it leaves the doubt."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest

from llmagentos.kernel.approvals import OF_PROCESS, PATIENCE
from llmagentos.kernel.budget import Limits
from llmagentos.kernel.durable.state import Durable
from llmagentos.kernel.process import ControlBlock, State
from llmagentos.kernel.spawn import Order
from llmagentos.syscalls.client import Client
from llmagentos.syscalls.codec import pack
from llmagentos.syscalls.errors import DeadlineExceeded, InDoubt
from llmagentos.syscalls.server import Server
from llmagentos.syscalls.table import describe

from .conftest import settle
from .durable.stage import spawned
from .house import Store
from .test_approvals import Desk, scene


class Record:
    """A way along a record that has nothing but effects whose end is not known."""

    def __init__(self, desk: Desk, process: ControlBlock) -> None:
        self._trap, self._process = desk.trap, process

    def ask(self, header: list[Any], body: bytes) -> None:
        self._trap.enter(self._process, header, body, partial(self._trap.doubt, since=5.0))


async def doubtful(desk: Desk, limits: Limits | None = None) -> tuple[ControlBlock, Client]:
    """Return a process all of whose calls are in doubt."""
    process, client = await desk.house.process("*", limits=limits)
    process.durable = Durable(spawned(Order(program="/a.py", durable=True)), "seed")
    process.durable.replay = Record(desk, process)  # type: ignore[assignment]
    return process, client


def test_question_waits_for_a_day_and_the_repetition_has_the_calls_own_time() -> None:
    now = [0.0]

    async def work(desk: Desk) -> None:
        _, agent = await doubtful(desk)
        task, ticket = await desk.asking(agent, "store.sell")
        now[0] += PATIENCE - 1
        desk.trap.expire()
        assert not task.done()
        desk.trap.decide(ticket, allow=True)
        await desk.house.store.waiting.wait()
        now[0] += 31.0
        with pytest.raises(DeadlineExceeded):
            await task

    scene(work, lambda: now[0])


def test_question_that_nobody_answers_leaves_the_doubt() -> None:
    now = [0.0]

    async def work(desk: Desk) -> None:
        _, agent = await doubtful(desk)
        task, ticket = await desk.asking(agent, "store.sell")
        now[0] += PATIENCE + 1
        with pytest.raises(InDoubt, match=f"nobody has answered approval {ticket.id}"):
            await task

    scene(work, lambda: now[0])


def test_question_of_a_suspended_process_waits_as_long_as_that() -> None:
    now = [0.0]

    async def work(desk: Desk) -> None:
        process, agent = await doubtful(desk)
        process.state = State.SUSPENDED
        task, ticket = await desk.asking(agent, "store.buy", shelf="a")
        now[0] += 2 * PATIENCE
        desk.trap.expire()
        desk.trap.decide(ticket, allow=True)
        now[0] += 60.0
        desk.trap.expire()
        process.state = State.RUNNING
        desk.trap.steering.resume(process)
        assert await task is None

    scene(work, lambda: now[0])


def test_repetition_beyond_the_budget_leaves_the_doubt() -> None:
    async def work(desk: Desk) -> None:
        process, agent = await doubtful(desk, Limits({"tokens": 1}))
        task, ticket = await desk.asking(agent, "store.work")
        assert process.budget.usage().get("tokens", 0) == 0
        desk.trap.decide(ticket, allow=True)
        with pytest.raises(InDoubt, match="tokens"):
            await task

    scene(work)


def test_what_is_one_too_many_to_ask_is_in_doubt() -> None:
    async def work(desk: Desk) -> None:
        _, agent = await doubtful(desk)
        asked = [await desk.asking(agent, "store.sell") for _ in range(OF_PROCESS)]
        with pytest.raises(InDoubt, match="too many"):
            await agent.call("store.sell")
        for task, ticket in asked:
            desk.trap.decide(ticket, allow=True, result=pack(None))
            assert await task is None

    scene(work)


def test_doubt_about_what_nobody_answers_any_more_is_still_a_doubt() -> None:
    async def work(desk: Desk) -> None:
        process, agent = await desk.house.process("*")
        process.durable = Durable(spawned(Order(program="/a.py", durable=True)), "seed")
        record = process.durable.replay = Record(desk, process)  # type: ignore[assignment]
        error = InDoubt("it may have happened")
        record.ask = lambda header, body: desk.trap.refuse(process, header, body, error)  # type: ignore[method-assign]
        for name in ("store.sell", "plugin.gone"):
            with pytest.raises(InDoubt, match="may have"):
                await agent.call(name)

    scene(work)


@pytest.mark.parametrize("asks", [True, False])
def test_provider_that_dies_over_a_durable_process_s_effect_has_a_person_asked(asks: bool) -> None:
    async def work(desk: Desk) -> None:
        house = desk.house
        process, agent = await house.process("*")
        order = Order(program="/a.py", durable=True, in_doubt="ask" if asks else "error")
        process.durable = Durable(spawned(order), "seed")
        task: asyncio.Task[Any] = asyncio.ensure_future(agent.call("store.sell"))
        await house.store.waiting.wait()
        house.trap.registry.announce(describe(Store))
        assert house.store.client is not None
        house.store.client.close()
        if not asks:
            with pytest.raises(InDoubt, match="its provider died"):
                await task
            return
        ticket = await desk.next()
        assert ticket.call.provider is None and not ticket.call.intended
        desk.trap.decide(ticket, allow=True)
        # It waits for whoever comes back.
        house.store = Store()
        new, client = await house.process()
        Server(house.tasks, house.store).attach(client)
        house.trap.provide(new, describe(Store))
        await house.store.waiting.wait()
        task.cancel()
        await settle()

    scene(work)
