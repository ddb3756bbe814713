"""Server-sent events: an answer that comes in pieces.

Interface:
    streamed        a response of events, once the first one is there
    merged          the items of several streams as they come
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any, TypeVar

from fastapi.responses import Response
from sse_starlette import EventSourceResponse

from ..body import written

T = TypeVar("T")
_END = object()


async def streamed(events: AsyncGenerator[dict[str, Any], None]) -> Response:
    """Return events as a response. Whatever refuses the first one is raised, and so has a status.

    Each is a map of an `event`'s name and its `data`, which becomes JSON unless it is a text.
    """
    try:
        first = await anext(events)
    except BaseException:
        await events.aclose()
        raise

    async def whole() -> AsyncGenerator[dict[str, Any], None]:
        async with aclosing(events):
            yield _written(first)
            async for event in events:
                yield _written(event)

    return EventSourceResponse(whole())


async def merged(
    streams: Sequence[AsyncGenerator[T, None]],
) -> AsyncGenerator[tuple[int, T], None]:
    """Yield what several streams yield, each item with its stream's place. The first error ends
    them all."""
    waiting: dict[asyncio.Future[Any], int] = {
        asyncio.ensure_future(anext(stream, _END)): place for place, stream in enumerate(streams)
    }
    try:
        while waiting:
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for one in done:
                place = waiting.pop(one)
                item = one.result()
                if item is not _END:
                    waiting[asyncio.ensure_future(anext(streams[place], _END))] = place
                    yield place, item
    finally:
        for one in waiting:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        for stream in streams:
            await stream.aclose()


def _written(event: dict[str, Any]) -> dict[str, Any]:
    data = event["data"]
    if not isinstance(data, str):
        data = written(data)
    return {**event, "data": data}
