"""An engine's time at the device: it answers the calls that it has begun, and is closed then.

Interface:
    Tenure          counts an engine's calls; `call`, `retire`
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

from ...syscalls.model import ModelInfo
from .contract import Engine

#: Seconds that a retiring engine's calls are given: no call has more itself.
PATIENCE = 600.0


class Tenure:
    """One engine with the number of calls that it serves."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._calls = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def load(self) -> float:
        """Its calls by what it can serve at once."""
        return self._calls / self.engine.slots

    @property
    def name(self) -> str:
        """The model's name."""
        return self.engine.info().name

    def info(self, chosen: bool) -> ModelInfo:
        """Return what it runs; `chosen` where calls that name no model go."""
        return replace(self.engine.info(), active=chosen, flags=list(self.engine.flags))

    @contextmanager
    def call(self) -> Iterator[Engine]:
        """Hold the engine open for one call."""
        self._calls += 1
        self._idle.clear()
        try:
            yield self.engine
        finally:
            self._calls -= 1
            if not self._calls:
                self._idle.set()

    async def retire(self, patience: float = PATIENCE) -> None:
        """Close the engine after its last call; what takes longer ends in `DeviceError`."""
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await self._idle.wait()
        finally:
            await self.engine.close()
