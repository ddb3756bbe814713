"""A planner over a model that follows a script, and tools that are maps: no kernel, no weights.

The script says, for what a conversation holds since the task, which replies come to mind there: the
first is the greedy one, the others are drawn in turn.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Awaitable, Callable, Mapping
from fnmatch import fnmatch
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar, cast

from llmagentos.services.planner.service import Planner
from llmagentos.syscalls.errors import LLMAgentOSError, NotFound
from llmagentos.syscalls.host import Host
from llmagentos.syscalls.model import ChatReply, TokenLogprob, ToolCall, Usage
from llmagentos.syscalls.server import Caller, serving
from llmagentos.syscalls.tool import ToolInfo, ToolResult

T = TypeVar("T")
#: What a model may say: a text, or tools with their argument; and its chance.
Said = tuple[str | list[tuple[str, str]], float]
Script = Callable[[tuple[str, ...]], list[Said]]
INFOS = {
    "look": ToolInfo(name="look", description="", parameters={}, effect=False, untrusted=False),
    "write": ToolInfo(name="write", description="", parameters={}, effect=True, untrusted=False),
}


def reply(said: str | list[tuple[str, str]], chance: float, scored: bool = True) -> ChatReply:
    """Return what a model says, of four tokens that have the chance together."""
    calls: list[ToolCall] = []
    if isinstance(said, list):
        for place, (tool, value) in enumerate(said):
            text = json.dumps({"x": value})
            function: Any = {"name": tool, "arguments": text}
            calls.append({"id": str(place), "type": "function", "function": function})
    each = TokenLogprob(token="t", logprob=math.log(chance) / 4)
    return ChatReply(
        content=None if calls else str(said),
        tool_calls=calls,
        finish_reason="tool_calls" if calls else "stop",
        usage=Usage(input_tokens=1, output_tokens=4),
        model="script",
        logprobs=[each] * 4 if scored else None,
    )


class System:
    """The operating system as a planner sees it."""

    def __init__(self, script: Script, *, forks: bool = True) -> None:
        self.model = self.tool = self.memory = self.knowledge = self
        self.script = script
        self.forks = forks
        #: What tools say to an argument, or raise; a tool that is not here repeats its argument.
        self.says: dict[tuple[str, str], ToolResult | LLMAgentOSError] = {}
        self.infos = dict(INFOS)
        self.contexts_open: dict[int, list[str]] = {}
        self.called: list[tuple[str, str]] = []
        self.told: list[Any] = []
        self.drawn: list[dict[str, Any]] = []
        self.failing: LLMAgentOSError | None = None
        #: Set to hold generation back; `waiting` is set once it waits.
        self.hold: asyncio.Event | None = None
        self.waiting = asyncio.Event()
        self._last = 0

    def on_behalf(self, call: int) -> System:
        return self

    async def ls(self, only: list[str] | None = None) -> Any:
        """Of tools and of models, which the planner keeps apart by what it asks of them."""
        flags = ["fork", "score"] if self.forks else []
        return [
            _Both(one, flags)
            for one in self.infos.values()
            if only is None or any(fnmatch(one.name, pattern) for pattern in only)
        ]

    async def search(self, query: str, limit: int = 8, only: list[str] | None = None) -> Any:
        return list(reversed(await self.ls(only)))[:limit]

    async def recall(self, query: str, limit: int = 8) -> Any:
        raise NotFound("nothing is remembered")

    async def open(self, messages: Any, tools: Any) -> Any:
        if self.failing is not None:
            raise self.failing
        self.told = messages
        return self._new([])

    async def append(self, context: int, messages: Any) -> None:
        held = self.contexts_open[context]
        for one in messages:
            if one["role"] == "tool":
                held.append(one["content"])
            else:
                held += [_written(call) for call in one.get("tool_calls") or ()]

    async def fork(self, context: int, count: int) -> Any:
        return [self._new(list(self.contexts_open[context])) for _ in range(count)]

    async def generate(self, context: int, **how: Any) -> ChatReply:
        if self.hold is not None:
            self.waiting.set()
            await self.hold.wait()
        if self.failing is not None:
            raise self.failing
        said = self._say(tuple(self.contexts_open[context]), how)
        self.contexts_open[context] += [_written(one) for one in said.tool_calls]
        return said

    async def chat(self, messages: Any, tools: Any, **how: Any) -> ChatReply:
        held: list[str] = []
        for one in messages[2:]:
            calls = [_written(call) for call in one.get("tool_calls") or ()]
            held += [one["content"]] if one["role"] == "tool" else calls
        return self._say(tuple(held), how, scored=False)

    async def close(self, context: int) -> None:
        if self.contexts_open.pop(context, None) is None:
            raise NotFound(f"there is no context {context}")

    async def call(self, name: str, arguments: Mapping[str, Any]) -> ToolResult:
        value = str(arguments["x"])
        self.called.append((name, value))
        said = self.says.get((name, value), ToolResult(text=value))
        if isinstance(said, LLMAgentOSError):
            raise said
        return said

    def _say(self, held: tuple[str, ...], how: dict[str, Any], scored: bool = True) -> ChatReply:
        self.drawn.append(how)
        options = self.script(held)
        place = 0 if how["temperature"] == 0 else how["seed"] % len(options)
        return reply(*options[place], scored=scored)

    def _new(self, held: list[str]) -> Any:
        self._last += 1
        self.contexts_open[self._last] = held
        return SimpleNamespace(context=self._last)


class _Both:
    """A tool that is a model as well."""

    def __init__(self, info: ToolInfo, flags: list[str]) -> None:
        self.name, self.effect, self.schema = info.name, info.effect, info.schema
        self.active, self.flags = True, flags


def _written(call: Any) -> str:
    value = json.loads(call["function"]["arguments"])["x"]
    return f"{call['function']['name']} {value}"


class Stage:
    """A planner with its system, and a caller."""

    def __init__(self, folder: Path, system: System) -> None:
        self.system = system
        self.planner = Planner()
        self.caller = Caller(pid=7, principal="ann", call=1)
        self._folder = folder

    async def begin(self) -> None:
        await self.planner.setup(
            Host(
                os=cast(Any, self.system),
                state=self._folder,
                homes=self._folder,
                config={},
                tasks=cast(Any, None),
            )
        )

    def run(self, work: Callable[[Planner], Awaitable[T]]) -> T:
        """Do something as the caller."""

        async def whole() -> T:
            await self.begin()
            with serving(self.caller):
                try:
                    return await work(self.planner)
                finally:
                    await self.planner.teardown()

        return asyncio.run(whole())
