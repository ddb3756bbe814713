"""Replies to one request, of which it may want several at once.

Interface:
    together        several calls of `model.chat`
    spent           what they have used
    finish          why a reply ended
    head            what every answer begins with
"""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import Any

from ....syscalls.errors import LLMAgentOSError
from ....syscalls.model import ChatReply, Usage
from .caller import Caller


async def together(caller: Caller, asks: list[dict[str, Any]]) -> list[ChatReply]:
    """Make several calls at once; the first that fails takes the others back."""
    try:
        async with asyncio.TaskGroup() as tasks:
            calls = [tasks.create_task(caller.chat(ask)) for ask in asks]
    except* LLMAgentOSError as failed:
        raise failed.exceptions[0] from None
    return [call.result() for call in calls]


def spent(usages: list[Usage]) -> dict[str, int]:
    """Return what calls have used together, which is what the budget was charged."""
    read = sum(one.input_tokens for one in usages)
    written = sum(one.output_tokens for one in usages)
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}


def finish(reason: str | None) -> str | None:
    """Return why a reply ended, in a word that OpenAI has."""
    return "stop" if reason == "cancelled" else reason


def head(kind: str, prefix: str, model: str) -> dict[str, Any]:
    """Return what every answer begins with."""
    return {
        "id": f"{prefix}-{uuid.uuid4().hex}",
        "object": kind,
        "created": int(time.time()),
        "model": model,
        "system_fingerprint": None,
    }
