"""Clients that hang up while their answer is on its way.

Interface:
    unless_gone     an answer, or none where nobody waits for it any more
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from fastapi import Request
from fastapi.responses import Response


async def unless_gone(request: Request, call: Callable[[], Awaitable[Response]]) -> Response:
    """Return a call's answer; a client that hangs up takes the call back."""

    async def watch() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        work.cancel()

    async def whole() -> Response:
        try:
            return await call()
        finally:
            watching.cancel()

    async with asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(watch())
        work = tasks.create_task(whole())
    return Response(status_code=499) if work.cancelled() else work.result()
