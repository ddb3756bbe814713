"""Calls go out in their turn, with what their provider has to know, or end where they cannot."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from llmagentos.syscalls.errors import TryAgain
from llmagentos.syscalls.interface import Interface, syscall

from .house import House, play


def test_many_waiting_calls_that_cannot_go_out_are_all_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("llmagentos.kernel.dispatch.MAX_BACKLOG", -1)

    async def scene(house: House) -> None:
        driver = await house.device(slots=0)
        agent = await house.agent()
        calls = [asyncio.ensure_future(agent.call("store.glance")) for _ in range(1000)]
        await agent.proxy(Probe).ask()
        house.trap.devices.register(driver, "shelf", 1)
        for outcome in await asyncio.gather(*calls, return_exceptions=True):
            assert isinstance(outcome, TryAgain)

    class Probe(Interface, name="probe"):
        @syscall()
        async def ask(self) -> None:
            """Answered by the kernel, after everything before it."""

    def with_probe(inner: Any) -> Any:
        async def outer(house: House) -> None:
            house.trap.answer(Probe, ask=lambda process: None)
            await inner(house)

        return outer

    play(with_probe(scene))


def test_provider_learns_how_long_the_call_may_take_and_its_trace() -> None:
    async def scene(house: House) -> None:
        await house.device(slots=1)
        agent = await house.agent()
        seen = await agent.call("store.glance", deadline=7)
        assert 6 < seen["deadline"] <= 7
        assert seen["trace"] is None

    play(scene)
