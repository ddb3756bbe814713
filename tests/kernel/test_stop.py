"""A daemon that is to end gives up what it waits for while it comes up, and ends in good order."""

from __future__ import annotations

import asyncio

import pytest

from llmagentos.kernel.stop import Stop

from .conftest import play


def test_start_is_given_up_once_the_daemon_is_to_end() -> None:
    async def scene() -> None:
        stop = Stop()
        asyncio.get_running_loop().call_soon(stop.set)
        with stop.heeding():
            await asyncio.Event().wait()
        await stop.wait()
        with pytest.raises(TimeoutError):  # Time limits hold behind it as before.
            async with asyncio.timeout(1):
                await asyncio.Event().wait()

    play(scene)


def test_daemon_that_is_up_only_hears_of_it() -> None:
    async def scene() -> None:
        stop = Stop()
        with stop.heeding():
            await asyncio.sleep(0)
        asyncio.get_running_loop().call_soon(stop.set)
        await stop.wait()
        await asyncio.sleep(0)

    play(scene)


def test_whoever_is_cancelled_otherwise_stays_so() -> None:
    async def scene() -> None:
        async def start() -> None:
            with Stop().heeding():
                await asyncio.Event().wait()

        starting = asyncio.ensure_future(start())
        await asyncio.sleep(0)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting

    play(scene)
