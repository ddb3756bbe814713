"""What is handed over of a result: in bounds, and in characters that a message can carry.

Interface:
    sendable        a value whose texts can be sent
    bounded         a result in its bounds
"""

from __future__ import annotations

import json
from typing import Any

from ...syscalls.tool import ToolResult

#: Characters of a result's text and of its data's JSON; sources, and characters of one.
TEXT, SOURCES, SOURCE = 256 * 1024, 100, 500


def sendable(value: Any) -> Any:
    """Return plain values without what is no character, such as half of a surrogate pair."""
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, dict):
        return {sendable(key): sendable(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [sendable(one) for one in value]
    return value


def bounded(result: ToolResult) -> ToolResult:
    """Return a result cut where it is too long; data that is too large is not given at all.

    Bytes are no text that a model would have to read: their tool bounds them.
    """
    data = sendable(result.data)
    whole = isinstance(data, dict) and isinstance(data.get("bytes"), bytes)
    if (
        data is not None
        and not whole
        and len(json.dumps(data, ensure_ascii=False, default=str)) > TEXT
    ):
        data = None
    text = sendable(result.text)
    return ToolResult(
        text=text if len(text) <= TEXT else f"{text[:TEXT]}… ({len(text)} characters)",
        failed=result.failed,
        data=data,
        sources=[sendable(str(one))[:SOURCE] for one in result.sources[:SOURCES]],
    )
