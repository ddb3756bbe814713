"""Messages of a conversation, as chat completions take them.

Interface:
    ChatMessage     one message; `plain` is what the model's syscalls take
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import model_validator

from .body import Body
from .content import Content


class CalledFunction(Body):
    """A function that was called, and its arguments as JSON text."""

    name: str
    arguments: str = "{}"


class MadeCall(Body):
    """A call that the model has asked for."""

    id: str
    type: Literal["function"] = "function"
    function: CalledFunction


class ChatMessage(Body):
    """One message."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: Content | None = None
    tool_calls: list[MadeCall] | None = None
    tool_call_id: str | None = None
    name: str | None = None
    unsupported = ("audio", "function_call")

    @model_validator(mode="after")
    def _whole(self) -> ChatMessage:
        if self.content is None and not (self.role == "assistant"):
            raise ValueError(f"a message of role {self.role} has a content")
        if self.role == "tool" and self.tool_call_id is None:
            raise ValueError("a message of role tool has a tool_call_id")
        return self

    def plain(self) -> dict[str, Any]:
        """Return it with the fields that are given."""
        said = self.model_dump(exclude_none=True)
        return {"content": None, **said} if self.role == "assistant" else said
