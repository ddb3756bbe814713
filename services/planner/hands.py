"""Tools, called for the caller: to do a step, or to look ahead where that changes nothing.

Interface:
    Hands           `take` does a call, `look` says what it would give
    offered         the tools that a task is given
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ...syscalls.errors import InvalidArgument, LLMAgentOSError
from ...syscalls.os import OS
from ...syscalls.tool import ToolInfo
from .line import Ask, Line, Outcome

#: Where more tools fit than this, the most fitting ones are searched for.
SHOWN = 24
#: Look-ups of a plan, at most: each is a real call.
LOOKS = 128
#: Errors of a call that a model can do something about.
_MENDABLE = frozenset({"EINVAL", "ENOENT", "EPERM", "EAGAIN", "ETIMEDOUT", "EDEVICE"})


async def offered(os: OS, task: str, patterns: list[str] | None) -> list[ToolInfo]:
    """Return the tools that fit the patterns, all by default; of many, those that fit the task.

    Raises `InvalidArgument` where none fits.
    """
    found = await os.tool.ls(only=patterns)
    if not found:
        raise InvalidArgument(f"a plan needs tools, and none fits {patterns}")
    if len(found) > SHOWN:
        found = await os.tool.search(task, limit=SHOWN, only=patterns) or found[:SHOWN]
    return found


class Hands:
    """One plan's. A call that was looked up is not made again until something has an effect."""

    def __init__(self, os: OS, tools: list[ToolInfo], habit: Callable[[str], str | None]) -> None:
        """`habit` gives what a tool with an effect has always said of late."""
        self._os = os
        self._tools = {one.name: one for one in tools}
        self._habit = habit
        self._seen: dict[str, Outcome] = {}
        #: Several lines may want to see the same at once.
        self._looking: dict[str, asyncio.Lock] = {}
        self._looks = 0

    def effect(self, tool: str) -> bool:
        """Whether a tool changes something."""
        info = self._tools.get(tool)
        return info is not None and info.effect

    async def take(self, ask: Ask) -> Outcome:
        """Do a call. What a model can do something about is an outcome that failed; else raises
        the call's error."""
        if (seen := self._seen.get(ask.key)) is not None:
            return seen
        if self.effect(ask.tool):
            self.forget()
        return await self._call(ask)

    async def look(self, line: Line, before: list[Ask], ask: Ask) -> Outcome | None:
        """Return what a call behind a line and other calls would give; None where nobody knows.

        Behind an effect that is only thought of nothing is looked up: it might be found otherwise.
        """
        if self.effect(ask.tool):
            said = self._habit(ask.tool)
            return None if said is None else Outcome(text=said, real=False)
        if any(self.effect(one.tool) for one in (*line.asks, *before)):
            return None
        async with self._looking.setdefault(ask.key, asyncio.Lock()):
            if ask.key not in self._seen:
                if self._looks >= LOOKS:
                    return None
                self._looks += 1
                self._seen[ask.key] = await self._call(ask)
            return self._seen[ask.key]

    def forget(self) -> None:
        """Let what was looked up be looked up anew."""
        self._seen.clear()

    async def _call(self, ask: Ask) -> Outcome:
        if ask.tool not in self._tools:
            return Outcome(text=f"error: there is no tool {ask.tool!r}", failed=True)
        try:
            said = await self._os.tool.call(ask.tool, ask.arguments)
        except LLMAgentOSError as error:
            if error.code not in _MENDABLE:
                raise
            return Outcome(text=f"error: {error}", failed=True)
        return Outcome(text=said.text, failed=said.failed, sources=tuple(said.sources))
