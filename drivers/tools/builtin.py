"""The tools that every house has.

Interface:
    TOOLS           functions by name
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from ...syscalls.errors import NotFound
from . import arithmetic, folder
from .contract import Context, Failure, tool
from .faculties import (
    find_tools,
    knowledge_ask,
    knowledge_search,
    memory_recall,
    memory_remember,
    perceive,
)
from .fetch import http_fetch
from .sandboxed import python, shell


@tool()
def calculator(context: Context, expression: str) -> str:
    """Evaluate an arithmetic expression: + - * / // % ** and parentheses."""
    text = arithmetic.evaluate(expression)
    if text.startswith("error: "):
        raise Failure(text.removeprefix("error: "))
    return text


@tool(effect=True)
async def memory_put(context: Context, key: str, value: str) -> str:
    """Remember a value under a key."""
    await context.os.memory.put(key, value)
    return "stored"


@tool()
async def memory_get(context: Context, key: str) -> str:
    """Return the value that is remembered under a key."""
    try:
        value = (await context.os.memory.get(key)).value
    except NotFound:
        return "not found"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@tool(effect=True)
async def memory_delete(context: Context, key: str) -> str:
    """Forget what is remembered under a key."""
    return "deleted" if await context.os.memory.delete(key) else "not found"


@tool()
async def memory_list(context: Context) -> str:
    """List the keys that are remembered."""
    return ", ".join(await context.os.memory.keys()) or "empty"


@tool(effect=True)
def file_write(context: Context, path: str, text: str) -> str:
    """Write a text file in the agent's own folder."""
    folder.write(context.home, path, text)
    return "written"


@tool()
def file_read(context: Context, path: str) -> str:
    """Return the text of a file in the agent's own folder."""
    text = folder.read(context.home, path)
    return "not found" if text is None else text


@tool()
def file_list(context: Context) -> str:
    """List the files in the agent's own folder."""
    return ", ".join(folder.names(context.home)) or "empty"


@tool()
async def clock(context: Context) -> str:
    """Return the local date and time."""
    return datetime.fromtimestamp(await context.os.clock.now()).strftime("%Y-%m-%d %H:%M")


TOOLS: Mapping[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        calculator, memory_put, memory_get, memory_delete, memory_list, file_write, file_read,
        file_list, clock, http_fetch, python, shell, perceive, knowledge_search, knowledge_ask,
        memory_recall, memory_remember, find_tools,
    )
}  # fmt: skip
