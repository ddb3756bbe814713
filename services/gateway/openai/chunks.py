"""Replies in pieces: what the streams of chat completions and of completions have in common.

Interface:
    events          the pieces of one or several replies, as events
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Any

from ....syscalls.errors import LLMAgentOSError
from ....syscalls.model import ChatChunk, Usage
from .events import merged
from .refusal import refusal_of
from .reply import spent

#: From a reply's place, a piece of it and whether it is the first one, to what is sent of it.
Parts = Callable[[int, ChatChunk, bool], list[dict[str, Any]]]


async def events(
    streams: Sequence[AsyncGenerator[ChatChunk, None]],
    top: dict[str, Any],
    parts: Parts,
    counted: bool,
) -> AsyncGenerator[dict[str, Any], None]:
    """Yield what replies consist of below what stands at the top of each event; `counted` to end
    with what they have used.

    Raises what refuses the first piece; what fails later is an event.
    """
    # With usage at the end, each event before it has none.
    rest = {"usage": None} if counted else {}
    usages: list[Usage] = []
    begun: set[int] = set()
    pieces = merged(streams)
    try:
        async with aclosing(pieces):
            async for place, chunk in pieces:
                top["model"] = chunk.model or top["model"]
                if chunk.usage is not None:
                    usages.append(chunk.usage)
                for part in parts(place, chunk, place not in begun):
                    yield {"data": {**top, "choices": [{"index": place, **part}], **rest}}
                begun.add(place)
    except LLMAgentOSError as error:
        if not begun:
            raise
        yield {"data": {"error": refusal_of(error).error}}
        return
    if counted:
        yield {"data": {**top, "choices": [], "usage": spent(usages)}}
    yield {"data": "[DONE]"}
