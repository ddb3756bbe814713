"""Several calls at once, none of which outlives the others' failure.

Interface:
    together        what they give, in their order
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

from ...syscalls.errors import LLMAgentOSError

T = TypeVar("T")


async def together(calls: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Return what the calls give; the first that fails takes the others back and is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(call) for call in calls]
    except* LLMAgentOSError as failed:
        raise failed.exceptions[0] from None
    return [task.result() for task in tasks]
