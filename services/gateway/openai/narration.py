"""A response in pieces: the events that tell how it comes about.

Interface:
    narrated        events from a reply's pieces
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from itertools import count
from typing import Any

from ....syscalls.errors import LLMAgentOSError
from ....syscalls.model import ChatChunk, TokenLogprob, ToolCall
from .items import call_item, message_item, name, text_part
from .logprobs import entries
from .refusal import refusal_of

Event = dict[str, Any]
#: From a reply's last piece and its items to the whole response.
End = Callable[[ChatChunk, list[dict[str, Any]]], dict[str, Any]]


async def narrated(
    chunks: AsyncGenerator[ChatChunk, None], begun: dict[str, Any], end: End
) -> AsyncGenerator[Event, None]:
    """Yield the events of a response: that it began, its items, that it ended.

    Raises what refuses the first piece; what fails later is an event.
    """
    numbers = count()

    def event(kind: str, **said: Any) -> Event:
        return {"event": kind, "data": {"type": kind, "sequence_number": next(numbers), **said}}

    items: list[dict[str, Any]] = []
    text = _Text(event)
    async with aclosing(chunks):
        last = await anext(chunks)
        yield event("response.created", response=begun)
        yield event("response.in_progress", response=begun)
        try:
            for one in text.add(last):
                yield one
            async for last in chunks:
                for one in text.add(last):
                    yield one
        except LLMAgentOSError as error:
            failure = refusal_of(error).error
            said = {"code": failure["code"], "message": failure["message"]}
            yield event("response.failed", response={**begun, "status": "failed", "error": said})
            return
    for one in text.close(items, wanted=not last.tool_calls):
        yield one
    for call in last.tool_calls:
        for one in _called(event, call, items):
            yield one
    whole = end(last, items)
    yield event(f"response.{whole['status']}", response=whole)


class _Text:
    """The message of a response, which begins with its first piece of text."""

    def __init__(self, event: Callable[..., Event]) -> None:
        self._event = event
        self._id: str | None = None
        self._text = ""
        self._logprobs: list[TokenLogprob] = []

    def add(self, chunk: ChatChunk) -> Iterator[Event]:
        """Tell of a piece."""
        if chunk.content:
            yield from self._open()
            self._text += chunk.content
            self._logprobs += chunk.logprobs or ()
            yield self._about(
                "response.output_text.delta",
                delta=chunk.content,
                logprobs=entries(chunk.logprobs or ()),
            )

    def close(self, items: list[dict[str, Any]], wanted: bool) -> Iterator[Event]:
        """Tell that the message is whole, and enter it; `wanted` even without a text."""
        if wanted:
            yield from self._open()
        if self._id is None:
            return
        part = text_part(self._text, self._logprobs)
        yield self._about("response.output_text.done", text=self._text, logprobs=part["logprobs"])
        yield self._about("response.content_part.done", part=part)
        items.append(message_item(self._id, [part]))
        yield self._event("response.output_item.done", output_index=0, item=items[0])

    def _open(self) -> Iterator[Event]:
        if self._id is None:
            self._id = name("msg")
            item = message_item(self._id, [])
            yield self._event("response.output_item.added", output_index=0, item=item)
            yield self._about("response.content_part.added", part=text_part(""))

    def _about(self, kind: str, **said: Any) -> Event:
        return self._event(kind, item_id=self._id, output_index=0, content_index=0, **said)


def _called(
    event: Callable[..., Event], call: ToolCall, items: list[dict[str, Any]]
) -> Iterator[Event]:
    """Tell of a call and enter it; the device gives its arguments at once."""
    place, id = len(items), name("fc")
    begun, whole = call_item(id, call, "in_progress"), call_item(id, call)
    about = {"item_id": id, "output_index": place}
    arguments = whole["arguments"]
    yield event("response.output_item.added", output_index=place, item=begun)
    yield event("response.function_call_arguments.delta", delta=arguments, **about)
    yield event(
        "response.function_call_arguments.done",
        arguments=arguments,
        name=call["function"]["name"],
        **about,
    )
    items.append(whole)
    yield event("response.output_item.done", output_index=place, item=whole)
