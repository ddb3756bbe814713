"""Contents of messages: a text, or parts that are texts.

Interface:
    Content         the type of a message's content; it is read as one text
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator

from .refusal import Refusal

#: The kinds of parts that hold a text, and where.
_TEXTS = {
    "text": "text", "input_text": "text", "output_text": "text",
    "refusal": "refusal", "summary_text": "text", "reasoning_text": "text",
}  # fmt: skip


def _text(content: Any) -> Any:
    """Return a content as a text; its type is for others to check."""
    if not isinstance(content, list):
        return content
    return "\n".join(map(_part, content))


def _part(part: Any) -> str:
    kind = part.get("type") if isinstance(part, dict) else None
    if not isinstance(kind, str):
        raise ValueError("a part of a content is an object with a type")
    if kind not in _TEXTS:
        raise Refusal(
            f"content of type {kind[:100]!r} is not supported here; only text is",
            param="content",
            code="unsupported_value",
        )
    text = part.get(_TEXTS[kind])
    if not isinstance(text, str):
        raise ValueError(f"a part of type {kind!r} has a text")
    return text


Content = Annotated[str, BeforeValidator(_text)]
