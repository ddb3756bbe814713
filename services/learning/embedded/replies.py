"""A model's text taken apart: what it says, and which tools it calls.

Interface:
    parse_reply     text to content and OpenAI `tool_calls`
"""

from __future__ import annotations

import json
from typing import Any

__all__ = ["parse_reply"]

_OPEN, _CLOSE = "<tool_call>", "</tool_call>"


def parse_reply(text: str) -> tuple[str, list[dict[str, Any]]]:
    """Content and calls. A call that is no JSON object with a name stays in the content."""
    content = ""
    calls: list[dict[str, Any]] = []
    while (start := text.find(_OPEN)) >= 0:
        content += text[:start]
        inner, _, text = text[start + len(_OPEN) :].partition(_CLOSE)
        call = _call(inner, len(calls))
        if call is None:
            content += f"{_OPEN}{inner}{_CLOSE}"
        else:
            calls.append(call)
    return content + text, calls


def _call(text: str, number: int) -> dict[str, Any] | None:
    try:
        read = json.loads(text)
    except ValueError:
        return None
    if not isinstance(read, dict) or not isinstance(read.get("name"), str):
        return None
    arguments = read.get("arguments", {})
    if not isinstance(arguments, dict):
        return None
    function = {"name": read["name"], "arguments": json.dumps(arguments, ensure_ascii=False)}
    return {"id": f"call_{number}", "type": "function", "function": function}
