"""The form of a reply: what the model is held to, and how its text is read.

A model that must answer in JSON and may call a tool is held to a grammar in which a call is a JSON
object with a name and arguments. So it works with every device that knows grammars, however its own
models write their calls.

Interface:
    Form            `arguments` for the model's syscalls; `read` and `reading` what comes back
    form_of         what a request's tools, their choice and a schema come to
    schema_of       the schema in a `response_format`, or in the `format` of a response's text
"""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from ....syscalls.model import ChatChunk, ChatReply, ToolCall
from .refusal import Refusal
from .tools import calls_schema, choice_of

P = TypeVar("P", ChatReply, ChatChunk)


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What a reply looks like."""

    #: What the model is offered.
    tools: list[dict[str, Any]]
    #: Which of them it has to call, as `model.chat` takes it.
    choice: str = "auto"
    #: A JSON schema that it is held to.
    schema: dict[str, Any] | None = None
    #: Tools that a JSON text may call.
    callable: frozenset[str] = frozenset()
    #: Whether it makes one call at most.
    single: bool = False

    def arguments(self) -> dict[str, Any]:
        """Return what `model.chat` is told of it."""
        said: dict[str, Any] = {"tools": self.tools} if self.tools else {}
        if self.choice != "auto":
            said["tool_choice"] = self.choice
        return said if self.schema is None else {**said, "grammar": {"json_schema": self.schema}}

    def read(self, reply: ChatReply) -> ChatReply:
        """Return a reply with its calls found."""
        found = self._calls(reply.content)
        if found:
            reply = replace(reply, content=None, tool_calls=found)
        return self._settled(reply)

    async def reading(self, chunks: AsyncIterator[ChatChunk]) -> AsyncGenerator[ChatChunk, None]:
        """Yield a reply as it comes; a text that may turn out to be a call comes at its end."""
        held: list[ChatChunk] = []
        async for chunk in chunks:
            if self.callable:
                held.append(chunk)
            else:
                yield self._settled(chunk)
        if held:
            text = "".join(one.content for one in held)
            found = self._calls(text)
            logprobs = [token for one in held for token in one.logprobs or ()]
            yield self._settled(
                replace(
                    held[-1],
                    content="" if found else text,
                    tool_calls=found or held[-1].tool_calls,
                    logprobs=logprobs or None,
                )
            )

    def _settled(self, piece: P) -> P:
        """Return what holds calls with as many as are wanted, and with why it ended."""
        if not piece.tool_calls:
            return piece
        return replace(
            piece,
            tool_calls=piece.tool_calls[:1] if self.single else piece.tool_calls,
            # One certain tool that was asked for is no reason to say that calls ended the reply.
            finish_reason="tool_calls" if self.choice in ("auto", "required") else "stop",
        )

    def _calls(self, text: str | None) -> list[ToolCall]:
        """Return the call that a text is, if it is one."""
        if not self.callable or not text:
            return []
        try:
            call = json.loads(text)
        except (ValueError, RecursionError):
            return []  # Cut off at the limit of tokens.
        if not isinstance(call, dict) or call.keys() != {"name", "arguments"}:
            return []
        if call["name"] not in self.callable or not isinstance(call["arguments"], dict):
            return []
        arguments = json.dumps(call["arguments"], ensure_ascii=False)
        return [
            {
                "id": f"call_{uuid.uuid4().hex[:24]}",
                "type": "function",
                "function": {"name": call["name"], "arguments": arguments},
            }
        ]


def form_of(
    tools: list[dict[str, Any]],
    tool_choice: Any,
    schema: dict[str, Any] | None,
    parallel: bool | None,
) -> Form:
    """Return what a request comes to. Raises `Refusal`."""
    choice = choice_of(tool_choice, tools)
    if choice == "none" or not tools:
        return Form(tools=[], schema=schema)
    single = parallel is False
    if choice == "auto" and schema is not None:
        names = frozenset(tool["function"]["name"] for tool in tools)
        return Form(tools=tools, schema=calls_schema(tools, schema), callable=names, single=single)
    return Form(tools=tools, choice=choice, single=single)


def schema_of(given: Any, param: str) -> dict[str, Any] | None:
    """Return the JSON schema that a format asks for; None for text. Raises `Refusal`.

    `json_schema` stands in a field of its own in chat completions, beside the type in responses.
    """
    if given is None:
        return None
    kind = given.get("type") if isinstance(given, dict) else None
    if kind == "text":
        return None
    if kind == "json_object":
        return {"type": "object"}
    if kind != "json_schema":
        raise Refusal(f"{param}.type is text, json_object or json_schema", param=f"{param}.type")
    inner = given.get("json_schema", given)
    schema = inner.get("schema") if isinstance(inner, dict) else None
    if not isinstance(schema, dict):
        raise Refusal(f"{param} has no schema", param=param, code="missing_required_parameter")
    return schema
