"""From the engine's thread to the event loop.

Interface:
    Ear             hears on the event loop what any thread tells
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Generic, TypeVar

from ....syscalls.errors import DeviceError, LLMAgentOSError

Told = TypeVar("Told")


class Ear(Generic[Told]):
    """Made on the event loop that hears."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._told: asyncio.Queue[Told | BaseException] = asyncio.Queue()

    def tell(self, one: Told | BaseException) -> None:
        """Say something, or an error; any thread may."""
        with suppress(RuntimeError):  # the loop has ended, and with it whoever waits
            self._loop.call_soon_threadsafe(self._told.put_nowait, one)

    async def hear(self) -> Told:
        """Return the next thing that is told. Raises what is an error, `DeviceError` for one that
        is none of ours."""
        one = await self._told.get()
        if isinstance(one, LLMAgentOSError):
            raise one
        if isinstance(one, BaseException):
            raise DeviceError(f"the model failed: {one}") from one
        return one
