"""Records of the journal as episodes: which are worth keeping, in which words.

Interface:
    episode         a record as a draft of episodic memory, or None
"""

from __future__ import annotations

import json
from typing import Any

from ...syscalls.process import Past
from .draft import Draft

#: Characters of a result and of arguments in an episode's text.
RESULT, ARGUMENTS = 400, 200
#: What is done to act or to be told something; all else is how the system works.
_TOLD = (
    "ipc.",
    "knowledge.",
    "model.chat",
    "perception.",
    "plan.solve",
    "process.spawn",
    "tool.call",
)
#: How much an episode matters: a failure more than a success.
FAILED, DONE = 0.6, 0.4


def episode(pid: int, past: Past, untrusted: bool) -> Draft | None:
    """Return what a record tells; None for one that is not worth keeping, or that a driver has made
    on the process's behalf."""
    if past.by is not None or not past.syscall.startswith(_TOLD):
        return None
    failed = past.outcome != "ok"
    said = _result(past)
    if not failed and not said:
        return None
    verb = f"failed with {past.outcome}" if failed else "gave"
    return Draft(
        text=f"{past.syscall}{_arguments(past)} {verb}: {said}",
        tier="episodic",
        importance=FAILED if failed else DONE,
        source=f"process {pid}",
        untrusted=untrusted,
        at=past.time,
    )


def _arguments(past: Past) -> str:
    # Of a conversation only the reply is new: the rest are episodes of their own.
    if past.syscall.startswith("model.") or not past.arguments:
        return ""
    values = past.arguments.values() if isinstance(past.arguments, dict) else [past.arguments]
    return " " + _cut(" ".join(_text(one) for one in values if one is not None), ARGUMENTS)


def _result(past: Past) -> str:
    result = past.result
    if isinstance(result, dict):
        # What a reply, a tool's result and a plan's answer are for people.
        told = (result.get(name) for name in ("content", "text", "answer"))
        result = next((one for one in told if one), result)
    return _cut(_text(result), RESULT)


def _text(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False, default=str)


def _cut(text: str, most: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[:most]}…"
