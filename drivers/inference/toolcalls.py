"""Tool calls within a model's text, in the form of Hermes:

    <tool_call>{"name": "calculator", "arguments": {"expression": "1+1"}}</tool_call>

Interface:
    ToolCallParser  text goes in as it comes, plain text comes out at once, calls at the end
"""

from __future__ import annotations

import json
import uuid

from ...syscalls.model import ToolCall

OPEN, CLOSE = "<tool_call>", "</tool_call>"


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
        shown = ""
        while self._held:
            start = self._held.find(OPEN)
            if start < 0:
                keep = _overlap(self._held, OPEN)
                cut = len(self._held) - keep
                shown, self._held = shown + self._held[:cut], self._held[cut:]
                break
            shown, self._held = shown + self._held[:start], self._held[start:]
            end = self._held.find(CLOSE)
            if end < 0:
                break
            whole, self._held = self._held[: end + len(CLOSE)], self._held[end + len(CLOSE) :]
            call = _parse(whole[len(OPEN) : -len(CLOSE)])
            if call is None:
                shown += whole
            else:
                self.calls.append(call)
        return shown

    def end(self) -> str:
        """Return the text that was held back; a call whose end tag is missing still counts."""
        held, self._held = self._held, ""
        if held.startswith(OPEN) and (call := _parse(held[len(OPEN) :])) is not None:
            self.calls.append(call)
            return ""
        return held


def _overlap(text: str, mark: str) -> int:
    """Return how much of the text's end may be the beginning of the mark."""
    most = min(len(text), len(mark) - 1)
    return next((size for size in range(most, 0, -1) if text.endswith(mark[:size])), 0)


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
