"""Whoever starts ever more processes is found by their number."""

from __future__ import annotations

import asyncio
import os
import threading
from itertools import count as numbers

import pytest

from llmagentos.kernel.sandbox import crowd as module
from llmagentos.kernel.sandbox.crowd import GROWN, Crowd, count


def test_own_threads_are_counted_up_to_one_more_than_allowed() -> None:
    assert count(os.getpid(), 0) == 1
    assert 1 <= count(os.getpid(), 10_000) < 10_000
    assert count(2**22 + 1, 5) == 0


@pytest.mark.parametrize("full", [False, True])
def test_one_with_too_many_is_told_of_also_on_a_machine_that_has_no_thread_left(
    monkeypatch: pytest.MonkeyPatch, full: bool
) -> None:
    own = os.getpid()
    overrun = asyncio.Event()
    told: list[int] = []

    def tell(program: int) -> None:
        told.append(program)
        overrun.set()

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def scene() -> None:
        with monkeypatch.context() as machine:
            if full:
                machine.setattr(threading.Thread, "start", refuse)
            async with asyncio.timeout(60), Crowd(lambda: {own: 0, 2**22 + 1: 5}, tell, every=0):
                await overrun.wait()

    grown = numbers(step=GROWN)
    monkeypatch.setattr(module, "_threads", lambda: next(grown))
    asyncio.run(scene())
    assert set(told) == {own}
