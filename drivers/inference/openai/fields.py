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

from ....syscalls.errors import InvalidArgument
from ....syscalls.model import Grammar
from ..contract import Request
from ..toolcalls import forced

#: Fields that can be left out, and one that newer models know by another name.
_REFINING = (
    "stream_options", "temperature", "top_p", "top_k", "min_p", "presence_penalty",
    "frequency_penalty", "repetition_penalty", "seed", "top_logprobs", "logprobs",
)  # fmt: skip
_LENGTH, _NEW_LENGTH = "max_tokens", "max_completion_tokens"
_FIELD = re.compile(rf"\b({'|'.join((*_REFINING, _LENGTH))})\b")
#: Words about a value: the field is known, and the caller is to choose another value.
_VALUE = re.compile(
    r"\b(must|should) be\b|\bat (most|least)\b|\btoo (large|long|high|low|small|many)\b|\bgreater\b"
    r"|\bless than\b|\bbetween\b|\bmaximum\b|\bminimum\b|\bexceeds?\b|\brange\b"
)


def body(request: Request, model: str, refused: Collection[str]) -> dict[str, Any]:
    """Return a request's body without the refused fields."""
    drawn = request.sampling
    fields: dict[str, Any] = {
        "model": model,
        "messages": request.messages,
        _NEW_LENGTH if _LENGTH in refused else _LENGTH: drawn.max_tokens,
        "temperature": drawn.temperature,
        "stream": True,
        "stream_options": {"include_usage": True},
        "tools": request.tools or None,
        "tool_choice": _choice(drawn.tool_choice),
        "top_p": drawn.top_p if drawn.top_p < 1 else None,
        "top_k": drawn.top_k or None,
        "min_p": drawn.min_p or None,
        "presence_penalty": drawn.presence_penalty or None,
        "frequency_penalty": drawn.frequency_penalty or None,
        "repetition_penalty": drawn.repetition_penalty if drawn.repetition_penalty != 1 else None,
        "stop": drawn.stop or None,
        "seed": drawn.seed,
        "logprobs": True if drawn.logprobs is not None else None,
        "top_logprobs": None if "logprobs" in refused else drawn.logprobs or None,
        "response_format": _format(drawn.grammar),
    }
    return {
        name: value for name, value in fields.items() if value is not None and name not in refused
    }


def _choice(choice: str) -> Any:
    """Return which tool is to be called, as servers take it; None where that is the model's own."""
    force = forced(choice)
    if isinstance(force, str):
        return {"type": "function", "function": {"name": force}}
    return "required" if force else None


def _format(grammar: Grammar | None) -> dict[str, Any] | None:
    """Return what a reply must match, as servers take it. Raises `InvalidArgument` for the rest."""
    if not grammar:
        return None
    if set(grammar) != {"json_schema"}:
        raise InvalidArgument("this device's grammars are JSON schemas alone")
    if not grammar["json_schema"]:
        return {"type": "json_object"}
    schema = {"name": "reply", "schema": grammar["json_schema"], "strict": True}
    return {"type": "json_schema", "json_schema": schema}


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
