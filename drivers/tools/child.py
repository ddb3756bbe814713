"""A program of the driver's, which ends with the call that it was started for.

Interface:
    child           an asynchronous context: the process while it is entered
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, cast


@asynccontextmanager
async def child(*argv: str, **streams: Any) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start a program in a group of its own; kill the group at the end, whatever has happened."""
    starting = asyncio.ensure_future(
        asyncio.create_subprocess_exec(*argv, start_new_session=True, **streams)
    )
    try:
        # Whoever is cancelled meanwhile has a process nevertheless.
        yield await asyncio.shield(starting)
    finally:
        await _undisturbed(_end(starting))


async def _end(starting: asyncio.Future[asyncio.subprocess.Process]) -> None:
    process = await starting
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    # A pipe that is not read to its end stays open otherwise, for ever where somebody who has
    # left the group holds the other one.
    transport = cast(Any, process)._transport
    for number in (0, 1, 2):
        if (pipe := transport.get_pipe_transport(number)) is not None:
            pipe.close()
    await process.wait()


async def _undisturbed(work: Coroutine[Any, Any, None]) -> None:
    """Wait until work is done, however often it is cancelled meanwhile: anyio's scopes do so at
    every turn of the loop."""
    task, cancelled = asyncio.ensure_future(work), False
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            cancelled = True
    task.result()
    if cancelled:
        raise asyncio.CancelledError
