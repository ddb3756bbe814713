"""A program ends with the call that it was started for, whatever becomes of the call."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest
import uvloop

from llmagentos.drivers.tools.child import child


def children() -> list[str]:
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
@pytest.mark.parametrize("turns", [0, 1, 2, 20])
def test_who_is_cancelled_again_and_again_leaves_no_program_behind(run: Any, turns: int) -> None:
    async def hold() -> None:
        async with child("sleep", "1000"):
            await asyncio.Event().wait()

    async def scene() -> None:
        held = asyncio.create_task(hold())
        for _ in range(turns):
            await asyncio.sleep(0)
        while not held.done():
            held.cancel()
            await asyncio.sleep(0)
        assert held.cancelled()

    before = children()
    run(scene())
    assert children() == before


def test_program_that_there_is_not_is_told() -> None:
    async def scene() -> None:
        with pytest.raises(FileNotFoundError):
            async with child("/nowhere/program"):
                raise AssertionError

    asyncio.run(scene())
