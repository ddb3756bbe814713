"""Models change places in a running device, and no call is dropped."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest

from llmagentos.syscalls.client import connect
from llmagentos.syscalls.os import OS

from .conftest import ROOT, House

EMBEDDED = ROOT / "drivers/inference/embedded"
CALLERS = 12


def during(house: House, change: Callable[[OS], Awaitable[None]]) -> Counter[str]:
    """Return which model has answered how many calls, made all the while by several processes."""

    async def run() -> Counter[str]:
        clients = []
        for _ in range(CALLERS + 1):
            sock = socket.socket(socket.AF_UNIX)
            sock.connect(str(house.state / "kernel.sock"))
            clients.append(await connect(sock))
        done, answers = asyncio.Event(), Counter[str]()

        async def ask(os: OS) -> None:
            while not done.is_set():
                reply = await os.model.chat(
                    [{"role": "user", "content": "Store 5 as budget"}], max_tokens=24
                )
                answers[reply.model] += 1

        async with asyncio.TaskGroup() as tasks:
            for client in clients[1:]:
                tasks.create_task(ask(OS(client)))
            await change(OS(clients[0]))
            done.set()
        for client in clients:
            client.close()
        return answers

    return asyncio.run(run())


@pytest.mark.slow
def test_calls_go_on_while_a_canary_a_promotion_and_two_rollbacks_change_the_model(
    own: House,
) -> None:
    own.aos("model", "use", "embedded")
    own.aos("learn", "adopt", "twin", str(EMBEDDED))
    shares: list[dict[str, float]] = []

    async def change(os: OS) -> None:
        async def look() -> None:
            for _ in range(3):  # some calls of the model's own make sure that others have begun
                await os.model.chat([{"role": "user", "content": "hello"}], max_tokens=8)
            shares.append({one.name: one.share for one in await os.model.ls() if one.share})

        await os.learning.promote("twin", share=0.5, overrule=True)
        await look()
        await os.learning.rollback()
        await look()
        await os.learning.promote("twin", overrule=True)
        await look()
        await os.learning.rollback()
        await look()

    answers = during(own, change)
    assert shares == [{"embedded": 0.5, "twin": 0.5}, {"embedded": 1}, {"twin": 1}, {"embedded": 1}]
    assert answers["twin"] and answers["embedded"] and sum(answers.values()) > CALLERS
    states = [one["state"] for one in own.aos("learn", "promotions", "--json").json()]
    assert states == ["rolled back", "rolled back"]
    assert [one["name"] for one in own.aos("model", "ls", "--json").json()] == ["embedded"]


@pytest.mark.slow
def test_a_contexts_calls_stay_with_the_model_that_it_was_opened_on(own: House) -> None:
    async def change(os: OS) -> None:
        before = await os.model.open("Store 5 as ")
        await os.learning.promote("twin", overrule=True)
        reply = await os.model.generate(before.context, max_tokens=4)
        after = await os.model.open("Store 5 as ")
        other = await os.model.generate(after.context, max_tokens=4)
        assert (reply.model, other.model) == ("embedded", "twin")
        await os.model.close(before.context)
        await os.learning.rollback()

    during(own, change)
