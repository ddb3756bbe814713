"""Tool calls within a model's text, in the form of Hermes:

    <tool_call>{"name": "calculator", "arguments": {"expression": "1+1"}}</tool_call>

Interface:
    ToolCallParser  text goes in as it comes, plain text comes out at once, calls at the end
    signatures      which arguments each tool takes
    offered         which tools a model is told of
    forced          whether it has to call one
    overlap         how much of a text's end may be the beginning of a mark
    OPEN, CLOSE     the marks around a call
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from typing import Any, AnyStr

from ...syscalls.errors import InvalidArgument
from ...syscalls.model import ToolCall

OPEN, CLOSE = "<tool_call>", "</tool_call>"
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)


class ToolCallParser:
    """Parts one reply. What looks like a call but is none stays text."""

    def __init__(self, wanted: bool = True) -> None:
        self._wanted = wanted
        self._held = ""
        #: The calls found so far.
        self.calls: list[ToolCall] = []

    def feed(self, text: str) -> str:
        """Take a piece of the reply; return the plain text that can be shown already."""
        if not self._wanted:
            return text
        self._held += text
        return self._part(_close)

    def end(self) -> str:
        """Return the text that was held back; a call whose end tag is missing still counts."""
        if self._unclosed():
            return ""
        # What seemed to be a string has no end, and may have hidden others.
        shown = self._part(lambda text: text.find(CLOSE))
        if self._unclosed():
            return shown
        held, self._held = self._held, ""
        return shown + held

    def _unclosed(self) -> bool:
        """Take what is held as a call, if it is one."""
        call = _parse(self._held[len(OPEN) :]) if self._held.startswith(OPEN) else None
        if call is not None:
            self.calls.append(call)
            self._held = ""
        return call is not None

    def _part(self, close: Callable[[str], int]) -> str:
        shown = ""
        while self._held:
            start = self._held.find(OPEN)
            if start < 0:
                keep = overlap(self._held, OPEN)
                cut = len(self._held) - keep
                shown, self._held = shown + self._held[:cut], self._held[cut:]
                break
            shown, self._held = shown + self._held[:start], self._held[start:]
            end = close(self._held)
            if end < 0:
                break
            whole, self._held = self._held[: end + len(CLOSE)], self._held[end + len(CLOSE) :]
            call = _parse(whole[len(OPEN) : -len(CLOSE)])
            if call is None:
                shown += whole
            else:
                self.calls.append(call)
        return shown


def signatures(tools: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the JSON schema of each tool's arguments by its name; they always are an object.

    Raises `InvalidArgument` for what is no function of OpenAI's form.
    """
    found: dict[str, dict[str, Any]] = {}
    for place, tool in enumerate(tools):
        function = tool.get("function", tool) if isinstance(tool, dict) else None
        name = function.get("name") if isinstance(function, dict) else None
        if not isinstance(name, str) or not name or not name.isprintable():
            raise InvalidArgument(f"tools[{place}] is no function with a name")
        assert isinstance(function, dict)
        schema = function.get("parameters")
        if schema is None:
            schema = {"properties": {}, "additionalProperties": False}
        if not isinstance(schema, dict):
            raise InvalidArgument(f"the parameters of the tool {name} are no JSON schema")
        found[name] = {**schema, "type": "object"}
    return found


def offered(tools: list[dict[str, Any]], choice: str) -> list[dict[str, Any]]:
    """Return the tools that a `tool_choice` leaves. Raises `InvalidArgument` for one that asks for
    a tool that is not there."""
    if choice == "none":
        return []
    if (force := forced(choice)) and not tools:
        raise InvalidArgument(f"tool_choice is {choice}, and no tool is offered")
    if isinstance(force, str) and force not in signatures(tools):
        raise InvalidArgument(f"tool_choice is {choice}, which is no tool that is offered")
    return tools


def forced(choice: str) -> bool | str:
    """Return whether a `tool_choice` wants a call, or the name of the tool that is to be called."""
    return {"none": False, "auto": False, "required": True}.get(choice, choice)


def overlap(text: AnyStr, mark: AnyStr) -> int:
    """Return how much of the text's end may be the beginning of the mark."""
    most = min(len(text), len(mark) - 1)
    return next((size for size in range(most, 0, -1) if text.endswith(mark[:size])), 0)


def _close(text: str) -> int:
    """Return where the first closing mark stands that is in no JSON string; -1 for nowhere."""
    at = text.find(CLOSE)
    while at >= 0 and '"' in _STRING.sub("", text[:at]):
        at = text.find(CLOSE, at + 1)
    return at


def _parse(text: str) -> ToolCall | None:
    """Return the call that a text is; models differ in how they write its arguments."""
    try:
        call = json.loads(text)
        if not isinstance(call, dict) or not isinstance(call.get("name"), str):
            return None
        arguments = call.get("arguments", call.get("parameters", {}))
        if isinstance(arguments, str):
            arguments = json.loads(arguments)
        if not isinstance(arguments, dict):
            return None
        written = json.dumps(arguments, ensure_ascii=False)
        (call["name"] + written).encode()  # half a surrogate pair could not be sent on
    except (ValueError, RecursionError):
        return None
    return {
        "id": f"call_{uuid.uuid4().hex[:12]}",
        "type": "function",
        "function": {"name": call["name"], "arguments": written},
    }
