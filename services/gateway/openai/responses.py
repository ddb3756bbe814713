"""`/v1/responses`.

Interface:
    ResponseRequest     what is asked
    Responses           `create`, and `get` and `delete` what was kept
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from fastapi.responses import JSONResponse, Response

from ....syscalls.model import Alternatives, ChatChunk, ChatReply, MaxTokens, Usage
from .body import Body, Sampled
from .caller import Caller
from .events import streamed
from .form import Form, form_of, schema_of
from .items import FlatTool, messages_of, name, output_of
from .narration import narrated
from .store import Store

_LOGPROBS = "message.output_text.logprobs"


class TextConfig(Body):
    """What the text looks like."""

    format: Any = None


class ResponseRequest(Sampled):
    """What is asked."""

    input: Any
    instructions: str | None = None
    tools: list[FlatTool] | None = None
    tool_choice: Any = None
    parallel_tool_calls: bool | None = None
    text: TextConfig | None = None
    max_output_tokens: MaxTokens | None = None
    top_logprobs: Alternatives | None = None
    include: list[str] | None = None
    previous_response_id: str | None = None
    store: bool | None = None
    stream: bool | None = None
    metadata: dict[str, str] | None = None
    user: str | None = None
    unsupported = ("background", "conversation", "prompt")

    def form(self) -> Form:
        """Return what the reply is to look like."""
        return form_of(
            [tool.plain() for tool in self.tools or ()],
            self.tool_choice,
            schema_of(self.text.format if self.text else None, "text.format"),
            self.parallel_tool_calls,
        )

    def ask(self, messages: list[dict[str, Any]], form: Form, model: str | None) -> dict[str, Any]:
        """Return the arguments of `model.chat`."""
        first = [{"role": "system", "content": self.instructions}] if self.instructions else []
        ask = {
            "messages": [*first, *messages],
            "model": model,
            **form.arguments(),
            **self.sampling(self.max_output_tokens),
        }
        if self.top_logprobs or _LOGPROBS in (self.include or ()):
            ask |= {"logprobs": True, "top_logprobs": self.top_logprobs or 0}
        return ask

    def echoed(self) -> dict[str, Any]:
        """Return what a response repeats of its request."""
        return {
            "instructions": self.instructions,
            "max_output_tokens": self.max_output_tokens,
            "metadata": self.metadata or {},
            "parallel_tool_calls": self.parallel_tool_calls is not False,
            "previous_response_id": self.previous_response_id,
            "store": self.store is not False,
            "temperature": self.temperature,
            "text": {"format": (self.text and self.text.format) or {"type": "text"}},
            "tool_choice": self.tool_choice or "auto",
            "tools": [tool.model_dump() for tool in self.tools or ()],
            "top_p": self.top_p,
            "truncation": "disabled",
            "user": self.user,
        }


class Responses:
    """Answers requests and remembers the answers for a while."""

    def __init__(self, store: Store | None = None) -> None:
        self._store = store or Store()

    async def create(self, request: ResponseRequest, caller: Caller, model: str | None) -> Response:
        """Answer one request. Raises `Refusal` or whatever its call ends in."""
        before: Sequence[dict[str, Any]] = ()
        if request.previous_response_id is not None:
            previous = request.previous_response_id
            before = self._store.find(caller.pid, previous, "previous_response_id").messages
        messages = messages_of(request.input, before)
        form = request.form()
        ask = request.ask(messages, form, model)
        begun = {
            "id": name("resp"),
            "object": "response",
            "created_at": int(time.time()),
            "status": "in_progress",
            "error": None,
            "incomplete_details": None,
            "model": request.model,
            "output": [],
            "usage": None,
            **request.echoed(),
        }

        def end(last: ChatReply | ChatChunk, output: list[dict[str, Any]]) -> dict[str, Any]:
            response = {**begun, **_ended(last), "output": output}
            if request.store is not False:
                said = messages_of(output, messages)
                self._store.keep(caller.pid, response, said)
            return response

        if request.stream:
            chunks = form.reading(caller.stream(ask))
            return await streamed(narrated(chunks, begun, end))
        reply = form.read(await caller.chat(ask))
        output = output_of(reply.content, reply.tool_calls, reply.logprobs)
        return JSONResponse(end(reply, output))

    async def get(self, caller: Caller, id: str) -> Response:
        """Answer with a response that was kept. Raises `Refusal`."""
        return JSONResponse(self._store.find(caller.pid, id).response)

    async def delete(self, caller: Caller, id: str) -> Response:
        """Forget a response. Raises `Refusal`."""
        self._store.drop(caller.pid, id)
        return JSONResponse({"id": id, "object": "response", "deleted": True})


def _ended(last: ChatReply | ChatChunk) -> dict[str, Any]:
    """Return how a response ended."""
    cut = last.finish_reason == "length"
    said: dict[str, Any] = {
        "status": "incomplete" if cut else "completed",
        "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
        "usage": _used(last.usage),
    }
    return said if last.model is None else {**said, "model": last.model}


def _used(usage: Usage | None) -> dict[str, Any] | None:
    if usage is None:
        return None
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }
