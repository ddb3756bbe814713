"""The agent that works on a suite's tasks: the model speaks, tools run, until it has an answer.

What it remembers is its process's own, not its user's, and its folder is empty when it begins, but
for what the task starts with. At its end it lays open what it remembers and has written, as
syscalls, so that its history says all that a verifier needs.

Interface:
    main            the program; its one argument is its order, as JSON
"""

from __future__ import annotations

import json
import os as machine
import shutil
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ....syscalls.errors import InvalidArgument, LLMAgentOSError, NotFound
from ....syscalls.model import FunctionCall
from ....syscalls.os import OS

#: Of memory: whatever runs beside it sees nothing of it.
OWN = "own"


async def main(os: OS, task: str | None) -> int:
    """Work on a task; 0 where there is an answer, 1 where the steps are used up before."""
    order = json.loads(sys.argv[1])
    _clear()
    for key, value in order["memory"].items():
        await os.memory.put(key, value, namespace=OWN)
    for path, text in order["files"].items():
        await os.tool.call("file_write", {"path": path, "text": text})
    answer = await _answer(os, task or "", order)
    await _lay_open(os)
    if answer is None:
        return 1
    print(answer)
    return 0


async def _answer(os: OS, task: str, order: Mapping[str, Any]) -> str | None:
    offered = order["tools"]
    names = {one["function"]["name"] for one in offered}
    messages: list[Any] = [{"role": "user", "content": task}]
    if order["instructions"]:
        messages.insert(0, {"role": "system", "content": order["instructions"]})
    for _ in range(order["steps"]):
        reply = await os.model.chat(messages, tools=offered or None, **order["drawing"])
        if not reply.tool_calls:
            return reply.content or ""
        said = {"role": "assistant", "content": reply.content, "tool_calls": reply.tool_calls}
        messages.append(said)
        for call in reply.tool_calls:
            text = await _invoke(os, call["function"], names)
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": text})
    return None


async def _invoke(os: OS, function: FunctionCall, names: set[str]) -> str:
    """Return what the model reads of a call."""
    name = function["name"]
    if name not in names:
        return f"error: there is no tool {name!r}"
    try:
        arguments = json.loads(function["arguments"])
        if name in _MEMORY:
            takes, call = _MEMORY[name]
            if set(arguments) != set(takes):
                return f"error: {name} takes {', '.join(takes) or 'nothing'}"
            return await call(os, *(str(arguments[one]) for one in takes))
        return (await os.tool.call(name, arguments)).text
    except (ValueError, LLMAgentOSError) as error:
        return f"error: {error}"


async def _put(os: OS, key: str, value: str) -> str:
    await os.memory.put(key, value, namespace=OWN)
    return "stored"


async def _get(os: OS, key: str) -> str:
    try:
        return str((await os.memory.get(key, namespace=OWN)).value)
    except (NotFound, InvalidArgument):
        return "not found"


async def _delete(os: OS, key: str) -> str:
    return "deleted" if await os.memory.delete(key, namespace=OWN) else "not found"


async def _keys(os: OS) -> str:
    return ", ".join(await os.memory.keys(namespace=OWN)) or "empty"


#: The tools that remember, each as the tools driver has it, for the process's own memory.
_MEMORY: Mapping[str, tuple[tuple[str, ...], Callable[..., Awaitable[str]]]] = {
    "memory_put": (("key", "value"), _put),
    "memory_get": (("key",), _get),
    "memory_delete": (("key",), _delete),
    "memory_list": ((), _keys),
}


async def _lay_open(os: OS) -> None:
    await os.memory.ls(namespace=OWN)
    listed = (await os.tool.call("file_list")).text
    for path in [] if listed == "empty" else listed.split(", "):
        await os.tool.call("file_read", {"path": path})


def _clear() -> None:
    """Take away what was left in the folder by whoever had it before."""
    with machine.scandir() as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
            else:
                machine.unlink(entry.path)
