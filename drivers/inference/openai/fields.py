"""The body of a request, without the fields that a server has refused.

Servers that call themselves compatible know different fields, and refuse one with a 400 that names
it. What only refines a reply is left out then; what a reply means (messages, tools, stop texts)
never is.

Interface:
    body            a request as a server takes it
    named           the field that a refusal is about
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from typing import Any

from ..contract import Request

#: Fields that can be left out, and one that newer models know by another name.
_REFINING = ("stream_options", "temperature", "top_p", "top_k", "seed", "logprobs")
_LENGTH, _NEW_LENGTH = "max_tokens", "max_completion_tokens"
_FIELD = re.compile(rf"\b({'|'.join((*_REFINING, _LENGTH))})\b")
#: Words about a value: the field is known, and the caller is to choose another value.
_VALUE = re.compile(
    r"\b(must|should) be\b|\bat (most|least)\b|\btoo (large|long|high|low|small|many)\b|\bgreater\b"
    r"|\bless than\b|\bbetween\b|\bmaximum\b|\bminimum\b|\bexceeds?\b|\brange\b"
)


def body(request: Request, model: str, refused: Collection[str]) -> dict[str, Any]:
    """Return a request's body without the refused fields."""
    fields: dict[str, Any] = {
        "model": model,
        "messages": request.messages,
        _NEW_LENGTH if _LENGTH in refused else _LENGTH: request.max_tokens,
        "temperature": request.temperature,
        "stream": True,
        "stream_options": {"include_usage": True},
        "tools": request.tools or None,
        "top_p": request.top_p if request.top_p < 1 else None,
        "top_k": request.top_k or None,
        "stop": request.stop or None,
        "seed": request.seed,
        "logprobs": request.logprobs or None,
    }
    return {
        name: value for name, value in fields.items() if value is not None and name not in refused
    }


def named(refusal: str, sent: Collection[str]) -> str | None:
    """Return the field, of those that were sent, which a server's answer refuses."""
    if _VALUE.search(refusal):
        return None
    names = [*_parameter(refusal), *_FIELD.findall(refusal)]
    return next((name for name in names if name in sent and _FIELD.fullmatch(name)), None)


def _parameter(refusal: str) -> list[str]:
    """Return what an answer in OpenAI's own form says that it is about."""
    try:
        return [str(json.loads(refusal)["error"]["param"])]
    except (ValueError, LookupError, TypeError):
        return []
