"""Work that goes on beside all else, from a context's entry to its end.

Interface:
    Background      a context with one such task; what it does is `_work`
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class Background(ABC):
    """An asynchronous context; while it is entered, its work goes on.

    A defect in the work cancels whoever entered and comes out at the end, as with a task group. An
    error of the house's own passes by as it is, in no group.
    """

    _group: asyncio.TaskGroup
    _task: asyncio.Task[None]

    async def __aenter__(self) -> Self:
        self._group = asyncio.TaskGroup()
        await self._group.__aenter__()
        self._task = self._group.create_task(self._work())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._task.cancel()
        await self._group.__aexit__(None, None, None)

    @abstractmethod
    async def _work(self) -> None:
        """Do the work until it is cancelled."""
