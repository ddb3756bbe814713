"""What a server answers to a call, as a result.

Interface:
    result          an answer to a `ToolResult`
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ....syscalls.tool import ToolResult
from .offer import Remote
from .words import tidy

if TYPE_CHECKING:
    from mcp_types import CallToolResult

#: Characters of an error that a server reports.
ERROR = 2000


def result(tool: Remote, answer: CallToolResult) -> ToolResult:
    """Return an answer as a result; one that is not as the server declares has failed."""
    text = "\n".join(map(_text, answer.content))
    if answer.is_error:
        return ToolResult(text=f"error: {tidy(text, ERROR) or 'of the server'}", failed=True)
    data = answer.structured_content
    if tool.result is not None:
        wrong = "nothing structured" if data is None else tool.result.wrong(data)
        if wrong:
            said = f"error: the server's result is not what it declares: {wrong}"
            return ToolResult(text=said, failed=True)
    if not text and data is not None:
        text = json.dumps(data, ensure_ascii=False)
    return ToolResult(text=text, data=data, sources=[tool.info.source])


def _text(content: Any) -> str:
    """Return a piece's text; what is none is named."""
    if content.type == "text":
        return str(content.text)
    if content.type in ("image", "audio"):
        # Four characters of base64 are three bytes.
        return (
            f"[{content.type}: {tidy(content.mime_type, 80)}, {len(content.data) * 3 // 4} bytes]"
        )
    if content.type == "resource_link":
        return f"[resource: {tidy(content.uri, 500)}]"
    inner = content.resource
    text = getattr(inner, "text", None)
    return str(text) if text is not None else f"[resource: {tidy(inner.uri, 500)}]"
