"""One task given to a model, whoever runs it, and judged by its end.

Success is the expert's final answer *and* the expert's state of memory and files; the way there
is free.  What the clock said is taken from the run.

Interface:
    Chat            how a model is asked
    Outcome         what came out
    solve           runs a task in a world that was prepared for it
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from .dialogue import request
from .tasks import Task, demonstrate
from .world import LocalWorld, World, schemas

__all__ = ["Chat", "Outcome", "prepared", "solve"]

#: Messages and offered tools to an assistant message, all in OpenAI's form. `arguments` of a
#: call may be JSON text or a dictionary; `content` may be None.
Chat: TypeAlias = Callable[
    [list[dict[str, Any]], list[dict[str, Any]]], Awaitable[Mapping[str, Any]]
]

#: Replies of one task; the longest expert needs nine.
_TURNS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came out of a task."""

    task: Task
    solved: bool
    #: the model's last words; None where it did not come to an end
    answer: str | None
    #: the expert's last words
    expected: str
    #: tools with their arguments and results, in order
    calls: tuple[tuple[str, Mapping[str, object], str], ...]


def prepared(task: Task) -> LocalWorld:
    """A fresh in-process world for a task."""
    return task.world()


async def solve(
    task: Task, chat: Chat, world: World, tools: Sequence[Mapping[str, Any]] | None = None
) -> Outcome:
    """Let a model work on a task; `world` holds the task's memory and files already.

    `tools` are the offered OpenAI schemas; None stands for `world.schemas(task.tools)`. An
    exception of `chat` or of the world is the caller's.
    """
    messages = request(task)
    offered = schemas(task.tools) if tools is None else [dict(tool) for tool in tools]
    calls: list[tuple[str, Mapping[str, object], str]] = []
    answer: str | None = None
    for _ in range(_TURNS):
        reply = await chat(messages, offered)
        wanted = reply.get("tool_calls") or []
        if not wanted:
            answer = reply.get("content") or ""
            break
        messages.append(
            {"role": "assistant", "content": reply.get("content") or "", "tool_calls": wanted}
        )
        for call in wanted:
            name, arguments = _read(call)
            result = await world.call(name, arguments)
            calls.append((name, arguments, result))
            messages.append({"role": "tool", "tool_call_id": call.get("id"), "content": result})
    said = next((result for name, _, result in calls if name == "clock"), task.now)
    expert = demonstrate(task, task.world(said))
    solved = answer == expert.answer and await world.state() == expert.state
    return Outcome(
        task=task, solved=solved, answer=answer, expected=expert.answer, calls=tuple(calls)
    )


def _read(call: Mapping[str, Any]) -> tuple[str, Mapping[str, object]]:
    """Name and arguments; arguments that are no object are none."""
    function = call["function"]
    arguments = function.get("arguments") or {}
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except ValueError:
            arguments = {}
    return function["name"], arguments if isinstance(arguments, dict) else {}
