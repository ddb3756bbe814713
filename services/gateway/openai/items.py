"""Items of responses: what goes into a conversation and what comes out of it.

Interface:
    FlatTool        a function as responses describe it
    messages_of     a response's input as messages
    output_of       a reply as items
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any, Literal

from ....syscalls.model import TokenLogprob, ToolCall
from .body import Body, parse
from .content import Content
from .logprobs import entries
from .refusal import Refusal
from .tools import Function


class FlatTool(Function):
    """A function as responses describe it."""

    type: Literal["function"]

    def plain(self) -> dict[str, Any]:
        """Return it as the model's syscalls take it."""
        return {
            "type": "function",
            "function": self.model_dump(exclude_none=True, exclude={"type"}),
        }


class _Message(Body):
    role: Literal["system", "developer", "user", "assistant"]
    content: Content

    def enter(self, messages: list[dict[str, Any]]) -> None:
        messages.append({"role": self.role, "content": self.content})


class _Call(Body):
    call_id: str
    name: str
    arguments: str

    def enter(self, messages: list[dict[str, Any]]) -> None:
        if not messages or messages[-1]["role"] != "assistant":
            messages.append({"role": "assistant", "content": None})
        call = {
            "id": self.call_id,
            "type": "function",
            "function": {"name": self.name, "arguments": self.arguments},
        }
        # A message that is kept for other responses stays as it is.
        messages[-1] = {**messages[-1], "tool_calls": [*messages[-1].get("tool_calls", ()), call]}


class _Output(Body):
    call_id: str
    output: Content

    def enter(self, messages: list[dict[str, Any]]) -> None:
        messages.append({"role": "tool", "tool_call_id": self.call_id, "content": self.output})


_ITEMS: dict[Any, type[_Message | _Call | _Output]] = {
    None: _Message, "message": _Message, "function_call": _Call, "function_call_output": _Output,
}  # fmt: skip


def messages_of(given: Any, before: Sequence[dict[str, Any]] = ()) -> list[dict[str, Any]]:
    """Return an input, a text or a list of items, after what was said before.

    What a model has reasoned is left out. Raises `Refusal`.
    """
    messages = list(before)
    if isinstance(given, str):
        return [*messages, {"role": "user", "content": given}]
    if not isinstance(given, list):
        raise Refusal("input is a text or a list of items", param="input")
    for place, item in enumerate(given):
        kind = item.get("type") if isinstance(item, dict) else ""
        if kind == "reasoning":
            continue
        if not isinstance(kind, str | None) or kind not in _ITEMS:
            raise Refusal(
                f"input[{place}]: items of type {str(kind)[:100]!r} are not supported here",
                param=f"input[{place}].type",
                code="unsupported_value",
            )
        try:
            read = parse(_ITEMS[kind], item)
        except Refusal as refusal:
            refusal.error["param"] = f"input[{place}].{refusal.error['param']}"
            raise
        read.enter(messages)
    if not messages:
        raise Refusal("input is empty", param="input")
    return messages


def output_of(
    content: str | None, calls: Sequence[ToolCall], logprobs: Sequence[TokenLogprob] | None
) -> list[dict[str, Any]]:
    """Return a reply as items: a message where it says something, then its calls."""
    items = []
    if content or not calls:
        items.append(message_item(name("msg"), [text_part(content or "", logprobs or ())]))
    return items + [call_item(name("fc"), call) for call in calls]


def name(prefix: str) -> str:
    """Return a new item's id."""
    return f"{prefix}_{uuid.uuid4().hex}"


def message_item(id: str, parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a message; one without parts is not finished."""
    return {
        "id": id,
        "type": "message",
        "status": "completed" if parts else "in_progress",
        "role": "assistant",
        "content": parts,
    }


def text_part(text: str, logprobs: Sequence[TokenLogprob] = ()) -> dict[str, Any]:
    """Return the part of a message that holds its text."""
    return {
        "type": "output_text", "text": text, "annotations": [], "logprobs": entries(logprobs),
    }  # fmt: skip


def call_item(id: str, call: ToolCall, status: str = "completed") -> dict[str, Any]:
    """Return a call."""
    return {
        "id": id,
        "type": "function_call",
        "status": status,
        "call_id": call["id"],
        "name": call["function"]["name"],
        "arguments": call["function"]["arguments"] if status == "completed" else "",
    }
