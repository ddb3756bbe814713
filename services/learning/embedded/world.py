"""The tools that the model learns to use, and the world that they act on.

`LocalWorld` answers exactly as the real tools driver does, in process.  A benchmark
plugs a running system in behind the same contract.

Interface:
    World           contract: call a tool, read the end state
    LocalWorld      memory, files and a clock in dictionaries
    State           what is compared after a task
    SIGNATURES      parameter names of each tool
    KNOWLEDGE       the same of those that look things up in documents
    schemas         OpenAI function schemas of offered tools
    evaluate        the calculator
"""

from __future__ import annotations

import ast
import operator
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

__all__ = ["KNOWLEDGE", "SIGNATURES", "LocalWorld", "State", "World", "evaluate", "schemas"]

SIGNATURES: Mapping[str, tuple[str, ...]] = {
    "calculator": ("expression",),
    "memory_put": ("key", "value"),
    "memory_get": ("key",),
    "memory_delete": ("key",),
    "memory_list": (),
    "file_write": ("path", "text"),
    "file_read": ("path",),
    "file_list": (),
    "clock": (),
}

KNOWLEDGE: Mapping[str, tuple[str, ...]] = {
    "knowledge_ask": ("pattern",),
    "knowledge_search": ("query",),
}

#: parameter names of tools that are offered but never needed
DISTRACTORS: Mapping[str, tuple[str, ...]] = {
    "web_search": ("query",),
    "send_mail": ("to", "subject", "body"),
    "weather": ("city",),
    "translate": ("text", "language"),
    "shell": ("command",),
    "http_get": ("url",),
    "python": ("code",),
    "image_describe": ("image",),
    "calendar_add": ("title", "date"),
    "graph_query": ("pattern",),
    "knowledge_search": ("query", "limit"),
    "play_music": ("title",),
    "http_fetch": ("url",),
    "browser": ("url",),
    "sql": ("query",),
    "search": ("query",),
    "read_mail": ("folder",),
    "summarise": ("text",),
}

_BINARY: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Everything that a task can have changed."""

    memory: Mapping[str, str]
    files: Mapping[str, str]


class World(Protocol):
    """Where tool calls take effect.  The world owns its state; callers only read it."""

    async def call(self, tool: str, arguments: Mapping[str, object]) -> str:
        """The result text of one call; errors are texts that start with `error: `."""

    async def state(self) -> State:
        """Memory and files as they are now."""


def evaluate(expression: str) -> str:
    """The value of an arithmetic expression as the calculator tool prints it."""
    try:
        return _number(_value(ast.parse(expression.strip(), mode="eval").body))
    except ZeroDivisionError:
        return "error: division by zero"
    except (SyntaxError, ValueError, OverflowError, RecursionError):
        return "error: not an arithmetic expression"


def _value(node: ast.expr) -> int | float:
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        value: int | float = node.value  # type: ignore[assignment]
        return value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_value(node.operand)
    if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        result: int | float = _BINARY[type(node.op)](_value(node.left), _value(node.right))
        return result
    raise ValueError(type(node).__name__)


def _number(value: int | float) -> str:
    if isinstance(value, int):
        return str(value)
    if value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return repr(float(f"{value:.10g}"))


class LocalWorld:
    """The in-process world, with a clock that stands still."""

    def __init__(
        self,
        *,
        memory: Mapping[str, str] | None = None,
        files: Mapping[str, str] | None = None,
        facts: Mapping[tuple[str, str], str] | None = None,
        passages: Sequence[str] = (),
        now: str = "2026-11-24 09:15",
    ) -> None:
        self.memory = dict(memory or {})
        self.files = dict(files or {})
        self.facts = dict(facts or {})
        self.passages = tuple(passages)
        self.now = now

    def invoke(self, tool: str, arguments: Mapping[str, object]) -> str:
        """One call, without waiting."""
        names = {**SIGNATURES, **KNOWLEDGE}.get(tool)
        if names is None:
            return f"error: no tool {tool}"
        if set(names) != set(arguments):
            return f"error: {tool} takes {', '.join(names) or 'nothing'}"
        method: Callable[..., str] = getattr(self, f"_{tool}")
        return method(*(str(arguments[name]) for name in names))

    async def call(self, tool: str, arguments: Mapping[str, object]) -> str:
        """As `World.call`."""
        return self.invoke(tool, arguments)

    async def state(self) -> State:
        """As `World.state`."""
        return self.snapshot()

    def snapshot(self) -> State:
        """A copy of memory and files."""
        return State(memory=dict(self.memory), files=dict(self.files))

    def _calculator(self, expression: str) -> str:
        return evaluate(expression)

    def _memory_put(self, key: str, value: str) -> str:
        self.memory[key] = value
        return "stored"

    def _memory_get(self, key: str) -> str:
        return self.memory.get(key, "not found")

    def _memory_delete(self, key: str) -> str:
        return "deleted" if self.memory.pop(key, None) is not None else "not found"

    def _memory_list(self) -> str:
        return ", ".join(sorted(self.memory)) or "empty"

    def _file_write(self, path: str, text: str) -> str:
        self.files[path] = text
        return "written"

    def _file_read(self, path: str) -> str:
        return self.files.get(path, "not found")

    def _file_list(self) -> str:
        return ", ".join(sorted(self.files)) or "empty"

    def _clock(self) -> str:
        return self.now

    def _knowledge_ask(self, pattern: str) -> str:
        try:
            thing, attribute, variable = shlex.split(pattern)
        except ValueError:
            return "error: a pattern is subject relation object"
        value = self.facts.get((thing, attribute))
        return "nothing found" if value is None else f"{variable.lstrip('?')} = {value}"

    def _knowledge_search(self, query: str) -> str:
        found = [one for one in self.passages if query.lower() in one.lower()]
        return "\n".join(found[:3]) or "nothing found"


def schemas(tools: Iterable[str]) -> list[dict[str, Any]]:
    """OpenAI function schemas of tools in the given order; an unknown one has one input."""
    known = {**DISTRACTORS, **SIGNATURES, **KNOWLEDGE}
    return [
        {
            "type": "function",
            "function": {
                "name": tool,
                "description": tool.replace("_", " "),
                "parameters": {
                    "type": "object",
                    "properties": {name: {"type": "string"} for name in names},
                    "required": list(names),
                },
            },
        }
        for tool, names in ((tool, known.get(tool, ("input",))) for tool in tools)
    ]
