"""Embeds beside the calls what has no vector of the model that runs: another one has come, or none
ran when it was written.

Interface:
    Renewal         `wake` after a write or a look; `run` in the driver's task group
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from ...syscalls.errors import InputOutputError
from .embedder import Embedder
from .shelf import Shelf

#: Pieces that are embedded at once: few, so that calls come in between.
BATCH = 32
#: Runs work on the thread that owns the shelf.
Do = Callable[[Callable[[], Any]], Awaitable[Any]]


class Renewal:
    """Renews the vectors of one shelf, in batches, as long as there is something to do."""

    def __init__(self, shelf: Shelf, embedder: Embedder, do: Do) -> None:
        self._shelf = shelf
        self._embedder = embedder
        self._do = do
        self._woken = asyncio.Event()
        self._done: str | None = None  # the model that every piece has a vector of

    def wake(self, written: bool = False) -> None:
        """Something may be left to do; `written` without a vector, it is."""
        if written:
            self._done = None
        self._woken.set()

    async def run(self) -> None:
        """Renew whenever it is woken, until it is cancelled."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            # A file that fails, fails the calls; here it is tried again when woken.
            with suppress(InputOutputError):
                while await self._step():
                    pass

    async def _step(self) -> bool:
        """Renew a batch; return whether more may be left."""
        model = await self._embedder.model()
        if model is None or model == self._done:
            return False
        left = await self._do(lambda: self._shelf.lacking(model, BATCH))
        if not left:
            self._done = model
            return False
        made = await self._embedder.embed([text for _, _, text in left])
        if made is None:
            return False
        fresh = [
            (place, number, vector)
            for (place, number, _), vector in zip(left, made.vectors, strict=True)
        ]
        await self._do(lambda: self._shelf.renew(made.model, fresh))
        return True
