"""`/v1/chat/completions`.

Interface:
    ChatRequest     what is asked
    chat            the answer, whole or in pieces
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi.responses import JSONResponse, Response
from pydantic import Field

from ....syscalls.model import Alternatives, ChatChunk, ChatReply, MaxTokens
from .body import Body, Sampled
from .caller import Caller
from .chunks import events
from .events import streamed
from .form import Form, form_of, schema_of
from .logprobs import tokens
from .messages import ChatMessage
from .refusal import Refusal
from .reply import finish, head, spent, together
from .tools import Tool

#: Replies to one request.
MOST = 16


class StreamOptions(Body):
    """How pieces come."""

    include_usage: bool = False


class ChatRequest(Sampled):
    """What is asked."""

    messages: Annotated[list[ChatMessage], Field(min_length=1)]
    tools: list[Tool] | None = None
    tool_choice: Any = None
    parallel_tool_calls: bool | None = None
    response_format: Any = None
    max_tokens: MaxTokens | None = None
    max_completion_tokens: MaxTokens | None = None
    n: Annotated[int, Field(ge=1, le=MOST)] | None = None
    logprobs: bool | None = None
    top_logprobs: Alternatives | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    unsupported = ("audio", "functions", "function_call", "logit_bias", "web_search_options")

    def form(self) -> Form:
        """Return what each reply is to look like."""
        return form_of(
            [tool.plain() for tool in self.tools or ()],
            self.tool_choice,
            schema_of(self.response_format, "response_format"),
            self.parallel_tool_calls,
        )

    def asks(self, form: Form, model: str | None) -> list[dict[str, Any]]:
        """Return the arguments of `model.chat` for each reply that is wanted."""
        if self.top_logprobs and not self.logprobs:
            raise Refusal("top_logprobs needs logprobs", param="top_logprobs")
        ask = {
            "messages": [one.plain() for one in self.messages],
            "model": model,
            **form.arguments(),
            **self.sampling(self.max_completion_tokens or self.max_tokens),
        }
        if self.logprobs:
            ask |= {"logprobs": True, "top_logprobs": self.top_logprobs or 0}
        return seeded(ask, self.n or 1)


def seeded(ask: dict[str, Any], count: int) -> list[dict[str, Any]]:
    """Return a call several times over; with one seed all the replies would be the same."""
    if "seed" not in ask:
        return [ask] * count
    return [{**ask, "seed": ask["seed"] + place} for place in range(count)]


async def chat(request: ChatRequest, caller: Caller, model: str | None) -> Response:
    """Answer one request. Raises `Refusal` or whatever its calls end in."""
    form = request.form()
    asks = request.asks(form, model)
    if request.stream:
        options = request.stream_options or StreamOptions()
        streams = [form.reading(caller.stream(ask)) for ask in asks]
        top = head("chat.completion.chunk", "chatcmpl", request.model)
        return await streamed(events(streams, top, _parts, options.include_usage))
    replies = [form.read(one) for one in await together(caller, asks)]
    return JSONResponse(
        {
            **head("chat.completion", "chatcmpl", replies[0].model),
            "choices": [_choice(place, one) for place, one in enumerate(replies)],
            "usage": spent([one.usage for one in replies]),
        }
    )


def _choice(place: int, reply: ChatReply) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": reply.content, "refusal": None}
    if reply.tool_calls:
        message |= {"content": reply.content or None, "tool_calls": reply.tool_calls}
    return {
        "index": place,
        "message": message,
        "logprobs": tokens(reply.logprobs),
        "finish_reason": finish(reply.finish_reason),
    }


def _parts(place: int, chunk: ChatChunk, first: bool) -> list[dict[str, Any]]:
    """Return what a piece adds to a message, and at last why it ended."""
    parts: list[dict[str, Any]] = []
    if first or chunk.content or chunk.logprobs:
        delta = {"role": "assistant"} if first else {}
        parts.append(
            {
                "delta": {**delta, "content": chunk.content},
                "logprobs": tokens(chunk.logprobs),
                "finish_reason": None,
            }
        )
    if chunk.tool_calls:
        calls = [{"index": number, **call} for number, call in enumerate(chunk.tool_calls)]
        parts.append({"delta": {"tool_calls": calls}, "finish_reason": None})
    if chunk.finish_reason is not None:
        parts.append({"delta": {}, "finish_reason": finish(chunk.finish_reason)})
    return parts
